"""Terms: what an objective can be a weighted sum of, apart from the units of `networks.units`.

Like a unit, a term splits into its *reader* (what a compiled step depends on) with its `tap`, and its `values`, which
are tensors. All values are integers, so that one kind of tensor serves every reader, attribution's too: numbers with a
fraction travel as the bits of a float32 (`bits`, `number_of`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.graph.tap import Early
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel, as_read, check_unit


def bits(numbers: Any) -> np.ndarray:
    """Numbers as float32, flat, seen as integers."""
    return np.ascontiguousarray(numbers, np.float32).ravel().view(np.int32)


def number_of(values: Any) -> Any:
    """The float32 tensor behind `bits`."""
    return tf.bitcast(tf.cast(values, tf.int32), tf.float32)


def check_layer(network: Network, path: str, *, positions: bool = False) -> None:
    """ValueError where a layer cannot be read, or has no positions where they are needed."""
    layer = network.layers[path]
    if not layer.selectable:
        raise ValueError(
            f"{path!r} ({layer.kind}) cannot be maximized: its output is not computed from the picture, or has no "
            "units. Choose a layer after the input."
        )
    if positions and len(layer.output_shape or ()) != 3:
        raise ValueError(
            f"{path!r} has no positions (its output is {layer.output_shape}): choose a layer whose output has rows, "
            "columns and units."
        )


@dataclass(frozen=True)
class ClassLogit:
    """The logit of a class, also where the network ends in softmax."""

    target: int | str

    def __str__(self) -> str:
        return f"class_logit({_shown(self.target)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Channel:
        """The channel of the head that it stands for."""
        return Channel(network.head_layer.path, network.class_index(self.target)).resolved(network)


@dataclass(frozen=True)
class _Probability:
    """Reads the probability of a unit of the head."""

    head: str

    def measure(self, activation: Any, values: Any) -> Any:
        logits = tf.cast(activation, tf.float32)
        every = tf.nn.softmax(logits) if self.head == "softmax" else tf.sigmoid(logits)
        return tf.gather(every, values[:, 0], axis=1, batch_dims=1)


@dataclass(frozen=True)
class ClassProbability:
    """The probability of a class. Its gradient vanishes where the network is sure: prefer the logit."""

    target: int | str
    tap: Tap | None = None
    values: tuple[int, ...] = ()
    reader: Any = None

    def __str__(self) -> str:
        return f"class_probability({_shown(self.target)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> ClassProbability:
        """The same, checked against a network."""
        if not network.probabilistic:
            raise ValueError(
                f"{network.name!r} has no classes (its output {network.head_layer.path!r} is values as they are), so "
                "there is no probability to maximize: take class_logit, which is the value."
            )
        index = network.class_index(self.target)
        return ClassProbability(self.target, network.logits, (index,), _Probability(network.head))


@dataclass(frozen=True)
class _Along:
    """Reads the mean over positions of A·v, with a cosine weight if there is one."""

    cosine: bool

    def positions(self, activation: Any, values: Any) -> Any:
        """(batch, n): A·v at all positions."""
        numbers = number_of(values)
        vector, power = numbers[:, :-1], numbers[:, -1:]
        flat = tf.cast(tf.reshape(activation, [tf.shape(activation)[0], -1, activation.shape[-1]]), tf.float32)
        dot = tf.einsum("npu,nu->np", flat, vector)
        if self.cosine:
            norms = tf.norm(flat + 1e-12, axis=-1) * tf.norm(vector, axis=-1)[:, None]
            dot *= tf.pow(tf.maximum(0.1, dot / (norms + 1e-12)), power)
        return dot

    def measure(self, activation: Any, values: Any) -> Any:
        return tf.reduce_mean(self.positions(activation, values), axis=1)


@dataclass(frozen=True)
class Direction:
    """The mean over positions of (A·v) · max(0.1, cos(A, v))^p (Olah et al. 2017; p is Lucid's `cossim_pow`)."""

    layer: str
    vector: tuple[float, ...]
    cossim_pow: float = 0.0
    pre_activation: Early = False

    def __str__(self) -> str:
        power = "" if not self.cossim_pow else f", cossim_pow={self.cossim_pow!r}"
        return f"direction({self.layer!r}, {list(self.vector)}{power}{_pre(self.pre_activation)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Direction:
        """The same, checked against a network."""
        check_layer(network, self.layer)
        units = network.layers[self.layer].units
        if len(self.vector) != units:
            raise ValueError(f"a direction in {self.layer!r} has {units} numbers, not {len(self.vector)}.")
        return as_read(self, network)

    @property
    def tap(self) -> Tap:
        """Where the network is read."""
        return Tap(self.layer, self.pre_activation)

    @property
    def reader(self) -> _Along:
        """What a compiled step depends on."""
        return _Along(bool(self.cossim_pow))

    @property
    def values(self) -> tuple[int, ...]:
        """The vector and the power, as bits."""
        return tuple(map(int, bits([*self.vector, self.cossim_pow])))


@dataclass(frozen=True)
class _OfLayer:
    """A term about a whole layer."""

    layer: str
    pre_activation: Early = False

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Any:
        """The same, checked against a network."""
        check_layer(network, self.layer)
        return as_read(self, network)

    @property
    def tap(self) -> Tap:
        """Where the network is read."""
        return Tap(self.layer, self.pre_activation)

    @property
    def values(self) -> tuple[int, ...]:
        """There are none."""
        return ()


@dataclass(frozen=True)
class DeepDream(_OfLayer):
    """The mean of A² over all positions and units (Mordvintsev et al. 2015)."""

    def __str__(self) -> str:
        return f"deep_dream({self.layer!r}{_pre(self.pre_activation)})"

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        """(batch,) from the layer's output."""
        return tf.reduce_mean(tf.square(tf.cast(activation, tf.float32)), axis=list(range(1, len(activation.shape))))


@dataclass(frozen=True)
class Diversity(_OfLayer):
    """How alike the pictures of a batch are to a layer: a penalty, to be subtracted (Olah et al. 2017).

    For each picture the mean cosine similarity of its flattened Gram matrix with those of the others, so that the
    mean over the batch is the mean over all pairs.
    """

    def __str__(self) -> str:
        return f"diversity({self.layer!r}{_pre(self.pre_activation)})"

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        """(batch,) from the layer's output."""
        flat = tf.cast(tf.reshape(activation, [tf.shape(activation)[0], -1, activation.shape[-1]]), tf.float32)
        grams = tf.reshape(tf.einsum("npu,npv->nuv", flat, flat), [tf.shape(activation)[0], -1])
        cosines = tf.matmul(*[tf.math.l2_normalize(grams, axis=1)] * 2, transpose_b=True)
        others = tf.cast(tf.shape(activation)[0] - 1, tf.float32)
        return (tf.reduce_sum(cosines, axis=1) - tf.linalg.diag_part(cosines)) / tf.maximum(others, 1.0)


@dataclass(frozen=True)
class Others:
    """The mean over all units but one of max(0, channel(u')): what keeps the rest of a layer down when subtracted."""

    layer: str
    unit: int
    pre_activation: Early = False

    def __str__(self) -> str:
        return f"others({self.layer!r}, {self.unit}{_pre(self.pre_activation)})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Others:
        """The same, checked against a network."""
        check_unit(network, self.layer, self.unit)
        if network.layers[self.layer].units < 2:
            raise ValueError(f"{self.layer!r} has one unit, so there are no others.")
        return replace(as_read(self, network), unit=int(self.unit))

    @property
    def tap(self) -> Tap:
        """Where the network is read."""
        return Tap(self.layer, self.pre_activation)

    @property
    def values(self) -> tuple[int, ...]:
        """The unit that is left out."""
        return (self.unit,)

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        """(batch,) from the layer's output."""
        axes = list(range(1, len(activation.shape) - 1))
        means = tf.nn.relu(tf.cast(tf.reduce_mean(activation, axis=axes) if axes else activation, tf.float32))
        own = tf.gather(means, values[:, 0], axis=1, batch_dims=1)
        return (tf.reduce_sum(means, axis=1) - own) / (activation.shape[-1] - 1)


def _pre(pre_activation: Early) -> str:
    return ", pre_activation=True" if pre_activation else ""


def _shown(target: int | str) -> str:
    return repr(target) if isinstance(target, str) else str(target)
