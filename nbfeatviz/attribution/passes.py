"""The passes through a network that attribution is made of: compiled once, for any class and any batch size.

Units, positions and weights are tensors, and the batch dimension is left open, so that neither another class nor
another number of pictures traces anything anew. Those that are run many times for one answer have their batch norms
folded (see `networks.fast_path`); the copied weights are brought up to date when a question is put (see `question`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.attribution.compiled import Pass
from nbfeatviz.attribution.finite import check_finite
from nbfeatviz.attribution.question import Question
from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.compute.rectifiers import ReluGradient
from nbfeatviz.networks.gradient_path import NoGradientPathError, no_path
from nbfeatviz.networks.layers import Layer
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import measure

LARGEST_SHARED = 50_000_000
"""Up to so many values in all layers with positions one pass gives the gradients at all of them."""

PICTURE, VALUE = "the picture", "the value"  # no layer's path has a space


def gradients_of(
    question: Question, pictures: np.ndarray, relu: ReluGradient | None = None, *, eager: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The target's value for some pictures, and its gradient with respect to each picture in 0..1.

    Args:
        question: what is asked; its own picture plays no part here.
        pictures: (n, H, W, C) in 0..1.
        relu: "guided" or "rectified" gradients at ReLU-like units; None for plain ones.
        eager: do not wait for a trace.

    Returns:
        float32 (n,) and (n, H, W, C).

    Raises:
        ValueError: no gradient path from the target to the picture, or no ReLU-like unit for `relu`.
        NotFiniteError: a value is not finite.
    """
    compute = gradient_pass(question, relu)
    if eager and relu is None and not compute.compiled and (shared := shared_pass(question)) and shared.compiled:
        found = _found(shared, question, pictures)
        values, gradients = found[VALUE], found[PICTURE][1]
    else:
        values, gradients = _found(compute, question, pictures, eager=eager)
    if gradients is None:
        raise ValueError(no_path(question.network, question.taps))
    _check(question, values, "the value")
    return values.numpy(), gradients.numpy()


