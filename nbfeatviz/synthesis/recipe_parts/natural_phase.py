"""A picture of which only the phases are variables: its magnitudes are those of photographs (MaCo, Fel et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.parameterizations import colour_matrix

SPECTRUM = Path(__file__).parents[2] / "data" / "natural_spectrum.npz"


@dataclass(frozen=True)
class NaturalPhase:
    """Phases in radians (channels, height, width // 2 + 1); mean magnitudes and contrast as in natural photographs.

    The magnitudes were measured on the photographs that come with the package (`nbfeatviz.catalogue.natural_spectrum`),
    before the sigmoid and in decorrelated colours. Pictures with other than three channels take the first, luminance.

    Attributes:
        contrast: factor of the natural contrast.
    """

    contrast: float = 1.0

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Phases uniform in ± pi."""
        height, width, channels = shape
        return random.uniform(-np.pi, np.pi, (channels, height, width // 2 + 1)).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The phases of a picture; its magnitudes are lost."""
        inside = np.clip(picture.astype(np.float64), 1 / 510, 1 - 1 / 510)
        colours = np.log(inside / (1 - inside))
        if picture.shape[2] == 3:
            colours = colours @ np.linalg.inv(colour_matrix()).T
        return np.angle(np.fft.rfft2(colours.transpose(2, 0, 1))).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return tf.sigmoid(self.logits(variables, shape))

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures before the sigmoid."""
        height, width, channels = shape
        size = natural_magnitude(height, width, channels) * np.float32(self.contrast)
        spectrum = tf.complex(size * tf.cos(variables), size * tf.sin(variables))
        colours = tf.transpose(tf.signal.irfft2d(spectrum, [height, width]), [0, 2, 3, 1])
        if channels == 3:
            colours = tf.linalg.matmul(colours, colour_matrix().astype(np.float32), transpose_b=True)
        return colours

    def constrained(self, variables: Any) -> Any:
        """Every phase is valid."""
        return variables


@lru_cache(maxsize=8)
def natural_magnitude(height: int, width: int, channels: int) -> np.ndarray:
    """float32 (channels, height, width // 2 + 1): magnitudes of a picture's `rfft2` as in photographs of that size.

    What was measured is interpolated in cycles per pixel, then scaled so that each channel's variance
    over the picture is the measured one.
    """
    with np.load(SPECTRUM) as stored:
        magnitude = np.exp(stored["log_magnitude"].astype(np.float64))
        level, deviation = stored["level"].astype(np.float64), stored["deviation"].astype(np.float64)
    side = magnitude.shape[1]
    rows = np.abs(np.fft.fftfreq(height))[:, None] * side
    cols = np.abs(np.fft.rfftfreq(width))[None, :] * side
    rows, cols = np.maximum(rows, 1e-9), np.maximum(cols, 1e-9)
    planes = np.stack([_interpolated(plane, rows, cols) for plane in magnitude])
    energy = planes**2 * np.where((np.arange(width // 2 + 1) % (width / 2) == 0), 1, 2)
    energy[:, 0, 0] = 0
    pixels = height * width
    planes *= (deviation * pixels / np.sqrt(np.maximum(energy.sum((1, 2)), 1e-12)))[:, None, None]
    planes[:, 0, 0] = level * pixels
    chosen = planes if channels == 3 else np.repeat(planes[:1], channels, axis=0)
    return chosen.astype(np.float32)


def _interpolated(plane: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Values of a half spectrum (side, side // 2 + 1) between its frequencies, bilinear in the logarithm."""
    side = plane.shape[0]
    half = np.log(plane[: side // 2 + 1])  # the magnitudes were made even in rows
    low_row, low_col = (np.minimum(place.astype(int), side // 2 - 1) for place in (rows, cols))
    by_row, by_col = np.clip(rows - low_row, 0, 1), np.clip(cols - low_col, 0, 1)
    corners = [
        half[low_row + down, low_col + right] * np.abs(1 - down - by_row) * np.abs(1 - right - by_col)
        for down in (0, 1)
        for right in (0, 1)
    ]
    return np.exp(sum(corners))
