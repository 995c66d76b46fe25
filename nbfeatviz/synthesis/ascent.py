"""ascend() -> Steps: gradient ascent on a picture, step by step."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from nbfeatviz.encoding import Frames
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.loading import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipes import Recipe
from nbfeatviz.synthesis.step_function import plain_errors, step_function
from nbfeatviz.synthesis.visualization import Numbers, Settings, Visualization

Prediction = tuple[int, str, float]

LARGEST_STEP = 1_000_000  # of the step size
MOST_STEPS = 1_000_000


class NotFiniteError(ValueError, ArithmeticError):
    """A loss or gradient was NaN or infinite.

    Attributes:
        visualization: what the run had reached: the last good picture and the numbers so far.
    """

    visualization: Visualization | None = None


@dataclass(frozen=True)
class Step:
    """One step: the picture before its update, and the figures measured on it.

    Attributes:
        index: 0 for the first.
        loss: the objective's value.
        image: float32 (H, W, C) in 0..1; of a batch (n, H, W, C), and the figures are arrays (n,).
        gradient_min: smallest derivative of the loss by a pixel, in the recipe's units (`tutorial13`: per
            1/255 of the range; Fourier recipes: per the whole range 0..1).
        gradient_max: the largest likewise.
        step_size: factor of the gradient (`tutorial13`: 1 / std, in 0..255 units), or Adam's step size.
        prediction: (class, name, probability) where it was computed, else None.
    """

    index: int
    loss: Any
    image: np.ndarray
    gradient_min: Any
    gradient_max: Any
    step_size: Any
    prediction: Any = None

    @property
    def numbers(self) -> Numbers:
        """All but the picture."""
        return Numbers(self.index, self.loss, self.gradient_min, self.gradient_max, self.step_size, self.prediction)


class Ascent(Iterator[Step]):
    """A run of gradient ascent: iterate for its Steps; `picture()` is what the last update made.

    Made by `ascend`. One thread at a time may use it.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective | Sequence[Objective],
        *,
        recipe: str | Recipe = recipes_module.DEFAULT,
        steps: int | None = None,
        step_size: float | None = None,
        seed: int = 0,
        size: int | tuple[int, int] | None = None,
        start: Any = None,
        predict_every: int | None = None,
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"{network!r} is not a Network: nbfeatviz.load(...) makes one.")
        self.network = network
        self._predict_every = _positive("predict_every", predict_every, optional=True)
        height, width = checked_size(size) if size is not None else network.contract.size
        self.shape = (height, width, network.contract.channels)
        self._prepare(objective, recipe, steps, step_size, seed)
        self._start(start)

    def _prepare(
        self, objective: Any, recipe: str | Recipe, steps: int | None, step_size: float | None, seed: int
    ) -> None:
        single = isinstance(objective, Objective)
        given = list(objective) if isinstance(objective, list | tuple) else [objective]
        for item in given:
            if not isinstance(item, Objective):
                raise TypeError(f"{item!r} is not an objective: objectives.channel(layer, unit) makes one.")
        if not given:
            raise ValueError("no objective was given: there must be at least one.")
        resolved = [item.resolved(self.network, self.shape[:2]) for item in given]
        if len({item.structure for item in resolved}) > 1:
            raise ValueError("the objectives of one batch must differ in units, positions and weights only.")
        recipe = recipes_module.get(recipe)
        steps = _positive("steps", steps, optional=True) or recipe.steps
        size = recipe.step_size if step_size is None else step_size
        if isinstance(size, bool) or not isinstance(size, int | float | np.integer | np.floating):
            raise TypeError(f"step_size is a number, not {size!r} ({type(size).__name__}).")
        if not 0 < size <= LARGEST_STEP:
            raise ValueError(f"step_size {size!r} is out of range: give a number above 0, at most {LARGEST_STEP:,}.")
        seed = _whole("seed", seed, 0, 2**31 - 1)
        self.single, self.objective = single, given[0] if single else tuple(given)
        self.recipe, self.steps, self.step_size, self.seed = recipe, steps, float(size), seed
        self._resolved = resolved
        columns = zip(*(item.values for item in resolved), strict=True)
        self._constants = tuple(  # tensors once, not at every step
            tf.constant(value)
            for value in (
                np.int32(self.seed),
                np.float32(self.step_size),
                np.int32(recipe.passed_gradients),
                np.array([item.weights for item in resolved], np.float32),
            )
        ) + (tuple(tf.constant(np.array(column, np.int32)) for column in columns),)
        self._index = 0
        self._failed = False

    def _start(self, start: Any) -> None:
        """Variables from noise, from a picture, or exactly those a Visualization ended with."""
        self._begun_with = start
        self._origin: Settings | str | None = None if start is None else "picture"
        if isinstance(start, Visualization):
            self._origin = start.settings
        form = self.recipe.parameterization
        same_form = (
            isinstance(start, Visualization)
            and start.variables is not None
            and (start.settings.recipe.parameterization == form and start.image.shape == self.shape)
        )
        if start is None:
            one = form.initial(np.random.default_rng(self.seed), self.shape)
        elif same_form:
            one = start.variables
        else:
            image = start.image if isinstance(start, Visualization) else start
            one = form.from_picture(fitted(as_picture(image, self.shape[2]), self.shape[:2]))
        self._variables = np.repeat(one[None], len(self._resolved), axis=0)
        self._slots = self.recipe.step_rule.slots(self._variables)

    def retarget(
        self,
        objective: Any = None,
        *,
        recipe: str | Recipe | None = None,
        steps: int | None = None,
        step_size: float | None = None,
        seed: int | None = None,
        keep: bool = True,
    ) -> None:
        """Aims the run at something else: a fresh count, fresh moments, and (`keep`) the picture so far.

        What is wrong in the arguments is raised and leaves the run as it was.
        """
        before = dict(self.__dict__)
        try:
            unmoved = self._begun_with if keep else None
            end = self.visualization() if keep and self.single and self._index else unmoved
            self._prepare(
                self.objective if objective is None else objective,
                self.recipe if recipe is None else recipe,
                steps,
                step_size,
                self.seed if seed is None else seed,
            )
            self._start(end)
        except Exception:
            self.__dict__.update(before)
            raise

    @property
    def _key(self) -> Hashable:
        return ("ascend", self._resolved[0].structure, self.recipe.structure, len(self._resolved), self.shape)

    @property
    def done(self) -> int:
        """Steps done so far, since the last retarget."""
        return self._index

    @property
    def compiled(self) -> bool:
        """Whether the next step is compiled already."""
        return self.network.is_compiled(self._key)

    def __next__(self) -> Step:
        if self._failed or self._index >= self.steps:
            raise StopIteration
        advance = self.network.compiled(
            self._key, lambda: step_function(self.network, self._resolved[0].structure, self.recipe, self.shape)
        )
        with plain_errors(self._resolved[0], self.shape):
            variables, slots, picture, figures = advance(
                self._variables,
                self._slots,
                tf.constant(self._index, tf.int32),
                *self._constants,
            )
            loss, low, high, factor, finite = (np.asarray(figure) for figure in figures)
        bad = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(low) & np.isfinite(high) & finite))
        if bad.size:
            self._failed = True
            first = bad[0]
            raise NotFiniteError(
                f"step {self._index}: the {'gradient' if np.isfinite(loss[first]) else 'loss'} is not finite (loss "
                f"{loss[first]:g}, gradient {low[first]:g} to {high[first]:g}). The picture before this step is kept; "
                "a smaller step_size, or another recipe or start, may avoid it."
            )
        image = picture.numpy()
        self._variables, self._slots = variables, slots
        index = self._index
        self._index += 1
        prediction = None
        if self._predict_every is not None and index % self._predict_every == 0:
            prediction = self.predict(image)
        if self.single:
            return Step(index, float(loss[0]), image[0], float(low[0]), float(high[0]), float(factor[0]), prediction)
        return Step(index, loss, image, low, high, factor, prediction)

    def predict(self, image: np.ndarray) -> Any:
        """The first class of a step's picture (a pass of its own through the whole network)."""
        pictures = image[None] if image.ndim == 3 else image
        sized = np.stack([fitted(picture, self.network.contract.size) for picture in pictures])
        best = [row[0] for row in self.network.predict_batch(sized)]
        return best[0] if self.single else best

    def picture(self) -> np.ndarray:
        """The picture after the last update, (H, W, C), or of a batch (n, H, W, C)."""
        render = self.network.compiled(
            ("picture", self.recipe.parameterization, len(self._resolved), self.shape),
            lambda: lambda variables: self.recipe.parameterization.picture(variables, self.shape),
        )
        pictures = np.asarray(render(self._variables))
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
            variables=np.asarray(self._variables)[0] if self.single else np.asarray(self._variables),
        )

    def close(self) -> None:
        """Ends the run: no further steps."""
        self._failed = True


