"""Deep dream: a photo in which a network sees more of what it sees, from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from nbfeatviz.encoding import Frames, encode_png
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.loading import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.arguments import positive, whole
from nbfeatviz.synthesis.ascent import Ascent, Step
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Numbers, Settings, Visualization

SMALLEST = 16  # pixels: a coarser octave shows nothing


def octave_sizes(size: tuple[int, int], octaves: int, scale: float) -> list[tuple[int, int]]:
    """(height, width) of each octave, the coarsest first; those that would be too small are left out."""
    sizes = [(round(size[0] / scale**k), round(size[1] / scale**k)) for k in range(octaves)]
    return [one for one in reversed(sizes) if min(one) >= min(SMALLEST, *size)]


def dream(
    net: Network,
    target: str | Objective,
    photo: Any,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    recipe: str | Recipe = "deep-dream",
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
) -> Iterator[Step]:
    """`deep_dream` step by step: every Step's image has the final size, its index counts through all octaves."""
    picture, sizes = _prepared(net, photo, octaves, scale, size)
    objective = objectives.deep_dream(target) if isinstance(target, str) else target
    detail = np.zeros((*sizes[0], picture.shape[2]), np.float32)
    done = 0
    for place, extent in enumerate(sizes):
        shrunk = _resized(picture, extent)
        begun = np.clip(shrunk + _resized(detail, extent), 0, 1)
        ascent = Ascent(
            net, objective, recipe=recipe, steps=steps, step_size=step_size, seed=seed + place, size=extent, start=begun
        )
        for step in ascent:
            yield replace(step, index=done, image=_shown(step.image, sizes[-1]))
            done += 1
        detail = ascent.picture() - shrunk  # what shrinking lost comes back with the next, larger photo
    yield Step(done, float("nan"), np.clip(picture + detail, 0, 1), float("nan"), float("nan"), float("nan"))


def deep_dream(
    net: Network,
    target: str | Objective,
    photo: Any,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    recipe: str | Recipe = "deep-dream",
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    on_step: Callable[[Step], Any] | None = None,
) -> Visualization:
    """Deep dream by octaves (Mordvintsev, Olah and Tyka 2015).

    The photo is shrunk, changed by gradient ascent, enlarged; the detail that shrinking lost is added back before the
    next, finer octave.

    Args:
        net: network.
        target: path of a layer, for the mean of its squares (`objectives.deep_dream`), or any objective.
        photo: path, PIL image or array.
        octaves: how many sizes, the last the full one.
        scale: from one size to the next.
        recipe: of one octave.
        steps: of one octave; None for the recipe's.
        step_size: None for the recipe's.
        seed: of the first octave.
        size: (height, width); None for the network's own.
        on_step: called with every Step.

    Returns:
        The picture, with all steps; `settings.steps` are those of one octave.

    Raises:
        ValueError, TypeError: wrong arguments.
    """
    options = {
        "octaves": octaves, "scale": scale, "recipe": recipe, "steps": steps, "step_size": step_size, "seed": seed,
    }  # fmt: skip
    numbers: list[Numbers] = []
    frames = Frames()
    image = np.zeros((1, 1, 1), np.float32)
    for step in dream(net, target, photo, size=size, **options):  # type: ignore[arg-type]
        image = step.image
        if not np.isnan(step.loss):
            numbers.append(step.numbers)
            if image.shape[2] in (1, 3, 4):
                frames.append(encode_png(image))
            if on_step is not None:
                on_step(step)
    chosen = recipes_module.get(recipe)
    settings = Settings(
        network=net.source or f"... {net.name!r}",
        objective=objectives.deep_dream(target) if isinstance(target, str) else target,
        recipe=chosen,
        steps=positive("steps", steps, optional=True) or chosen.steps,
        step_size=chosen.step_size if step_size is None else step_size,
        seed=seed,
        size=None if image.shape[:2] == net.contract.size else (image.shape[0], image.shape[1]),
        start="picture",
        octaves=(octaves, scale),
    )
    return Visualization(image=image, steps=tuple(numbers), frames=frames, settings=settings)


def _prepared(net: Network, photo: Any, octaves: int, scale: float, size: Any) -> tuple[Any, list[tuple[int, int]]]:
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    whole("octaves", octaves, 1, 16)
    if isinstance(scale, bool) or not isinstance(scale, int | float):
        raise TypeError(f"scale is a number, not {scale!r} ({type(scale).__name__}).")
    if not 1 < scale <= 4:
        raise ValueError(f"scale {scale!r} is out of range: give a number above 1, at most 4.")
    extent = checked_size(size) if size is not None else net.contract.size
    return fitted(as_picture(photo, net.contract.channels), extent), octave_sizes(extent, octaves, scale)


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Also of values that are no picture's: detail may be negative."""
    if picture.shape[:2] == size:
        return picture
    return tf.image.resize(picture, size, "bilinear", antialias=True).numpy()


def _shown(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.clip(_resized(picture, size), 0, 1)
