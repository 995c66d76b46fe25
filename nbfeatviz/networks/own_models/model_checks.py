"""What is checked of a model of a person's own before it is looked into: that its answers can be relied on."""

from __future__ import annotations

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.compute.folding import keras_kind
from nbfeatviz.networks.graph.calls import Graph
from nbfeatviz.networks.graph.inference import in_inference, once
from nbfeatviz.networks.head import HeadError, probes
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.own_models.model_options import said

_SPATIAL = ("Conv", "Pooling", "UpSampling", "ZeroPadding", "Cropping")


def check_channels_last(graph: Graph, name: str) -> None:
    """ValueError where layers take pictures with the channels first."""
    first = [
        call
        for call in graph.calls
        if getattr(call.operation, "data_format", None) == "channels_first"
        and any(part in keras_kind(call.operation) for part in _SPATIAL)
    ]
    if first:
        raise ValueError(
            f"{name!r} takes pictures with the channels first ({first[0].path!r} is channels_first, and "
            f"{len(first) - 1} more): units are looked for on the last axis here. Turn it: build the same model after "
            "keras.config.set_image_data_format('channels_last'), and give it the weights, which have the same shapes: "
            "turned.set_weights(model.get_weights())."
        )


def check_answers(network: Network) -> None:
    """Says what was assumed of a model's outputs, and where its answers cannot be repeated.

    Raises:
        ValueError: the model cannot be computed, or answers whole numbers otherwise than the same numbers with a
            fraction, so that no gradient leads to the picture.
    """
    _say_what_was_assumed(network)
    inputs = network.given(probes(network.contract))
    if inputs.dtype.is_integer:
        _check_whole_numbers(network, inputs)
    own = [call for call in network.graph.calls if not keras_kind(call.operation)]
    if own:
        _compare_two_answers(network, inputs, ", ".join(dict.fromkeys(f"{one.path!r} ({one.kind})" for one in own[:3])))


def _say_what_was_assumed(network: Network) -> None:
    try:
        heads = network.heads
    except HeadError:
        raise
    except (ValueError, TypeError, tf.errors.OpError, NotImplementedError) as error:  # of any layer, the user's own too
        lines = [line for line in str(error).strip().splitlines() if line.strip()] or [type(error).__name__]
        raise ValueError(f"{network.name!r} cannot be computed for a picture: {' '.join(lines[:3])[:600]}") from error
    for head, output in zip(heads, network.graph.outputs, strict=True):
        if head.says is not None and output == network.graph.output:
            said(
                f"the output {network.graph.calls[output.call].path!r} of {network.name!r} {head.says}. "
                "If it is something else, say it: load(model, head='softmax', 'sigmoid' or 'linear')."
            )


def _check_whole_numbers(network: Network, inputs: tf.Tensor) -> None:
    graph, target = network.graph, network.graph.output.call
    as_given, as_floats = (
        once(lambda given: graph.evaluate(given, [target])[target], one)
        for one in (inputs, tf.cast(inputs, tf.float32))
    )
    if not _alike(as_floats, as_given):
        raise ValueError(
            f"{network.name!r} takes {inputs.dtype.name} and answers the same numbers as float32 otherwise, so no "
            "gradient leads to its picture: let it begin with a cast or Rescaling that treats both alike."
        )


def _compare_two_answers(network: Network, inputs: tf.Tensor, layers: str) -> None:
    graph, target = network.graph, network.graph.output.call

    def twice(given: tf.Tensor) -> list[tf.Tensor]:
        return [graph.evaluate_here(given, [target])[target] for _ in range(2)]

    first, second = once(lambda given: in_inference(twice, given), inputs)
    if not _alike(first, second):
        largest = float(np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64)).max())
        said(
            f"{network.name!r} answers one picture differently from call to call (by {largest:.3g}), as it does in "
            f"predict: a layer of its own draws random numbers inside its call; among them {layers}. Here every call "
            "draws the same ones, so that a result can be repeated."
        )


def _alike(first: tf.Tensor, second: tf.Tensor) -> bool:
    one, other = (np.asarray(keras.ops.cast(value, "float32")) for value in (first, second))
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))