def ascend(
    net: Network,
    objective: Objective,
    *,
    recipe: str | Recipe = recipes_module.DEFAULT,
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    start: Any = None,
    predict_every: int | None = None,
) -> Ascent:
    """Runs gradient ascent step by step.

    Args:
        net: network.
        objective: what is maximized.
        recipe: name or Recipe.
        steps: how many; None for the recipe's count.
        step_size: None for the recipe's.
        seed: of the starting noise and of the transforms; the same seed gives the same pictures on one machine.
        size: (height, width) of the picture; None for the network's own. Heads that flatten take no other.
        start: None for noise, a picture (path, PIL image, array), or a Visualization to go on from exactly.
        predict_every: predict the class at every so-many-th step; None never. Costs up to another step.

    Returns:
        An iterator of `Step`s that can also be retargeted.

    Raises:
        ValueError, TypeError: wrong arguments, at once.
        NotFiniteError: from the step at which loss or gradient is not finite.
    """
    return Ascent(
        net,
        objective,
        recipe=recipe,
        steps=steps,
        step_size=step_size,
        seed=seed,
        size=size,
        start=start,
        predict_every=predict_every,
    )


def _positive(name: str, value: Any, *, optional: bool = False) -> int | None:
    if value is None and optional:
        return None
    return _whole(name, value, 1, MOST_STEPS)


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} is a whole number, not {value!r} ({type(value).__name__}).")
    if not low <= value <= high:
        raise ValueError(f"{name} {value!r} is out of range: give a whole number from {low:,} to {high:,}.")
    return int(value)
