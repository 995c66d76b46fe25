"""UnitResponses: how much a picture raises its unit, and the other units of the layer, against photographs."""

from __future__ import annotations

import functools
import logging
import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.images import fitted
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel, Neuron
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.objectives import Objective

PHOTOGRAPHS = 48  # parts of photographs that a unit is compared with
FEWEST_PHOTOGRAPHS = 14  # for a first comparison: two parts of each bundled photograph
_LAYERS_KEPT = 16  # whose values on photographs are remembered

_log = logging.getLogger(__name__)
_lock = threading.Lock()  # of what is known, to which several runs of one network add
_known: weakref.WeakKeyDictionary[Network, dict[Any, list[np.ndarray]]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Rises:
    """What a picture does to all units of a layer.

    Attributes:
        layer: path of the layer.
        unit: the unit that was meant.
        values: (units,) of the picture: means over positions, or of a neuron's position.
        before: (units,) of the picture that it began with; where none was given, the mean over photographs.
        natural: (n, units) of parts of photographs.
    """

    layer: str
    unit: int
    values: np.ndarray
    before: np.ndarray
    natural: np.ndarray

    @property
    def rises(self) -> np.ndarray:
        """(units,): how far each unit rose, in its standard deviations among photographs; 0 for a constant one."""
        deviation = self.natural.std(axis=0)
        return (self.values - self.before) / np.where(deviation > 0, deviation, np.inf)

    @property
    def selectivity(self) -> float:
        """The unit's z-score among photographs minus that of the best other unit; NaN where there is no other."""
        if len(self.values) < 2:
            return float("nan")
        return quality.selectivity(self.values, self.natural, self.unit)

    @property
    def percentile(self) -> float:
        """The share of photographs that activate the unit less, in percent."""
        return quality.percentile_among(float(self.values[self.unit]), self.natural[:, self.unit])

    @property
    def higher(self) -> int:
        """How many other units rose more."""
        return int((np.delete(self.rises, self.unit) > self.rises[self.unit]).sum())

    def most(self, count: int = 3) -> list[tuple[int, float]]:
        """The other units that rose most, as (unit, rise)."""
        order = [int(unit) for unit in np.argsort(-self.rises, kind="stable") if unit != self.unit]
        return [(unit, float(self.rises[unit])) for unit in order[:count]]

    def __str__(self) -> str:
        others = ", ".join(f"{unit} ({rise:+.1f})" for unit, rise in self.most())
        return (
            f"unit {self.unit} of {self.layer!r} rose by {self.rises[self.unit]:.1f} standard deviations, "
            f"{self.higher} of {len(self.values) - 1} others more; most of them: {others or 'none'}; "
            f"selectivity {self.selectivity:.1f}, percentile {self.percentile:.0f}"
        )


class UnitResponses:
    """Follows a run, a little at a time: what its pictures do to all units of the layer of its unit.

    Args:
        network: network.
        objective: its first term says which unit of which layer, and for a neuron where.
        photos: files of the photographs to compare with, such as the paths of `nbfeatviz.samples`.
        start: the picture that the run began with; None for a rise from what photographs show.

    Raises:
        ValueError: the first term is about no single unit.
    """

    def __init__(
        self, network: Network, objective: Objective, photos: tuple[Path, ...], start: np.ndarray | None = None
    ) -> None:
        network.refresh()  # the user may have changed weights since something was last computed
        self._network, self._photos, self._start = network, photos, start
        self._tap, self._place, self._unit = _aim(network, objective)
        self._before: np.ndarray | None = None
        self._values: np.ndarray | None = None
        self._known_as = self._key
        self._natural = _remembered(network, self._known_as)

    @property
    def _key(self) -> Any:
        """What the values on photographs depend on, beside the network."""
        return self._network.version, self._tap, self._place, self._photos

    def follows(self, network: Network, objective: Objective) -> bool:
        """Aims at another unit; False, and nothing changes, where that takes others."""
        tap, place, unit = _aim(network, objective)
        if network is not self._network or (tap, place) != (self._tap, self._place) or self._key != self._known_as:
            return False
        self._unit = unit
        return True

    def look(self, picture: np.ndarray) -> None:
        """Measures a picture of the run."""
        if self._before is None and self._start is not None:
            self._before = self._measured(self._start)
        self._values = self._measured(picture)

    def gather(self) -> bool:
        """Measures one more part of a photograph; False when all have been."""
        count = len(self._natural)
        if count < PHOTOGRAPHS:
            contract = self._network.contract
            part = _parts(self._photos, contract.size, contract.channels)[count]
            values = self._measured(part.astype(np.float32) / 255)
            with _lock:
                if len(self._natural) == count:  # else another run was quicker
                    self._natural.append(values)
        return not self.complete

    @property
    def complete(self) -> bool:
        """Whether all photographs have been measured."""
        return len(self._natural) >= PHOTOGRAPHS

    @property
    def rises(self) -> Rises | None:
        """What the last picture does, in relation to the photographs measured so far.

        None before a picture was looked at, or while there are too few photographs.
        """
        if self._values is None or len(self._natural) < FEWEST_PHOTOGRAPHS:
            return None
        return _rises(self._tap, self._unit, self._values, self._before, np.stack(self._natural))

    def _measured(self, picture: np.ndarray) -> np.ndarray:
        return _units(self._network, self._tap, self._place, picture)


def compared(
    network: Network, objective: Objective, picture: np.ndarray, start: np.ndarray | None, photos: Sequence[np.ndarray]
) -> Rises:
    """What a picture does, at once; whole pictures in the place of parts of photographs."""
    network.refresh()
    tap, place, unit = _aim(network, objective)
    before = None if start is None else _units(network, tap, place, start)
    natural = np.stack([_units(network, tap, place, photo) for photo in photos])
    return _rises(tap, unit, _units(network, tap, place, picture), before, natural)


@functools.lru_cache(maxsize=4)
def natural_measures(photos: tuple[Path, ...], size: tuple[int, int], channels: int) -> quality.Measures:
    """The mean measures of photographs at a size: what those of a picture are set in relation to."""
    return quality.natural(photos, size, channels)


def _remembered(network: Network, key: Any) -> list[np.ndarray]:
    """The values on photographs that are known already, to be added to."""
    with _lock:
        known = _known.setdefault(network, {})
        known[key] = natural = known.pop(key, [])  # used last, dropped last
        while len(known) > _LAYERS_KEPT:
            known.pop(next(iter(known)))
        return natural


def _rises(tap: Tap, unit: int, values: np.ndarray, before: np.ndarray | None, natural: np.ndarray) -> Rises:
    return Rises(tap.path, unit, values, natural.mean(axis=0) if before is None else before, natural)


def _aim(network: Network, objective: Objective) -> tuple[Tap, tuple[int, int] | None, int]:
    """Where the first term reads the network, at which position if it is a neuron, and its unit."""
    term = objective.resolved(network).terms[0][1]
    if not isinstance(term, Channel | Neuron):
        name = str(objective.terms[0][1]).partition("(")[0]
        raise ValueError(f"{name} is about no single unit: give a channel, a neuron or a class_logit first.")
    place = None if isinstance(term, Channel) else (term.values[1], term.values[2])
    return term.tap, place, term.unit


def _units(network: Network, tap: Tap, place: tuple[int, int] | None, picture: np.ndarray) -> np.ndarray:
    """(units,) float64 of a picture at one tap: means over positions, or at one position (-1 for the centre)."""
    if network.fast:
        try:
            return _computed(network, tap, place, picture, fast=True)
        except Exception as error:  # perhaps only the quick way is at fault
            reason = error
        found = _computed(network, tap, place, picture, fast=False)
        network.fast = False
        _log.warning("%s is computed the plain way: the quick one failed (%s)", network.name, reason)
        return found
    return _computed(network, tap, place, picture, fast=False)


def _computed(
    network: Network, tap: Tap, place: tuple[int, int] | None, picture: np.ndarray, *, fast: bool
) -> np.ndarray:
    def made() -> Any:
        backbone = Backbone(network, [tap], fast=fast)  # what it holds must be there before the trace

        def values(seen: Any, position: Any) -> Any:
            activation = tf.cast(backbone(seen)[tap], tf.float32)[0]
            if place is None:
                axes = list(range(len(activation.shape) - 1))
                return tf.reduce_mean(activation, axis=axes) if axes else activation
            middle = tf.constant([activation.shape[0] // 2, activation.shape[1] // 2])
            return tf.gather_nd(activation, tf.where(position < 0, middle, position))

        return values

    compute = network.compiled(("rises", tap, place is None, fast), made, fixed=True)
    position = tf.constant(place or (-1, -1), tf.int32)
    seen = tf.constant(fitted(picture, network.contract.size)[None], tf.float32)
    return np.asarray(compute(seen, position), np.float64)


class _Parts:
    """Parts of photographs, uint8 (H, W, C), each made when it is first asked for; from any thread."""

    def __init__(self, photos: tuple[Path, ...], size: tuple[int, int], channels: int) -> None:
        self._coming = quality.crops(photos, PHOTOGRAPHS, size, channels=channels)
        self._made: list[np.ndarray] = []
        self._making = threading.Lock()

    def __getitem__(self, place: int) -> np.ndarray:
        with self._making:
            while len(self._made) <= place:
                self._made.append((np.clip(next(self._coming), 0, 1) * 255 + 0.5).astype(np.uint8))
            if len(self._made) == PHOTOGRAPHS:
                self._coming.close()  # it holds whole photographs
            return self._made[place]


@functools.lru_cache(maxsize=4)
def _parts(photos: tuple[Path, ...], size: tuple[int, int], channels: int) -> _Parts:
    return _Parts(photos, size, channels)
