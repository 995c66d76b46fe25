"""Ascent: a run of gradient ascent, step after step; it can be aimed at something else while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nbfeatviz.encoding import Frames
from nbfeatviz.engine import tf
from nbfeatviz.networks.contract import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.precision import mode
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.arguments import positive
from nbfeatviz.synthesis.run.best_step import BestStep
from nbfeatviz.synthesis.run.compiled_step import CompiledStep
from nbfeatviz.synthesis.run.initial_image import first_variables
from nbfeatviz.synthesis.run.photo_statistics import source_in_settings
from nbfeatviz.synthesis.run.picture import enlarged, rendered
from nbfeatviz.synthesis.run.prediction import Prediction
from nbfeatviz.synthesis.run.run_plan import planned
from nbfeatviz.synthesis.run.schedule import Schedule
from nbfeatviz.synthesis.run.step import NotFiniteError, Step, not_finite
from nbfeatviz.synthesis.run.unanswered import Answers, warn_unanswered
from nbfeatviz.synthesis.visualization import Numbers, Settings, Visualization


class Ascent(Iterator[Step]):
    """A run of gradient ascent: iterate for its Steps; `picture()` is what the last update made.

    Made by `ascend`. One thread at a time may use it.
    """

    warns = False  # by itself, that the network never answered: whoever drives it may say so elsewhere

    def __init__(
        self,
        network: Network,
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
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"{network!r} is not a Network: nbfeatviz.load(...) makes one.")
        self.network = network
        self._predict_every = positive("predict_every", predict_every, optional=True)
        height, width = checked_size(size) if size is not None else network.contract.size
        self.shape = (height, width, network.contract.channels)
        self.statistics = statistics
        self._prepare(objective, recipe, steps, step_size, seed)
        self.mode = mode(network, precision)
        self._start(start)

    def _prepare(self, objective: Any, recipe: str | Recipe, steps: int | None, step_size: Any, seed: Any) -> None:
        plan = planned(self.network, self.shape, objective, recipe, steps, step_size, seed, self.statistics)
        self._plan, self.single, self.objective = plan, plan.single, plan.objective
        self.recipe, self.steps, self.step_size, self.seed = plan.recipe, plan.steps, plan.step_size, plan.seed
        self._schedule = Schedule(self.recipe, self.steps, self.step_size)
        self._index = 0
        self._failed = False

    def _start(self, start: Any) -> None:
        """Variables from noise, from a picture, or exactly those a Visualization ended with."""
        self.network.refresh()
        self._begun_with = start
        self._origin: Settings | str | None = None if start is None else "picture"
        if isinstance(start, Visualization):
            self._origin = start.settings
        count = self._plan.count
        self._variables: Any = first_variables(start, self.recipe, self.shape, self.seed, count)
        window = np.zeros((count, *self.shape), np.float32) if self.recipe.phases else self._variables
        self._slots = self.recipe.step_rule.slots(window)
        self._phase = -1
        self._best = BestStep()
        self._answers = Answers()

    def retarget(
        self,
        objective: Any = None,
        *,
        recipe: str | Recipe | None = None,
        steps: int | None = None,
        step_size: float | None = None,
        seed: int | Sequence[int] | None = None,
        precision: str | None = None,
        keep: bool = True,
    ) -> None:
        """Aims the run at something else: a fresh count, fresh moments, and (`keep`) the picture so far.

        What is wrong in the arguments is raised and leaves the run as it was.
        """
        before = dict(self.__dict__)
        try:
            end = self._begun_with if keep else None
            if keep and self._index:
                end = self.visualization()
            self._prepare(
                self.objective if objective is None else objective,
                self.recipe if recipe is None else recipe,
                steps,
                step_size,
                self.seed if seed is None else seed,
            )
            if precision is not None:
                self.mode = mode(self.network, precision)
            count = self._plan.count
            if isinstance(end, Visualization) and end.image.ndim == 4 and len(end.image) != count:
                end = None  # which of several pictures would it go on from?
            self._start(end)
        except Exception:
            self.__dict__.update(before)
            raise

    def _enlarge(self) -> None:
        """The picture grows with the phases that have begun."""
        place = self.recipe.phase_at(self._index, self.steps)[0]
        for phase in self.recipe.phases[self._phase + 1 : place + 1]:
            self._variables = enlarged(self._variables, phase.enlarge)
        self._phase = place

    @property
    def done(self) -> int:
        """Steps done so far, since the last retarget."""
        return self._index

    @property
    def precision(self) -> str:
        """In which the network is computed: "float32" or "bfloat16"."""
        return self.mode.precision if self.network.fast else "float32"

    @property
    def compiled(self) -> bool:
        """Whether the next step is compiled already."""
        return self._upcoming().compiled

    def upcoming(self) -> tuple[CompiledStep, ...]:
        """The next step, for whoever wants to compile it before it is asked for."""
        return () if self._index >= self.steps else (self._upcoming(),)

    def _upcoming(self) -> CompiledStep:
        recipe, live, size, probable = self._schedule.at(self._index)
        resolved, constants = self._plan.run_options[probable]
        field = self._plan.field.size if self._plan.field else None
        given = (self._variables, self._slots, tf.constant(self._index, tf.int32), size, live, constants)
        objective, structure, seeds = self._plan.given[0], resolved[0].structure, isinstance(self.seed, tuple)
        return CompiledStep(self.network, objective, structure, recipe, self.shape, field, self.mode, seeds, given,
                        self._plan.natural)  # fmt: skip

    def __next__(self) -> Step:
        if self._failed or self._index >= self.steps:
            if self.warns:
                self.warns = False
                warn_unanswered([self.unanswered])
            raise StopIteration
        if self.recipe.phases:
            self._enlarge()
        variables, slots, measured, picture, figures = self._upcoming().compute()
        loss, score, low, high, factor, finite, answers, distance = (np.asarray(figure) for figure in figures)
        if wrong := not_finite(self._index, (loss, low, high, finite), self._plan.given, self.recipe):
            self._failed = True
            raise NotFiniteError(wrong)
        self._answers.take(loss, answers, self._index < self.recipe.passed_gradients or self._plan.natural is not None)
        image = picture.numpy()
        if self.recipe.keep_best:
            self._best.take(score, measured)
        self._variables, self._slots = variables, slots
        index = self._index
        self._index += 1
        prediction = None
        if self._predict_every is not None and index % self._predict_every == 0:
            prediction = self.predict(image)
        figures = loss, low, high, factor, score, distance
        if self.single:
            (image,) = image
            figures = tuple(float(figure[0]) for figure in figures)
        loss, low, high, factor, score, distance = figures
        return Step(index, loss, image, low, high, factor, prediction, score, distance)

    @property
    def _result(self) -> Any:
        """The variables of the result: after the last update, or of the best step."""
        return self._variables if self._best.variables is None else self._best.variables

    @property
    def silent(self) -> np.ndarray:
        """(n,) bool: the pictures to which the network gave no gradient at any step so far."""
        return self._answers.silent

    @property
    def unanswered(self) -> str | None:
        """The sentence about pictures to which the network gave no gradient at any step so far; None for none."""
        return self._answers.unanswered(self._plan.given)

    @property
    def predicts(self) -> bool:
        """Whether predicting is compiled, so that `predict` will not wait for that."""
        return self._prediction.ready

    def prepare_prediction(self) -> None:
        """Compiles predicting; may be called on another thread."""
        self._prediction.prepare()

    @property
    def _prediction(self) -> Prediction:
        return Prediction(self.network, self._plan.count)

    def predict(self, image: np.ndarray) -> Any:
        """The first class of a step's picture (a pass of its own through the whole network)."""
        best = self._prediction.of(image[None] if image.ndim == 3 else image)
        return best[0] if self.single else best

    def picture(self) -> np.ndarray:
        """The picture after the last update (or the best, where the recipe keeps that): (H, W, C) or (n, H, W, C)."""
        pictures = rendered(self.network, self.recipe.parameterization, self._result, self.shape)
        return pictures[0] if self.single else pictures

    @property
    def settings(self) -> Settings:
        """Everything that made the picture so far."""
        return Settings(
            network=self.network.source or f"... {self.network.name!r}",
            objective=self.objective,
            recipe=self.recipe,
            steps=self._index,
            step_size=self.step_size,
            seed=self.seed,
            size=None if self.shape[:2] == self.network.contract.size else self.shape[:2],
            start=self._origin,
            precision=self.precision,
            statistics=source_in_settings(self.statistics),
        )

    def visualization(self, numbers: Iterable[Numbers] = (), frames: Frames | None = None) -> Visualization:
        """What the run has reached, with the variables from which another run can go on exactly.

        Before its first step that is the Visualization it started from, if any.
        """
        if self._index == 0 and isinstance(self._begun_with, Visualization):
            return self._begun_with
        return Visualization(
            image=self.picture(),
            steps=tuple(numbers),
            frames=Frames() if frames is None else frames,
            settings=self.settings,
            variables=np.asarray(self._result)[0] if self.single else np.asarray(self._result),
        )

    def close(self) -> None:
        """Ends the run: no further steps."""
        self._failed = True
