"""Recipes: published settings by name. A recipe says how a picture is changed, never what is maximized."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any

from nbfeatviz.synthesis.parameterizations import Fourier, Pixels
from nbfeatviz.synthesis.step_rules import Adam, Standardized
from nbfeatviz.synthesis.transforms import Jitter, Pad, Rotate, Scale, Transform


@dataclass(frozen=True)
class Recipe:
    """A named set of parameterization, transforms, step rule and step count.

    Attributes:
        name: how it is asked for.
        reference: where it was published.
        steps: number of steps.
        step_size: of the step rule, in the units of the parameterization's variables.
        parameterization: variables to picture.
        step_rule: gradient to change.
        transforms: applied inside the gradient, in order.
        passed_gradients: number of steps at the start during which a ReLU that blocks the whole gradient
            passes what would bring its units back to life.
    """

    name: str
    reference: str
    steps: int
    step_size: float
    parameterization: Pixels | Fourier
    step_rule: Standardized | Adam
    transforms: tuple[Transform, ...] = ()
    passed_gradients: int = 0

    def replace(self, **changes: Any) -> Recipe:
        """The recipe with other values (ValueError for a setting that recipes do not have)."""
        known = [field.name for field in dataclasses.fields(self)]
        for key in changes:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                raise ValueError(
                    f"recipes have no setting {key!r}; " + (f"nearest: {near[0]!r}." if near else f"{known}.")
                )
        return dataclasses.replace(self, **changes)

    @property
    def structure(self) -> tuple[Any, ...]:
        """What a compiled step depends on: everything but the numbers of steps and their size."""
        return self.parameterization, self.step_rule, self.transforms, bool(self.passed_gradients)


TUTORIAL13 = Recipe(
    name="tutorial13",
    reference="M. E. H. Pedersen, TensorFlow Tutorial #13, Visual Analysis (for a first layer 10 steps, a class 100)",
    steps=30,
    step_size=1.0,
    parameterization=Pixels(white=255.0, start=128.0, noise=1.0),
    step_rule=Standardized(),
)

TUTORIAL13_MNIST = Recipe(
    name="tutorial13-mnist",
    reference="M. E. H. Pedersen, TensorFlow Tutorial #13-B, Visual Analysis (MNIST)",
    steps=30,
    step_size=1.0,
    parameterization=Pixels(white=1.0, start=0.45, noise=0.1),
    step_rule=Standardized(),
)

LUCID = Recipe(
    name="lucid",
    reference="Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017",
    steps=512,
    step_size=0.05,
    parameterization=Fourier(deviation=0.01, decay=1.0, decorrelate=True),
    step_rule=Adam(),
    transforms=(Pad(0.5), Jitter(8 / 224), Scale(0.9, 1.1), Rotate(10.0, still=0.5), Jitter(4 / 224)),
    passed_gradients=16,
)

ALL: dict[str, Recipe] = {recipe.name: recipe for recipe in (LUCID, TUTORIAL13, TUTORIAL13_MNIST)}
DEFAULT = LUCID


def get(recipe: str | Recipe) -> Recipe:
    """A recipe by name; a recipe is handed back as it is.

    Raises:
        ValueError: no recipe of that name; the nearest is given.
        TypeError: neither a name nor a recipe.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"a recipe is a name or a Recipe, not {recipe!r} ({type(recipe).__name__}).")
    if recipe not in ALL:
        near = difflib.get_close_matches(recipe, list(ALL), n=1, cutoff=0.3)
        hint = f"nearest: {near[0]!r}; " if near else ""
        raise ValueError(f"no recipe {recipe!r}; {hint}there are {', '.join(map(repr, ALL))}.")
    return ALL[recipe]
