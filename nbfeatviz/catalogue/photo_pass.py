"""One pass over photographs for all layers of a plan: exemplars, histograms, sparsity and similarity of every unit."""

from __future__ import annotations

import hashlib
import io
import logging
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.catalogue.photo_set import PhotoSet, Views
from nbfeatviz.catalogue.plan import PlannedLayer
from nbfeatviz.catalogue.store.pictures import encoded
from nbfeatviz.catalogue.store.records import FORMAT, DamagedError, Record
from nbfeatviz.catalogue.unit_statistics import SAMPLE, Seen, UnitStatistics
from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.receptive_field import receptive_field

BATCH = 16
_CHECKPOINT_SECONDS = 20.0
_LARGEST_ARRAYS = 2_000_000_000  # bytes, unpacked
_SKIPPED_NAMED = 200

_log = logging.getLogger(__name__)


class PhotoPass:
    """Goes over the photographs; call `step` until it returns False, then take `records`.

    Args:
        network: the network.
        layers: whose units are looked at.
        photos: the photographs.
        checkpoint: file in which what was found so far is kept, to go on from; None for none.
    """

    def __init__(
        self, network: Network, layers: Sequence[PlannedLayer], photos: PhotoSet, checkpoint: Path | None = None
    ) -> None:
        network.refresh()
        self.network, self.layers, self.photos, self._checkpoint = network, tuple(layers), photos, checkpoint
        self.owner = owner_of(photos, layers, network_hash(network))
        self._found = {one.path: UnitStatistics(one.units, (one.positions or (1, 1))[1]) for one in self.layers}
        self._sample = np.full((SAMPLE, 2), -1, np.int32)
        self._views = self.done = 0
        self.skipped: list[tuple[str, str]] = []
        self._kept_at = time.monotonic()
        self._resume()
        contract = network.contract
        self._coming: Iterator[Views] = photos.read(contract.size, contract.channels, self.done)
        self._compute = self._compiled()

    def step(self) -> bool:
        """Looks at the next few photographs; False when all have been looked at."""
        batch: list[Views] = []
        while sum(len(one.pictures) for one in batch) < BATCH:
            views = next(self._coming, None)
            if views is None:
                break
            batch.append(views)
            if len(views.pictures) > BATCH // 2:
                break
        for views in batch:
            if views.why is not None:
                self.skipped.append((self.photos.photos[views.place].name, views.why[:200]))
        self._look([views for views in batch if len(views.pictures)])
        self.done += len(batch)
        if self._checkpoint is not None and batch and time.monotonic() - self._kept_at > _CHECKPOINT_SECONDS:
            self._keep()
        return bool(batch)

    def close(self) -> None:
        """Ends what reads ahead."""
        getattr(self._coming, "close", lambda: None)()

    def _look(self, batch: list[Views]) -> None:
        if not batch:
            return
        pictures = np.concatenate([views.pictures for views in batch])
        filled = np.zeros((max(BATCH, len(pictures)), *pictures.shape[1:]), np.float32)
        filled[: len(pictures)] = pictures
        found = [[np.nan_to_num(np.asarray(one)) for one in layer] for layer in self._compute(tf.constant(filled))]
        begin = 0
        for views in batch:
            end = begin + len(views.pictures)
            slots = np.array([self._slot(views.place, view) for view in range(len(views.pictures))])
            for layer, arrays in zip(self.layers, found, strict=True):
                self._found[layer.path].add(Seen(*(one[begin:end] for one in arrays)), views.place, slots)
            begin = end

    def _slot(self, photo: int, view: int) -> int:
        """The next view's place in the sample (Vitter's algorithm R); -1 for none."""
        count = self._views
        self._views += 1
        slot = count if count < SAMPLE else int(np.random.default_rng((1, count)).integers(0, count + 1))
        if slot >= SAMPLE:
            return -1
        self._sample[slot] = photo, view
        return slot

    def _compiled(self) -> Callable[[Any], Any]:
        taps = [self.network.unit_tap(layer.path) for layer in self.layers]
        backbone = Backbone(self.network, taps)

        def measured(pictures: Any) -> Any:
            values = backbone(pictures)
            return [_measured(tf.cast(values[tap], tf.float32)) for tap in taps]

        key = ("photo pass", tuple(taps))
        found: Callable[[Any], Any] = self.network.compiled(key, lambda: measured)
        return found

    def records(self) -> Iterator[Record]:
        """What was found, when all photographs have been looked at: layers, the photographs named in them, the set.

        Raises:
            ValueError: not one of the photographs could be read.
        """
        if not self._views:
            name, why = self.skipped[0]
            raise ValueError(f"none of the {len(self.photos)} photographs could be read; the first, {name!r}: {why}")
        count = min(self._views, SAMPLE)
        named: set[tuple[int, int]] = set()
        for layer in self.layers:
            statistics = self._found[layer.path]
            arrays = statistics.summary(self._views, self._sample[:count])
            for which in ("strongest", "middle", "weakest"):
                there = arrays[f"{which} photos"] >= 0
                pairs = np.stack([arrays[f"{which} photos"][there], arrays[f"{which} views"][there]], 1)
                named.update(map(tuple, np.unique(pairs, axis=0).tolist()))
            arrays["boxes"] = self._boxes(layer)
            yield Record("exemplars", self.owner, layer.path, data=as_bytes(arrays))
            yield Record("vectors", self.owner, layer.path, data=as_bytes({"vectors": statistics.vectors(count)}))
        size, channels = self.network.contract.size, self.network.contract.channels
        for place in sorted({photo for photo, _ in named}):
            views = self.photos.views(place, size, channels)
            for view, picture in enumerate(views.pictures):
                if (place, view) in named:
                    facts = {"name": self.photos.photos[place].name, "box": list(views.boxes[view])}
                    yield Record("photo", self.owner, "", place, view, facts=facts, data=encoded(picture))
        about: dict[str, Any] = {
            "folder": None if self.photos.folder is None else str(self.photos.folder.absolute()),
            "photos": len(self.photos), "views": self._views, "size": list(size), "channels": channels,
            "skipped": self.skipped[:_SKIPPED_NAMED],
        }  # fmt: skip
        yield Record("photos", self.owner, facts=about)

    def _boxes(self, layer: PlannedLayer) -> np.ndarray:
        """(rows * columns, 4) int16: what each position of a layer sees of a view, in pixels; without any, all."""
        if layer.positions is None:
            return np.array([(0, 0, *self.network.contract.size)], np.int16)
        field = receptive_field(self.network, layer.path)
        rows, columns = layer.positions
        return np.array([field.box(row, col) for row in range(rows) for col in range(columns)], np.int16)

    def _keep(self) -> None:
        """Keeps what was found so far; where that cannot be written, an interruption costs more."""
        assert self._checkpoint is not None
        arrays = {"sample": self._sample, "counts": np.array([self._views, self.done]),
                  "skipped": np.array([part for pair in self.skipped for part in pair], np.str_)}  # fmt: skip
        for place, layer in enumerate(self.layers):
            arrays |= {f"{place} {name}": array for name, array in self._found[layer.path].state().items()}
        new = self._checkpoint.with_name(f".{self._checkpoint.name}.new")
        try:
            new.write_bytes(as_bytes(arrays))
            new.replace(self._checkpoint)
        except OSError as error:
            _log.info("%s cannot be written: %s", self._checkpoint, error)
            new.unlink(missing_ok=True)
        self._kept_at = time.monotonic()

    def _resume(self) -> None:
        if self._checkpoint is None or not self._checkpoint.is_file():
            return
        try:
            arrays = from_bytes(self._checkpoint.read_bytes())
            for place, layer in enumerate(self.layers):
                prefix = f"{place} "
                own = {name.removeprefix(prefix): one for name, one in arrays.items() if name.startswith(prefix)}
                self._found[layer.path].restore(own)
            self._sample, (self._views, self.done) = np.array(arrays["sample"]), map(int, arrays["counts"])
            words = [str(word) for word in arrays["skipped"]]
            self.skipped = list(zip(words[::2], words[1::2], strict=True))
        except (OSError, KeyError, ValueError) as error:
            _log.info("%s is of no use (%s): the photographs are looked at from the first", self._checkpoint, error)
            self._found = {one.path: UnitStatistics(one.units, (one.positions or (1, 1))[1]) for one in self.layers}
            self._views = self.done = 0


