"""The input contract of a model of a person's own: what they say, else what the model says, else an assumption."""

from __future__ import annotations

from nbfeatviz.engine import keras
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.graph.calls import Graph
from nbfeatviz.networks.own_models.input_evidence import application_like, range_evidence
from nbfeatviz.networks.own_models.model_options import ModelOptions, said
from nbfeatviz.networks.zoo.applications import applications


def contract_of(
    model: keras.Model, graph: Graph, size: tuple[int, int], place: int, options: ModelOptions, name: str
) -> tuple[InputContract, str | None]:
    """The input contract of a model, as it is given or as the model itself tells.

    Args:
        model: the model.
        graph: its calls.
        size: (height, width) of its pictures.
        place: which of its inputs takes the picture.
        options: what the person says.
        name: of the network, for the sentence.

    Returns:
        The contract, and the name of the network of keras.applications whose layers the model has, None for none.

    Warns:
        UserWarning: what was assumed.
    """
    channels, dtype = int(model.inputs[place].shape[-1]), model.inputs[place].dtype
    if options.input_range is not None:
        low, high = options.input_range
        return InputContract.of_range(size, channels, low, high, options.bgr), None
    evidence = range_evidence(graph, size, channels, dtype)
    like = application_like(model, graph) if channels == 3 else None
    if like is not None and evidence is None and options.channel_order is None:
        contract = InputContract.measured(size, applications()[like].preprocess_input)
        order = "BGR" if contract.order == (2, 1, 0) else "RGB"
        said(
            f"the input range of {name!r} is not known: it has the layers of keras.applications.{like}, so what that "
            f"takes was assumed, black {_numbers(contract.low)} and white {_numbers(contract.high)}, {order}. "
            f"If that is wrong, say it: load(model, input_range=(0, 1), channel_order='rgb')."
        )
        return contract, like
    low, high, why = (0.0, 1.0, "") if evidence is None else (evidence.low, evidence.high, f", by {evidence.layers}")
    order = "BGR" if options.bgr else "RGB"
    said(
        f"the input range of {name!r} is not known: assumed {low:g} to {high:g}, {order}{why}. "
        "If that is wrong, say it: load(model, input_range=(-1, 1), channel_order='rgb')."
    )
    return InputContract.of_range(size, channels, low, high, options.bgr), like


def _numbers(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "(" + ", ".join(f"{value:.3f}" for value in values) + ")"
