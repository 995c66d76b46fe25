"""Focus: which positions of a unit lead a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import Live, number


@dataclass(frozen=True)
class Focus:
    """Positions where a unit is high lead: the gradient of its mean is weighed by softmax(sharpness * a / std(a)).

    Where all positions count alike, a unit fills the picture with a texture, and one of an early, almost
    linear layer has a mean that depends on little but the colour. Measured by its own standard deviation over
    the positions, a unit is focused alike at every scale of its values.

    Attributes:
        sharpness: 0 lets all positions lead alike, as the mean does; from 5 on few positions are left.
    """

    sharpness: Live = number(1.5, low=0, high=50, live=True)

    def mean(self, positions: Any) -> Any:
        """(batch,): the mean over positions (batch, n), whose gradient follows the weights."""
        still = tf.stop_gradient(positions)
        deviation = tf.math.reduce_std(still, axis=1, keepdims=True)
        weights = tf.nn.softmax(self.sharpness * tf.math.divide_no_nan(still, deviation), axis=1)
        weighed = tf.reduce_sum(weights * positions, axis=1)
        return tf.reduce_mean(still, axis=1) + weighed - tf.stop_gradient(weighed)
