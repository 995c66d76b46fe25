"""Partial: what a method knows so far, and how a run of them ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

# Forward and backward: 8 pictures of 224×224, the fewest that cost no more each than in larger batches (3 cost a fifth
# to a half more, measured on EfficientNet-Lite0). Forward alone takes twice as many in the same time.
_PIXELS_AT_ONCE = 8 * 224 * 224


@dataclass(frozen=True, eq=False)
class Partial:
    """One piece of progress of a method.

    Attributes:
        done: passes done so far.
        total: passes in all.
        map: the attribution so far, float32 (H, W, C) or (H, W); the last one's is the result.
        empty: of the last one, why it says nothing, in a sentence; None where it says something.
    """

    done: int
    total: int
    map: np.ndarray
    empty: str | None = None


def finished(steps: Iterator[Partial]) -> np.ndarray:
    """The map of the last piece."""
    return last(steps).map


def last(steps: Iterator[Partial]) -> Partial:
    """The last piece."""
    pieces = deque(steps, maxlen=1)
    if not pieces:
        raise RuntimeError("a method gave no piece at all.")  # no method does: each has at least one pass
    return pieces[0]


def pieces(total: int, picture: np.ndarray, *, forward_only: bool = False) -> Iterator[slice]:
    """Cuts `total` passes over a picture into batches that a person hardly notices as waiting (0.1 to 0.2 s).

    They depend on the picture's size alone, so that two runs add up in the same order.
    """
    pixels = _PIXELS_AT_ONCE * (2 if forward_only else 1)
    size = min(64, max(1, pixels // (picture.shape[0] * picture.shape[1])))
    return (slice(start, min(start + size, total)) for start in range(0, total, size))


def resized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A map (h, w) stretched over (height, width), bilinear: float32."""
    image = Image.fromarray(np.ascontiguousarray(maps, np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
