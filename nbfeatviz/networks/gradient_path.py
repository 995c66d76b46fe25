"""Where a model cuts the gradient between a picture and what is read: the error, and the layer that does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.compute.fast_path import SINGLE, WEIGHTLESS
from nbfeatviz.networks.compute.folding import keras_kind
from nbfeatviz.networks.graph.calls import Call, outputs_in
from nbfeatviz.networks.network import Network

_FOLLOWED = {"InputLayer", *WEIGHTLESS, *SINGLE}
_WITHOUT = "Nothing is followed through that; occlusion needs no gradient."


class NoGradientPathError(ValueError):
    """Nothing that is done to a picture is known to change a value: there is no gradient of it.

    Raised while a function is traced, where nothing can be computed: `explained` is for later.
    """

    def __init__(self, network: Network, taps: Sequence[Tap], cause: LookupError | None = None) -> None:
        super().__init__(f"{_named(taps)} has no gradient path to the picture.")
        self._network, self._taps, self._cause = network, taps, cause

    def explained(self) -> str:
        """The sentence about it, with what cuts the gradient."""
        if self._cause is None:
            return no_path(self._network, self._taps)
        reason = str(self._cause.args[0]).split(". ")[0].rstrip(".")
        return (
            f"{_named(self._taps)} has no gradient path to the picture: TensorFlow knows no gradient of an operation "
            f"between them ({reason}). Choose a layer before it."
        )


def gradient_by_pictures(tape: Any, value: Any, pictures: Any, network: Network, taps: Sequence[Tap]) -> Any:
    """`tape.gradient(value, pictures)`, which is never None.

    Args:
        tape: has watched the pictures.
        value: made of the taps.
        pictures: tensor.
        network: the network, for the sentence about an error.
        taps: where it was read.

    Raises:
        NoGradientPathError: there is no path, or an operation on it has no gradient.
    """
    try:
        gradient = tape.gradient(value, pictures)
    except LookupError as error:  # an operation for which TensorFlow knows no gradient
        raise NoGradientPathError(network, taps, error) from error
    if gradient is None:
        raise NoGradientPathError(network, taps)
    return gradient


def surely_followed(network: Network, taps: Sequence[Tap]) -> bool:
    """Whether all below some taps are layers of Keras's own that are known to have a gradient."""
    graph = network.graph
    calls = [graph.calls[index] for index in graph.ancestors([network.call(tap.path).index for tap in taps])]
    return all(keras_kind(call.operation) in _FOLLOWED and _plainly_activated(call) for call in calls)


def _plainly_activated(call: Call) -> bool:
    activation = getattr(call.operation, "activation", None)
    return activation is None or getattr(activation, "__module__", "").partition(".")[0] == "keras"


def no_path(network: Network, taps: Sequence[Tap], layer: str | None = None) -> str:
    """The sentence about taps that no gradient leads from to the picture, or to the output of a layer."""
    graph = network.graph
    below = graph.ancestors([network.call(tap.path).index for tap in taps])
    if layer is not None and network.call(layer).index not in below:
        told = f"{layer!r} does not feed {_named(taps, ' and ')}, so it has no part in it"
        return f"{told}: choose a layer on the way from the picture to it."
    begins = f"{_named(taps)} has no gradient path to {'the picture' if layer is None else repr(layer)}: "
    if layer is None and not any(graph.calls[index].kind == "InputLayer" for index in below):
        return f"{begins}choose a layer that the picture feeds."
    cut = " and ".join(f"{path!r} ({network.call(path).kind})" for path in _cuts(network, taps, below))
    return (
        f"{begins}it is cut inside {cut}, by tf.stop_gradient or an operation that has no gradient, such as argmax, "
        f"round or a cast to whole numbers. {'Choose a layer before that.' if layer is None else _WITHOUT}"
    )


def _cuts(network: Network, taps: Sequence[Tap], below: Sequence[int]) -> list[str]:
    """The layers that a gradient comes to from above, and leaves by none of their inputs."""
    graph, targets = network.graph, [network.call(tap.path).index for tap in taps]
    outputs: dict[int, Any] = {}  # of the calls that others take their inputs from
    with tf.GradientTape() as tape:

        def watched(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            """What is behind a cut is not followed by a tape, unless it is told to."""
            tensors = [value for value in keras.tree.flatten((args, kwargs)) if tf.is_tensor(value)]
            for output, tensor in zip(outputs_in((call.args, call.kwargs)), tensors, strict=False):
                outputs[output.call] = tensor
                if tensor.dtype.is_floating:
                    tape.watch(tensor)

        pictures = tf.fill([1, *network.contract.size, network.contract.channels], 0.5)
        values = graph.evaluate(network.contract.apply(pictures), targets, watched)
        total = sum(tf.reduce_sum(tf.cast(value, tf.float32)) for value in values.values())
    floats = {index: tensor for index, tensor in outputs.items() if tensor.dtype.is_floating}
    gradients = dict(zip(floats, tape.gradient(total, list(floats.values())), strict=True))
    reached = {index for index, gradient in gradients.items() if gradient is not None} | set(targets)
    cutting = [index for index in below if index in reached and not reached.intersection(graph.calls[index].inputs)]
    found = [index for index in cutting if graph.calls[index].inputs]
    for index in found:  # what takes whole numbers is not to blame, but what makes them
        inputs = graph.calls[index].inputs
        while inputs and all(one in outputs and one not in floats for one in inputs):
            found[found.index(index)] = index = inputs[0]
            inputs = graph.calls[index].inputs
    return list(dict.fromkeys(graph.calls[index].path for index in found))


def _named(taps: Sequence[Tap], between: str = ", ") -> str:
    return between.join(dict.fromkeys(repr(tap.path) for tap in taps))
