"""Natural statistics: what the channels of a network's layers are on natural pictures, on average.

A trained batch norm holds them: what enters it has the mean and variance that it has stored, so what leaves it has the
mean β and the deviation |γ|. Where a network has no such norms they are measured on photographs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.networks.folding import KERNELS, is_plain_norm, keras_kind
from nbfeatviz.networks.graph import Call
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.tap import Tap

AT_MOST = 24
"""At so many places the statistics are compared; where there are more, at places spread evenly."""
FEEBLE = 0.01
"""A channel whose deviation is below this share of its layer's median says nothing, and is left out."""


@dataclass(frozen=True, eq=False)
class NaturalStatistics:
    """Where a network is read, and what is found there on natural pictures.

    Attributes:
        taps: the places.
        values: per place three variables or arrays (channels,): mean, deviation, and the unit in which a distance from
            them is measured (0 for a channel that is left out).
        source: "batch norm", or what tells the pictures apart from others.
        whole: at how many places the whole network is read; fewer where an objective does not need them all.
    """

    taps: tuple[Tap, ...]
    values: tuple[tuple[Any, Any, Any], ...]
    source: str
    whole: int

    @property
    def key(self) -> tuple[Any, ...]:
        """What a compiled step depends on."""
        return (self.source, self.taps)


def statistics_of_norms(network: Network, targets: Sequence[int] | None = None) -> NaturalStatistics | None:
    """The statistics that trained batch norms hold; None where a network has none.

    They are variables that follow the network's weights (see `DerivedWeights`).

    Args:
        network: the network.
        targets: indices of calls: only norms that these need; None for all.
    """
    calls = [call for call in network.graph.calls if _is_place(call) and is_plain_norm(call)]
    norms = spread([call for call in calls if _is_trained(call.operation)])
    needed = set(network.graph.ancestors(targets)) if targets is not None else {call.index for call in norms}
    read = [call for call in norms if call.index in needed]
    if not read:
        return None
    values = tuple(network.derived.of(_stored, call.operation) for call in read)
    return NaturalStatistics(tuple(Tap(call.path) for call in read), values, "batch norm", len(norms))


def places(network: Network) -> tuple[Tap, ...]:
    """Where statistics of photographs are taken: at batch norms, else at convolutions, dense layers and merges."""
    calls = [call for call in network.graph.calls if _is_place(call)]
    norms = [call for call in calls if is_plain_norm(call)]
    linear = [call for call in calls if keras_kind(call.operation) in (*KERNELS, "EinsumDense", "Add")]
    chosen = spread(norms or linear or calls)
    return tuple(Tap(call.path, call not in norms) for call in chosen)


def units_of(deviation: np.ndarray) -> np.ndarray:
    """The units of distances where only the deviations on pictures are known: no channel counts much more than most."""
    return np.sqrt(np.square(deviation) + 0.06 * np.mean(np.square(deviation)))


def spread(calls: Sequence[Any]) -> list[Any]:
    """At most `AT_MOST` of some calls, evenly, the last among them."""
    if len(calls) <= AT_MOST:
        return list(calls)
    return [calls[round(place)] for place in np.linspace(0, len(calls) - 1, AT_MOST)]


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