def gradient_pass(question: Question, relu: ReluGradient | None = None) -> Pass:
    """(pictures, weights, values) -> (value (n,), gradient (n, H, W, C))."""
    network, structure = question.network, question.structure

    def build() -> Callable[..., Any]:
        backbone = Backbone(network, [tap for _, tap in structure], fast=True)

        def gradient(pictures: Any, weights: Any, values: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(pictures)
                value = measure(structure, backbone(pictures, relu=relu), weights, values)
            return value, tape.gradient(value, pictures)

        return gradient

    return Pass(network, ("attribution gradient", structure, relu), build, _signature(question))


def values_of(question: Question, pictures: np.ndarray, *, eager: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The target's value for some pictures (n, H, W, C), and its score; float32 (n,) each.

    The score of a class is its probability; that of any other target is its value.
    """
    values, scores = value_pass(question)(pictures, *_target(question, len(pictures)), eager=eager)
    _check(question, values, "the value")
    return values.numpy(), scores.numpy()


def value_pass(question: Question) -> Pass:
    """(pictures, weights, values) -> (value (n,), score (n,)): without gradients."""
    network, structure = question.network, question.structure
    is_class = question.has_probability

    def build() -> Callable[..., Any]:
        backbone = Backbone(network, [tap for _, tap in structure], fast=True)

        def value(pictures: Any, weights: Any, values: Any) -> Any:
            activations = backbone(pictures)
            value = measure(structure, activations, weights, values)
            if not is_class:
                return value, value
            # what is read are logits: they become probabilities here, and nowhere else
            probabilities = network.probabilities(tf.cast(activations[structure[0][1]], tf.float32))
            return value, tf.gather(probabilities, values[0][:, 0], axis=1, batch_dims=1)

        return value

    return Pass(network, ("attribution value", structure, is_class), build, _signature(question))


def at_layer(question: Question, layer: str, *, eager: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A layer's output for the question's picture, and the target's gradient there; float32 (h, w, units) each.

    Raises:
        ValueError: the layer does not feed the target.
    """
    compute = layers_pass(question, layer)
    if eager and not compute.compiled:
        compute = _layers_pass(question, (layer,))  # one layer is enough for once
    output, gradient = _found(compute, question, question.picture[None], eager=eager)[layer]
    if gradient is None:
        raise ValueError(no_path(question.network, question.taps, layer))
    _check(question, output, f"the output of {layer!r} below the value", layer)
    _check(question, gradient, f"the gradient at {layer!r}", layer)
    return output.numpy()[0], gradient.numpy()[0]


def at_layers(question: Question, paths: tuple[str, ...]) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
    """The outputs of some layers for the question's picture, and the target's gradient there; nothing is traced."""
    found = _found(_layers_pass(question, paths), question, question.picture[None], eager=True)
    return {
        path: (found[path][0].numpy()[0], None if found[path][1] is None else found[path][1].numpy()[0])
        for path in paths
    }


def _found(compute: Pass, question: Question, pictures: np.ndarray, *, eager: bool = False) -> Any:
    """What a pass with gradients gives."""
    try:
        return compute(pictures, *_target(question, len(pictures)), eager=eager)
    except LookupError as error:  # an operation for which TensorFlow knows no gradient
        raise ValueError(NoGradientPathError(question.network, question.taps, error).explained()) from error


def _check(question: Question, values: Any, what: str, *paths: str) -> None:
    """Lets finite values pass."""
    words = f"{what} of {question.label!r}"
    check_finite(values.numpy(), words, question.network, question.picture, *paths, *question.paths)


def layers_pass(question: Question, layer: str) -> Pass:
    """(pictures, weights, values) -> {path: (output, gradient)} at all layers with positions below the target.

    And the pictures with their gradient under `PICTURE`, the target's value under `VALUE`.

    One trace then serves every layer. Where that would hold too many values, or the model does not fix its
    sizes, or the layer is not below the target, at that layer alone.
    """
    paths = shared_layers(question)
    return _layers_pass(question, paths if layer in paths else (layer,))


def shared_pass(question: Question) -> Pass | None:
    """The `layers_pass` that serves every layer, and the picture too; None where there is none."""
    paths = shared_layers(question)
    return _layers_pass(question, paths) if paths else None


def shared_layers(question: Question) -> tuple[str, ...]:
    """The layers whose gradients one pass gives together; empty where there are too many values."""
    graph, tree = question.network.graph, question.network.layers
    below = graph.ancestors([question.network.call(path).index for path in question.paths])
    layers = [tree[graph.calls[index].path] for index in below]
    layers = [layer for layer in layers if layer.selectable and len(layer.output_shape or ()) == 3]
    return tuple(layer.path for layer in layers) if _few_values(layers) else ()


def _layers_pass(question: Question, paths: tuple[str, ...]) -> Pass:
    network, structure = question.network, question.structure
    taps = [Tap(path) for path in paths]

    def build() -> Callable[..., Any]:
        # as the layers stand, unless the model computes in 16 bits, which are too few for gradients
        backbone = Backbone(network, [*taps, *(tap for _, tap in structure)], fast=network.halved)

        def at_all(pictures: Any, weights: Any, values: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(pictures)
                activations = backbone(pictures)
                value = measure(structure, activations, weights, values)
            read = [pictures, *(activations[tap] for tap in taps)]
            found = zip((PICTURE, *paths), read, tape.gradient(value, read), strict=True)
            gradients = {
                path: (tf.cast(output, tf.float32), None if gradient is None else tf.cast(gradient, tf.float32))
                for path, output, gradient in found
            }
            return gradients | {VALUE: value}

        return at_all

    return Pass(network, ("attribution layers", structure, paths), build, _signature(question))


def outputs_of(
    network: Network, picture: np.ndarray, layer: str, *, pre_activation: bool = False, eager: bool = False
) -> np.ndarray:
    """A layer's output for one picture (H, W, C): float32, without the batch axis."""
    tap = Tap(network.layers[layer].path, pre_activation)
    compute = outputs_pass(network, layer, pre_activation=pre_activation)
    if eager and not compute.compiled:
        compute = _outputs_pass(network, (tap,))
    values = compute(picture[None], eager=eager)[_name(tap)].numpy()[0]
    check_finite(values, f"the output of {tap.path!r}", network, picture, tap.path)
    return values


def outputs_pass(network: Network, layer: str, *, pre_activation: bool = False) -> Pass:
    """Pictures -> {tap: output} of all layers at once, where they are not too many values; else of that layer."""
    layers = [entry for entry in network.layers.walk() if entry.selectable]
    taps = tuple(Tap(entry.path) for entry in layers)
    tap = Tap(network.layers[layer].path, pre_activation)
    return _outputs_pass(network, taps if tap in taps and _few_values(layers) else (tap,))


def _outputs_pass(network: Network, taps: tuple[Tap, ...]) -> Pass:
    def build() -> Callable[..., Any]:
        backbone = Backbone(network, taps)
        return lambda pictures: {_name(tap): tf.cast(value, tf.float32) for tap, value in backbone(pictures).items()}

    spec = tf.TensorSpec((None, *network.contract.size, network.contract.channels), tf.float32)
    return Pass(network, ("attribution outputs", taps), build, (spec,))


def _name(tap: Tap) -> str:
    """TensorFlow sorts the keys of what a function returns, so they are text."""
    return f"{'before' if tap.pre_activation else 'of'} {tap.path}"


def _few_values(layers: Sequence[Layer]) -> bool:
    """Whether the outputs of some layers may be held together; a size that the model leaves open may be any."""
    return sum(math.prod(size or LARGEST_SHARED for size in layer.output_shape or ()) for layer in layers) <= (
        LARGEST_SHARED
    )


def _signature(question: Question) -> tuple[Any, ...]:
    return (
        tf.TensorSpec((None, *question.picture.shape), tf.float32),
        tf.TensorSpec((None, len(question.weights)), tf.float32),
        tuple(tf.TensorSpec((None, len(numbers)), tf.int32) for numbers in question.values),
    )


def _target(question: Question, count: int) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """The weights and values of the target, once for each of `count` pictures."""
    weights = np.tile(np.array(question.weights, np.float32), (count, 1))
    return weights, tuple(np.tile(np.array(numbers, np.int32), (count, 1)) for numbers in question.values)
