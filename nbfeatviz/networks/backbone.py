"""The part of a network that a request needs: truncated at the layers asked for, as a TensorFlow function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from nbfeatviz.networks.graph import Call
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.twins import callable_in_graph, twin

# Layers that apply their `activation` last: what it is before is their value with a linear activation.
_ACTIVATED = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
    keras.layers.EinsumDense,
)
_ACTIVATION_KINDS = {"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Relu", "Relu6", "Silu", "Gelu"}


@dataclass(frozen=True)
class Tap:
    """Where a network is read: a layer's output, or what it was before its activation.

    Attributes:
        path: path of the layer.
        pre_activation: for a layer with a fused activation, its value before that; for an activation layer,
            its input; for any other layer no difference.
    """

    path: str
    pre_activation: bool = False


class Backbone:
    """Computes the values at some taps from pictures, and nothing behind them.

    Call it inside a `tf.function` (see `Network.compiled`); it holds no state of its own.
    """

    def __init__(self, network: Network, taps: Sequence[Tap]) -> None:
        self._network = network
        self._taps = tuple(dict.fromkeys(taps))
        self._source = {tap: self._source_of(tap) for tap in self._taps}
        self._raw = {index for tap, (index, fused) in self._source.items() if fused}

    def _source_of(self, tap: Tap) -> tuple[int, bool]:
        """The call whose value is wanted, and whether from before its fused activation."""
        call = self._network.call(tap.path)
        if not tap.pre_activation:
            return call.index, False
        if call.kind in _ACTIVATION_KINDS and len(call.inputs) == 1:
            return call.inputs[0], False
        return call.index, _fused_activation(call) is not None

    def __call__(self, pictures: Any, passing: Any = None) -> dict[Tap, Any]:
        """Values at the taps.

        Args:
            pictures: tensor (batch, height, width, channels) in 0..1.
            passing: boolean tensor; while true, a ReLU that blocks the whole gradient of a picture passes
                what would bring its units back to life (None: never).

        Returns:
            One tensor a tap, batch first.
        """
        before: dict[int, Any] = {}

        def override(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            activation = _fused_activation(call)
            bounds = _relu_bounds(call, activation) if passing is not None else None
            if activation is not None and (call.index in self._raw or bounds):
                raw = twin(callable_in_graph(call.operation), activation=keras.activations.linear)(*args, **kwargs)
                before[call.index] = raw
                return _passing_relu(raw, bounds, passing) if bounds else activation(raw)
            if bounds:
                return _passing_relu(args[0], bounds, passing)
            return None

        inputs = self._network.contract.apply(pictures)
        targets = [index for index, _ in self._source.values()]
        values = self._network.graph.evaluate(inputs, targets, override)
        return {tap: before[index] if fused else values[index] for tap, (index, fused) in self._source.items()}


def _fused_activation(call: Call) -> Any:
    """The activation inside a convolution or dense layer, or None; a layer of your own keeps its call as it is."""
    layer = call.operation
    if not isinstance(layer, _ACTIVATED) or layer.activation in (None, keras.activations.linear):
        return None
    caller = next(kind for kind in type(layer).__mro__ if "call" in vars(kind))
    return layer.activation if caller.__module__.split(".")[0] == "keras" else None


def _relu_bounds(call: Call, fused: Any) -> tuple[float, float] | None:
    """(low, high) between which a ReLU is the identity; None for anything that is not a plain ReLU."""
    layer = call.operation
    if isinstance(layer, keras.layers.ReLU):
        plain = not layer.negative_slope and not layer.threshold
        return (0.0, float("inf") if layer.max_value is None else float(layer.max_value)) if plain else None
    if isinstance(layer, keras.layers.Activation):
        fused = layer.activation
    operation = "" if isinstance(layer, keras.layers.Layer) else call.kind.lower()
    name = getattr(fused, "__name__", operation)
    return {"relu": (0.0, float("inf")), "relu6": (0.0, 6.0)}.get(name)


def _passing_relu(inputs: Any, bounds: tuple[float, float], passing: Any) -> Any:
    """A ReLU whose gradient, where it is zero for a whole picture, lets the units return to its live range."""
    low, high = bounds

    def plain(x: Any, upstream: Any) -> Any:
        if high == 6.0:
            return tf.raw_ops.Relu6Grad(gradients=upstream, features=x)
        if high == float("inf"):
            return tf.raw_ops.ReluGrad(gradients=upstream, features=x)
        return tf.where((x > low) & (x < high), upstream, 0.0)

    def returning(x: Any, upstream: Any) -> Any:
        ordinary = plain(x, upstream)
        helpful = tf.where(x <= low, tf.maximum(upstream, 0.0), upstream)
        helpful = tf.where(x >= high, tf.minimum(upstream, 0.0), helpful)
        axes = list(range(1, len(x.shape)))
        blocked = tf.reduce_all(ordinary == 0, axis=axes, keepdims=True)
        return tf.where(blocked, helpful, ordinary)

    @tf.custom_gradient
    def relu(x: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            return tf.cond(passing, lambda: returning(x, upstream), lambda: plain(x, upstream))

        return tf.clip_by_value(x, low, high), gradient

    return relu(inputs)
