"""Pixel updates: what published loops do to stored pixels, before a step's gradient or after its update.

Configuration in, function out: `apply(pixels, context)` gives the new pixels. They are part of the published methods; a
transform inside the gradient (see `transforms`) does not wear a picture down as these do. Lengths are fractions of the
longer side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.own_functions import called, name_of
from nbfeatviz.synthesis.recipe_parts.denoising import Denoise
from nbfeatviz.synthesis.recipe_parts.fields import Live, number, tensor_of
from nbfeatviz.synthesis.recipe_parts.split_bregman import SplitBregman


@dataclass(frozen=True)
class StepContext:
    """What an update of the pixels may look at.

    Attributes:
        form: the parameterization.
        index: tensor, the step from 0.
        steps: tensor, how many there will be.
        gradient: of the step, by the variables; None before it is known.
    """

    form: Any
    index: Any
    steps: Any
    gradient: Any = None


@dataclass(frozen=True)
class Clip:
    """To the valid range of a picture."""

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        return context.form.clipped(pixels)


@dataclass(frozen=True)
class Bound:
    """To ± `most`."""

    most: Live = number(low=0, high=1e6, live=True)

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        return tf.clip_by_value(pixels, -self.most, self.most)


@dataclass(frozen=True)
class Decay:
    """`x *= 1 - rate` (Yosinski et al. 2015, L2 decay)."""

    rate: Live = number(low=0, high=1, live=True)

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        return pixels * (1 - self.rate)


@dataclass(frozen=True)
class ZScore:
    """`(x - mean) / std * scale`, each picture by its own."""

    scale: Live = number(1.5, low=0, high=100, live=True)

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        mean = tf.reduce_mean(pixels, axis=[1, 2, 3], keepdims=True)
        return (pixels - mean) / (tf.math.reduce_std(pixels, axis=[1, 2, 3], keepdims=True) + 1e-8) * self.scale


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur at every so-many-th step, edges mirrored (as SciPy's `gaussian_filter`).

    Attributes:
        deviation: standard deviation, as a fraction of the longer side.
        every: at steps `first`, `first + every`, ...
        first: see `every`.
        last: whether also at the last step of the run.
    """

    deviation: float = number(low=0, high=1)
    every: int = number(1, low=1, high=1_000_000, whole=True)
    first: int = number(0, low=0, high=1_000_000, whole=True)
    last: bool = True

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        height, width = pixels.shape[1:3]
        across, along = (blur_matrix(length, self.deviation * max(height, width)) for length in (height, width))
        return _at(self, context, lambda: tf.einsum("ij,njkc,lk->nilc", across, pixels, along), pixels)


@dataclass(frozen=True)
class Zoom:
    """An enlargement about the middle, bilinear, at every so-many-th step (see `Blur`)."""

    factor: float = number(low=1, high=4)
    every: int = number(1, low=1, high=1_000_000, whole=True)
    first: int = number(0, low=0, high=1_000_000, whole=True)
    last: bool = True

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        height, width = pixels.shape[1:3]
        across, along = zoom_matrix(height, self.factor), zoom_matrix(width, self.factor)
        return _at(self, context, lambda: tf.einsum("ij,njkc,lk->nilc", across, pixels, along), pixels)


@dataclass(frozen=True)
class SmallNorm:
    """Pixels whose norm over the channels is under a percentile become 0 (Yosinski et al. 2015)."""

    percentile: Live = number(low=0, high=100, live=True)

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        return _without_least(pixels, tf.norm(pixels, axis=-1), self.percentile)


@dataclass(frozen=True)
class SmallContribution:
    """Pixels whose `|sum over channels of g * -x|` is under a percentile become 0 (Yosinski et al. 2015)."""

    percentile: Live = number(low=0, high=100, live=True)

    def apply(self, pixels: Any, context: StepContext) -> Any:
        """New pixels."""
        return _without_least(pixels, tf.abs(tf.reduce_sum(-context.gradient * pixels, axis=-1)), self.percentile)


PixelUpdate = (
    Clip
    | Bound
    | Decay
    | ZScore
    | Blur
    | Zoom
    | SmallNorm
    | SmallContribution
    | Denoise
    | SplitBregman
    | Callable[[Any], Any]
)


def pixels_updated(update: Any, pixels: Any, context: StepContext) -> Any:
    """New pixels, also by a function of the user's own (of pixels).

    Raises:
        ValueError: the user's function raised, or returned another shape or type.
    """
    if hasattr(update, "apply"):
        return update.apply(pixels, context)
    value = tensor_of("change", update, called("change", update, pixels), pixels.dtype)
    if value.shape != pixels.shape:
        raise ValueError(f"change {name_of(update)} turned pixels {tuple(pixels.shape)} into {tuple(value.shape)}.")
    return value


def blur_matrix(length: int, deviation: float) -> np.ndarray:
    """(length, length): a Gaussian of that deviation in pixels, cut off at 4 deviations, edges mirrored."""
    reach = int(4 * deviation + 0.5)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / max(deviation, 1e-12)) ** 2)
    matrix = np.zeros((length, length))
    for offset, weight in zip(offsets, kernel / kernel.sum(), strict=True):
        place = (np.arange(length) + offset) % (2 * length)
        np.add.at(matrix, (np.arange(length), np.where(place < length, place, 2 * length - 1 - place)), weight)
    return matrix.astype(np.float32)


def zoom_matrix(length: int, factor: float) -> np.ndarray:
    """(length, length): bilinear enlargement about the middle."""
    middle = (length - 1) / 2
    place = np.clip((np.arange(length) - middle) / factor + middle, 0, length - 1)
    below = np.minimum(place.astype(int), max(length - 2, 0))
    matrix = np.zeros((length, length))
    matrix[np.arange(length), below] = 1 - (place - below)
    matrix[np.arange(length), np.minimum(below + 1, length - 1)] += place - below
    return matrix.astype(np.float32)


def percentile(values: Any, share: Any) -> Any:
    """(batch,): the percentile of values (batch, n), interpolated as NumPy does."""
    ordered = tf.sort(values, axis=-1)
    place = tf.cast(share, tf.float32) / 100 * (values.shape[-1] - 1)
    below = tf.cast(tf.floor(place), tf.int32)
    above = tf.minimum(below + 1, values.shape[-1] - 1)
    rest = place - tf.floor(place)
    return tf.gather(ordered, below, axis=-1) * (1 - rest) + tf.gather(ordered, above, axis=-1) * rest


def _without_least(pixels: Any, sizes: Any, share: Any) -> Any:
    """Pixels of a size (batch, h, w) under its percentile become 0."""
    limit = percentile(tf.reshape(sizes, [sizes.shape[0], -1]), share)
    return tf.where((sizes < limit[:, None, None])[..., None], 0.0, pixels)


def _at(update: Blur | Zoom, context: StepContext, then: Callable[[], Any], otherwise: Any) -> Any:
    """`then()` at the steps of the update; other steps compute nothing."""
    if update.every == 1 and update.first == 0 and update.last:
        return then()
    due = tf.logical_and(context.index >= update.first, (context.index - update.first) % update.every == 0)
    if not update.last:
        due = tf.logical_and(due, context.index + 1 < context.steps)
    return tf.cond(due, then, lambda: otherwise)
