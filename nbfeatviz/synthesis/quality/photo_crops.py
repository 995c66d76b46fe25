"""Random parts of photographs: what a unit's activation on natural pictures is measured on."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np

from nbfeatviz.images import as_picture, fitted


def crops_of(
    photos: Iterable[Any], count: int, size: tuple[int, int], *, channels: int = 3, seed: int = 0
) -> np.ndarray:
    """Random square parts of photographs: what a unit's activation on natural pictures is measured on.

    Args:
        photos: paths, PIL images or arrays.
        count: how many parts in all.
        size: (height, width) that each is fitted to.
        channels: of the pictures.
        seed: of places and sides (from a third of the shorter side to all of it).

    Returns:
        float32 (count, height, width, channels).
    """
    return np.stack(list(crops(photos, count, size, channels=channels, seed=seed)))


def crops(
    photos: Iterable[Any],
    count: int,
    size: tuple[int, int],
    *,
    channels: int = 3,
    seed: int = 0,
    least: float = 1 / 3,
) -> Generator[np.ndarray, None, None]:
    """The parts of `crops_of` one after the other, each read and fitted when it is asked for; float32 (H, W, C).

    `least` is the share of the shorter side that the smallest part has.
    """
    random = np.random.default_rng(seed)
    given, pictures = list(photos), []
    if not given:
        raise ValueError("there are no photographs to crop: at least one is needed.")
    for place in range(count):
        if place < len(given):
            pictures.append(as_picture(given[place], channels))
        picture = pictures[place % len(given)]
        shorter = min(picture.shape[:2])
        side = int(random.integers(max(1, int(shorter * least)), shorter + 1))
        top, left = (int(random.integers(0, length - side + 1)) for length in picture.shape[:2])
        yield fitted(picture[top : top + side, left : left + side], size).astype(np.float32)
