"""neuron_views() -> the pictures of single neurons of several layers, whole and zoomed into what each can see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from nbfeatviz.networks.network import Network
from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.networks.units import Neuron, traced_shape
from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.synthesis.maximize import maximize
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Visualization


@dataclass(frozen=True, eq=False)
class NeuronView:
    """The picture that one neuron likes to see, and where in it the neuron looks.

    Attributes:
        layer: path of the layer.
        unit: index of the unit.
        row: position in the layer.
        col: likewise.
        box: (top, left, bottom, right) of the receptive field in pixels, clipped to the picture.
        visualization: the run.
    """

    layer: str
    unit: int
    row: int
    col: int
    box: tuple[int, int, int, int]
    visualization: Visualization

    @property
    def whole(self) -> np.ndarray:
        """The whole picture, float32 (H, W, C) in 0..1."""
        return self.visualization.image

    @property
    def zoomed(self) -> np.ndarray:
        """The receptive field alone, float32 (bottom - top, right - left, C)."""
        top, left, bottom, right = self.box
        return self.whole[top:bottom, left:right]


def neuron_views(
    net: Network,
    layers: str | Sequence[str],
    *,
    unit: int | Sequence[int] = 0,
    row: int | None = None,
    col: int | None = None,
    pre_activation: bool = False,
    recipe: str | Recipe = "tutorial13",
    steps: int | None = None,
    step_size: float | None = None,
    seed: int = 0,
    precision: str = "auto",
    on_step: Callable[[str, Step], Any] | None = None,
) -> tuple[NeuronView, ...]:
    """Single neurons of a column of layers: early ones paint a dot, late ones the whole picture (Sainburg 2020).

    With a recipe of plain pixels, such as `tutorial13`, nothing outside a neuron's field changes at all, because its
    gradient is 0 there. Recipes that paint by waves (`lucid`, `maco`) or move the picture (`sainburg`) change all.

    Args:
        net: network.
        layers: paths of layers with positions.
        unit: one for all, or one a layer.
        row: position in every layer; None for its middle.
        col: likewise.
        pre_activation: as for `objectives.neuron`.
        recipe: name or Recipe.
        steps: of each run; None for the recipe's.
        step_size: None for the recipe's.
        seed: of each run.
        precision: as for `ascend`.
        on_step: called with the layer's path and every Step.

    Returns:
        One view a layer, in order. Pictures have the network's own size.

    Raises:
        ValueError, TypeError: wrong arguments, before anything is computed.
    """
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    if not isinstance(layers, Iterable):
        raise TypeError(f"layers are paths, strings, not {layers!r} ({type(layers).__name__}).")
    paths = [layers] if isinstance(layers, str) else list(layers)
    if not paths:
        raise ValueError("there are no layers to view: at least one is needed.")
    units: list[Any] = list(unit) if isinstance(unit, list | tuple | range | np.ndarray) else [unit] * len(paths)
    if len(units) != len(paths):
        raise ValueError(f"{len(units)} units do not suit {len(paths)} layers: give one a layer, or one for all.")
    # all of them are checked before the first is run
    neurons = [_placed(net, path, one, row, col, pre_activation) for path, one in zip(paths, units, strict=True)]
    views = []
    for neuron, where in neurons:
        run = maximize(
            net,
            Objective(((1.0, neuron),)),
            recipe=recipe,
            steps=steps,
            step_size=step_size,
            seed=seed,
            precision=precision,
            on_step=None if on_step is None else partial(on_step, neuron.layer),
        )
        box = receptive_field(net, neuron.layer).box(*where)
        views.append(NeuronView(neuron.layer, neuron.unit, *where, box, run))
    return tuple(views)


def _placed(
    net: Network, layer: str, unit: int, row: int | None, col: int | None, pre_activation: bool
) -> tuple[Neuron, tuple[int, int]]:
    """A checked neuron, and its (row, col)."""
    neuron = Neuron(layer, unit, row, col, pre_activation).resolved(net)
    height, width, _ = traced_shape(net, neuron.tap, net.contract.size)
    return neuron, (height // 2 if row is None else row, width // 2 if col is None else col)
