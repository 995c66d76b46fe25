"""Responses: what all units of some layers do on pictures, and on photographs position by position, for trust."""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.suggested_layers import suggested_layers

BATCH = 16
EVIDENCE_LAYERS = 14  # of a network, from the picture to the head
_GRID_VALUES = 6_144  # of one layer and photograph: layers with many units are kept on a coarser grid
_BYTES = 256_000_000  # of photographs that are kept

_log = logging.getLogger(__name__)
Key = tuple[int, int]
"""(photograph, view) in the catalogue."""


@dataclass(frozen=True, eq=False)
class View:
    """What a network does on one view of a photograph.

    Attributes:
        means: by layer (units,) over positions.
        high, high_at: by layer (units,) the largest value, and its position, row * columns + column.
        grids: by layer of the evidence (rows, columns, units): means over the parts of a grid.
    """

    means: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    high_at: dict[str, np.ndarray]
    grids: dict[str, np.ndarray]

    def at(self, path: str, place: tuple[float, float] | None) -> np.ndarray:
        """(units,) of a layer of the evidence near a place, (row, col) in fractions of the view; None for all of it."""
        if place is None:
            return self.means[path]
        grid = self.grids[path]
        row, col = (min(int(part * length), length - 1) for part, length in zip(place, grid.shape, strict=False))
        found: np.ndarray = grid[row, col]
        return found


