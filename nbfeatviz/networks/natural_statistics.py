"""Natural statistics: what the channels of a network's layers are on natural pictures, on average.

A trained batch norm holds them: what enters it has the mean and variance that it has stored, so what leaves it has the
mean β and the deviation |γ|. Where a network has no such norms they are measured on photographs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.compute.folding import KERNELS, is_plain_norm, keras_kind
from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.graph.inference import once
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.network import Network

AT_MOST = 24
"""At so many places the statistics are compared; where there are more, at places spread evenly."""
FEEBLE = 0.01
"""A channel whose deviation is below this share of its layer's median says nothing, and is left out."""


Values = tuple[tuple[Any, Any, Any], ...]


class NaturalStatistics:
    """Where a network is read, and what is found there on natural pictures.

    Args:
        taps: the places.
        source: "batch norm", or what tells the pictures apart from others.
        whole: at how many places the whole network is read; fewer where an objective does not need them all.
        find: gives the `values`; called once, when they are first needed, as it may take seconds.
    """

    def __init__(self, taps: tuple[Tap, ...], source: str, whole: int, find: Callable[[], Values]) -> None:
        self.taps, self.source, self.whole, self._find = taps, source, whole, find
        self._lock = threading.Lock()
        self._values: Values | None = None

    @property
    def values(self) -> Values:
        """Per place three variables or arrays (channels,): mean, deviation, and the unit of distances from them.

        The unit is 0 for a channel that is left out.
        """
        with self._lock:
            if self._values is None:
                self._values = self._find()
            return self._values

    @property
    def key(self) -> tuple[Any, ...]:
        """What a compiled step depends on."""
        return (self.source, self.taps)

    def below(self, network: Network, targets: Sequence[int]) -> NaturalStatistics | None:
        """Those of the places that some calls need; None where there are none."""
        needed = set(network.graph.ancestors(targets))
        kept = [place for place, tap in enumerate(self.taps) if network.call(tap.path).index in needed]
        taps = tuple(self.taps[place] for place in kept)
        chosen = NaturalStatistics(taps, self.source, self.whole, lambda: tuple(self.values[place] for place in kept))
        return chosen if kept else None


def statistics_of_norms(
    network: Network, targets: Sequence[int] | None = None, most: int | None = AT_MOST
) -> NaturalStatistics | None:
    """The statistics that trained batch norms hold; None where a network has none.

    They are variables that follow the network's weights (see `DerivedWeights`).

    Args:
        network: the network.
        targets: indices of calls: only norms that these need; None for all.
        most: of how many norms at most, spread evenly; None for every one.
    """
    calls = [call for call in network.graph.calls if _is_place(call) and is_plain_norm(call)]
    norms = spread([call for call in calls if _is_trained(call.operation)], most)
    needed = set(network.graph.ancestors(targets)) if targets is not None else {call.index for call in norms}
    layers = {call.path: call.operation for call in norms if call.index in needed}

    def find() -> Values:
        return tuple(network.derived.of(_stored, layer) for layer in layers.values())

    return NaturalStatistics(tuple(map(Tap, layers)), "batch norm", len(norms), find) if layers else None


def pooled(
    network: Network, taps: Sequence[Tap], pictures: Iterable[np.ndarray], batch: int = 12
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation of each channel at each tap, over all positions of all pictures; float32 (channels,).

    Args:
        network: the network.
        taps: where it is read.
        pictures: of one size that the network takes, float32 (H, W, C) in 0..1; at least one.
        batch: how many are computed together.
    """
    backbone = Backbone(network, taps, fast=True)

    def means(seen: Any) -> list[Any]:
        found = backbone(seen)
        flat = [tf.reshape(tf.cast(found[tap], tf.float32), [batch, -1, found[tap].shape[-1]]) for tap in taps]
        return [tf.stack([tf.reduce_mean(one, axis=1), tf.reduce_mean(tf.square(one), axis=1)]) for one in flat]

    totals: list[Any] = [0.0] * len(taps)
    count, waiting = 0, iter(pictures)
    while part := list(islice(waiting, batch)):
        filled = np.stack(part + part[:1] * (batch - len(part)))
        for place, found in enumerate(once(means, tf.constant(filled, tf.float32))):
            totals[place] = totals[place] + np.asarray(found, np.float64)[:, : len(part)].sum(axis=1)
        count += len(part)
    halves = [(mean / count, square / count) for mean, square in totals]
    return [
        (mean.astype(np.float32), np.sqrt(np.maximum(square - mean**2, 0)).astype(np.float32))
        for mean, square in halves
    ]


def places(network: Network) -> tuple[Tap, ...]:
    """Where statistics of photographs are taken: at batch norms, else at convolutions, dense layers and merges."""
    calls = [call for call in network.graph.calls if _is_place(call)]
    norms = [call for call in calls if is_plain_norm(call)]
    linear = [call for call in calls if keras_kind(call.operation) in (*KERNELS, "EinsumDense", "Add")]
    chosen = spread(norms or linear or calls)
    return tuple(Tap(call.path, call not in norms) for call in chosen)


def values_of(moments: Sequence[tuple[np.ndarray, np.ndarray]]) -> Values:
    """Of mean and deviation at each place, with units in which no channel counts much more than most."""
    values = []
    for mean, deviation in moments:
        unit = np.sqrt(np.square(deviation) + 0.06 * np.mean(np.square(deviation)))
        says = deviation > FEEBLE * np.median(deviation)
        values.append((mean, deviation, np.where(says, unit, 0.0).astype(np.float32)))
    return tuple(values)


def spread(calls: Sequence[Any], most: int | None = AT_MOST) -> list[Any]:
    """At most so many of some calls, evenly, the last among them; all of them with None."""
    if most is None or len(calls) <= most:
        return list(calls)
    return [calls[round(place)] for place in np.linspace(0, len(calls) - 1, most)]


def _is_place(call: Call) -> bool:
    """Whether a call has positions and channels of numbers that depend on the picture."""
    return call.shape is not None and len(call.shape) >= 2 and bool(call.inputs) and bool(call.shape[-1])


def _is_trained(norm: Any) -> bool:
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    return bool(mean.any() or (variance != 1).any())


def _stored(norm: Any) -> tuple[np.ndarray, ...]:
    """Mean and deviation of what leaves a norm, and the unit; float32 (channels,).

    What enters it varies by its stored variance, to which the norm adds a little before it divides.
    """
    variance = np.asarray(norm.moving_variance, np.float64)
    unit = np.abs(np.asarray(norm.gamma, np.float64)) if norm.scale else np.ones_like(variance)
    mean = np.asarray(norm.beta, np.float64) if norm.center else np.zeros_like(variance)
    deviation = unit * np.sqrt(variance / (variance + norm.epsilon))
    unit = np.where(unit > FEEBLE * np.median(unit), unit, 0.0)
    return tuple(value.astype(np.float32) for value in (mean, deviation, unit))
