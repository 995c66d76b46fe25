"""One step of a run: the picture and the figures that it shows, and what is said where those are not finite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np

from nbfeatviz.networks.not_finite import NotFiniteError
from nbfeatviz.synthesis.objective_terms.function_term import Function
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Numbers

__all__ = ["NotFiniteError", "Step", "not_finite"]


@dataclass(frozen=True)
class Step:
    """One step: the picture before its update, and the figures measured on it.

    Attributes:
        index: 0 for the first.
        loss: the objective's value.
        image: float32 (H, W, C) in 0..1; of a batch (n, H, W, C), and the figures are arrays (n,). It grows with the
            phases of a recipe that has any (`multifaceted`).
        gradient_min: smallest derivative of the loss by a pixel, in the recipe's units (`tutorial13`: per
            1/255 of the range; Fourier recipes: per the whole range 0..1).
        gradient_max: the largest likewise.
        step_size: factor of the gradient (`tutorial13`: 1 / std, in 0..255 units), or Adam's step size.
        prediction: (class, name, probability) where it was computed, else None.
        score: what is climbed: the loss minus all penalties, that of the natural prior among them.
        distance: of the picture, as the network saw it, from what is natural (see `NaturalPrior`); 0 without a prior.
    """

    index: int
    loss: Any
    image: np.ndarray
    gradient_min: Any
    gradient_max: Any
    step_size: Any
    prediction: Any = None
    score: Any = None
    distance: Any = None

    @property
    def numbers(self) -> Numbers:
        """All but the picture."""
        return Numbers(
            self.index, self.loss, self.gradient_min, self.gradient_max, self.step_size, self.prediction, self.score,
            self.distance,
        )  # fmt: skip


def not_finite(index: int, figures: Sequence[Any], given: Sequence[Objective], recipe: Recipe) -> str | None:
    """The sentence about a step of which a figure is not finite; None where all are.

    Args:
        index: of the step.
        figures: loss, smallest and largest derivative of each picture, and whether what it becomes is finite.
        given: each picture's objective.
        recipe: the recipe.
    """
    loss, low, high, finite = figures
    bad = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(low) & np.isfinite(high) & finite))
    if not bad.size:
        return None
    first = bad[0]
    return (
        f"step {index}: the {'gradient' if np.isfinite(loss[first]) else 'loss'} is not finite (loss "
        f"{loss[first]:g}, gradient {low[first]:g} to {high[first]:g}).{_own_functions(given[first], recipe)} The "
        "picture before this step is kept; a smaller step_size, or another recipe or start, may avoid it."
    )


def _own_functions(objective: Objective, recipe: Recipe) -> str:
    """A sentence about the user's own functions, the first place to look when something is not finite."""
    names = [term.name for _, term in objective.terms if isinstance(term, Function)]
    parts = (*recipe.transforms, *recipe.regularizers)
    names += [getattr(part, "__name__", repr(part)) for part in parts if not is_dataclass(part)]
    if not names:
        return ""
    return f" Look first at what your own {' and '.join(dict.fromkeys(names))} gave."
