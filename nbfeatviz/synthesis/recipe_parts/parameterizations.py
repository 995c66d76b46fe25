"""Parameterizations: variables, always valid as a picture in 0..1 (batch, height, width, channels)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import number

_COLOUR = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float64)


@dataclass(frozen=True)
class Pixels:
    """The pixels themselves, clipped after every step.

    Attributes:
        white: value of white; steps are in these units.
        start: the start is `start + noise * U[0, 1)`.
        noise: see `start`.
    """

    white: float = number(255.0, low=1e-6, high=1e6)
    start: float = number(128.0, low=0, high=1e6)
    noise: float = number(1.0, low=0, high=1e6)

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture (height, width, channels)."""
        return (self.start + self.noise * random.random(shape)).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture."""
        return (picture * self.white).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return variables / self.white

    def constrained(self, variables: Any) -> Any:
        """Variables after an update, made valid."""
        return tf.clip_by_value(variables, 0.0, self.white)

    clipped = constrained

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> None:
        """There is no sigmoid."""
        return None


@dataclass(frozen=True)
class Centred:
    """Pixels minus the mean colour of photographs, so that decay fades to that mean and not to black.

    Not clipped after an update: the published loops clip before the next pass (see `pixel_updates.Clip`).

    Attributes:
        mean: red, green, blue, in units of `white`; other numbers of channels take the mean of the three.
        deviation: the start is normal noise of that deviation around `background`.
        background: value around which the start lies, minus the mean; None for the mean itself.
        white: value of white; steps are in these units.
    """

    mean: tuple[float, float, float] = (123.68, 116.779, 103.939)
    deviation: float = number(10.0, low=0, high=1e6)
    background: float | None = None
    white: float = number(255.0, low=1e-6, high=1e6)

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture; drawn channel by channel, as the published start was."""
        noise = random.normal(0, self.deviation, (shape[2], *shape[:2])).transpose(1, 2, 0)
        level = 0.0 if self.background is None else self.background - self._mean(shape[2])
        return (noise + level).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture."""
        return (picture * self.white - self._mean(picture.shape[2])).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1 (of variables that were clipped)."""
        return (variables + self._mean(shape[2])) / self.white

    def constrained(self, variables: Any) -> Any:
        """Left as they are."""
        return variables

    def clipped(self, variables: Any) -> Any:
        """To what is a picture."""
        mean = self._mean(variables.shape[-1])
        return tf.clip_by_value(variables, -mean, self.white - mean)

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> None:
        """There is no sigmoid."""
        return None

    def _mean(self, channels: int) -> np.ndarray:
        colours = self.mean if channels == 3 else [float(np.mean(self.mean))] * channels
        return np.array(colours, np.float32)


@dataclass(frozen=True)
class Sigmoid:
    """Pixels before a sigmoid; the start is uniform noise in 0..1 (Sainburg)."""

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture."""
        return random.random(shape).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture; values nearer than 1/510 to black or white move to there."""
        inside = np.clip(picture.astype(np.float64), 1 / 510, 1 - 1 / 510)
        return np.log(inside / (1 - inside)).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return tf.sigmoid(variables)

    def constrained(self, variables: Any) -> Any:
        """Every value is valid."""
        return variables

    clipped = constrained

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """The variables themselves."""
        return variables


@dataclass(frozen=True)
class Fourier:
    """A spectrum with more room for low frequencies, decorrelated colours, a sigmoid (Olah et al. 2017).

    Attributes:
        deviation: standard deviation of the starting spectrum.
        decay: exponent of the scale, `sqrt(w * h) / max(f, 1 / max(w, h)) ** decay`.
        decorrelate: mix three channels as in natural images; has no effect on other numbers of channels.
        chroma: factor of the two planes of colour, next to luminance, where the channels are mixed.
    """

    deviation: float = number(0.01, low=0, high=100)
    decay: float = number(1.0, low=-4, high=8)
    decorrelate: bool = True
    chroma: float = number(1.0, low=0.01, high=100)

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture: (2, channels, height, width // 2 + 1), real and imaginary."""
        height, width, channels = shape
        spectrum = random.normal(0.0, self.deviation, (2, channels, height, width // 2 + 1))
        return spectrum.astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture; values nearer than 1/510 to black or white move to there."""
        height, width, channels = picture.shape
        inside = np.clip(picture.astype(np.float64), 1 / 510, 1 - 1 / 510)
        colours = np.log(inside / (1 - inside))
        if self._mixes(channels):
            colours = colours @ np.linalg.inv(self._colours()).T
        spectrum = np.fft.rfft2(colours.transpose(2, 0, 1) * 4) / self._scale(height, width)
        return np.stack([spectrum.real, spectrum.imag]).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return tf.sigmoid(self.logits(variables, shape))

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures before the sigmoid."""
        height, width, channels = shape
        scaled = variables * (self._scale(height, width) / 4).astype(np.float32)  # the pixels' published quarter
        real, imaginary = tf.unstack(scaled, axis=1)  # the gradient of `scaled[:, 0]` takes as long as ten layers
        colours = tf.transpose(tf.signal.irfft2d(tf.complex(real, imaginary), [height, width]), [0, 2, 3, 1])
        if self._mixes(channels):  # as one matrix product, not as one for each row of the picture
            mixed = tf.linalg.matmul(tf.reshape(colours, [-1, 3]), self._colours().astype(np.float32), transpose_b=True)
            colours = tf.reshape(mixed, [-1, height, width, 3])
        return colours

    def constrained(self, variables: Any) -> Any:
        """Every spectrum is a valid picture."""
        return variables

    def _mixes(self, channels: int) -> bool:
        return self.decorrelate and channels == 3

    def _colours(self) -> np.ndarray:
        """(3, 3): planes to red, green and blue."""
        return colour_matrix() * [1.0, self.chroma, self.chroma]

    def _scale(self, height: int, width: int) -> np.ndarray:
        frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
        return np.sqrt(width * height) / np.maximum(frequency, 1 / max(width, height)) ** self.decay


def colour_matrix() -> np.ndarray:
    """(3, 3): decorrelated colours to RGB as `pixel @ matrix.T`, scaled by its largest column norm (Lucid)."""
    return _COLOUR / np.linalg.norm(_COLOUR, axis=0).max()
