"""Arguments of a run, checked: each wrong one is a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbfeatviz.checks import is_whole
from nbfeatviz.synthesis.objective_terms.terms import Diversity
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.phases import LARGEST_STEP, MOST_STEPS
from nbfeatviz.synthesis.recipe_parts.transforms import Crops


def checked_objectives(objective: Any) -> list[Objective]:
    """One objective or several as a list."""
    given = list(objective) if isinstance(objective, list | tuple) else [objective]
    for item in given:
        if not isinstance(item, Objective):
            raise TypeError(f"{item!r} is not an objective: objectives.channel(layer, unit) makes one.")
    if not given:
        raise ValueError("no objective was given: there must be at least one.")
    return given


def check_batch(resolved: Sequence[Objective], recipe: Recipe) -> None:
    """ValueError where objectives cannot be optimized as one batch."""
    if len({item.structure for item in resolved}) > 1:
        raise ValueError("the objectives of one batch must differ in units, positions and weights only.")
    if any(isinstance(term, Diversity) for _, term in resolved[0].terms):
        if len(resolved) < 2:
            raise ValueError("diversity is about several pictures: give a list of seeds, such as seed=[0, 1, 2, 3].")
        if any(isinstance(transform, Crops) for transform in recipe.transforms):
            raise ValueError(f"diversity compares whole pictures, and recipe {recipe.name!r} sees crops: use another.")


def checked_step_size(size: Any) -> float:
    """A step size."""
    if isinstance(size, bool) or not isinstance(size, int | float | np.integer | np.floating):
        raise TypeError(f"step_size is a number, not {size!r} ({type(size).__name__}).")
    if not 0 < size <= LARGEST_STEP:
        raise ValueError(f"step_size {size!r} is out of range: give a number above 0, at most {LARGEST_STEP:,}.")
    return float(size)


def checked_seeds(seed: Any) -> int | tuple[int, ...]:
    """A seed, or one a picture."""
    if not isinstance(seed, list | tuple | range | np.ndarray):
        return whole("seed", seed, 0, 2**31 - 1)
    if not len(seed):
        raise ValueError("no seed was given: there must be at least one.")
    return tuple(whole("seed", one, 0, 2**31 - 1) for one in seed)


def positive(name: str, value: Any, *, optional: bool = False) -> int | None:
    """A number of steps."""
    if value is None and optional:
        return None
    return whole(name, value, 1, MOST_STEPS)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """A whole number of a range."""
    if not is_whole(value):
        raise TypeError(f"{name} is a whole number, not {value!r} ({type(value).__name__}).")
    if not low <= value <= high:
        raise ValueError(f"{name} {value!r} is out of range: give a whole number from {low:,} to {high:,}.")
    return int(value)
