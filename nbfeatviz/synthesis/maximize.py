"""maximize() -> Visualization: a whole run, of one picture or of a sheet of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.encoding import Frames, check_presentation, encode_png
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives as objectives_module
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.ascent import Ascent, NotFiniteError, Step, ascend
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipes import Recipe
from nbfeatviz.synthesis.run.unanswered import warn_unanswered
from nbfeatviz.synthesis.visualization import Numbers, Visualization


def maximize(
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
    on_step: Callable[[Step], Any] | None = None,
) -> Visualization:
    """Runs `ascend` to its end.

    Args:
        on_step: called with every Step (for a progress bar); the other arguments are those of `ascend`.

    Returns:
        The picture after the last update, the numbers and the frames of every step, and the settings. Of a list of
        objectives or seeds it is a sheet without frames, as from `maximize_grid`; `images` are the single pictures.

    Raises:
        NotFiniteError: its `visualization` holds the last good picture.

    Warns:
        UserWarning: the unit is dead on this start: no step had a gradient.
    """
    ascent = ascend(
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
    numbers: list[Numbers] = []
    frames = Frames()
    try:
        for step in ascent:
            numbers.append(step.numbers)
            if not isinstance(step.loss, np.ndarray) and step.image.shape[2] in (1, 3, 4):
                frames.append(encode_png(step.image))
            if on_step is not None:
                on_step(step)
    except NotFiniteError as error:
        error.visualization = _shown(ascent.visualization(numbers, frames))
        raise
    return _shown(ascent.visualization(numbers, frames))


def _shown(found: Visualization) -> Visualization:
    """A batch as a sheet, which can be saved and seen."""
    return found if found.image.ndim == 3 else found.as_sheet()


def maximize_grid(
    net: Network,
    layer: str,
    units: Iterable[int],
    *,
    pre_activation: bool = False,
    columns: int | None = None,
    normalize: str | None = None,
    show_size: int | None = None,
    recipe: str | Recipe = recipes_module.DEFAULT,
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    precision: str = "auto",
    statistics: Any = None,
    on_step: Callable[[Step], Any] | None = None,
) -> Visualization:
    """A sheet of several units of a layer, optimized as one batch.

    Each picture is the one that `maximize` gives with the same seed (up to rounding).

    Args:
        layer: path of the layer.
        units: which units, from 0.
        columns: columns of the sheet; None for as square as possible.
        normalize: "each" for every picture of the sheet stretched to 0..1 on its own (as the tutorial shows them),
            "together" for all alike. None leaves `image` as it is, and shows and saves it by the recipe's display.
        show_size: the sheet shows only so many rows and columns of each picture, from the upper left corner, stretched
            after the cut; None for all. The rest as for `ascend`.

    Returns:
        `image` is the sheet; `images` (n, H, W, C) the single pictures, whole and as they are.

    Raises:
        NotFiniteError: its `visualization` holds the last good sheet.

    Warns:
        UserWarning: units that are dead on this start.
    """
    check_presentation(normalize, show_size, columns)
    try:
        units = list(units)
    except TypeError:
        raise TypeError(f"units are several whole numbers, such as range(6), not {units!r}.") from None
    objectives = [objectives_module.channel(layer, unit, pre_activation=pre_activation) for unit in units]
    ascent = Ascent(
        net,
        objectives,
        recipe=recipe,
        steps=steps,
        step_size=step_size,
        seed=seed,
        size=size,
        precision=precision,
        statistics=statistics,
    )
    numbers: list[Numbers] = []
    try:
        for step in ascent:
            numbers.append(step.numbers)
            if on_step is not None:
                on_step(step)
    except NotFiniteError as error:
        error.visualization = ascent.visualization(numbers).as_sheet(columns, normalize, show_size)
        raise
    warn_unanswered([ascent.unanswered])
    return ascent.visualization(numbers).as_sheet(columns, normalize, show_size)
