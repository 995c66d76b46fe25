"""RunPlan: what a run is to do, checked, and as the tensors that its steps are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.natural_statistics import NaturalStatistics
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.receptive_field import FieldCrop, field_crop
from nbfeatviz.networks.units import Neuron
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.natural_prior import prior_of
from nbfeatviz.synthesis.recipe_parts.transforms import Crops
from nbfeatviz.synthesis.run.arguments import (
    check_batch,
    checked_objectives,
    checked_seeds,
    checked_step_size,
    positive,
)
from nbfeatviz.synthesis.run.photo_statistics import natural_statistics

RunOption = tuple[list[Objective], tuple[Any, ...]]


@dataclass(frozen=True, eq=False)
class RunPlan:
    """The checked arguments of a run.

    Attributes:
        single: whether it is about one picture, not a batch.
        objective: as it was given; of a batch a tuple.
        given: one objective a picture.
        recipe: the recipe.
        steps: how many.
        step_size: the optimizer's.
        seed: one, or one a picture.
        field: the part of the picture that the objectives can see, where only that is computed.
        natural: what the recipe's natural prior compares with; None where it has none.
        run_options: by whether class logits are measured as probabilities: the resolved objectives and the constants
            of a step (see `step_function.Constants`).
    """

    single: bool
    objective: Any
    given: list[Objective]
    recipe: Recipe
    steps: int
    step_size: float
    seed: int | tuple[int, ...]
    field: FieldCrop | None
    natural: NaturalStatistics | None
    run_options: dict[bool, RunOption]

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.given)


def planned(
    network: Network,
    shape: tuple[int, int, int],
    objective: Any,
    recipe: str | Recipe,
    steps: int | None,
    step_size: Any,
    seed: Any,
    statistics: Any = None,
) -> RunPlan:
    """Checks the arguments of `ascend` against a network.

    Raises:
        ValueError, TypeError: a wrong one.
    """
    given = checked_objectives(objective)
    chosen = recipes.get(recipe)
    count = positive("steps", steps, optional=True) or chosen.steps
    size = checked_step_size(chosen.step_size if step_size is None else step_size)
    seeds = checked_seeds(seed)
    if isinstance(seeds, tuple):
        if len(given) not in (1, len(seeds)):
            raise ValueError(f"{len(seeds)} seeds do not suit {len(given)} objectives: give as many, or one objective.")
        given = given * len(seeds) if len(given) == 1 else given
    resolved = _resolved(network, given, chosen, shape)
    field = _seen_field(network, resolved, chosen, shape)

    def option(objectives: list[Objective]) -> RunOption:
        return objectives, _constants(objectives, chosen, count, seeds, field)

    run_options = {False: option(resolved)}
    if chosen.phases:
        probable = [item.as_probability() for item in given]
        run_options[True] = option(_resolved(network, probable, chosen, shape))
    single = isinstance(objective, Objective)
    return RunPlan(
        single=single and isinstance(seeds, int),
        objective=objective if single else tuple(given),
        given=given,
        recipe=chosen,
        steps=count,
        step_size=size,
        seed=seeds,
        field=field,
        natural=natural_statistics(network, resolved, statistics) if prior_of(chosen.regularizers) else None,
        run_options=run_options,
    )


def _resolved(
    network: Network, given: Sequence[Objective], recipe: Recipe, shape: tuple[int, int, int]
) -> list[Objective]:
    resolved = [item.resolved(network, shape[:2]) for item in given]
    check_batch(resolved, recipe)
    return resolved


def _seen_field(
    network: Network, resolved: Sequence[Objective], recipe: Recipe, shape: tuple[int, int, int]
) -> FieldCrop | None:
    """Where all terms are neurons: the part of the picture that they can see."""
    terms: list[Any] = [term for item in resolved for _, term in item.terms]
    # crops and the user's own functions may hand the network a picture of another size
    odd = recipe.phases or any(isinstance(move, Crops) or not hasattr(move, "__dataclass_fields__")
                               for move in recipe.transforms)  # fmt: skip
    if odd or not all(isinstance(term, Neuron) for term in terms):
        return None
    return field_crop(network, [(term.layer, term.row, term.col) for term in terms], shape[:2])


def _constants(
    resolved: Sequence[Objective], recipe: Recipe, steps: int, seed: Any, field: FieldCrop | None
) -> tuple[Any, ...]:
    """What is the same at every step, as tensors once."""
    rows = [list(item.values) for item in resolved]
    if field is not None:
        places = iter(field.positions)
        rows = [[(value[0], *next(places)) for value in row] for row in rows]
    return (
        tf.constant(seed, tf.int32),
        tf.constant(steps, tf.int32),
        tf.constant(recipe.passed_gradients, tf.int32),
        tf.constant(np.array([item.weights for item in resolved], np.float32)),
        tuple(tf.constant(np.array(column, np.int32)) for column in zip(*rows, strict=True)),
        tf.constant(field.corner if field else (0, 0), tf.int32),
    )
