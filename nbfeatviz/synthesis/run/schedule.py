"""Schedule: which recipe, numbers and step size each step of a run has."""

from __future__ import annotations

from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe import Recipe


class Schedule:
    """Of a recipe in a run of `steps` steps; `step_size` is that of the run, in the place of the recipe's."""

    def __init__(self, recipe: Recipe, steps: int, step_size: float) -> None:
        self._recipe, self._steps, self._step_size = recipe, steps, step_size
        self._numbers: Any = None

    def at(self, index: int) -> tuple[Recipe, Any, Any, bool]:
        """The recipe of a step without phases, its live numbers, its step size, and whether classes are probabilities.

        Numbers and step size are tensors.
        """
        place, recipe, local, steps = self._recipe.phase_at(index, self._steps)
        phases = self._recipe.phases
        if self._numbers is None or recipe.moves or phases:
            self._numbers = tf.constant(recipe.numbers(local, steps), tf.float32)
        size = recipe.step_size * (self._step_size / self._recipe.step_size) if phases else self._step_size
        return recipe, self._numbers, tf.constant(size, tf.float32), bool(phases) and phases[place].probability