class Responses:
    """Of one network.

    Args:
        network: the network.
        paths: layers whose units are looked at.
        photos: gives a view as the catalogue has it, float32 (H, W, C).
    """

    def __init__(self, network: Network, paths: Sequence[str], photos: Callable[[Key], np.ndarray]) -> None:
        network.refresh()
        self.network, self.paths, self._photos = network, tuple(paths), photos
        self.evidence = evidence_layers(network)
        self._all = tuple(dict.fromkeys([*self.paths, *self.evidence]))
        self._taps = {path: network.unit_tap(path) for path in self._all}
        self._views: OrderedDict[Key, View] = OrderedDict()
        self._refused: set[tuple[int, int]] = set()

    def pictures(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """By layer (n, units): the means over positions for pictures (n, H, W, C) of one size.

        They are taken as they are where the network computes pictures of that size: made larger they would show a unit
        what it likes at a scale that it does not like. Otherwise they are fitted to its own size.
        """
        given = np.stack([as_picture(one, self.network.contract.channels) for one in pictures])
        own, size = self.network.contract.size, (given.shape[1], given.shape[2])
        if size != own and size not in self._refused:
            try:
                return self._means(given)
            except Exception as error:  # what a layer raises at another size is its own business
                _log.info("%s does not take pictures of %s: %s", self.network.name, size, error)
                self._refused.add(size)
        return self._means(np.stack([fitted(one, own) for one in given]))

    def _means(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        parts = [self._computed(part, False)[0][: len(part)] for part in _parts(pictures)]
        return self._by_path(np.concatenate(parts), self._all)

    def views(self, keys: Sequence[Key]) -> list[View]:
        """What the network does on some views; those that were asked for last are kept."""
        found = {key: self._views[key] for key in keys if key in self._views}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        for first in range(0, len(missing), BATCH):
            some = missing[first : first + BATCH]
            for key, view in zip(some, self._looked(some), strict=True):
                found[key] = self._views[key] = view
        for key in found:
            self._views.move_to_end(key)
        while len(self._views) > max(1, _BYTES // self.view_bytes):
            self._views.popitem(last=False)
        return [found[key] for key in keys]

    @property
    def view_bytes(self) -> int:
        """About how much is kept of a view."""
        units = sum(self.network.layers[path].units for path in self._all)
        return 12 * units + 4 * _GRID_VALUES * len(self.evidence)

    def _looked(self, keys: Sequence[Key]) -> list[View]:
        channels, size = self.network.contract.channels, self.network.contract.size
        pictures = np.stack([fitted(as_picture(self._photos(key), channels), size) for key in keys])
        means, high, high_at, *grids = self._computed(pictures, True)
        found = []
        for row in range(len(keys)):
            own = slice(row, row + 1)
            by_path = [
                {path: one[0] for path, one in self._by_path(array[own], paths).items()}
                for array, paths in ((means, self._all), (high, self.paths), (high_at, self.paths))
            ]
            maps = {path: np.array(grid[row]) for path, grid in zip(self.evidence, grids, strict=True)}
            found.append(View(by_path[0], by_path[1], by_path[2], maps))
        return found

    def _by_path(self, values: np.ndarray, paths: Sequence[str]) -> dict[str, np.ndarray]:
        found, begin = {}, 0
        for path in paths:
            end = begin + self.network.layers[path].units
            found[path], begin = np.array(values[:, begin:end]), end
        return found

    def _computed(self, pictures: np.ndarray, positions: bool) -> list[np.ndarray]:
        """Means, and with `positions` also largest values, their positions and grids."""
        filled = np.zeros((BATCH, *pictures.shape[1:]), np.float32)
        filled[: len(pictures)] = pictures
        if self.network.fast:
            try:
                return self._run(filled, positions, fast=True)
            except Exception as error:  # perhaps only the quick way is at fault
                reason = error
            found = self._run(filled, positions, fast=False)
            _log.warning("%s is computed the plain way: the quick one failed (%s)", self.network.name, reason)
            self.network.fast = False
            return found
        return self._run(filled, positions, fast=False)

    def _run(self, pictures: np.ndarray, positions: bool, *, fast: bool) -> list[np.ndarray]:
        taps = tuple(self._taps.values())
        key = ("trust", taps, len(self.paths), pictures.shape, positions, fast)
        compute = self.network.compiled(key, lambda: self._function(positions, fast))
        return [np.nan_to_num(np.asarray(one)) for one in compute(tf.constant(pictures))]

    def _function(self, positions: bool, fast: bool) -> Callable[[Any], list[Any]]:
        backbone = Backbone(self.network, list(self._taps.values()), fast=fast)

        def measured(pictures: Any) -> list[Any]:
            values = backbone(pictures)
            maps = {path: _as_map(tf.cast(values[tap], tf.float32)) for path, tap in self._taps.items()}
            found = [tf.concat([tf.reduce_mean(one, [1, 2]) for one in maps.values()], 1)]
            if positions:
                flat = [tf.reshape(maps[path], [BATCH, -1, maps[path].shape[-1]]) for path in self.paths]
                found += [
                    tf.concat([tf.reduce_max(one, 1) for one in flat] or [tf.zeros((BATCH, 0))], 1),
                    tf.concat([tf.argmax(one, 1, tf.int32) for one in flat] or [tf.zeros((BATCH, 0), tf.int32)], 1),
                    *(_on_grid(maps[path]) for path in self.evidence),
                ]
            return found

        return measured


def evidence_layers(network: Network) -> tuple[str, ...]:
    """At most 14 of the layers at which a block ends, evenly spaced, in order; the head is the last."""
    paths = [path for path in suggested_layers(network) if len(network.layers[path].output_shape or ()) in (1, 2, 3)]
    return tuple(spaced(paths, EVIDENCE_LAYERS))


def spaced(values: Sequence[Any], count: int) -> list[Any]:
    """At most so many of some values, evenly spaced, the first and the last among them."""
    if len(values) <= count:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, count)]


def _parts(pictures: np.ndarray) -> Iterable[np.ndarray]:
    return (pictures[first : first + BATCH] for first in range(0, len(pictures), BATCH))


def _as_map(values: Any) -> Any:
    """A layer's values (n, ..., units) as (n, rows, columns, units)."""
    shape = values.shape
    return (
        values if len(shape) == 4 else tf.reshape(values, [shape[0], shape[1] if len(shape) > 2 else 1, -1, shape[-1]])
    )


def _on_grid(values: Any) -> Any:
    """The means of a map (n, rows, columns, units) over the parts of a grid that is small enough to be kept."""
    side = max(1, math.isqrt(_GRID_VALUES // values.shape[-1]))
    rows, columns = (_pooling(length, min(length, side)) for length in values.shape[1:3])
    return tf.einsum("ar,bc,nrcu->nabu", tf.constant(rows), tf.constant(columns), values)


def _pooling(length: int, parts: int) -> np.ndarray:
    """(parts, length): which positions each part is the mean of."""
    found = np.zeros((parts, length), np.float32)
    for part in range(parts):
        found[part, part * length // parts : math.ceil((part + 1) * length / parts)] = 1
    return found / found.sum(axis=1, keepdims=True)
