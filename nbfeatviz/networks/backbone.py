"""The part of a network that a request needs: truncated at the layers asked for, as a TensorFlow function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import keras
from nbfeatviz.networks.fast_path import FastPath
from nbfeatviz.networks.graph import Call
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.rectifiers import (
    Passing,
    ReluGradient,
    check_rectifiers,
    fused_activation,
    rectifies,
    relu_bounds,
    with_relu_gradient,
)
from nbfeatviz.networks.twins import callable_in_graph, twin

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

    Args:
        network: the network.
        taps: where it is read.
        fast: whether it takes the quick way (see `fast_path`): the same up to rounding. Call
            `network.copies.refresh()` before weights that may be new are used.
        precision: "float32", or "bfloat16" for the quick way in half the bits. The taps are float32 either way.
    """

    def __init__(
        self, network: Network, taps: Sequence[Tap], *, fast: bool = False, precision: str = "float32"
    ) -> None:
        self._network = network
        self._taps = tuple(dict.fromkeys(taps))
        self._source = {tap: self._source_of(tap) for tap in self._taps}
        self._raw = {index for tap, (index, fused) in self._source.items() if fused}
        targets = [index for index, _ in self._source.values()]
        self._fast = FastPath(network.graph, network.copies, targets, precision) if fast else None

    def _source_of(self, tap: Tap) -> tuple[int, bool]:
        """The call whose value is wanted, and whether from before its fused activation."""
        call = self._network.call(tap.path)
        if not tap.pre_activation:
            return call.index, False
        if call.kind in _ACTIVATION_KINDS and len(call.inputs) == 1:
            return call.inputs[0], False
        return call.index, fused_activation(call) is not None

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
            bounds = relu_bounds(call) if passing is not None else None
            changed = relu if rectifies(call) else None
            raw = fast.linear(call, _argument(args, kwargs)) if fast is not None else None
            if raw is None and activation is not None and (call.index in self._raw or bounds or changed):
                raw = twin(callable_in_graph(call.operation), activation=keras.activations.linear)(*args, **kwargs)
            if raw is not None:
                before[call.index] = raw
                if bounds and passing:
                    return passing.relu(raw, bounds)
                if activation is None:
                    return raw
                return with_relu_gradient(changed, raw, activation(raw)) if changed else activation(raw)
            if bounds and passing:
                return passing.relu(_argument(args, kwargs), bounds)
            if changed:
                value = callable_in_graph(call.operation)(*args, **kwargs)
                return with_relu_gradient(changed, _argument(args, kwargs), value)
            return None if fast is None else fast.other(call, args, kwargs)

        inputs = self._network.contract.apply(pictures)
        targets = [index for index, _ in self._source.values()]
        if fast is None:
            values = self._network.graph.evaluate(inputs, targets, override)
        else:
            values = self._network.graph.evaluate(fast.given(inputs), targets, override)
        read = {tap: before[index] if fused else values[index] for tap, (index, fused) in self._source.items()}
        return {tap: _wide(value) for tap, value in read.items()} if fast is not None else read


def _wide(value: Any) -> Any:
    """A value that flowed in half the bits as float32."""
    return keras.ops.cast(value, "float32") if keras.backend.standardize_dtype(value.dtype) == "bfloat16" else value


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The one tensor that an activation takes."""
    return args[0] if args else next(iter(kwargs.values()))
