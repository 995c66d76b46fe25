"""GradientScale: constants that were made for the gradients of another network, at their place inside the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import Live, number


@dataclass(frozen=True)
class GradientScale:
    """The objective's gradient is brought to one size, the picture left as it is; penalties keep theirs.

    A step of fixed size, a decay, or a penalty is in balance with gradients as large as those that it was made for.
    Among the transforms this scales what comes back through them, each picture by its own, at every step; a gradient
    of zero stays zero. The gradient that a step reports is the scaled one. Where the best step is kept, the objective
    counts beside the penalties at the same scale.

    Attributes:
        rms: root mean square of the gradient of one picture, by values in 0..255.
        values: how many values a picture has where that holds: in one of n values it is `rms * values / n`, as
            penalties are means over the picture. 0 for the same in pictures of every size.
    """

    rms: Live = number(low=1e-12, high=1e6, live=True)
    values: int = number(0, low=0, high=100_000_000, whole=True)

    def apply(self, pictures: Any, seed: Any, size: tuple[int, int]) -> Any:
        """The pictures as they are: what comes back from the network is scaled by `rescaled`."""
        return pictures

    def factor(self, gradient: Any) -> Any:
        """(batch, 1, 1, 1): what takes gradients by values in 0..1 to the size; 0 where there is none."""
        wanted = tf.cast(self.rms, tf.float32) * 255.0
        if self.values:
            wanted *= self.values / float(np.prod(gradient.shape[1:]))
        # the largest value is taken out: the square of 1e-25 is 0 in 32 bits
        largest = tf.reduce_max(tf.abs(gradient), axis=[1, 2, 3], keepdims=True)
        shape = tf.math.divide_no_nan(gradient, largest)
        rms = tf.sqrt(tf.reduce_mean(tf.square(shape), axis=[1, 2, 3], keepdims=True)) * largest
        return tf.math.divide_no_nan(wanted, rms)


def rescaled(gradient: Any, transforms: Sequence[Any]) -> tuple[Any, Any]:
    """The objective's gradient (batch, h, w, c) by the picture, at the scale that a recipe's transforms say.

    Returns:
        The gradient, and (batch,) or 1, how many times the network's own it is: as much as the objective weighs
        beside penalties.
    """
    factors = [transform.factor(gradient) for transform in transforms if isinstance(transform, GradientScale)]
    if not factors:
        return gradient, 1.0
    return gradient * factors[-1], tf.reshape(factors[-1], [-1])
