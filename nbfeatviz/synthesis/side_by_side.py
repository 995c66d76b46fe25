"""SideBySide: several pictures that emerge together, step by step, though their recipes may differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nbfeatviz.encoding import Frames, tile
from nbfeatviz.images import fitted
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.ascent import Ascent, NotFiniteError, Step
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Settings, Visualization


@dataclass(frozen=True)
class Case:
    """One of the pictures; see `ascend`."""

    objective: Objective
    recipe: str | Recipe = recipes_module.DEFAULT
    seed: int = 0


class SideBySide(Iterator[Step]):
    """Runs of gradient ascent in step with each other; those of one recipe are one batch.

    Args:
        network: network.
        cases: the pictures.
        steps: of every run; None for each recipe's.
        step_size: likewise.

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
    ) -> None:
        if not cases:
            raise ValueError("there is nothing to be set side by side: at least one picture is needed.")
        self.network, self.cases = network, tuple(cases)
        groups: dict[Recipe, list[int]] = {}
        for place, case in enumerate(self.cases):
            groups.setdefault(recipes_module.get(case.recipe), []).append(place)
        self._runs = [
            (
                Ascent(
                    network,
                    [self.cases[place].objective for place in places],
                    recipe=recipe,
                    steps=steps,
                    step_size=step_size,
                    seed=[self.cases[place].seed for place in places],
                ),
                places,
            )
            for recipe, places in groups.items()
        ]
        self._going = list(self._runs)
        self._error: NotFiniteError | None = None
        self._images: dict[int, np.ndarray] = {}
        self._figures = np.full((4, len(self.cases)), np.nan)
        self.done = 0

    @property
    def steps(self) -> int:
        """Of the longest run."""
        return max(ascent.steps for ascent, _ in self._runs)

    @property
    def compiled(self) -> bool:
        """Whether the next step is compiled already."""
        return all(ascent.compiled for ascent, _ in self._going)

    def __next__(self) -> Step:
        """One step of every run that has not ended; pictures (n, H, W, C) and figures (n,) as the cases are."""
        moved = False
        for ascent, places in list(self._going):
            moved |= self._step(ascent, places)
        if not moved:
            if self._error is not None:
                raise self._error
            raise StopIteration
        index = self.done
        self.done += 1
        return Step(index, self._figures[0].copy(), self._stacked(), *self._figures[1:].copy())

    def _step(self, ascent: Ascent, places: list[int]) -> bool:
        try:
            step = next(ascent, None)
        except NotFiniteError as error:  # the others go on
            step, self._error = None, self._error or error
        if step is None:
            self._going.remove((ascent, places))
            if ascent.done:
                self._put(places, ascent.picture())
            return False
        self._put(places, step.image)
        figures = (step.loss, step.gradient_min, step.gradient_max, step.step_size)
        self._figures[:, places] = [np.broadcast_to(one, len(places)) for one in figures]
        return True

    def _put(self, places: list[int], pictures: np.ndarray) -> None:
        self._images.update(zip(places, pictures, strict=True))

    def _stacked(self) -> np.ndarray:
        """All pictures in one size, though some may have grown."""
        size = self.network.contract.size
        blank = np.full((*size, self.network.contract.channels), 0.5, np.float32)  # failed at its first step
        return np.stack([fitted(self._images.get(place, blank), size) for place in range(len(self.cases))])

    def picture(self) -> np.ndarray:
        """The pictures after the last update: (n, H, W, C)."""
        for ascent, places in self._runs:
            if ascent.done:
                self._put(places, ascent.picture())
        return self._stacked()

    def results(self) -> tuple[Visualization | None, ...]:
        """What each run has reached, with what another can go on from exactly; None before its first step."""
        found: dict[int, Visualization] = {}
        for ascent, places in self._runs:
            if not ascent.done:
                continue
            reached = ascent.visualization()
            for row, place in enumerate(places):
                case = self.cases[place]
                found[place] = replace(
                    reached,
                    image=reached.image[row],
                    variables=None if reached.variables is None else reached.variables[row],
                    settings=replace(reached.settings, objective=case.objective, seed=case.seed),
                )
        return tuple(found.get(place) for place in range(len(self.cases)))

    @property
    def settings(self) -> Settings:
        """What made the pictures of the first recipe, and the steps that were done of the longest run."""
        return replace(self._runs[0][0].settings, steps=self.done)

    def visualization(self) -> Visualization:
        """The sheet so far."""
        pictures = self.picture()
        return Visualization(tile(pictures), (), Frames(), self.settings, images=pictures)

    def close(self) -> None:
        """Ends the runs: no further steps."""
        self._going = []
