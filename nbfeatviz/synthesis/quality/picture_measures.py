"""Measures of a picture by itself: whether it is like a photograph.

All take pictures float32 (H, W, C) in 0..1 and return plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.images import as_picture, fitted


def saturation(picture: np.ndarray) -> float:
    """The share of values within 1 % of black or white."""
    return float(((picture <= 0.01) | (picture >= 0.99)).mean())


def high_frequency_ratio(picture: np.ndarray) -> float:
    """The share of the spectral energy, without the mean, above 0.25 cycles a pixel; the mean over channels.

    Set it in relation to that of photographs (`natural`). 0 for a picture of one colour.
    """
    height, width = picture.shape[:2]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    ratios = []
    for channel in range(picture.shape[2]):
        energy = np.abs(np.fft.fft2(picture[..., channel].astype(np.float64))) ** 2
        energy[0, 0] = 0
        total = energy.sum()
        flat = total <= 1e-12 * height * width
        ratios.append(0.0 if flat else float(energy[frequency > 0.25].sum() / total))
    return float(np.mean(ratios))


def contrast(picture: np.ndarray) -> float:
    """The standard deviation of all values."""
    return float(picture.std(dtype=np.float64))


def colourfulness(picture: np.ndarray) -> float:
    """The mean saturation in HSV: (max - min) / max over the channels; 0 for a grey picture."""
    if picture.shape[2] < 3:
        return 0.0
    colours = picture[..., :3].astype(np.float64)
    high, low = colours.max(-1), colours.min(-1)
    return float(np.where(high > 0, (high - low) / np.maximum(high, 1e-12), 0).mean())


@dataclass(frozen=True)
class Measures:
    """The measures of one picture, or their means over several.

    Attributes:
        saturation: see the functions of these names.
        high_frequency_ratio: likewise.
        contrast: likewise.
        colourfulness: likewise.
    """

    saturation: float
    high_frequency_ratio: float
    contrast: float
    colourfulness: float


def measures(picture: np.ndarray) -> Measures:
    """All measures of a picture."""
    return Measures(saturation(picture), high_frequency_ratio(picture), contrast(picture), colourfulness(picture))


def natural(photos: Iterable[Any], size: tuple[int, int] = (224, 224), channels: int = 3) -> Measures:
    """The mean measures of photographs, fitted to a size by centre crop.

    Args:
        photos: paths, PIL images or arrays, such as the paths of `nbfeatviz.samples`.
        size: (height, width).
        channels: of the pictures.

    Raises:
        ValueError: there are none.
    """
    found = [measures(fitted(as_picture(photo, channels), size)) for photo in photos]
    if not found:
        raise ValueError("there are no photographs to measure: at least one is needed.")
    return Measures(*(float(np.mean([getattr(one, name) for one in found])) for name in Measures.__dataclass_fields__))
