"""From a name, a file or a Keras model to a Network."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.graph.keras_nodes import has_graph
from nbfeatviz.networks.graph.reader import read_graph
from nbfeatviz.networks.head import Head
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.own_models import keras2
from nbfeatviz.networks.own_models.held_inputs import held_values
from nbfeatviz.networks.own_models.model_checks import check_answers, check_channels_last
from nbfeatviz.networks.own_models.model_contract import contract_of
from nbfeatviz.networks.own_models.model_file import FILES, called, cause, read_model, saved_loss
from nbfeatviz.networks.own_models.model_options import ModelOptions
from nbfeatviz.networks.zoo import imagenet
from nbfeatviz.networks.zoo.applications import applications, make_application

_LOGITS = (Head("softmax"),)

EMBEDDED = ("efficientnet-lite0", "mnist-cnn")
DEFAULT = EMBEDDED[0]


def load(
    network: str | os.PathLike[str] | keras.Model = DEFAULT,
    *,
    weights: str | None = "imagenet",
    input_range: tuple[Any, Any] | None = None,
    channel_order: str | None = None,
    size: int | tuple[int, int] | None = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    head: str | None = None,
    output: str | int | None = None,
    held: Any = None,
    allow_lambda: bool = False,
) -> Network:
    """Makes a network ready to be looked into.

    Args:
        network: "efficientnet-lite0" (the default) or "mnist-cnn", which need no download; the name of a
            network of keras.applications ("InceptionV3"); the path of a .keras or .h5 file, which may unpack to
            2 GiB; or a keras.Model, Functional or Sequential.
        weights: for keras.applications: "imagenet" (downloaded once by Keras) or None (random).
        input_range: for your own model: the values of black and white at its input, as (0, 255) or
            (-1, 1), or one sequence of values a channel for each. Default: what its own preprocessing is made for
            (Rescaling, Normalization, a `preprocess_input` inside), else that of the network of keras.applications
            whose layers it has, else (0, 1); a warning says which was assumed.
        channel_order: for your own model: "rgb" (the default) or "bgr".
        size: (height, width) or one number, for a model that leaves its input size open; default 224.
        class_names: names of the model's outputs: in order, or {0: "cat", 1: "dog"}.
        head: what the output means: "softmax" or "sigmoid" (probabilities of classes, or their logits), or "linear"
            (values as they are, such as an age or a box). Default: by what the output does, the loss that the model was
            compiled with, its activation and names; a warning says what was assumed.
        output: of a model with several outputs, the name or index of the one that is looked at; default the first, with
            a warning.
        held: for a model with several inputs: what those that take no picture hold, as {"age": 40.0}, or an example of
            all inputs as the model takes it.
        allow_lambda: let a file bring its own Python code (Lambda layers). Only for files you trust.

    Returns:
        The network; its `model` is yours, and is not altered.

    Raises:
        TypeError: `network` is of another type.
        ValueError: an unknown name, an unreadable file, a model that cannot be looked into, weights that
            cannot be had, or wrong settings.
    """
    options = ModelOptions(input_range, channel_order, size, class_names, head, output, held)
    if isinstance(network, Network):
        return network
    if "keras" in sys.modules and isinstance(network, keras.Model):  # without Keras it is none
        return _from_model(network, options, name=network.name)
    if isinstance(network, str) and network in EMBEDDED:
        options.refuse(network, "input_range", "channel_order", "size", "class_names", "head", "output", "held")
        if weights != "imagenet":
            raise ValueError(f"{network!r} has its own weights: leave out weights={weights!r}.")
        return _embedded(network)
    if isinstance(network, str) and network in applications():
        options.refuse(network, "input_range", "channel_order", "class_names", "head", "output", "held")
        return _application(network, weights, options)
    if isinstance(network, str | os.PathLike):
        path = Path(network)
        if path.suffix in FILES or os.path.exists(path):  # of a path that is too long it says no
            return _from_file(path, options, allow_lambda)
        raise ValueError(_unknown_name(str(network)))
    old = keras2.object_refusal(network)
    raise TypeError(
        old
        or f"a network is a name, a path or a keras.Model, not {network!r} ({type(network).__name__}); "
        "call nbfeatviz.load() with one of these."
    )


def _unknown_name(name: str) -> str:
    known = [*EMBEDDED, *applications()]
    folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=3, cutoff=0.5)
    hint = ", ".join(repr(folded[candidate]) for candidate in near or map(str.casefold, EMBEDDED))
    return f"no network {called(name)}, and no such file; nearest: {hint} (or the path of a .keras or .h5 file)."


def _embedded(name: str) -> Network:
    if name == "mnist-cnn":
        from nbfeatviz.networks.zoo import mnist

        contract = InputContract.of_range((28, 28), 1, 0.0, 1.0)
        digits = Network(
            mnist.load_model(), contract, name=name, class_names=mnist.CLASS_NAMES, heads=_LOGITS, source=repr(name)
        )
        digits.natural = mnist.natural_statistics()
        return digits
    from nbfeatviz.networks.zoo import efficientnet_lite

    contract = InputContract.of_range((224, 224), 3, -127 / 128, 1.0)
    return Network(
        efficientnet_lite.build(),
        contract,
        name=name,
        class_names=imagenet.class_names(),
        heads=_LOGITS,
        source=repr(name),
    )


def _application(name: str, weights: str | None, options: ModelOptions) -> Network:
    if weights not in (None, "imagenet"):
        raise ValueError(f"weights {weights!r} are unknown: give 'imagenet' or None; for a file, load the file.")
    try:
        model = make_application(name, weights)
    except Exception as error:
        if weights is None:
            raise
        raise ValueError(
            f"the ImageNet weights of {name!r} could not be had ({type(error).__name__}: {cause(error)}). "
            "With an internet connection Keras downloads them once; without one, use 'efficientnet-lite0', "
            "a file of your own, or weights=None for random weights."
        ) from error
    size = options.size_for(model)
    contract = InputContract.measured(size, applications()[name].preprocess_input)
    source = repr(name) + ("" if weights else ", weights=None") + ("" if options.size is None else f", size={size}")
    return Network(
        model,
        contract,
        name=name,
        class_names=imagenet.class_names(),
        heads=_LOGITS,
        trained=weights is not None,
        source=source,
    )


def _from_file(path: Path, options: ModelOptions, allow_lambda: bool) -> Network:
    model = read_model(path, allow_lambda)
    trust = ", allow_lambda=True" if allow_lambda else ""
    source = f"{str(path)!r}{options.code}{trust}"
    return _from_model(model, options, name=path.stem, source=source, loss=saved_loss(path))


def _from_model(
    model: keras.Model, options: ModelOptions, name: str, source: str | None = None, loss: Any = None
) -> Network:
    if not has_graph(model):
        _check_built(model)
        read_graph(model)  # says what is wrong with it
    held = _held(model, options)
    place = next(place for place in range(len(model.inputs)) if place not in held)
    output = options.output_of(model)
    graph = read_graph(model, output=output, held=held)
    check_channels_last(graph, name)
    size = options.size_for(model, place)
    contract, likeness = contract_of(model, graph, size, place, options, name)
    network = Network(
        model, contract, name=name, head=options.head, output=output, held=held, class_names=options.class_names,
        source=source, loss=loss,
    )  # fmt: skip
    if options.names_for(model, network.classes) is None and likeness is not None and network.classes == 1000:
        network.class_names = imagenet.class_names()
    check_answers(network)
    return network


def _check_built(model: keras.Model) -> None:
    if isinstance(model, keras.Sequential) and not getattr(model, "inputs", None):
        raise ValueError(
            f"{model.name!r} is not built: start it with keras.Input((height, width, channels)) or call it once."
        )


def _held(model: keras.Model, options: ModelOptions) -> dict[int, np.ndarray]:
    """What the inputs hold that take no picture; ValueError where none takes one."""
    held = held_values(model, options.held)
    shape = next(tensor.shape for place, tensor in enumerate(model.inputs) if place not in held)
    if len(shape) != 4 or shape[-1] is None:
        raise ValueError(
            f"the input of {model.name!r} is {tuple(shape)}: no picture. Wanted is (batch, height, width, channels)."
        )
    return held
