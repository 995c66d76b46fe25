"""Units: one channel or one neuron of a layer, and how it is read from what a network computes.

A reader splits into what a compiled function depends on (its type and its `tap`) and its `values` (unit,
position), which are tensors: another unit compiles nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbfeatviz.checks import is_whole
from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.graph.tap import Early
from nbfeatviz.networks.network import Network


@dataclass(frozen=True)
class Channel:
    """Mean over all positions of one unit of a layer."""

    layer: str
    unit: int
    pre_activation: Early = False

    def __str__(self) -> str:
        return f"channel({self.layer!r}, {self.unit}{_pre(self)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Channel:
        """The same, checked against a network."""
        check_unit(network, self.layer, self.unit)
        return replace(as_read(self, network), unit=int(self.unit))

    @property
    def tap(self) -> Tap:
        """Where the network is read."""
        return Tap(self.layer, self.pre_activation)

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers that may change without compiling anew."""
        return (self.unit,)

    @staticmethod
    def positions(activation: Any, values: Any) -> Any:
        """(batch, n): the unit at all positions, whose mean is the measure."""
        chosen = tf.one_hot(values[:, 0], activation.shape[-1], dtype=activation.dtype)
        return tf.einsum("npu,nu->np", tf.reshape(activation, [chosen.shape[0], -1, activation.shape[-1]]), chosen)

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        """(batch,) from the layer's output (batch, ..., units) and values (batch, 1)."""
        axes = list(range(1, len(activation.shape) - 1))
        means = tf.reduce_mean(activation, axis=axes) if axes else activation
        return tf.gather(means, values[:, 0], axis=1, batch_dims=1)


@dataclass(frozen=True)
class Neuron:
    """One unit of a layer at one position; `row` and `col` None mean the centre, (h//2, w//2)."""

    layer: str
    unit: int
    row: int | None = None
    col: int | None = None
    pre_activation: Early = False

    def __str__(self) -> str:
        place = "" if self.row is None and self.col is None else f", {self.row}, {self.col}"
        return f"neuron({self.layer!r}, {self.unit}{place}{_pre(self)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Neuron:
        """The same, checked against a network and a size of the pictures (None: the network's own)."""
        check_unit(network, self.layer, self.unit)
        shape = network.layers[self.layer].output_shape or ()
        placed = self.row is not None or self.col is not None
        if placed and len(shape) == 3 and (None in shape or size not in (None, network.contract.size)):
            shape = traced_shape(network, self.tap, size or network.contract.size)
        if len(shape) != 3:
            raise ValueError(
                f"{self.layer!r} has no positions (its output is {shape}), so no neuron at a row and column: use "
                f"channel({self.layer!r}, {self.unit})."
            )
        for name, position, length in (("row", self.row, shape[0]), ("col", self.col, shape[1])):
            if position is None:
                continue
            check_integer(name, position)
            last = length - 1 if length is not None else position
            if not 0 <= position <= last:
                raise ValueError(f"{name} {position} is out of range: {self.layer!r} has {name}s 0 to {last}.")
        return as_read(self, network)

    @property
    def tap(self) -> Tap:
        """Where the network is read."""
        return Tap(self.layer, self.pre_activation)

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers that may change without compiling anew; -1 stands for the centre."""
        return (self.unit, -1 if self.row is None else self.row, -1 if self.col is None else self.col)

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        """(batch,) from the layer's output (batch, h, w, units) and values (batch, 3)."""
        height, width = activation.shape[1:3]
        row = tf.where(values[:, 1] < 0, height // 2, values[:, 1])
        col = tf.where(values[:, 2] < 0, width // 2, values[:, 2])
        return tf.gather_nd(activation, tf.stack([row, col, values[:, 0]], axis=1), batch_dims=1)


def measure(structure: Any, activations: Mapping[Tap, Any], weights: Any, values: Any, focus: Any = None) -> Any:
    """The weighted sum of some units for each picture, (batch,).

    Args:
        structure: per term its reader and its tap. A reader is a class or object with `measure`; one with `taps` is
            given the values at all of them (their own terms, which `taps` names too, make sure that there are any).
        activations: the network's values at the taps.
        weights: tensor (batch, terms).
        values: per term an integer tensor (batch, numbers of that term).
        focus: its `mean` takes the place of that over a reader's `positions`; None for the plain mean.
    """
    total: Any = 0.0
    for place, ((kind, tap), numbers) in enumerate(zip(structure, values, strict=True)):
        several = getattr(kind, "taps", None)
        read = activations[tap] if several is None else [activations[one] for one in several]
        if focus is not None and hasattr(kind, "positions"):
            value = focus.mean(tf.cast(kind.positions(read, numbers), tf.float32))
        else:
            value = tf.cast(kind.measure(read, numbers), tf.float32)
        total += weights[:, place] * value
    return total


def spread(structure: Any, activations: Mapping[Tap, Any], weights: Any) -> Any:
    """The standard deviation of all that the layers of `measure` hold for each picture, (batch,), without a gradient.

    It is the scale of what is measured, whatever the layer's own.

    Args:
        structure, activations, weights: as for `measure`.
    """
    total: Any = 0.0
    for place, (kind, tap) in enumerate(structure):
        several = getattr(kind, "taps", None)
        read = [activations[one] for one in several or (tap,)]
        deviations = [tf.math.reduce_std(tf.reshape(tf.cast(one, tf.float32), [one.shape[0], -1]), axis=1)
                      for one in read]  # fmt: skip
        total += tf.abs(weights[:, place]) * tf.add_n(deviations) / len(deviations)
    return tf.stop_gradient(total)


def as_read(term: Any, network: Network) -> Any:
    """A term about a `layer` as it is read in a network: of an output that is probabilities the logits."""
    return replace(term, pre_activation=network.unit_tap(term.layer, term.pre_activation).pre_activation)


def traced_shape(network: Network, tap: Tap, size: tuple[int, int]) -> tuple[Any, ...]:
    """The output's shape for pictures of a size: the layers are traced, nothing is computed.

    Of a size that they cannot take, the shape at the network's own: the first step says what is wrong.
    """
    backbone = Backbone(network, [tap])
    function = network.compiled(("shape", tap, size), lambda: lambda pictures: backbone(pictures)[tap])
    pictures = tf.TensorSpec((1, *size, network.contract.channels), tf.float32)
    try:
        return tuple(function.get_concrete_function(pictures).structured_outputs.shape[1:])
    except (ValueError, tf.errors.InvalidArgumentError):
        return network.layers[tap.path].output_shape or ()


def _pre(term: Channel | Neuron) -> str:
    return ", pre_activation=True" if term.pre_activation else ""


def check_integer(name: str, value: Any) -> None:
    """TypeError where a value is no whole number."""
    if not is_whole(value):
        raise TypeError(f"{name} is a whole number, not {value!r} ({type(value).__name__}).")


def check_unit(network: Network, path: str, unit: Any) -> None:
    """ValueError where a layer cannot be read or has no such unit."""
    layer = network.layers[path]
    check_integer("unit", unit)
    if not layer.selectable:
        raise ValueError(
            f"{path!r} ({layer.kind}) cannot be maximized: its output is not computed from the picture, or has no "
            "units. Choose a layer after the input."
        )
    if not 0 <= unit < layer.units:
        raise ValueError(f"unit {unit} is out of range: {path!r} has units 0 to {layer.units - 1}.")
