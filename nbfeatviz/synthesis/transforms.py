"""Transforms: applied to the picture inside the gradient, never stored back. Configuration in, function out.

Each random transform is a matrix that takes output positions to input positions. All of them together
make one resampling to the network's own size, so the shape never changes and the picture is interpolated
once. Lengths are fractions of the picture's longer side. All pictures of a batch move alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True)
class Pad:
    """What lies beyond the picture: a margin of one value, into which the other transforms may look."""

    value: float = 0.5

    def matrix(self, seed: Any, length: int) -> Any:
        """Moves nothing."""
        return None


@dataclass(frozen=True)
class Jitter:
    """A shift by whole pixels, uniform in ± `reach / 2` of the length."""

    reach: float

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        most = max(1, round(self.reach * length / 2)) if self.reach else 0
        shift = tf.cast(tf.random.stateless_uniform([2], seed, -most, most + 1, tf.int32), tf.float32)
        return _matrix([1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]])


@dataclass(frozen=True)
class Scale:
    """An enlargement about the centre, uniform between `low` and `high`."""

    low: float
    high: float

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        inverse = 1 / tf.random.stateless_uniform([], seed, self.low, self.high)
        return _matrix([inverse, 0.0, 0.0], [0.0, inverse, 0.0])


@dataclass(frozen=True)
class Rotate:
    """A rotation about the centre, uniform in ± `degrees`; a share `still` of the time none."""

    degrees: float
    still: float = 0.5

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        draws = tf.random.stateless_uniform([2], seed)
        angle = (2 * draws[0] - 1) * math.radians(self.degrees)
        angle = tf.where(draws[1] < self.still, 0.0, angle)
        return _matrix([tf.cos(angle), -tf.sin(angle), 0.0], [tf.sin(angle), tf.cos(angle), 0.0])


Transform = Pad | Jitter | Scale | Rotate


def transformed(pictures: Any, transforms: Sequence[Transform], seed: Any) -> Any:
    """Applies transforms in order, as one resampling of fixed shape.

    TensorFlow's gradient of the resampling is the inverse warp, which differs from the exact adjoint by
    its interpolation alone.

    Args:
        pictures: tensor (batch, height, width, channels).
        transforms: see the module.
        seed: integer tensor (2,); the same seed gives the same transform.

    Returns:
        Tensor of the same shape.
    """
    height, width = pictures.shape[1:3]
    matrix, fill = None, 0.0
    for place, transform in enumerate(transforms):
        fill = transform.value if isinstance(transform, Pad) else fill
        following = transform.matrix(seed + tf.constant([0, 7919 * (place + 1)]), max(height, width))
        if following is not None:
            matrix = following if matrix is None else tf.linalg.matmul(matrix, following)
    if matrix is None:
        return pictures
    row, col = (height - 1) / 2, (width - 1) / 2
    centred = tf.linalg.matmul(
        tf.linalg.matmul(_matrix([1.0, 0.0, row], [0.0, 1.0, col]), matrix), _matrix([1.0, 0.0, -row], [0.0, 1.0, -col])
    )
    # the operation wants x before y
    (yy, yx, yt), (xy, xx, xt) = (tf.unstack(line) for line in tf.unstack(centred)[:2])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([xx, xy, xt, yx, yy, yt, 0.0, 0.0])[None],
        output_shape=[height, width],
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _matrix(row: list[Any], col: list[Any]) -> Any:
    return tf.stack([tf.stack(row), tf.stack(col), tf.constant([0.0, 0.0, 1.0])])
