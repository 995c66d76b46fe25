"""The photographs in which exemplars are looked for: a folder of the user's, or those that come with the package."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.images import ENDINGS, as_picture, crop_box, fitted

VIEWS_OF_BUNDLED = 12
"""So many parts of each bundled photograph are looked at, as there are few."""

Box = tuple[float, float, float, float]
"""(top, left, bottom, right) in fractions of a photograph."""


@dataclass(frozen=True)
class Photo:
    """One file.

    Attributes:
        name: its path below the folder, with "/" between; of a bundled one its name.
        path: the file.
    """

    name: str
    path: Path


@dataclass(frozen=True, eq=False)
class Views:
    """What the network is shown of a photograph.

    Attributes:
        place: of the photograph in the set.
        pictures: float32 (n, H, W, C) in 0..1, of the network's size.
        boxes: the part of the photograph that each is.
        why: what is wrong with the file; then there are no pictures.
    """

    place: int
    pictures: np.ndarray
    boxes: tuple[Box, ...]
    why: str | None = None


class PhotoSet:
    """Photographs in a fixed order.

    Args:
        source: a folder, looked through with those in it; None for the bundled photographs.

    Raises:
        ValueError: there is no such folder, or no photograph in it.
        TypeError: it is no path.
    """

    def __init__(self, source: Any = None) -> None:
        self.folder: Path | None = None
        if source is None:
            self.photos = tuple(Photo(one.name, one.path) for one in samples.ALL)
            return
        if not isinstance(source, str | os.PathLike):
            raise TypeError(f"photos is a folder, None (the bundled ones) or False (none), not {source!r}.")
        self.folder = Path(source)
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {str(source)!r}: give a folder of photographs.")
        files = sorted(path for path in self.folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
        if not files:
            raise ValueError(f"the folder {str(source)!r} has no photographs (JPEG, PNG, WebP, ...).")
        self.photos = tuple(Photo(path.relative_to(self.folder).as_posix(), path) for path in files)

    def __len__(self) -> int:
        return len(self.photos)

    @property
    def digest(self) -> str:
        """16 hexadecimal digits of the names, lengths and times of all files."""
        made = hashlib.sha256()
        for photo in self.photos:
            found = photo.path.stat() if photo.path.exists() else None
            facts = (found.st_size, found.st_mtime_ns) if found is not None and self.folder is not None else ()
            made.update(repr((photo.name, facts)).encode())
        return made.hexdigest()[:16]

    def views(self, place: int, size: tuple[int, int], channels: int) -> Views:
        """What a network of a size is shown of a photograph: all that fits; of a bundled one parts of it too."""
        try:
            picture = as_picture(self.photos[place].path, channels)
        except (ValueError, TypeError, OSError, MemoryError) as error:
            return Views(place, np.zeros((0, *size, channels), np.float32), (), str(error))
        boxes = [crop_box(picture.shape, size)]
        if self.folder is None:
            boxes += parts(picture.shape[:2], VIEWS_OF_BUNDLED - 1, seed=place)
        whole = fitted(picture, size)  # as the network sees a photo anywhere else
        pictures = np.stack([whole, *(self.view(picture, box, size) for box in boxes[1:])]).astype(np.float32)
        return Views(place, pictures, tuple(boxes))

    @staticmethod
    def view(picture: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
        """A part of a photograph at a size."""
        rows, columns = picture.shape[:2]
        top, left = round(box[0] * rows), round(box[1] * columns)
        bottom, right = max(top + 1, round(box[2] * rows)), max(left + 1, round(box[3] * columns))
        return fitted(picture[top:bottom, left:right], size)

    def read(self, size: tuple[int, int], channels: int, first: int = 0, threads: int = 2) -> Iterator[Views]:
        """The views of all photographs from one on, read ahead by threads, a few at a time."""
        with ThreadPoolExecutor(threads, thread_name_prefix="nbfeatviz-photos") as pool:
            coming: list[Future[Views]] = []
            places = iter(range(first, len(self)))
            try:
                for place in places:
                    coming.append(pool.submit(self.views, place, size, channels))
                    if len(coming) > 16 * threads:
                        yield coming.pop(0).result()
                while coming:
                    yield coming.pop(0).result()
            finally:
                for future in coming:
                    future.cancel()


def parts(shape: tuple[int, int], count: int, seed: int) -> list[Box]:
    """Random squares of a photograph, from a third of its shorter side to all of it, in fractions."""
    random = np.random.default_rng(seed)
    rows, columns = shape
    found = []
    for _ in range(count):
        side = int(random.integers(max(1, min(shape) // 3), min(shape) + 1))
        top, left = int(random.integers(0, rows - side + 1)), int(random.integers(0, columns - side + 1))
        found.append((top / rows, left / columns, (top + side) / rows, (left + side) / columns))
    return found
