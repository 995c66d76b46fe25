"""A picture as a sum of all resolutions: plain ascent on it moves coarse shapes most (Fort and Whitaker 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import number

_SHARPNESS = -0.75  # of the bicubic kernel, as where it was published


@dataclass(frozen=True)
class MultiResolution:
    """Planes of all sizes, enlarged, added, and squashed: (tanh(sum of enlarged planes) + 1) / 2.

    The longer side of the planes is 1, ..., the picture's, in even steps, rounded; the shorter one in proportion, at
    least 1. They lie one after another in one flat row, the coarsest first, each (height, width, channels).

    Attributes:
        planes: how many; published are 84 for 336 pixels: 1, 5, 9 and so on.
        deviation: of the normal noise that every plane starts as; published is 0, a grey picture.
    """

    planes: int = number(84, low=1, high=1024, whole=True)
    deviation: float = number(0.0, low=0, high=100)

    def initial(self, random: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
        """Starting variables for one picture: (n,), all planes, the coarsest first."""
        count = sum(rows * cols for rows, cols in self.sizes(shape)) * shape[2]
        return random.normal(0.0, self.deviation, count).astype(np.float32)

    def from_picture(self, picture: np.ndarray) -> np.ndarray:
        """The variables of a given picture, all in the finest plane; black and white move inwards by 1/510."""
        inside = np.clip(picture.astype(np.float64), 1 / 510, 1 - 1 / 510)
        finest = np.log(inside / (1 - inside)).ravel() / 2
        coarser = sum(rows * cols for rows, cols in self.sizes(picture.shape)[:-1]) * picture.shape[2]
        return np.concatenate([np.zeros(coarser), finest]).astype(np.float32)

    def picture(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures in 0..1."""
        return tf.sigmoid(self.logits(variables, shape))

    def logits(self, variables: Any, shape: tuple[int, int, int]) -> Any:
        """Pictures before the sigmoid: twice the sum, as (tanh(z) + 1) / 2 is sigmoid(2 z)."""
        height, width, channels = shape
        sizes = self.sizes(shape)
        parts = tf.split(variables, [rows * cols * channels for rows, cols in sizes], axis=1)
        total = tf.zeros([variables.shape[0], *shape])
        for part, (rows, cols) in zip(parts, sizes, strict=True):
            # by matrices: TensorFlow's own resizing adds its gradient up in another order in every run
            plane = tf.reshape(part, [-1, rows, cols, channels])
            if rows != height:
                plane = tf.einsum("hr,brsc->bhsc", enlarging(rows, height), plane)
            if cols != width:
                plane = tf.einsum("ws,bhsc->bhwc", enlarging(cols, width), plane)
            total += plane
        return 2 * total

    def constrained(self, variables: Any) -> Any:
        """Every sum is a valid picture."""
        return variables

    def sizes(self, shape: tuple[int, int, int]) -> list[tuple[int, int]]:
        """(height, width) of each plane, the coarsest first; the last is the picture's."""
        longer = max(shape[:2])
        shares = np.unique(np.round(np.linspace(longer, 1, self.planes))) / longer
        return [(max(1, round(shape[0] * share)), max(1, round(shape[1] * share))) for share in shares.tolist()]


@lru_cache(maxsize=512)
def enlarging(count: int, length: int) -> np.ndarray:
    """float32 (length, count): bicubic interpolation by Keys' kernel, the edge repeated beyond it."""
    place = (np.arange(length) + 0.5) * count / length - 0.5
    first = np.floor(place).astype(int)
    matrix = np.zeros((length, count))
    for tap in range(-1, 3):
        column = np.clip(first + tap, 0, count - 1)
        np.add.at(matrix, (np.arange(length), column), _kernel(np.abs(place - first - tap)))
    return matrix.astype(np.float32)


def _kernel(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel (1981)."""
    near = ((_SHARPNESS + 2) * distance - (_SHARPNESS + 3)) * distance**2 + 1
    far = ((distance - 5) * distance + 8) * distance * _SHARPNESS - 4 * _SHARPNESS
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
