"""What photographs do to a unit: those that excite it most, least and middling, and how often it answers how much."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from nbfeatviz import samples
from nbfeatviz.catalogue.photo_pass import from_bytes
from nbfeatviz.catalogue.store.pictures import decoded
from nbfeatviz.catalogue.store.records import DamagedError, Record

_LAYERS_KEPT = 4
KINDS = ("strongest", "middle", "weakest")


@dataclass(frozen=True, eq=False)
class Exemplar:
    """A patch of a photograph.

    Attributes:
        photo: name of the file, below the folder of photographs.
        path: the file, where it still is; None for another machine.
        value: of the unit at that position.
        position: (row, col) in the layer; None for a layer without positions.
        place: (photograph, view) in the catalogue.
        view_box: the part of the photograph that the network saw, (top, left, bottom, right) in fractions of it.
        box: the part of that view that the unit sees, (top, left, bottom, right) in pixels of the view: the receptive
            field of `position`.
        webp: that part, at the network's size.
        channels: of it.
    """

    photo: str
    path: Path | None
    value: float
    position: tuple[int, int] | None
    place: tuple[int, int]
    view_box: tuple[float, float, float, float]
    box: tuple[int, int, int, int]
    webp: bytes = field(repr=False)
    channels: int = 3

    @property
    def view(self) -> np.ndarray:
        """float32 (H, W, C) in 0..1: what the network saw of the photograph."""
        return decoded(self.webp, self.channels)

    @property
    def patch(self) -> np.ndarray:
        """float32 (h, w, C) in 0..1: the part of `view` that the unit sees."""
        top, left, bottom, right = self.box
        return self.view[top:bottom, left:right]


@dataclass(frozen=True, eq=False)
class Activations:
    """How a unit answers photographs: its means over positions, one a view.

    Attributes:
        counts: (48,) views in equal parts of the range.
        edges: (49,) of these parts.
        mean: of all.
        deviation: standard deviation.
        sparsity: Treves and Rolls's, 0 to 1, over all positions; NaN for a unit that is always 0.
        views: how many were looked at.
    """

    counts: np.ndarray
    edges: np.ndarray
    mean: float
    deviation: float
    sparsity: float
    views: int


@dataclass(frozen=True, eq=False)
class Exemplars:
    """The photographs of a unit, the most telling first.

    Attributes:
        strongest: at which it is excited most.
        middle: at which its largest value is its usual one.
        weakest: at which it is lowest.
    """

    strongest: tuple[Exemplar, ...]
    middle: tuple[Exemplar, ...]
    weakest: tuple[Exemplar, ...]


class Records(Protocol):
    """A store, or what is held in memory."""

    def get(self, kind: str, owner: str, layer: str = "", unit: int = -1, seed: int = -1) -> Record | None:
        """A record by its name; None where there is none."""


class ExemplarReader:
    """Reads what a pass over photographs left in a store; from any thread.

    Args:
        store: the store.
        owner: of the pass.
    """

    def __init__(self, store: Records, owner: str) -> None:
        self._store, self.owner = store, owner
        found = store.get("photos", owner)
        self.facts: Mapping[str, Any] = {} if found is None else found.facts
        self._lock = threading.Lock()
        self._layers: OrderedDict[str, dict[str, np.ndarray] | None] = OrderedDict()

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(name, why) of photographs that could not be read."""
        return tuple((str(name), str(why)) for name, why in self.facts.get("skipped", []))

    def layer(self, path: str) -> dict[str, np.ndarray] | None:
        """All arrays of a layer; None where it was not looked at."""
        with self._lock:
            if path not in self._layers:
                record = self._store.get("exemplars", self.owner, path)
                self._layers[path] = None if record is None else from_bytes(record.data)
                while len(self._layers) > _LAYERS_KEPT:
                    self._layers.popitem(last=False)
            self._layers.move_to_end(path)
            return self._layers[path]

    def vectors(self, path: str) -> np.ndarray | None:
        """(units, views) float16 of length 1: what units do on photographs; None where it was not looked at."""
        record = self._store.get("vectors", self.owner, path)
        return None if record is None else from_bytes(record.data)["vectors"]

    def activations(self, path: str, unit: int) -> Activations | None:
        """How a unit answers photographs."""
        arrays = self.layer(path)
        if arrays is None:
            return None
        with _sound(path):
            low, high = map(float, arrays["ends"][unit])
            return Activations(
                arrays["counts"][unit], np.linspace(low, high, len(arrays["counts"][unit]) + 1),
                float(arrays["mean"][unit]), float(arrays["deviation"][unit]), float(arrays["sparsity"][unit]),
                int(self.facts.get("views", 0)),
            )  # fmt: skip

    def exemplars(self, path: str, unit: int, positions: bool) -> Exemplars | None:
        """The photographs of a unit; `positions` tells whether its layer has any."""
        arrays = self.layer(path)
        if arrays is None:
            return None
        with _sound(path):
            return Exemplars(*(self._some(arrays, kind, unit, positions) for kind in KINDS))

    def _some(self, arrays: dict[str, np.ndarray], kind: str, unit: int, positions: bool) -> tuple[Exemplar, ...]:
        columns, boxes = max(1, int(arrays["columns"])), arrays["boxes"]
        found = []
        for value, photo, view, place in zip(
            *(arrays[f"{kind} {name}"][unit] for name in ("values", "photos", "views", "places")), strict=True
        ):
            record = self._store.get("photo", self.owner, "", int(photo), int(view)) if photo >= 0 else None
            if record is None or not np.isfinite(value):
                continue
            name = str(record.facts["name"])
            top, left, bottom, right = map(float, record.facts["box"])
            position = divmod(int(place), columns) if positions else None
            first, second, third, fourth = map(int, boxes[int(place) if positions else 0])
            found.append(
                Exemplar(name, self._path(name), float(value), position, (int(photo), int(view)),
                         (top, left, bottom, right), (first, second, third, fourth), record.data,
                         int(self.facts.get("channels", 3)))
            )  # fmt: skip
        return tuple(found)

    def _path(self, name: str) -> Path | None:
        """The file of a photograph; a name that leads out of its folder is not followed."""
        folder, inside = self.facts.get("folder"), PurePosixPath(name)
        if folder is None:
            return samples.get(name).path if name in samples.names() else None
        if not isinstance(folder, str) or inside.is_absolute() or ".." in inside.parts or os.sep not in folder:
            return None
        path = Path(folder) / inside
        return path if path.is_file() else None


class _sound:  # noqa: N801 - reads as a statement
    """Turns what damaged arrays raise into a sentence."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError | IndexError | TypeError) or (
            isinstance(error, ValueError) and not isinstance(error, DamagedError)
        ):
            raise DamagedError(f"what the catalogue says of {self._path!r} is damaged: build it again.") from error
