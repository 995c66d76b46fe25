"""Visualization: the picture a run ended with, its numbers and frames, and how to make it again."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.encoding import (
    Frames,
    checked_display,
    displayed,
    encode_animation,
    encode_jpeg,
    encode_png,
    presented,
    tile,
)
from nbfeatviz.networks.units import Channel
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.objectives import Objective, exact
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
    score: Any = None
    distance: Any = None

    def of(self, row: int) -> Numbers:
        """Those of one picture of a batch."""
        figures: dict[str, Any] = {name: getattr(self, name) for name in _FIGURES}
        own: dict[str, Any] = {name: one if one is None else float(one[row]) for name, one in figures.items()}
        return replace(self, **own)


_FIGURES = ("loss", "gradient_min", "gradient_max", "step_size", "score", "distance")


@dataclass(frozen=True)
class Settings:
    """Everything that made a picture.

    Attributes:
        network: the arguments of `nbfeatviz.load`, as Python.
        objective: the objective, or of a sheet the tuple of them.
        recipe: the recipe.
        steps: steps really done.
        step_size: the optimizer's.
        seed: of noise and transforms, or one a picture.
        size: (height, width), or None for the network's own.
        start: None for noise, "picture" for a given one, or the settings of the run that was gone on from.
        columns: of a sheet, where they were asked for.
        normalize: how the pictures of a sheet are stretched: "each", "together", or None for the recipe's display.
        show_size: how many rows and columns of each picture a sheet shows, None for all.
        octaves: of a deep dream, (how many, scale); `steps` are those of each.
        precision: in which the network was computed, "float32" or "bfloat16".
        statistics: where the natural prior took what is natural from, as Python; None for its own choice.
    """

    network: str
    objective: Any
    recipe: Recipe
    steps: int
    step_size: float
    seed: int | tuple[int, ...]
    size: tuple[int, int] | None = None
    start: Settings | str | None = None
    columns: int | None = None
    normalize: str | None = None
    show_size: int | None = None
    octaves: tuple[int, float] | None = None
    precision: str = "float32"
    statistics: str | None = None

    def code(self, start: str | None = None) -> str:
        """One line of Python that makes the picture (given `nv`, `objectives`, `net`) from the variable `start`."""
        maker, arguments = "maximize", [repr(self.objective)]
        if self.octaves is not None:
            maker, arguments = "deep_dream", [repr(self.objective)]
            if start or self.start is not None:  # without a photo it begins with noise
                arguments.append(start or "photo")
            arguments += [f"octaves={self.octaves[0]}", f"scale={exact(self.octaves[1])}"]
        elif not isinstance(self.objective, Objective):
            maker, arguments = _sheet_code(self, isinstance(self.seed, int))
        elif not isinstance(self.seed, int):
            maker = "compare"
        arguments += [f"recipe={recipe_code(self.recipe)}", f"steps={self.steps}"]
        if self.step_size != self.recipe.step_size:
            arguments.append(f"step_size={exact(self.step_size)}")
        arguments.append(f"seed={self.seed if isinstance(self.seed, int) else list(self.seed)}")
        if self.size is not None:
            arguments.append(f"size={self.size}")
        if start is not None and self.octaves is None:
            arguments.append(f"start={start}")
        arguments.append(f"precision={self.precision!r}")
        if self.statistics is not None:
            arguments.append(f"statistics={self.statistics}")
        return f"nv.{maker}({', '.join(['net', *arguments])})"


def recipe_code(recipe: Recipe) -> str:
    """A recipe as Python: its name, with what is changed of it."""
    if recipes.ALL.get(recipe.name) == recipe:
        return repr(recipe.name)
    known = recipes.ALL.get(recipe.name, recipes.DEFAULT)
    changed = {
        item.name: getattr(recipe, item.name)
        for item in dataclasses.fields(recipe)
        if getattr(recipe, item.name) != getattr(known, item.name)
    }
    changes = ", ".join(f"{key}={_value_code(value)}" for key, value in changed.items())
    return f"nv.recipes.get({known.name!r}).replace({changes})"


def _value_code(value: Any) -> str:
    """A setting of a recipe as Python; the classes of its parts are names in `nv.recipes`."""
    if isinstance(value, tuple):
        return f"({''.join(f'{_value_code(item)}, ' for item in value)})" if value else "()"
    if dataclasses.is_dataclass(value):
        fields = {item.name: _value_code(getattr(value, item.name)) for item in dataclasses.fields(value)}
        return f"nv.recipes.{type(value).__name__}({', '.join(f'{key}={code}' for key, code in fields.items())})"
    return getattr(value, "__name__", None) or repr(value)  # a function of the user's own, by its name


def _sheet_code(settings: Settings, grid: bool) -> tuple[str, list[str]]:
    """The function that makes a batch, and its first arguments."""
    objectives: tuple[Objective, ...] = settings.objective
    channels = [term for objective in objectives for _, term in objective.terms if isinstance(term, Channel)]
    plain = all(len(item.terms) == 1 and item.weights == (1.0,) for item in objectives)
    same = {(channel.layer, channel.pre_activation) for channel in channels}
    if not (grid and plain and len(channels) == len(objectives) and len(same) == 1):
        return "compare", [str(list(objectives))]
    arguments = [repr(channels[0].layer), str([int(channel.unit) for channel in channels])]
    if channels[0].pre_activation:
        arguments.append("pre_activation=True")
    shown = {name: getattr(settings, name) for name in ("columns", "normalize", "show_size")}
    return "maximize_grid", arguments + [f"{name}={value!r}" for name, value in shown.items() if value is not None]


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

    def __repr__(self) -> str:
        shape, settings = "×".join(map(str, self.image.shape)), self.settings
        one = isinstance(settings.objective, Objective)
        of = settings.objective if one else f"{len(settings.objective)} objectives"
        steps = f"{settings.steps} step{'s' * (settings.steps != 1)}"
        return f"<Visualization: {shape}, {steps} of {settings.recipe.name!r}, {of}>"

    def as_sheet(
        self, columns: int | None = None, normalize: str | None = None, show_size: int | None = None
    ) -> Visualization:
        """The same with the batch's pictures in `images` and all of them tiled as `image` (see `maximize_grid`)."""
        settings = dataclasses.replace(self.settings, columns=columns, normalize=normalize, show_size=show_size)
        sheet = tile(presented(self.image, normalize, show_size), columns)
        return dataclasses.replace(self, image=sheet, images=self.image, settings=settings, variables=None)

    def displayed(self, display: str | None = None) -> np.ndarray:
        """The picture as it is shown and saved, float32 (H, W, C); `image` stays what it is.

        Args:
            display: "as it is", or "stretched" to 0..1 by the smallest and largest value, of a sheet each picture by
                its own; None for how the sheet was normalized, else for the recipe's.

        Raises:
            ValueError: another `display`.
        """
        settings = self.settings
        wanted = settings.recipe.display if display is None else checked_display(display)
        if self.images is None:
            return displayed(self.image, wanted)
        if display is None and settings.normalize is not None:
            return self.image
        normalize = "each" if wanted == "stretched" else None
        return tile(presented(self.images, normalize, settings.show_size), settings.columns)

    def save(self, path: str | os.PathLike[str], display: str | None = None) -> Path:
        """Writes the picture (.png, .jpg, ...) or an animation of the run (.gif, .webp).

        Args:
            path: of the file.
            display: see `displayed`; of an animation every frame is.

        Raises:
            ValueError: an ending that no picture has, a folder that does not exist, or another `display`.
            OSError: it cannot be written, as on a full disk; what was there before stays.
        """
        target = checked_target(path)
        ending, picture = target.suffix.lower(), self.displayed(display)
        if ending in (".gif", ".webp"):
            way = "as it is" if self.images is not None else display or self.settings.recipe.display
            last = encode_png(picture if self.images is not None else self.image)
            data = encode_animation([*self.frames.kept(), last], ending[1:], display=way)
        else:
            data = encode_png(picture) if ending == ".png" else encode_jpeg(picture, quality=92)
        _write(target, data)
        return target

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows; None for a number of channels that no picture has."""
        return encode_png(self.displayed()) if self.image.shape[2] in (1, 3, 4) else None


def _write(target: Path, data: bytes) -> None:
    """Writes a file as a whole or not at all."""
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        new.write_bytes(data)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


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
