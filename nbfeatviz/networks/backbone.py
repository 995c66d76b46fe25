"""The part of a network that a request needs: truncated at the layers asked for, as a TensorFlow function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.compute.fast_path import FastPath
from nbfeatviz.networks.compute.rectifiers import (
    Passing,
    ReluGradient,
    check_rectifiers,
    rectifies,
    relu_bounds,
    with_relu_gradient,
)
from nbfeatviz.networks.graph.activations import before_activation, fused_activation, is_activation
from nbfeatviz.networks.graph.calls import Call, computed, fill
from nbfeatviz.networks.graph.inference import in_inference
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.network import Network

__all__ = ["Backbone", "Tap"]


class Backbone:
    """Computes the values at some taps from pictures, and nothing behind them.

    Call it inside a `tf.function` (see `Network.compiled`); it holds no state of its own.

    Args:
        network: the network.
        taps: where it is read.
        fast: whether it takes the quick way (see `fast_path`): the same up to rounding. Call
            `network.refresh()` before weights that may be new are used.
        precision: "float32", or "bfloat16" for the quick way in half the bits. The taps are float32 either way.
    """

    def __init__(
        self, network: Network, taps: Sequence[Tap], *, fast: bool = False, precision: str = "float32"
    ) -> None:
        self._network = network
        self._taps = tuple(dict.fromkeys(taps))
        self._source = {tap: self._source_of(tap) for tap in self._taps}
        self._read_before = {index for index, before in self._source.values() if before}
        self._targets = [index for index, _ in self._source.values()]
        self._fast = FastPath(network.graph, network.derived, self._targets, precision) if fast else None
        if self._fast is not None and self._fast.in_16_bits and precision == "float32":
            network.say_once(
                f"{network.name!r} computes in 16 bits. Its attribution and pictures are computed in float32, but for "
                f"these of its layers, which are computed as they are: {self._fast.in_16_bits}."
            )

    def _source_of(self, tap: Tap) -> tuple[int, bool]:
        """The call whose value is wanted, and whether from before its activation."""
        call = self._network.call(tap.path)
        if not tap.pre_activation:
            return call.index, False
        before = self._network.before(call) if tap.pre_activation == "logits" else None
        if before is not None:
            head, _ = before
            if not head.reached:
                return call.index, False  # the logarithm is taken of it
            return head.chain[0], True
        return call.index, is_activation(call) or fused_activation(call) is not None

    def check_relu(self, relu: ReluGradient) -> str | None:
        """What is to be said about guided or rectified gradients here (see `check_rectifiers`)."""
        return check_rectifiers(self._network.graph, list(self._source.values()), relu)

    def __call__(
        self, pictures: Any, passing: Passing | None = None, relu: ReluGradient | None = None
    ) -> dict[Tap, Any]:
        """Values at the taps.

        Args:
            pictures: tensor (batch, height, width, channels) in 0..1.
            passing: when a ReLU that blocks the whole gradient of a picture passes what would bring its units back
                to life (None: never).
            relu: "guided" or "rectified" gradients at ReLU-like units; None for their own. Not with `passing`.

        Returns:
            One tensor a tap, batch first.
        """
        before: dict[int, Any] = {}
        fast = self._fast

        def override(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if fast is not None and call.index in fast.carried:
                return _argument(args, kwargs)  # the norm behind it computes both
            activation = fused_activation(call)
            if activation is None and call.index in self._read_before:
                before[call.index] = _argument(args, kwargs)
            bounds = relu_bounds(call) if passing is not None else None
            changed = relu if rectifies(call) else None
            raw = fast.linear(call, _argument(args, kwargs)) if fast is not None else None
            if raw is None and activation is not None and (call.index in self._read_before or bounds or changed):
                raw = before_activation(call, args, kwargs)
            if raw is not None:
                before.setdefault(call.index, raw)
                if bounds and passing:
                    return passing.relu(raw, bounds)
                if activation is None:
                    return raw
                return with_relu_gradient(changed, raw, activation(raw)) if changed else activation(raw)
            if bounds and passing:
                return passing.relu(_argument(args, kwargs), bounds)
            if changed:
                value = computed(call, args, kwargs)
                return with_relu_gradient(changed, _argument(args, kwargs), value)
            return None if fast is None else fast.other(call, args, kwargs)

        inputs = self._network.contract.apply(pictures)
        given = inputs if fast is None else fast.given(inputs)
        values = self._network.graph.evaluate(given, self._targets, override, self._network.derived.pairs)
        read = {tap: before[index] if early else values[index] for tap, (index, early) in self._source.items()}
        read = {tap: self._as_logits(tap, value) for tap, value in read.items()}
        return {tap: _wide(value) for tap, value in read.items()} if fast is not None else read

    def _as_logits(self, tap: Tap, value: Any) -> Any:
        """What layers behind a softmax make of its logits; or the logarithms that stand for them."""
        found = self._network.before(self._network.call(tap.path)) if tap.pre_activation == "logits" else None
        if found is None:
            return value
        head, place = found
        if not head.reached:
            return _logarithm(value, head.kind)
        calls = [self._network.graph.calls[index] for index in head.chain[1 : place + 1]]

        def through(value: Any) -> Any:
            for call in calls:
                source = {call.inputs[0]: value}
                value = computed(call, fill(call.args, source), fill(call.kwargs, source))
            return value

        return in_inference(through, value) if calls else value


def _logarithm(probabilities: Any, kind: str) -> Any:
    """What the softmax (or sigmoid) of is these probabilities."""
    tiny = 1e-30
    value = tf.cast(probabilities, tf.float32)
    logarithm = tf.math.log(tf.maximum(value, tiny))
    return logarithm if kind == "softmax" else logarithm - tf.math.log(tf.maximum(1.0 - value, tiny))


def _wide(value: Any) -> Any:
    """A value that flowed in half the bits as float32."""
    return keras.ops.cast(value, "float32") if keras.backend.standardize_dtype(value.dtype) == "bfloat16" else value


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The one tensor that an activation takes."""
    return args[0] if args else next(iter(kwargs.values()))