def _measured(values: Any) -> tuple[Any, ...]:
    """A layer's values (n, ..., units) as the arrays of `Seen`."""
    flat = tf.reshape(values, [values.shape[0], -1, values.shape[-1]])
    return (
        tf.reduce_mean(flat, 1), tf.reduce_max(flat, 1), tf.reduce_min(flat, 1),
        tf.argmax(flat, 1, tf.int32), tf.argmin(flat, 1, tf.int32),
        tf.reduce_mean(tf.abs(flat), 1), tf.reduce_mean(tf.square(flat), 1),
    )  # fmt: skip


def owner_of(photos: PhotoSet, layers: Sequence[PlannedLayer], network: str) -> str:
    """A digest of photographs and of what is looked at."""
    facts = (FORMAT, "boxes", photos.digest, network, [(layer.path, layer.units, layer.positions) for layer in layers])
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def as_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as bytes, without anything pickled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
    return buffer.getvalue()


def from_bytes(data: bytes) -> dict[str, np.ndarray]:
    """The arrays that some bytes are.

    Raises:
        DamagedError: they are none, or would be too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_ARRAYS:
                raise ValueError("they are too large")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # zip, NumPy and zlib each have their own
        raise DamagedError(f"arrays of the catalogue cannot be read: {error}") from None
