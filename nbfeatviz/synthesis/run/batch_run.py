"""BatchRun: several pictures that emerge together, step by step, though their recipes may differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.encoding import Frames, tile
from nbfeatviz.images import fitted
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.compiled_step import CompiledStep
from nbfeatviz.synthesis.run.gradient_ascent import Ascent
from nbfeatviz.synthesis.run.step import NotFiniteError, Step
from nbfeatviz.synthesis.visualization import Settings, Visualization


@dataclass(frozen=True)
class Case:
    """One of the pictures; see `ascend`."""

    objective: Objective
    recipe: str | Recipe = recipes_module.DEFAULT
    seed: int = 0
    steps: int | None = None

    @property
    def count(self) -> int:
        """The number of steps."""
        return recipes_module.get(self.recipe).steps if self.steps is None else self.steps


def batch_key(network: Network, case: Case, size: tuple[int, int] | None = None) -> Any:
    """What cases must have in common to be one batch; those that differ in their step count alone are one run."""
    recipe = recipes_module.get(case.recipe)
    # a recipe that depends on how many steps there will be does not pass through the shorter run's end
    timed = recipe.moves or recipe.phases or any(not getattr(update, "last", True) for update in recipe.after)
    return recipe, case.objective.resolved(network, size).structure, case.count if timed else None


@dataclass(frozen=True, eq=False)
class _Batch:
    """A run of several pictures: the places of cases, and the row of the batch that each is."""

    ascent: Ascent
    rows: dict[int, int]


class BatchRun(Iterator[Step]):
    """Runs of gradient ascent in step with each other; what can be one batch is.

    Args:
        network: network.
        cases: the pictures.
        steps: of the cases that say nothing else; None for each recipe's.
        step_size: of all; None for each recipe's.
        precision: of all; see `ascend`.

    Attributes:
        cases: the pictures, each with its number of steps.
        done: steps that were done of the longest run.

    Raises:
        ValueError, TypeError: what `ascend` refuses, or no case.
        NotFiniteError: from the last step, where a run had a loss or gradient that is not finite; the others have
            come to their end then.
    """

    def __init__(
        self,
        network: Network,
        cases: Sequence[Case],
        *,
        steps: int | None = None,
        step_size: float | None = None,
        precision: str = "auto",
    ) -> None:
        if not cases:
            raise ValueError("there is nothing to be set side by side: at least one picture is needed.")
        self.network, self.step_size = network, step_size
        self.cases = tuple(replace(case, steps=steps) if case.steps is None else case for case in cases)
        groups: dict[Any, list[int]] = {}
        for place, case in enumerate(self.cases):
            groups.setdefault(batch_key(network, case), []).append(place)
        self._runs = [self._batch(places, step_size, precision) for places in groups.values()]
        self._going = list(self._runs)
        self._error: NotFiniteError | None = None
        self._images: dict[int, np.ndarray] = {}
        self._ended: dict[int, Visualization] = {}
        self._figures = np.full((4, len(self.cases)), np.nan)
        self.done = 0

    def _batch(self, places: list[int], step_size: float | None, precision: str) -> _Batch:
        cases = [self.cases[place] for place in places]
        alike = list(dict.fromkeys((case.objective, case.seed) for case in cases))
        ascent = Ascent(
            self.network,
            [objective for objective, _ in alike],
            recipe=cases[0].recipe,
            steps=max(case.count for case in cases),
            step_size=step_size,
            seed=[seed for _, seed in alike],
            precision=precision,
        )
        rows = {place: alike.index((case.objective, case.seed)) for place, case in zip(places, cases, strict=True)}
        return _Batch(ascent, rows)

    @property
    def steps(self) -> int:
        """Of the longest run."""
        return max(batch.ascent.steps for batch in self._runs)

    @property
    def compiled(self) -> bool:
        """Whether the next step is compiled already."""
        return all(batch.ascent.compiled for batch in self._going)

    def upcoming(self) -> tuple[CompiledStep, ...]:
        """The next steps; see `Ascent.upcoming`."""
        return tuple(step for batch in self._going for step in batch.ascent.upcoming())

    @property
    def precision(self) -> str:
        """In which the network is computed."""
        return self._runs[0].ascent.precision

    def __next__(self) -> Step:
        """One step of every run that has not ended; pictures (n, H, W, C) and figures (n,) as the cases are."""
        moved = False
        for batch in list(self._going):
            moved |= self._step(batch)
        if not moved:
            if self._error is not None:
                raise self._error
            raise StopIteration
        index = self.done
        self.done += 1
        return Step(index, self._figures[0].copy(), self._stacked(), *self._figures[1:].copy())

    def _step(self, batch: _Batch) -> bool:
        try:
            step = next(batch.ascent, None)
        except NotFiniteError as error:  # the others go on
            step, self._error = None, self._error or error
        if step is None:
            self._going.remove(batch)
            self._catch_up(batch)
            return False
        figures = (step.loss, step.gradient_min, step.gradient_max, step.step_size)
        for place, row in self._open(batch).items():
            self._images[place] = step.image[row]
            self._figures[:, place] = [np.broadcast_to(one, len(step.image))[row] for one in figures]
        if any(self.cases[place].count == batch.ascent.done for place in self._open(batch)):
            self._end(batch)
        return True

    def _open(self, batch: _Batch) -> dict[int, int]:
        """The cases of a batch that have not come to their end."""
        return {place: row for place, row in batch.rows.items() if place not in self._ended}

    def _end(self, batch: _Batch) -> None:
        """Keeps what the cases that have done their steps have reached; the rest of the batch goes on."""
        reached = batch.ascent.visualization()
        for place, row in self._open(batch).items():
            if self.cases[place].count == batch.ascent.done:
                self._ended[place] = self._of(reached, place, row)
                self._images[place] = self._ended[place].image

    def _of(self, reached: Visualization, place: int, row: int) -> Visualization:
        """The part of a batch's result that is one case's."""
        case = self.cases[place]
        return replace(
            reached,
            image=reached.image[row],
            variables=None if reached.variables is None else reached.variables[row],
            settings=replace(reached.settings, objective=case.objective, seed=case.seed),
        )

    def _catch_up(self, batch: _Batch) -> None:
        """Takes the pictures after the last update."""
        if batch.ascent.done and (going := self._open(batch)):
            pictures = batch.ascent.picture()
            self._images.update({place: pictures[row] for place, row in going.items()})

    def _stacked(self) -> np.ndarray:
        """All pictures in one size, though some may have grown."""
        size = self.network.contract.size
        blank = np.full((*size, self.network.contract.channels), 0.5, np.float32)  # failed at its first step
        return np.stack([fitted(self._images.get(place, blank), size) for place in range(len(self.cases))])

    def picture(self) -> np.ndarray:
        """The pictures after the last update: (n, H, W, C)."""
        for batch in self._runs:
            self._catch_up(batch)
        return self._stacked()

    def results(self) -> tuple[Visualization | None, ...]:
        """What each run has reached, with what another can go on from exactly; None before its first step."""
        found = dict(self._ended)
        for batch in self._runs:
            going = self._open(batch)
            if going and batch.ascent.done:
                reached = batch.ascent.visualization()
                found |= {place: self._of(reached, place, row) for place, row in going.items()}
        return tuple(found.get(place) for place in range(len(self.cases)))

    @property
    def unanswered(self) -> str | None:
        """The sentences about pictures to which the network gave no gradient at any step so far; None for none."""
        return " ".join(said for batch in self._runs if (said := batch.ascent.unanswered)) or None

    @property
    def settings(self) -> Settings:
        """What made the pictures of the first recipe, and the steps that were done of the longest run."""
        return replace(self._runs[0].ascent.settings, steps=self.done)

    def visualization(self) -> Visualization:
        """The sheet so far."""
        pictures = self.picture()
        return Visualization(tile(pictures), (), Frames(), self.settings, images=pictures)

    def close(self) -> None:
        """Ends the runs: no further steps."""
        self._going = []
