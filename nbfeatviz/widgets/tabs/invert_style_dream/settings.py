"""What the Invert, Style and Dream tabs are set to, and the sentences that refuse what is not possible.

A remake is a picture made from the photo: from what a layer keeps of it, in the style of another photo, or with more
of what a layer sees in it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nbfeatviz.checks import is_number, is_whole
from nbfeatviz.networks.layers import Layer
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives, recipes
from nbfeatviz.synthesis.ascent import LARGEST_STEP, MOST_STEPS
from nbfeatviz.synthesis.dream import LARGEST_SCALE, MOST_OCTAVES
from nbfeatviz.synthesis.objectives import Objective

STARTS = ("noise", "photo", "image")
STATISTICS = {"gram": "Gram matrices", "moments": "means and deviations"}
MOST_LAYERS = 5  # that a style is read from by default
HEAVIEST = 1_000_000
_OWN = {  # beside the settings that all have
    "invert": ("start",),
    "style": ("start", "layer", "style_layers", "statistic", "content_weight", "style_weight"),
    "dream": ("octaves", "scale"),
}


@dataclass(frozen=True)
class InvertStyleDreamSettings:
    """What one of the tabs is set to.

    Attributes:
        kind: "invert", "style" or "dream".
        layer: of the content; None for the panel's layer, or for "style" one in the middle of the network.
        style_layers: of the style; None for one at each size of the network's grids.
        statistic: what of the style's activations counts, one of `STATISTICS`.
        content_weight: of the distance from the photo.
        style_weight: of the distance from the style.
        recipe: name of a published recipe.
        steps: None for the recipe's count; of a dream, in each octave.
        step_size: None for the recipe's.
        seed: of noise and transforms.
        start: "noise", "photo", or "image" for what the canvas shows.
        octaves: sizes that are dreamt at, one after the other.
        scale: from one size to the next.
    """

    kind: str
    layer: str | None = None
    style_layers: tuple[str, ...] | None = None
    statistic: str = "gram"
    content_weight: float = 1.0
    style_weight: float = 10.0
    recipe: str = recipes.INVERSION.name
    steps: int | None = None
    step_size: float | None = None
    seed: int = 0
    start: str = "noise"
    octaves: int = 4
    scale: float = 1.4

    def changed(self, network: Network, name: str, value: Any) -> InvertStyleDreamSettings:
        """The settings with one changed.

        Raises:
            ValueError, TypeError: no such setting in this tab, or a value that is not possible.
        """
        if not isinstance(name, str) or name not in ("recipe", "steps", "step_size", "seed", *_OWN[self.kind]):
            raise ValueError(f"this tab has no setting {name!r}.")
        new = dataclasses.replace(self, **{name: _checked(network, name, value)})
        if self.kind == "style" and not new.content_weight + new.style_weight:
            raise ValueError("content and style cannot both weigh 0: nothing would be left to look for.")
        return new

    def fitting(self, network: Network) -> InvertStyleDreamSettings:
        """The settings as far as they are possible with another network."""
        known = [path for path in self.style_layers or () if _has_positions(network, path)]
        return dataclasses.replace(
            self,
            layer=self.layer if self.layer is not None and _has_positions(network, self.layer) else None,
            style_layers=tuple(known) if known and len(known) == len(self.style_layers or ()) else None,
        )

    def content_layer(self, network: Network, chosen: str) -> str:
        """The layer that the content is read from, given the one that the panel is set to."""
        if self.kind != "style":
            return chosen
        return self.layer if self.layer is not None else content_layer(network)

    def layers_of_style(self, network: Network) -> tuple[str, ...]:
        """The layers that the style is read from."""
        return style_layers(network) if self.style_layers is None else self.style_layers

    def objective(self, network: Network, chosen: str, photo: Any, style: Any = None) -> Objective:
        """What is maximized.

        Args:
            network: the network.
            chosen: the layer that the panel is set to.
            photo: a picture, or an `objectives.Photo`.
            style: likewise, of the "style" kind only.

        Raises:
            ValueError: the network has no layer for it.
        """
        if self.kind == "dream":
            return objectives.deep_dream(chosen)
        content = objectives.content(self.content_layer(network, chosen), photo)
        if self.kind == "invert":
            return content
        layers = self.layers_of_style(network)
        styled = objectives.style(layers, style, statistic="gram" if self.statistic == "gram" else "moments")
        return self.content_weight * content + self.style_weight * styled


DEFAULTS = {
    "invert": InvertStyleDreamSettings("invert"),
    "style": InvertStyleDreamSettings("style", recipe=recipes.LUCID.name, start="photo"),
    "dream": InvertStyleDreamSettings("dream", recipe=recipes.DEEP_DREAM.name),
}


def spatial(network: Network) -> list[Layer]:
    """The layers with positions, in order."""
    return [layer for layer in network.layers.walk() if layer.selectable and len(layer.output_shape or ()) == 3]


def style_layers(network: Network) -> tuple[str, ...]:
    """The first convolution at each size of the network's grids, at most five (Gatys et al. 2016).

    Raises:
        ValueError: no layer has positions.
    """
    layers = [layer for layer in spatial(network) if (layer.output_shape or ())[:2] != (1, 1)]
    first: dict[Any, str] = {}
    for layer in [one for one in layers if one.kind == "Conv2D"] or layers:
        first.setdefault((layer.output_shape or ())[:2], layer.path)
    if not first:
        raise ValueError("this network has no layer with positions, so there is no style to be read from it.")
    return tuple(first.values())[:MOST_LAYERS]


def content_layer(network: Network) -> str:
    """The last layer of some consequence at the grid size in the middle: it knows things, and still where they are."""
    layers = style_layers(network)
    size = (network.layers[layers[len(layers) // 2]].output_shape or ())[:2]
    alike = [layer for layer in spatial(network) if (layer.output_shape or ())[:2] == size]
    merged = [layer for layer in alike if layer.kind in ("Add", "Concatenate")]
    return (merged or [layer for layer in alike if layer.kind == "Conv2D"] or alike)[-1].path


def _has_positions(network: Network, path: str) -> bool:
    return path in network.layers and len(network.layers[path].output_shape or ()) == 3


def _checked(network: Network, name: str, value: Any) -> Any:
    """The value, or a sentence on what would be right."""
    if name in ("layer", "style_layers", "steps", "step_size") and value is None:
        return None
    if name in ("seed", "steps", "octaves"):
        low, high = {"seed": (0, 2**31 - 1), "steps": (1, MOST_STEPS), "octaves": (1, MOST_OCTAVES)}[name]
        if not is_whole(value, low, high):
            raise ValueError(f"{name} {value!r} must be a whole number from {low} to {high:,}.")
        return int(value)
    elif name in ("step_size", "content_weight", "style_weight"):
        high, zero = (LARGEST_STEP, False) if name == "step_size" else (HEAVIEST, True)
        if not is_number(value, 0, high) or (not value and not zero):
            raise ValueError(
                f"{name.replace('_', ' ')} {value!r} must be a number {'from 0' if zero else 'above 0'} to {high:,}."
            )
        return float(value)
    elif name == "scale":
        if not is_number(value, 1, LARGEST_SCALE) or value == 1:
            raise ValueError(f"scale {value!r} must be a number above 1, at most {LARGEST_SCALE}.")
        return float(value)
    elif name == "layer":
        return _checked_layer(network, value)
    elif name == "style_layers":
        if isinstance(value, str) or not isinstance(value, list | tuple) or not value:
            raise ValueError(f"a style is read from at least one layer: give a list of their names, not {value!r}.")
        return tuple(dict.fromkeys(_checked_layer(network, path) for path in value))
    elif name == "recipe":
        return recipes.get(value).name
    elif name == "statistic" and value not in STATISTICS:
        raise ValueError(f"statistic {value!r} is unknown: it is 'gram' or 'moments'.")
    elif name == "start" and value not in STARTS:
        raise ValueError(f"start {value!r} is unknown: it is 'noise', 'photo' or 'image'.")
    return value


def _checked_layer(network: Network, path: Any) -> str:
    layer = network.layers[path]
    if not layer.selectable or len(layer.output_shape or ()) != 3:
        raise ValueError(f"{layer.path!r} ({layer.kind}) has no positions: choose a layer with rows and columns.")
    return layer.path
