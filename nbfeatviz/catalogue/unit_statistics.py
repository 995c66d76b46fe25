"""What the units of a layer do on photographs, gathered batch by batch in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

KEPT = 9
"""Photographs of each kind that are kept for a unit."""
SAMPLE = 512
"""Views of which every unit's values are kept: all of them, or as many drawn at random."""
BINS = 48


@dataclass(frozen=True, eq=False)
class Seen:
    """What the units of a layer do on some views; arrays (n, units).

    Attributes:
        mean: over positions.
        high, low: the largest and smallest value of any position.
        high_at, low_at: these positions, row * columns + column.
        absolute, square: the means of |a| and a² over positions.
    """

    mean: np.ndarray
    high: np.ndarray
    low: np.ndarray
    high_at: np.ndarray
    low_at: np.ndarray
    absolute: np.ndarray
    square: np.ndarray


class Ranking:
    """For each unit the photographs at which a value is largest, one entry a photograph."""

    def __init__(self, units: int, kept: int = KEPT) -> None:
        self.values = np.full((units, kept), -np.inf, np.float32)
        self.photos = np.full((units, kept), -1, np.int32)
        self.views = np.zeros((units, kept), np.int16)
        self.places = np.zeros((units, kept), np.int32)

    def add(self, values: np.ndarray, places: np.ndarray, photo: int) -> None:
        """Takes the views of one photograph: values and positions (n, units)."""
        view = values.argmax(axis=0)
        units = np.arange(values.shape[1])
        best = values[view, units]
        better = best > self.values[:, -1]
        if not better.any():
            return
        rows = units[better]
        put = (self.values[rows] >= best[better, None]).sum(axis=1)  # those before it stay before it
        for name, new in (("values", best), ("photos", np.full(len(units), photo)), ("views", view),
                          ("places", places[view, units])):  # fmt: skip
            array = getattr(self, name)
            shifted = array[rows]
            columns = np.arange(array.shape[1])
            moved = np.where(columns > put[:, None], np.roll(shifted, 1, axis=1), shifted)
            array[rows] = np.where(columns == put[:, None], new[better, None], moved)


class UnitStatistics:
    """Of one layer.

    Args:
        units: how many it has.
        columns: of its positions.
    """

    def __init__(self, units: int, columns: int) -> None:
        self.units, self.columns = units, columns
        self.strongest, self.weakest = Ranking(units), Ranking(units)
        self.mean, self.high = (np.zeros((SAMPLE, units), np.float32) for _ in range(2))
        self.high_at = np.zeros((SAMPLE, units), np.int32)
        self.absolute, self.square = np.zeros(units), np.zeros(units)

    def add(self, seen: Seen, photo: int, slots: np.ndarray) -> None:
        """Takes the views of one photograph.

        Args:
            seen: what the units do on them.
            photo: its place.
            slots: for each view its place in the sample, -1 for none.
        """
        self.strongest.add(seen.high, seen.high_at, photo)
        self.weakest.add(-seen.low, seen.low_at, photo)
        inside = slots >= 0
        self.mean[slots[inside]] = seen.mean[inside]
        self.high[slots[inside]] = seen.high[inside]
        self.high_at[slots[inside]] = seen.high_at[inside]
        self.absolute += seen.absolute.sum(axis=0, dtype=np.float64)
        self.square += seen.square.sum(axis=0, dtype=np.float64)

    def summary(self, views: int, sample: np.ndarray) -> dict[str, np.ndarray]:
        """All that is kept of it, as arrays.

        Args:
            views: how many were seen.
            sample: (n, 2) photograph and view of each in the sample.
        """
        count = len(sample)
        mean = self.mean[:count]
        low_end, high_end = mean.min(axis=0), mean.max(axis=0)
        middle = self._middle(sample)
        return {
            **_named("strongest", self.strongest, 1), **_named("weakest", self.weakest, -1), **middle,
            "columns": np.array(self.columns, np.int32),
            "ends": np.stack([low_end, high_end], axis=1).astype(np.float32),
            "counts": _counted(mean, low_end, high_end),
            "mean": mean.mean(axis=0, dtype=np.float64).astype(np.float32),
            "deviation": mean.std(axis=0, dtype=np.float64).astype(np.float32),
            "sparsity": sparsity(self.absolute / views, self.square / views).astype(np.float32),
        }  # fmt: skip

    def vectors(self, count: int) -> np.ndarray:
        """(units, count) float16 of length 1: each unit's largest values on the sampled views, less their mean."""
        values = self.high[:count].T.astype(np.float64)
        values -= values.mean(axis=1, keepdims=True)
        length = np.linalg.norm(values, axis=1, keepdims=True)
        return (values / np.where(length > 0, length, 1)).astype(np.float16)

    def _middle(self, sample: np.ndarray) -> dict[str, np.ndarray]:
        """Of the sample those whose largest value is nearest to the median; one a photograph."""
        high = self.high[: len(sample)]
        distance = np.abs(high - np.median(high, axis=0))
        ranking = Ranking(self.units)
        for photo in dict.fromkeys(sample[:, 0].tolist()):
            rows = np.flatnonzero(sample[:, 0] == photo)
            ranking.add(-distance[rows], rows[:, None].repeat(self.units, 1), photo)
        at, units = ranking.places, np.arange(self.units).reshape(-1, 1)
        ranking.values = np.where(ranking.photos >= 0, high[at, units], -np.inf).astype(np.float32)
        ranking.places = self.high_at[at, units]
        ranking.views = sample[at, 1].astype(np.int16)
        return _named("middle", ranking, 1)

    def state(self) -> dict[str, np.ndarray]:
        """Everything as arrays, to go on from."""
        own = {name: getattr(self, name) for name in ("mean", "high", "high_at", "absolute", "square")}
        ranked = {
            f"{which} {name}": getattr(getattr(self, which), name)
            for which in ("strongest", "weakest")
            for name in ("values", "photos", "views", "places")
        }
        return own | ranked

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes what `state` gave (ValueError where it does not fit)."""
        for key, now in self.state().items():
            given = state[key]
            if given.shape != now.shape or given.dtype != now.dtype:
                raise ValueError(f"{key} is {given.dtype} {given.shape}, not {now.dtype} {now.shape}")
        for key in self.state():
            which, _, name = key.rpartition(" ")
            setattr(getattr(self, which) if which else self, name, np.array(state[key]))


def sparsity(absolute: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Treves and Rolls's sparseness of a unit's values a, 1 - mean(|a|)² / mean(a²): 0 for all alike, to 1.

    Vinje and Gallant, "Sparse Coding and Decorrelation in Primary Visual Cortex", Science 2000. NaN for a unit that is
    always 0.
    """
    return 1 - np.divide(absolute**2, square, out=np.full(np.shape(square), np.nan), where=np.asarray(square) > 0)


def _named(which: str, ranking: Ranking, sign: int) -> dict[str, Any]:
    return {
        f"{which} values": (sign * ranking.values).astype(np.float32), f"{which} photos": ranking.photos,
        f"{which} views": ranking.views, f"{which} places": ranking.places,
    }  # fmt: skip


def _counted(mean: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(units, BINS) of how many views lie in which part of each unit's range."""
    width = np.where(high > low, high - low, 1)
    bins = np.minimum(((mean - low) / width * BINS).astype(int), BINS - 1)
    flat = bins + np.arange(mean.shape[1]) * BINS
    return np.bincount(flat.ravel(), minlength=mean.shape[1] * BINS).reshape(-1, BINS).astype(np.int32)
