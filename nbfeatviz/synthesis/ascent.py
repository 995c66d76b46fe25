"""ascend() -> Steps: gradient ascent on a picture, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.phases import LARGEST_STEP, MOST_STEPS
from nbfeatviz.synthesis.run.gradient_ascent import Ascent
from nbfeatviz.synthesis.run.step import NotFiniteError, Step

__all__ = ["LARGEST_STEP", "MOST_STEPS", "Ascent", "NotFiniteError", "Step", "ascend"]


def ascend(
    net: Network,
    objective: Objective | Sequence[Objective],
    *,
    recipe: str | Recipe = recipes_module.DEFAULT,
    steps: int | None = None,
    step_size: float | None = None,
    seed: int | Sequence[int] = 0,
    size: int | tuple[int, int] | None = None,
    start: Any = None,
    predict_every: int | None = None,
    precision: str = "auto",
    statistics: Any = None,
) -> Ascent:
    """Runs gradient ascent step by step.

    Args:
        net: network.
        objective: what is maximized; a list of objectives of one structure makes a batch.
        recipe: name or Recipe.
        steps: how many; None for the recipe's count.
        step_size: None for the recipe's.
        seed: of the starting noise and of the transforms; the same seed gives the same pictures on one machine. A
            list of seeds makes a batch, each picture the one that its seed gives alone (up to rounding).
        size: (height, width) of the picture; None for the network's own. Heads that flatten take no other.
        start: None for noise, a picture (path, PIL image, array), or a Visualization to go on from exactly.
        predict_every: predict the class at every so-many-th step; None never. Costs up to another step.
        precision: "float32"; "bfloat16", which is faster on processors that have instructions for it, and good enough
            to climb by; "auto" for what a measurement on this machine found once to be the faster one for this network.
            The run's `settings` say which it was.
        statistics: what the recipe's natural prior, if it has one, takes for natural: None for what the network's own
            batch norms have stored, or where it has none that are trained, photographs; "photographs" for those that
            come with the package; a folder of pictures; or a list of pictures. They are measured once a network.

    Returns:
        An iterator of `Step`s that can also be retargeted.

    Warns:
        UserWarning: at its end, where the network gave no gradient at any step: a unit that is dead on this start.

    Raises:
        ValueError, TypeError: wrong arguments, at once.
        NotFiniteError: from the step at which loss or gradient is not finite.
    """
    run = Ascent(
        net,
        objective,
        recipe=recipe,
        steps=steps,
        step_size=step_size,
        seed=seed,
        size=size,
        start=start,
        predict_every=predict_every,
        precision=precision,
        statistics=statistics,
    )
    run.warns = True
    return run
