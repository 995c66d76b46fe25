"""Visualization: the picture a run ended with, its numbers and frames, and how to make it again."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.images import Frames, decode, encode_animation, encode_png, to_pil
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipes import Recipe


@dataclass(frozen=True)
class Numbers:
    """What a step measured; see `Step`."""

    index: int
    loss: Any
    gradient_min: Any
    gradient_max: Any
    step_size: Any
    prediction: Any = None


@dataclass(frozen=True)
class Settings:
    """Everything that made a picture.

    Attributes:
        network: the arguments of `nbfeatviz.load`, as Python.
        objective: the objective, or of a sheet the tuple of them.
        recipe: the recipe.
        steps: steps really done.
        step_size: the step rule's.
        seed: of noise and transforms.
        size: (height, width), or None for the network's own.
        start: None for noise, "picture" for a given one, or the settings of the run that was gone on from.
    """

    network: str
    objective: Any
    recipe: Recipe
    steps: int
    step_size: float
    seed: int
    size: tuple[int, int] | None = None
    start: Settings | str | None = None

    def code(self, start: str | None = None) -> str:
        """One line of Python that makes the picture (given `net`), starting from the variable `start`."""
        arguments = ["net", repr(self.objective), f"recipe={_recipe_code(self.recipe)}", f"steps={self.steps}"]
        if self.step_size != self.recipe.step_size:
            arguments.append(f"step_size={self.step_size:g}")
        arguments.append(f"seed={self.seed}")
        if self.size is not None:
            arguments.append(f"size={self.size}")
        if start is not None:
            arguments.append(f"start={start}")
        return f"nv.maximize({', '.join(arguments)})"


def _recipe_code(recipe: Recipe) -> str:
    if recipes.ALL.get(recipe.name) == recipe:
        return repr(recipe.name)
    known = recipes.ALL.get(recipe.name, recipes.DEFAULT)
    changed = {
        item.name: getattr(recipe, item.name)
        for item in dataclasses.fields(recipe)
        if getattr(recipe, item.name) != getattr(known, item.name)
    }
    changes = ", ".join(f"{key}={value!r}" for key, value in changed.items())
    return f"recipes.get({known.name!r}).replace({changes})"


@dataclass(frozen=True, eq=False)
class Visualization:
    """The result of `maximize`.

    Attributes:
        image: float32 (H, W, C) in 0..1, after the last update; of `maximize_grid` the sheet.
        steps: the numbers of every step.
        frames: the picture before every step (8 bits a value), decoded on access.
        settings: what made it.
        variables: what another run goes on from exactly (`start=`).
        images: the single pictures (n, H, W, C) of a sheet, else None.
    """

    image: np.ndarray
    steps: tuple[Numbers, ...]
    frames: Frames
    settings: Settings
    variables: np.ndarray | None = field(default=None, repr=False)
    images: np.ndarray | None = field(default=None, repr=False)

    def as_sheet(self, sheet: np.ndarray) -> Visualization:
        """The same with the batch's pictures in `images` and the tiled sheet as `image`."""
        return dataclasses.replace(self, image=sheet, images=self.image, variables=None)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the picture (.png, .jpg, ...) or an animation of the run (.gif, .webp).

        Raises:
            ValueError: an ending that no picture has, or a folder that does not exist.
        """
        target = checked_target(path)
        ending = target.suffix.lower()
        if ending in (".gif", ".webp"):
            pictures = [*(decode(data) for data in self.frames.kept()), self.image]
            target.write_bytes(encode_animation([to_pil(picture) for picture in pictures], ending[1:]))
        elif ending == ".png":
            target.write_bytes(encode_png(self.image))
        else:
            to_pil(self.image).convert("RGB").save(target, quality=92)
        return target

    def _repr_png_(self) -> bytes:
        return encode_png(self.image)


def checked_target(path: str | os.PathLike[str]) -> Path:
    """Where a picture is to be saved, known to be possible before anything is computed.

    Raises:
        ValueError: the folder does not exist, or pictures have no such ending.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {str(target.parent)!r} to save {target.name!r} in.")
    if target.suffix.lower() not in (".png", ".jpg", ".jpeg", ".gif", ".webp"):
        raise ValueError(f"{target.name!r}: pictures are saved as .png, .jpg, or with the run as .gif or .webp.")
    return target
