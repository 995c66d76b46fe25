"""Where a run begins: at noise, at a picture, or at the very variables that another run ended with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbfeatviz.images import as_picture, fitted
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Visualization


def first_variables(
    start: Any, recipe: Recipe, shape: tuple[int, int, int], seed: int | Sequence[int], count: int
) -> np.ndarray:
    """The variables (count, ...) of the pictures that a run begins with.

    Args:
        start: as for `ascend`.
        recipe: its parameterization turns a picture into variables.
        shape: (height, width, channels) of a picture.
        seed: of the noise: one for all pictures, or one a picture.
        count: how many pictures.
    """
    form = recipe.parameterization
    if start is None:
        seeds = [seed] if isinstance(seed, int) else seed
        begun = np.stack([form.initial(np.random.default_rng(one), shape) for one in seeds])
    elif isinstance(start, Visualization) and _continues(start, recipe, shape, count):
        variables = np.asarray(start.variables)
        begun = variables if start.image.ndim == 4 else variables[None]
    else:
        image = start.image if isinstance(start, Visualization) else start
        begun = form.from_picture(fitted(as_picture(image, shape[2]), shape[:2]))[None]
    return begun if len(begun) == count else np.repeat(begun, count, axis=0)


def _continues(start: Visualization, recipe: Recipe, shape: tuple[int, int, int], count: int) -> bool:
    """Whether a run can go on from another's very variables."""
    like = start.variables is not None and start.settings.recipe.parameterization == recipe.parameterization
    suits = start.image.shape == shape or start.image.shape == (count, *shape)
    return like and suits and not recipe.phases
