"""Phases: parts of a run with settings of their own, and the window that a step of them is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import Live, Ramp, number
from nbfeatviz.synthesis.recipe_parts.gradient_updates import GradientUpdate
from nbfeatviz.synthesis.recipe_parts.pixel_updates import PixelUpdate

LARGEST_STEP = 1_000_000
MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Window:
    """All of a step happens in a window of the network's size, whose place is normal around the middle.

    Attributes:
        spread: standard deviation of the place, as a fraction of the room there is.
    """

    spread: Live = number(0.3, low=0, high=10, live=True)

    def place(self, room: tuple[int, int], seed: Any) -> Any:
        """(top, left) of the window, integers from 0 to `room`."""
        free = tf.cast(room, tf.float32)
        drawn = free / 2 + tf.random.stateless_normal([2], seed + tf.constant([104729, 0])) * free * self.spread
        return tf.cast(tf.clip_by_value(drawn, 0.0, free), tf.int32)


@dataclass(frozen=True)
class Phase:
    """A part of a run with settings of its own; what it does not name is the recipe's.

    Attributes:
        steps: its length, in a run of the recipe's own number of steps.
        step_size: of the optimizer; may be a Ramp.
        enlarge: at its start the picture grows by that factor.
        probability: class logits are maximized as probabilities.
        gradient: see `Recipe`.
        after: see `Recipe`.
        window: see `Recipe`.
    """

    steps: int = number(low=1, high=MOST_STEPS, whole=True)
    step_size: float | Ramp = number(low=1e-9, high=LARGEST_STEP, live=True)
    enlarge: float = number(1.0, low=1, high=4)
    probability: bool = False
    gradient: tuple[GradientUpdate, ...] = ()
    after: tuple[PixelUpdate, ...] = ()
    window: Window | None = None
