"""Regularizers: penalties on a picture, subtracted from the objective inside the gradient.

Configuration in, function out: `penalty(pixels, logits)` gives one number a picture, (batch,). `pixels` is the picture
in the units of the parameterization (0..255 for `keras-vis`, 0..1 for a spectrum), `logits` what it was before
its sigmoid, None where it has none. A function of your own takes `pixels` and returns (batch,) or a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.own_functions import called, name_of
from nbfeatviz.synthesis.recipe_parts.fields import Live, number, tensor_of
from nbfeatviz.synthesis.recipe_parts.natural_prior import NaturalPrior


@dataclass(frozen=True)
class LpNorm:
    """`weight * (sum |x|^p)^(1/p) / n` of the n values of a picture (keras-vis; Simonyan et al. 2014 for p = 2).

    Attributes:
        weight: factor.
        p: the norm; from 1.
    """

    weight: Live = number(10.0, low=0, high=1e6, live=True)
    p: Live = number(6.0, low=1, high=64, live=True)

    def penalty(self, pixels: Any, logits: Any) -> Any:
        """(batch,)."""
        largest = tf.stop_gradient(tf.reduce_max(tf.abs(pixels), axis=[1, 2, 3], keepdims=True)) + 1e-12
        # 255^6 times 150,000 values overflows nothing yet, but its square does: the largest value is taken out
        powers = tf.reduce_sum(tf.pow(tf.abs(pixels / largest) + 1e-12, self.p), axis=[1, 2, 3])
        return self.weight * tf.pow(powers, 1 / self.p) * largest[:, 0, 0, 0] / _count(pixels)


@dataclass(frozen=True)
class TotalVariation:
    """`weight * sum ((down^2 + right^2)^(beta / 2)) / n` over neighbouring pixels (Mahendran and Vedaldi 2015).

    Attributes:
        weight: factor.
        beta: 2 for squares, 1 for lengths.
    """

    weight: Live = number(10.0, low=0, high=1e6, live=True)
    beta: Live = number(2.0, low=0.5, high=8, live=True)

    def penalty(self, pixels: Any, logits: Any) -> Any:
        """(batch,)."""
        down = pixels[:, 1:, :-1] - pixels[:, :-1, :-1]
        right = pixels[:, :-1, 1:] - pixels[:, :-1, :-1]
        # the derivative of a length is infinite where both differences are 0
        lengths = tf.pow(tf.square(down) + tf.square(right) + 1e-12, self.beta / 2)
        return self.weight * tf.reduce_sum(lengths, axis=[1, 2, 3]) / _count(pixels)


@dataclass(frozen=True)
class CentreBias:
    """`weight` times the mean square of what differs from mid-grey, the more the farther from the middle.

    Attributes:
        weight: factor.
        reach: distance from the middle at which the penalty is half of its most, in half diagonals.
    """

    weight: Live = number(1.0, low=0, high=1e6, live=True)
    reach: Live = number(0.5, low=0.01, high=4, live=True)

    def penalty(self, pixels: Any, logits: Any) -> Any:
        """(batch,)."""
        rows, cols = (np.linspace(-1, 1, length) if length > 1 else np.zeros(1) for length in pixels.shape[1:3])
        square = ((rows[:, None] ** 2 + cols[None, :] ** 2) / 2).astype(np.float32)[None, :, :, None]
        far = square / (square + tf.square(self.reach))
        middle = tf.reduce_mean(pixels, axis=[1, 2], keepdims=True)
        return self.weight * tf.reduce_mean(far * tf.square(pixels - middle), axis=[1, 2, 3])


@dataclass(frozen=True)
class PreSigmoid:
    """`weight * mean(relu(|x| - limit)^2)` of the values before the sigmoid: keeps a picture from saturating.

    Attributes:
        weight: factor.
        limit: how far from grey a value may be for free; 2.5 is 0.076 or 0.924 in the picture.
    """

    weight: Live = number(1.0, low=0, high=1e6, live=True)
    limit: Live = number(2.5, low=0, high=50, live=True)

    def penalty(self, pixels: Any, logits: Any) -> Any:
        """(batch,)."""
        if logits is None:
            raise ValueError("PreSigmoid needs a parameterization with a sigmoid: Fourier, NaturalPhase or Sigmoid.")
        within = tf.clip_by_value(logits, -self.limit, self.limit)
        within = tf.stop_gradient(within)  # it moves only where nothing is beyond it
        return self.weight * _mean_square(logits - within)


Regularizer = LpNorm | TotalVariation | CentreBias | PreSigmoid | NaturalPrior | Callable[[Any], Any]


def penalty_of(regularizer: Any, pixels: Any, logits: Any) -> Any:
    """One number a picture, also of a function of the user's own.

    Raises:
        ValueError: the user's function raised, returned another shape or type, or has no gradient.
    """
    if hasattr(regularizer, "penalty"):
        return regularizer.penalty(pixels, logits)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        returned = called("regularizer", regularizer, pixels)
        value = tensor_of("regularizer", regularizer, returned, tf.float32)
    if value.shape.rank != 0 and value.shape != (pixels.shape[0],):
        raise ValueError(
            f"regularizer {name_of(regularizer)} returned {tuple(value.shape)}: one number a picture is needed."
        )
    try:
        gradient = tape.gradient(value, pixels)
    except LookupError as error:
        raise ValueError(f"regularizer {name_of(regularizer)} has no gradient: {error}.") from error
    if gradient is None:
        raise ValueError(
            f"regularizer {name_of(regularizer)} returned a number that does not change with the pixels (a constant, a "
            "comparison or an index has no gradient): use operations that can be differentiated."
        )
    return tf.fill([pixels.shape[0]], value / pixels.shape[0]) if value.shape.rank == 0 else value


def _mean_square(values: Any) -> Any:
    """Of each picture, (batch,); the gradient in one pass, where TensorFlow's own takes four."""

    def found(values: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            return values * tf.reshape(upstream * (2 / _count(values)), [-1, 1, 1, 1])

        return tf.reduce_mean(tf.square(values), axis=[1, 2, 3]), gradient

    return tf.custom_gradient(found)(values)


def _count(pixels: Any) -> float:
    return float(np.prod(pixels.shape[1:]))
