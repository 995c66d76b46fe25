"""Deep dream: a photo, or noise, in which a network sees more of what it sees, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.encoding import Frames, encode_png
from nbfeatviz.engine import tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.contract import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.arguments import whole
from nbfeatviz.synthesis.run.compiled_step import CompiledStep
from nbfeatviz.synthesis.run.step import Step
from nbfeatviz.synthesis.run.unanswered import warn_unanswered
from nbfeatviz.synthesis.visualization import Numbers, Settings, Visualization

SMALLEST = 16  # pixels: a coarser octave shows nothing
MOST_OCTAVES, LARGEST_SCALE = 16, 4


def octave_sizes(size: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """(height, width) of each octave, the coarsest first; those that would be too small are left out."""
    sizes = [(round(size[0] / scale**k), round(size[1] / scale**k)) for k in range(octaves)]
    return [one for one in reversed(sizes) if min(one) >= min(SMALLEST, *size)]


@dataclass(frozen=True, eq=False)
class _Wish:
    """What a dream is to be, and what is usual; `deep_dream` says what each means."""

    target: str | Objective
    photo: Any = None
    octaves: int = 4
    scale: float = 1.4
    recipe: str | Recipe = "deep-dream"
    steps: int | None = None
    step_size: float | None = None
    seed: int = 0
    precision: str = "auto"


class Dreaming(Iterator[Step]):
    """A deep dream in progress: every Step's image has the final size, its index counts through all octaves.

    One thread at a time may use it. The arguments are those of `deep_dream`.

    Attributes:
        network: the network.
        done: steps done so far, in all octaves.
    """

    def __init__(
        self,
        net: Network,
        target: str | Objective,
        photo: Any = None,
        *,
        size: int | tuple[int, int] | None = None,
        **wished: Any,
    ) -> None:
        self.network, self._size = net, size
        self._begin(_Wish(target, photo, **wished))

    def _begin(self, wish: _Wish) -> None:
        self._recipe = recipes_module.get(wish.recipe)
        seed = whole("seed", wish.seed, 0, 2**31 - 1 - MOST_OCTAVES)  # each octave has one of its own
        self._wish = wish = replace(wish, seed=seed)
        self._picture, self._sizes = _prepared(self.network, wish, self._size, self._recipe)
        self._objective = objectives.deep_dream(wish.target) if isinstance(wish.target, str) else wish.target
        if not isinstance(self._objective, Objective):
            raise TypeError(f"a dream is about the path of a layer or one objective, not {wish.target!r}.")
        self._place, self.done = 0, 0
        self._answered = False
        self._detail = np.zeros((*self._sizes[0], self._picture.shape[2]), np.float32)
        self._enter()

    def _enter(self) -> None:
        """Begins the octave that is next."""
        extent = self._sizes[self._place]
        self._shrunk = _resized(self._picture, extent)
        self._ascent = Ascent(
            self.network,
            self._objective,
            recipe=self._recipe,
            steps=self._wish.steps,
            step_size=self._wish.step_size,
            seed=self._wish.seed + self._place,
            precision=self._wish.precision,
            size=extent,
            start=np.clip(self._shrunk + _resized(self._detail, extent), 0, 1),
        )

    @property
    def steps(self) -> int:
        """How many, in all octaves."""
        return self._ascent.steps * len(self._sizes)

    @property
    def compiled(self) -> bool:
        """Whether the next step is compiled already."""
        return self._ascent.compiled

    def upcoming(self) -> tuple[CompiledStep, ...]:
        """The next step; see `Ascent.upcoming`."""
        return self._ascent.upcoming()

    @property
    def precision(self) -> str:
        """In which the network is computed."""
        return self._ascent.precision

    def __next__(self) -> Step:
        step = next(self._ascent)
        shown = replace(step, index=self.done, image=_shown(step.image, self._sizes[-1]))
        self.done += 1
        self._answered |= self._ascent.unanswered is None
        if self._ascent.done == self._ascent.steps and self._place + 1 < len(self._sizes):
            self._detail = self._ascent.picture() - self._shrunk  # what shrinking lost comes back with the larger photo
            self._place += 1
            self._enter()
        return shown

    def retarget(
        self,
        objective: str | Objective | None = None,
        *,
        steps: int | None = None,
        step_size: float | None = None,
        **changes: Any,
    ) -> None:
        """Dreams anew from the photo, of something else; what is wrong is raised and leaves the dream as it was.

        Args:
            objective: None for the same.
            steps: None for the recipe's.
            step_size: likewise.
            changes: any other argument of `deep_dream` but `size`; None for the same.
        """
        given = {name: value for name, value in {"target": objective, **changes}.items() if value is not None}
        before = dict(self.__dict__)
        try:
            self._begin(replace(self._wish, steps=steps, step_size=step_size, **given))
        except Exception:
            self.__dict__.update(before)
            raise

    @property
    def unanswered(self) -> str | None:
        """The sentence about a dream to which the network gave no gradient in any octave so far; None for any other."""
        return None if self._answered else self._ascent.unanswered

    @property
    def predicts(self) -> bool:
        """Whether predicting is compiled."""
        return self._ascent.predicts

    def prepare_prediction(self) -> None:
        """Compiles predicting."""
        self._ascent.prepare_prediction()

    def predict(self, image: np.ndarray) -> Any:
        """The first class of a step's picture."""
        return self._ascent.predict(image)

    def picture(self) -> np.ndarray:
        """The picture after the last update: float32 (H, W, C) in 0..1."""
        detail = self._ascent.picture() - self._shrunk if self._ascent.done else self._detail
        return np.clip(self._picture + _resized(detail, self._sizes[-1]), 0, 1)

    @property
    def settings(self) -> Settings:
        """What makes the whole dream; `steps` are those of one octave."""
        height, width = self._sizes[-1]
        return replace(
            self._ascent.settings,
            steps=self._ascent.steps,
            seed=self._wish.seed,
            size=None if (height, width) == self.network.contract.size else (height, width),
            start=None if self._wish.photo is None else "picture",
            octaves=(self._wish.octaves, self._wish.scale),
        )

    def visualization(self, numbers: Iterable[Numbers] = (), frames: Frames | None = None) -> Visualization:
        """What the dream has reached."""
        return Visualization(
            image=self.picture(),
            steps=tuple(numbers),
            frames=Frames() if frames is None else frames,
            settings=self.settings,
        )


