"""Transforms: applied to the picture inside the gradient, never stored back. Configuration in, function out.

Most random transforms are a matrix that takes output positions to input positions. Neighbours among them
make one resampling of fixed shape, so the picture is interpolated once. Lengths are fractions of the
picture's longer side. All pictures of a batch move alike, unless each has its own seed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.own_functions import called
from nbfeatviz.synthesis.recipe_parts.fields import Live, number, tensor_of
from nbfeatviz.synthesis.recipe_parts.gradient_scale import GradientScale

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Pad:
    """What lies beyond the picture: a margin of one value, into which the other transforms may look."""

    value: Live = number(0.5, low=0, high=1, live=True)

    def matrix(self, seed: Any, length: int) -> Any:
        """Moves nothing."""
        return None


@dataclass(frozen=True)
class Jitter:
    """A shift by whole pixels, uniform in ± `reach / 2` of the length."""

    reach: Live = number(low=0, high=2, live=True)

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        most = tf.cast(tf.round(tf.cast(self.reach, tf.float32) * length / 2), tf.int32)
        most = tf.where(tf.cast(self.reach, tf.float32) > 0, tf.maximum(most, 1), 0)
        shift = tf.cast(tf.random.stateless_uniform([2], seed, -most, most + 1, tf.int32), tf.float32)
        return _matrix([1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]])


@dataclass(frozen=True)
class Scale:
    """An enlargement about the centre, uniform between `low` and `high`."""

    low: Live = number(low=0.01, high=100, live=True)
    high: Live = number(low=0.01, high=100, live=True)

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        inverse = 1 / tf.random.stateless_uniform([], seed, self.low, self.high)
        return _matrix([inverse, 0.0, 0.0], [0.0, inverse, 0.0])


@dataclass(frozen=True)
class Rotate:
    """A rotation about the centre, uniform in ± `degrees`; a share `still` of the time none."""

    degrees: Live = number(low=0, high=360, live=True)
    still: Live = number(0.5, low=0, high=1, live=True)

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        draws = tf.random.stateless_uniform([2], seed)
        angle = (2 * draws[0] - 1) * self.degrees * (math.pi / 180)
        angle = tf.where(draws[1] < self.still, 0.0, angle)
        return _matrix([tf.cos(angle), -tf.sin(angle), 0.0], [tf.sin(angle), tf.cos(angle), 0.0])


@dataclass(frozen=True)
class Roll:
    """A shift by whole pixels in which what leaves at one edge enters at the other, uniform in ± `reach / 2`."""

    reach: Live = number(low=0, high=2, live=True)

    def apply(self, pictures: Any, seed: Any, size: tuple[int, int]) -> Any:
        """Pictures of the same shape."""
        most = tf.cast(tf.round(tf.cast(self.reach, tf.float32) * max(pictures.shape[1:3]) / 2), tf.int32)
        return tf.roll(pictures, tf.random.stateless_uniform([2], seed, -most, most + 1, tf.int32), [1, 2])


@dataclass(frozen=True)
class Crops:
    """Several square parts of a picture, each resized to what the network takes, with noise (MaCo, Fel et al. 2023).

    Attributes:
        count: parts of each picture; the objective is the mean over them.
        box: side of a part, as a fraction of the picture.
        spread: standard deviation of a part's middle around that of the picture.
        wobble: standard deviation of the side.
        smallest: the least side.
        noise: standard deviation of normal noise; uniform noise of ± half of that is added.
    """

    count: int = number(32, low=1, high=1024, whole=True)
    box: Live = number(0.5, low=0.01, high=2, live=True)
    spread: Live = number(0.15, low=0, high=1, live=True)
    wobble: Live = number(0.05, low=0, high=1, live=True)
    smallest: Live = number(0.05, low=0.01, high=1, live=True)
    noise: Live = number(0.08, low=0, high=1, live=True)

    def apply(self, pictures: Any, seed: Any, size: tuple[int, int]) -> Any:
        """(batch * count, height, width, channels), the parts of a picture one after another."""
        batch = pictures.shape[0]
        draws = tf.random.stateless_normal([3, self.count], seed)
        row, col = 0.5 + draws[0] * self.spread, 0.5 + draws[1] * self.spread
        half = tf.clip_by_value(self.box + draws[2] * self.wobble, self.smallest, 1.0) / 2
        down = _resampling(row - half, row + half, size[0], pictures.shape[1])
        across = _resampling(col - half, col + half, size[1], pictures.shape[2])
        parts = tf.einsum("kph,bhwc->bkpwc", down, pictures)
        parts = tf.einsum("kqw,bkpwc->bkpqc", across, parts)
        shape = [self.count, *size, pictures.shape[-1]]
        parts = tf.reshape(parts, [batch * self.count, *shape[1:]])
        grain = tf.random.stateless_normal(shape, seed + 1) * self.noise
        grain += (tf.random.stateless_uniform(shape, seed + 2) - 0.5) * self.noise
        return parts + tf.tile(grain, [batch, 1, 1, 1])


def _resampling(low: Any, high: Any, count: int, length: int) -> Any:
    """Weights (parts, count, length) that read `count` places between two ends, bilinearly, 0 beyond the picture.

    `tf.image.crop_and_resize` does the same, but its gradient adds in another order in every run.

    Args:
        low, high: (parts,), 0 is the middle of the first pixel and 1 that of the last.
    """
    share = tf.linspace(0.0, 1.0, count)[None] if count > 1 else tf.constant([[0.5]])
    place = (low[:, None] + (high - low)[:, None] * share) * (length - 1)
    weights = tf.nn.relu(1 - tf.abs(place[..., None] - tf.range(length, dtype=tf.float32)))
    inside = (place >= 0) & (place <= length - 1)
    return weights * tf.cast(inside, tf.float32)[..., None]


@dataclass(frozen=True)
class Part:
    """A square part of the picture, enlarged to its size: the random-resized crop of training.

    Attributes:
        low: least side, as a fraction of the picture's.
        high: greatest side; above 1 the picture is seen smaller.
        over: how far a part may reach beyond the picture, as a fraction, half of it on either side.
    """

    low: Live = number(low=0.01, high=10, live=True)
    high: Live = number(low=0.01, high=10, live=True)
    over: Live = number(0.0, low=0, high=2, live=True)

    def matrix(self, seed: Any, length: int) -> Any:
        """3×3 matrix."""
        draws = tf.random.stateless_uniform([3], seed)
        side = self.low + (self.high - self.low) * draws[0]
        shift = (draws[1:] - 0.5) * (tf.maximum(1 - side, 0.0) + self.over) * length
        return _matrix([side, 0.0, shift[0]], [0.0, side, shift[1]])


@dataclass(frozen=True)
class Noise:
    """Noise that is added to the picture, values in 0..1: normal, and uniform in 0..`uniform`.

    Attributes:
        normal: standard deviation of the normal part.
        uniform: the greatest value of the uniform part, which is never negative.
    """

    normal: Live = number(0.0, low=0, high=1, live=True)
    uniform: Live = number(0.0, low=0, high=1, live=True)

    def apply(self, pictures: Any, seed: Any, size: tuple[int, int]) -> Any:
        """Pictures of the same shape, the noise of all alike."""
        shape = pictures.shape[1:]
        grain = tf.random.stateless_normal(shape, seed) * self.normal
        return pictures + grain + tf.random.stateless_uniform(shape, seed + 1) * self.uniform


@dataclass(frozen=True)
class Views:
    """Several views of each picture a step: what follows in the list moves each of them in a way of its own.

    Attributes:
        count: views of a picture; the objective is the mean over them.
    """

    count: int = number(2, low=1, high=1024, whole=True)


Transform = Pad | Views | Part | Jitter | Scale | Rotate | Roll | Crops | Noise | GradientScale | Callable[..., Any]


def transformed(pictures: Any, transforms: Sequence[Transform], seed: Any, size: tuple[int, int] | None = None) -> Any:
    """Applies transforms in order; neighbours that move the picture make one resampling of fixed shape.

    TensorFlow's gradient of the resampling is the inverse warp, which differs from the exact adjoint by
    its interpolation alone.

    Args:
        pictures: tensor (batch, height, width, channels).
        transforms: see the module. A function of your own takes pictures, or pictures and a seed (2,), and
            returns pictures of the same number and channels.
        seed: integer tensor (2,); the same seed gives the same transform. Or (batch, 2): one a picture.
        size: (height, width) that the network takes, where a transform chooses it; None for the pictures' own.

    Returns:
        Tensor of the same shape; from `Views` all pictures as the first view sees them, then as the second does, and
        so on; from `Crops` of a multiple of the batch and of that size.

    Raises:
        ValueError: the user's function returned another shape.
    """
    size = size or tuple(pictures.shape[1:3])
    matrix, fill = None, 0.0
    for place, transform in enumerate(transforms):
        own = seed + tf.constant([0, 7919 * (place + 1)])
        if isinstance(transform, Pad):
            fill = transform.value
        elif isinstance(transform, Views):
            if matrix is not None:
                pictures, matrix = _resampled(pictures, matrix, fill), None
            pictures = tf.tile(pictures, [transform.count, 1, 1, 1])
            seed = _seeds_of_views(seed, transform.count)
        elif hasattr(transform, "matrix"):
            following = _drawn(transform, own, max(pictures.shape[1:3]))
            matrix = following if matrix is None else tf.linalg.matmul(matrix, following)
        else:
            pictures, matrix = _resampled(pictures, matrix, fill), None
            if own.shape.rank == 1:
                pictures = _applied(transform, pictures, own, size)
            else:
                groups = tf.split(pictures, own.shape[0])
                parts = zip(groups, tf.unstack(own), strict=True)
                pictures = tf.concat([_applied(transform, group, one, size) for group, one in parts], axis=0)
    return _resampled(pictures, matrix, fill)


def views_of(transforms: Sequence[Transform]) -> int:
    """How many views of each picture there are."""
    return math.prod(transform.count for transform in transforms if isinstance(transform, Views))


def _seeds_of_views(seed: Any, count: int) -> Any:
    """A seed a view, or of seeds (batch, 2) one a view and picture: (n, 2)."""
    seeds = tf.reshape(seed, [1, -1, 2])
    steps = tf.constant([[[7727 * view, 0]] for view in range(count)], seeds.dtype)  # the first view keeps its seed
    return tf.reshape(seeds + steps, [-1, 2])


def _drawn(transform: Any, seed: Any, length: int) -> Any:
    """The matrix of a seed (2,), or one a seed of (batch, 2)."""
    if seed.shape.rank == 1:
        return transform.matrix(seed, length)
    return tf.stack([transform.matrix(one, length) for one in tf.unstack(seed)])


def _applied(transform: Any, pictures: Any, seed: Any, size: tuple[int, int]) -> Any:
    if hasattr(transform, "apply"):
        return transform.apply(pictures, seed, size)
    given = called("transform", transform, *((pictures, seed) if _takes_seed(transform) else (pictures,)))
    moved = tensor_of("transform", transform, given)
    if moved.shape.rank != 4 or moved.shape[0] != pictures.shape[0] or moved.shape[3] != pictures.shape[3]:
        name = getattr(transform, "__name__", repr(transform))
        raise ValueError(
            f"transform {name!r} turned pictures {tuple(pictures.shape)} into {tuple(moved.shape)}: their number and "
            "their channels must stay."
        )
    return moved


def _takes_seed(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some compiled functions have none
        return False
    required = [item for item in parameters if item.default is item.empty and item.kind in _POSITIONAL]
    return len(required) >= 2


def _resampled(pictures: Any, matrix: Any, fill: Any) -> Any:
    """The pictures seen through a matrix (3, 3), or one a picture (n, 3, 3)."""
    if matrix is None:
        return pictures
    height, width = pictures.shape[1:3]
    row, col = (height - 1) / 2, (width - 1) / 2
    centred = tf.linalg.matmul(
        tf.linalg.matmul(_matrix([1.0, 0.0, row], [0.0, 1.0, col]), matrix), _matrix([1.0, 0.0, -row], [0.0, 1.0, -col])
    )
    centred = tf.reshape(centred, [-1, 3, 3])
    if centred.shape[0] > 1:
        centred = tf.repeat(centred, pictures.shape[0] // centred.shape[0], axis=0)
    (yy, yx, yt), (xy, xx, xt) = (tf.unstack(centred[:, line], axis=1) for line in (0, 1))
    zero = tf.zeros_like(xx)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=tf.stack([xx, xy, xt, yx, yy, yt, zero, zero], axis=1),  # the operation wants x before y
        output_shape=[height, width],
        fill_value=fill,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",  # of any other mode TensorFlow's gradient fills in gradients that are not there
    )


def _matrix(row: list[Any], col: list[Any]) -> Any:
    return tf.stack([tf.stack(row), tf.stack(col), tf.constant([0.0, 0.0, 1.0])])
