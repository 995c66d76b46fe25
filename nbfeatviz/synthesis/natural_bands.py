"""A spectrum with the energy of photographs in every band of frequencies and every colour.

Within a band phases and magnitudes are free. A picture can so be neither grey nor harsh, neither blurred nor
noisy, whatever is maximized: no weight of a penalty has to suit the objective. It stands between `Fourier`, which
leaves all energies to the ascent, and `NaturalPhase`, which leaves none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from nbfeatviz.synthesis.frequency_bands import band_spread, band_sums, bands, half_weights
from nbfeatviz.synthesis.natural_phase import natural_magnitude
from nbfeatviz.synthesis.parameterizations import colour_matrix
from nbfeatviz.synthesis.parts import number

_COARSE, _FINE = 1 / 50, 1 / 5  # cycles a pixel


@dataclass(frozen=True)
class NaturalBands:
    """A spectrum (2, channels, height, width // 2 + 1) whose bands are scaled to natural energies; a sigmoid.

    The energies are those of `natural_phase.natural_magnitude`, before the sigmoid and in decorrelated colours. The
    mean colour is free up to its natural size. Pictures with other than three channels take luminance's.

    Attributes:
        contrast: factor of the natural contrast.
        colour: factor of the natural contrast of the two colour planes, on top of `contrast`.
        coarse: factor of the contrast of waves longer than 50 pixels.
        fine: factor of the contrast of waves shorter than 5 pixels.
        deviation: of the starting spectrum, whose energy does not matter: the less, the sooner a step outweighs it.
    """

    contrast: float = number(1.0, low=0.01, high=10)
    colour: float = number(1.0, low=0, high=10)
    coarse: float = number(1.0, low=0.01, high=10)
    fine: float = number(1.0, low=0.01, high=10)
    deviation: float = number(0.1, low=1e-3, high=10)

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture: real and imaginary parts, in units of the natural magnitude."""
        height, width, channels = shape
        return random.normal(0, self.deviation, (2, channels, height, width // 2 + 1)).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture, which gets natural energies."""
        height, width, channels = picture.shape
        inside = np.clip(picture.astype(np.float64), 1 / 510, 1 - 1 / 510)
        colours = np.log(inside / (1 - inside))
        if channels == 3:
            colours = colours @ np.linalg.inv(colour_matrix()).T
        spectrum = np.fft.rfft2(colours.transpose(2, 0, 1)) / np.maximum(self._magnitude(picture.shape), 1e-6)
        parts = np.stack([spectrum.real, spectrum.imag])
        parts *= np.sqrt(0.5 / np.maximum((parts**2).mean(), 1e-12))  # the length of a step depends on their size
        return parts.astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return tf.sigmoid(self.logits(variables, shape))

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures before the sigmoid."""
        height, width, channels = shape
        columns = width // 2 + 1
        magnitude = self._magnitude(shape)
        scaled = variables * magnitude
        often = np.broadcast_to(half_weights(width) / (height * width) ** 2, (height, columns))
        wanted = self._energies(shape)
        present = band_sums(tf.reduce_sum(tf.square(scaled), axis=1), often)
        ratio = wanted / (present + 1e-9 * wanted + 1e-30)
        gain = tf.sqrt(tf.concat([tf.minimum(ratio[..., :1], 1.0), ratio[..., 1:]], axis=-1))
        scaled *= band_spread(gain, height, columns)[:, None]
        planes = tf.signal.irfft2d(tf.complex(scaled[:, 0], scaled[:, 1]), [height, width])
        colours = tf.transpose(planes, [0, 2, 3, 1])
        if channels == 3:
            colours = tf.linalg.matmul(colours, colour_matrix().astype(np.float32), transpose_b=True)
        return colours

    def constrained(self, variables: Any) -> Any:
        """Every spectrum is valid."""
        return variables

    def _magnitude(self, shape: tuple[int, int, int]) -> np.ndarray:
        return _magnitude(self, shape)[0]

    def _energies(self, shape: tuple[int, int, int]) -> np.ndarray:
        """float32 (channels, bands): variance over the picture (for the mean: its square)."""
        return _magnitude(self, shape)[1]


@lru_cache(maxsize=8)
def _magnitude(form: NaturalBands, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes (channels, height, columns) and the energies of their bands (channels, bands)."""
    height, width, channels = shape
    columns = width // 2 + 1
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    factor = np.where(frequency < _COARSE, form.coarse, np.where(frequency > _FINE, form.fine, 1.0)) * form.contrast
    factor[0, 0] = 1
    planes = natural_magnitude(height, width, channels) * factor.astype(np.float32)
    if channels == 3:
        planes[1:] *= np.float32(form.colour)
    number = bands(height, columns).ravel()
    often = np.broadcast_to(half_weights(width), (height, columns)).ravel() / (height * width) ** 2
    energies = [np.bincount(number, weights=plane.ravel().astype(np.float64) ** 2 * often) for plane in planes]
    return planes.astype(np.float32), np.stack(energies).astype(np.float32)