def dream(net: Network, target: str | Objective, photo: Any = None, **options: Any) -> Iterator[Step]:
    """`deep_dream` step by step, and at last a Step that has no figures, with the finished picture."""
    dreaming = Dreaming(net, target, photo, **options)
    yield from dreaming
    nothing = float("nan")
    yield Step(dreaming.done, nothing, dreaming.picture(), nothing, nothing, nothing)


def deep_dream(
    net: Network,
    target: str | Objective,
    photo: Any = None,
    *,
    octaves: int = _Wish.octaves,
    scale: float = _Wish.scale,
    recipe: str | Recipe = _Wish.recipe,
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    precision: str = "auto",
    on_step: Callable[[Step], Any] | None = None,
) -> Visualization:
    """Deep dream by octaves (Mordvintsev, Olah and Tyka 2015).

    The photo is shrunk, changed by gradient ascent, enlarged; the detail that shrinking lost is added back before the
    next, finer octave.

    Args:
        net: network.
        target: path of a layer, for the mean of its squares (`objectives.deep_dream`), or any objective.
        photo: path, PIL image or array; None for the recipe's starting noise, drawn by the seed.
        octaves: how many sizes, the last the full one.
        scale: from one size to the next.
        recipe: of one octave.
        steps: of one octave; None for the recipe's.
        step_size: None for the recipe's.
        seed: of the first octave.
        size: (height, width); None for the network's own.
        precision: as for `ascend`.
        on_step: called with every Step.

    Returns:
        The picture, with all steps; `settings.steps` are those of one octave.

    Raises:
        ValueError, TypeError: wrong arguments.

    Warns:
        UserWarning: the layer gave no gradient at any step.
    """
    dreaming = Dreaming(
        net,
        target,
        photo,
        octaves=octaves,
        scale=scale,
        recipe=recipe,
        steps=steps,
        step_size=step_size,
        seed=seed,
        size=size,
        precision=precision,
    )
    numbers: list[Numbers] = []
    frames = Frames()
    for step in dreaming:
        numbers.append(step.numbers)
        if step.image.shape[2] in (1, 3, 4):
            frames.append(encode_png(step.image))
        if on_step is not None:
            on_step(step)
    warn_unanswered([dreaming.unanswered])
    return dreaming.visualization(numbers, frames)


def _prepared(net: Network, wish: _Wish, size: Any, recipe: Recipe) -> tuple[Any, list[tuple[int, int]]]:
    """The picture that is dreamt about, in its final size, and the sizes of the octaves."""
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    whole("octaves", wish.octaves, 1, MOST_OCTAVES)
    scale = wish.scale
    if isinstance(scale, bool) or not isinstance(scale, int | float):
        raise TypeError(f"scale is a number, not {scale!r} ({type(scale).__name__}).")
    if not 1 < scale <= LARGEST_SCALE:
        raise ValueError(f"scale {scale!r} is out of range: give a number above 1, at most {LARGEST_SCALE}.")
    extent = checked_size(size) if size is not None else net.contract.size
    sizes = octave_sizes(extent, wish.octaves, scale)
    if wish.photo is not None:
        return fitted(as_picture(wish.photo, net.contract.channels), extent), sizes
    shape, form = (*extent, net.contract.channels), recipe.parameterization
    noise = form.picture(tf.constant(form.initial(np.random.default_rng(wish.seed), shape)[None]), shape)
    return np.clip(noise[0].numpy(), 0, 1), sizes


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Also of values that are no picture's: detail may be negative."""
    if picture.shape[:2] == size:
        return picture
    return tf.image.resize(picture, size, "bilinear", antialias=True).numpy()


def _shown(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.clip(_resized(picture, size), 0, 1)
