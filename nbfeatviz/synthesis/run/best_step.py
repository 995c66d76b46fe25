"""BestStep: of each picture of a run, the variables of the step that was the best so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.engine import tf


class BestStep:
    """Takes step after step.

    Attributes:
        variables: (n, ...) tensor, each picture's of its own best step; None before the first.
    """

    def __init__(self) -> None:
        self.variables: Any = None
        self._score: Any = None

    def take(self, score: np.ndarray, variables: Any) -> None:
        """Takes the scores (n,) of a step, and the variables (n, ...) that they were measured on."""
        if self._score is None:
            self._score, self.variables = score, variables
            return
        better = score > self._score
        if better.any():
            choose = better.reshape(-1, *[1] * (len(variables.shape) - 1))
            self._score = np.where(better, score, self._score)
            self.variables = tf.where(choose, variables, self.variables)
