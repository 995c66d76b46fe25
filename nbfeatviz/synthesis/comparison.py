"""compare() -> Visualizations: the same again with other seeds, step counts, recipes or objectives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nbfeatviz.encoding import encode_png, tile
from nbfeatviz.images import fitted
from nbfeatviz.networks.contract import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.ascent import Ascent, Step
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.arguments import checked_objectives, checked_seeds, positive
from nbfeatviz.synthesis.run.batch_run import Case, batch_key
from nbfeatviz.synthesis.run.unanswered import warn_unanswered
from nbfeatviz.synthesis.visualization import Numbers, Visualization


class Comparison(tuple[Visualization, ...]):
    """Visualizations that a notebook shows side by side."""

    def _repr_png_(self) -> bytes | None:
        """The pictures in one, as they are displayed; None for a number of channels that no picture has."""
        pictures = [one.displayed() for one in self]
        if not pictures or pictures[0].shape[2] not in (1, 3, 4):
            return None
        size = max(picture.shape[:2] for picture in pictures)
        return encode_png(tile(np.stack([fitted(picture, size) for picture in pictures])))


def compare(
    net: Network,
    objective: Objective | Sequence[Objective],
    *,
    recipe: str | Recipe | Sequence[str | Recipe] = recipes_module.DEFAULT,
    steps: int | None | Sequence[int] = None,
    step_size: float | None = None,
    seed: int | Sequence[int] = 0,
    size: int | tuple[int, int] | None = None,
    start: Any = None,
    precision: str = "auto",
    statistics: Any = None,
    on_step: Callable[[tuple[int, ...], Step], Any] | None = None,
) -> Comparison:
    """Several runs that differ in seed, step count, recipe or objective, side by side.

    What can be optimized together is: one batch for all cases of one recipe and one kind of objective, one run for
    those that differ in their step count alone.

    Args:
        net: network.
        objective: one for all, or one a case.
        recipe: likewise.
        steps: likewise; None for the recipe's.
        step_size: of all; None for the recipe's.
        seed: likewise.
        size: (height, width) of the pictures.
        start: as for `ascend`.
        precision: likewise.
        on_step: called with the places of the cases of a batch and its Step, whose image is (n, H, W, C).

    Returns:
        A Visualization a case, in order, without frames; a notebook shows them side by side.

    Raises:
        ValueError: lists of unlike lengths, or what `ascend` refuses.
        TypeError: no Network, or what `ascend` refuses.

    Warns:
        UserWarning: units that are dead on their start.
    """
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    cases = _cases(objective, recipe, steps, seed)
    groups: dict[Any, list[int]] = {}
    extent = None if size is None else checked_size(size)
    for place, case in enumerate(cases):
        groups.setdefault(batch_key(net, case, extent), []).append(place)
    found: dict[int, Visualization] = {}
    options = {"step_size": step_size, "size": size, "start": start, "precision": precision, "statistics": statistics}
    for places in groups.values():
        found.update(_run(net, [(place, cases[place]) for place in places], options, on_step))
    return Comparison(found[place] for place in range(len(cases)))


def _cases(objective: Any, recipe: Any, steps: Any, seed: Any) -> list[Case]:
    given: dict[str, list[Any]] = {
        "objective": checked_objectives(objective),
        "recipe": [recipes_module.get(one) for one in (recipe if isinstance(recipe, list | tuple) else [recipe])],
        "steps": list(steps) if isinstance(steps, list | tuple | range) else [steps],
        "seed": list(seeds) if isinstance(seeds := checked_seeds(seed), tuple) else [seeds],
    }
    lengths = {name: len(values) for name, values in given.items() if len(values) != 1}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        said = ", ".join(f"{length} of {name}" for name, length in lengths.items())
        raise ValueError(f"the cases do not match: {said}; give lists of one length, or one value for all.")
    count = max(lengths.values(), default=1)
    columns = [values * count if len(values) == 1 else values for values in given.values()]
    return [
        Case(one, way, int(own), positive("steps", number, optional=True) or way.steps)
        for one, way, number, own in zip(*columns, strict=True)
    ]


def _run(
    net: Network, cases: list[tuple[int, Case]], options: dict[str, Any], on_step: Any
) -> dict[int, Visualization]:
    rows = list(dict.fromkeys((case.objective, case.seed) for _, case in cases))
    ascent = Ascent(
        net,
        [objective for objective, _ in rows],
        recipe=cases[0][1].recipe,
        steps=max(case.count for _, case in cases),
        seed=[seed for _, seed in rows],
        **options,
    )
    numbers: list[list[Numbers]] = [[] for _ in rows]
    found: dict[int, Visualization] = {}
    for step in ascent:
        for row, kept in enumerate(numbers):
            kept.append(step.numbers.of(row))
        if on_step is not None:
            on_step(tuple(place for place, _ in cases), step)
        ended = [(place, case) for place, case in cases if case.count == ascent.done]
        reached = ascent.visualization() if ended else None
        for place, case in ended:
            assert reached is not None
            row = rows.index((case.objective, case.seed))
            settings = replace(reached.settings, objective=case.objective, seed=case.seed)
            found[place] = replace(
                reached,
                image=reached.image[row],
                variables=None if reached.variables is None else reached.variables[row],
                steps=tuple(numbers[row]),
                settings=settings,
            )
    warn_unanswered([ascent.unanswered])
    return found
