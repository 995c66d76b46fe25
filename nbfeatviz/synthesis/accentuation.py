"""accentuate() -> Visualization: a photo to which is added only what raises an objective (Hamblin et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.contract import checked_size
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis import recipes as recipes_module
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.maximize import maximize
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.step import Step
from nbfeatviz.synthesis.visualization import Visualization

_LEAST = 1e-9  # a shorter gradient is none


def accentuate(
    net: Network,
    objective: Objective,
    photo: Any,
    layer: str,
    *,
    alpha: float = 1.0,
    recipe: str | Recipe = "accentuation",
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    precision: str = "auto",
    on_step: Callable[[Step], Any] | None = None,
) -> Visualization:
    """Starts at a photo and maximizes objective − alpha · b · ‖A(x) − A(photo)‖² (Hamblin et al. 2024).

    A is what `layer` makes of a picture, and b the length of the objective's gradient over that of the distance's, so
    that both pull alike at the first step; there, where the distance would have none, the photo has noise on it.

    Args:
        net: network.
        objective: what is to rise.
        photo: path, PIL image or array; fitted by centre crop.
        layer: path of the layer whose activations are to stay: an early one keeps the look, a late one the meaning.
        alpha: how much they count; 0 lets them go.
        recipe: name or Recipe; one that does not crop.
        steps: how many; None for the recipe's count.
        step_size: None for the recipe's.
        seed: of the noise.
        size: (height, width) of the picture; None for the network's own.
        precision: as for `ascend`.
        on_step: called with every Step; its loss is the whole sum.

    Returns:
        The picture, with all steps; `settings.objective` is the objective plus a weighted `objectives.content`.

    Raises:
        ValueError, TypeError: wrong arguments, or an objective or a layer that does not change with the photo.

    Warns:
        UserWarning: as `maximize`.
    """
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    if not isinstance(objective, Objective):
        raise TypeError(f"{objective!r} is not an objective: objectives.channel(layer, unit) makes one.")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number):
        raise TypeError(f"alpha is a number, not {alpha!r} ({type(alpha).__name__}).")
    if not 0 <= alpha < np.inf:
        raise ValueError(f"alpha {alpha!r} is out of range: give a number of at least 0.")
    extent = checked_size(size) if size is not None else net.contract.size
    picture = fitted(as_picture(photo, net.contract.channels), extent)
    kept = objectives.content(layer, photo)
    lengths = [_length(net, one, _noisy(picture, seed), extent) for one in (objective, kept)]
    return maximize(
        net,
        objective + float(alpha) * lengths[0] / lengths[1] * kept,
        recipe=recipe,
        steps=steps,
        step_size=step_size,
        seed=seed,
        size=extent,
        start=picture,
        precision=precision,
        on_step=on_step,
    )


def _noisy(picture: np.ndarray, seed: int) -> np.ndarray:
    """With the published noise, N(0, 0.02) + U(±0.01)."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.02, picture.shape) + random.uniform(-0.01, 0.01, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


def _length(net: Network, objective: Objective, picture: np.ndarray, size: tuple[int, int]) -> float:
    """The length of an objective's gradient by the pixels, as the factor of one step of `Progress` tells it."""
    wish = _LEAST**2 * 1e12
    recipe = recipes_module.Recipe(
        name="length of a gradient",
        reference="one step",
        steps=1,
        step_size=wish,
        parameterization=recipes_module.Pixels(white=1.0),
        step_rule=recipes_module.Progress(most=1e12),
    )
    step = next(Ascent(net, objective, recipe=recipe, size=size, start=picture))
    length = float(np.sqrt(wish / step.step_size))
    if length <= 1.001 * _LEAST:
        raise ValueError(f"{objective!r} does not change with this photo: nothing pulls at it. Choose another.")
    return length
