"""Total variation denoising, an update of the stored pixels (see `pixel_updates`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import Live, number


@dataclass(frozen=True)
class Denoise:
    """The nearest picture of little variation: the minimum of `TV(u) + weight / 2 * |u - x|^2` (Rudin et al. 1992).

    Each channel for itself, lengths of (down, right) differences. Solved in the dual by fast projected gradients
    (Beck and Teboulle 2009). Published code often comes less far, which small weights show (see `SplitBregman`).

    Attributes:
        weight: of staying near, in units of 1 / pixel value; the smaller, the smoother.
        iterations: how many.
    """

    weight: Live = number(low=1e-6, high=1e6, live=True)
    iterations: int = number(100, low=1, high=10_000, whole=True)

    def apply(self, pixels: Any, context: Any) -> Any:
        """New pixels."""
        zero = tf.zeros_like(pixels)

        def improve(down: Any, right: Any, ahead_down: Any, ahead_right: Any, pace: Any) -> Any:
            smooth = pixels + _divergence(ahead_down, ahead_right) / self.weight
            by_row, by_col = differences(smooth)
            new_down, new_right = (
                ahead_down + self.weight / 8 * by_row,
                ahead_right + self.weight / 8 * by_col,
            )
            length = tf.maximum(1.0, tf.sqrt(tf.square(new_down) + tf.square(new_right)))
            new_down, new_right = new_down / length, new_right / length
            new_pace = (1 + tf.sqrt(1 + 4 * pace * pace)) / 2
            momentum = (pace - 1) / new_pace
            return (
                new_down, new_right,
                new_down + momentum * (new_down - down), new_right + momentum * (new_right - right), new_pace,
            )  # fmt: skip

        down, right, *_ = tf.while_loop(
            lambda *_: True, improve, (zero, zero, zero, zero, tf.constant(1.0)), maximum_iterations=self.iterations
        )
        return pixels + _divergence(down, right) / self.weight


def differences(pixels: Any) -> tuple[Any, Any]:
    """To the next row and to the next column; 0 at the far edges."""
    # joined, not padded: `tf.pad` takes several times as long
    down = tf.concat([pixels[:, 1:], pixels[:, -1:]], axis=1) - pixels
    right = tf.concat([pixels[:, :, 1:], pixels[:, :, -1:]], axis=2) - pixels
    return down, right


def _divergence(down: Any, right: Any) -> Any:
    """The negative adjoint of `differences`."""
    by_row = tf.pad(down[:, :-1], [[0, 0], [0, 1], [0, 0], [0, 0]]) - tf.pad(
        down[:, :-1], [[0, 0], [1, 0], [0, 0], [0, 0]]
    )
    by_col = tf.pad(right[:, :, :-1], [[0, 0], [0, 0], [0, 1], [0, 0]]) - tf.pad(
        right[:, :, :-1], [[0, 0], [0, 0], [1, 0], [0, 0]]
    )
    return by_row + by_col
