"""What the panel is set to, and the sentences that refuse what is not possible."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nbfeatviz.checks import is_number, is_whole
from nbfeatviz.encoding import checked_display
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.precision import checked_precision
from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.synthesis import objectives, recipes
from nbfeatviz.synthesis.ascent import LARGEST_STEP, MOST_STEPS
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.natural_prior import with_weight
from nbfeatviz.widgets.settings import recipe_values
from nbfeatviz.widgets.settings.term_settings import Chosen, TermSettings, checked_terms, checked_weight

OBJECTIVES = ("channel", "neuron", "class")
STARTS = ("noise", "image", "photo")


@dataclass(frozen=True)
class PanelSettings:
    """What the panel is set to; read once at the start of a run.

    Attributes:
        layer: path of the layer.
        objective: "channel", "neuron" or "class".
        unit: the unit, or for "class" the class.
        row: of the neuron, None for the centre.
        col: likewise.
        recipe: name of a published recipe, or another Recipe.
        steps: None for the recipe's count.
        step_size: None for the recipe's.
        seed: of noise and transforms.
        pre_activation: measure before the activation.
        keep: retargeting keeps the picture.
        start: "noise", "image" for what the canvas shows, "photo" for the photo as the network sees it.
        terms: further terms, added to the first one that layer, objective and unit say.
        weight: of the first term, where there are further ones.
        precision: "auto", "float32" or "bfloat16" (see `ascend`).
        display: "as it is" or "stretched"; None for the recipe's, to which choosing a recipe goes back.
    """

    layer: str = ""
    objective: str = "channel"
    unit: int = 0
    row: int | None = None
    col: int | None = None
    recipe: str | Recipe = recipes.DEFAULT.name
    steps: int | None = None
    step_size: float | None = None
    seed: int = 0
    pre_activation: bool = True
    keep: bool = True
    start: str = "noise"
    terms: tuple[TermSettings, ...] = ()
    weight: float = 1.0
    precision: str = "auto"
    display: str | None = None

    def units(self, network: Network) -> int:
        """How many units (or classes) there are to choose from."""
        return network.classes if self.objective == "class" else network.layers[self.layer].units

    def target(self, network: Network) -> Objective:
        """The objective that is set (ValueError where the network has no such thing)."""
        first = self._first_term()
        if not self.terms:
            return first
        total = self.weight * first
        for term in self.terms:
            total = total + term.target(network, self.leads)
        return total

    def _first_term(self) -> Objective:
        if self.objective == "class":
            return objectives.class_logit(self.unit)
        if self.objective == "neuron":
            return objectives.neuron(self.layer, self.unit, self.row, self.col, pre_activation=self.pre_activation)
        return objectives.channel(self.layer, self.unit, pre_activation=self.pre_activation)

    @property
    def run_options(self) -> dict[str, Any]:
        """How it is done, whatever is maximized: arguments of `ascend`."""
        return {name: getattr(self, name) for name in ("recipe", "steps", "step_size", "seed", "precision")}

    @property
    def displayed(self) -> str:
        """How pictures are shown."""
        return recipes.get(self.recipe).display if self.display is None else self.display

    @property
    def leads(self) -> Chosen:
        """What further terms leave to the first one."""
        return Chosen(self.objective, self.layer, self.unit, self.row, self.col, self.pre_activation)

    def overlay(self, network: Network | None) -> dict[str, Any]:
        """What lies over the picture: whether a neuron can be picked there, and the receptive field of the one set."""
        if network is None or self.objective != "neuron":
            return {"pick": False, "box": None}
        height, width = (network.layers[self.layer].output_shape or (1, 1))[:2]
        row = (height or 1) // 2 if self.row is None else self.row
        col = (width or 1) // 2 if self.col is None else self.col
        box = receptive_field(network, self.layer).box(row, col)
        return {"pick": True, "box": box, "size": network.contract.size, "neuron": (row, col)}

    def changed(self, network: Network, name: str, value: Any) -> PanelSettings:
        """The settings with one changed; a unit or position that no longer exists moves to the nearest that does.

        Raises:
            ValueError, TypeError: no such setting, or a value that is not possible.
        """
        if name == "natural":
            recipe = recipes.get(self.recipe)
            weight = checked_share("natural", value)
            name, value = "recipe", recipe.replace(regularizers=with_weight(recipe.regularizers, weight))
        if name not in {field.name for field in dataclasses.fields(self)}:
            raise ValueError(f"the panel has no setting {name!r}.")
        if name == "unit" and isinstance(value, str):
            value = network.class_index(value)
        if name == "terms":
            value = checked_terms(value, network)
        new = dataclasses.replace(self, **{name: _checked(name, value)})
        if name == "recipe" and recipes.get(new.recipe).name != recipes.get(self.recipe).name:
            new = dataclasses.replace(new, display=None)
        if name in ("layer", "objective"):
            layer = network.layers[new.layer]
            if not layer.selectable:
                raise ValueError(f"{layer.path!r} ({layer.kind}) cannot be maximized: choose a layer after the input.")
            new = dataclasses.replace(new, unit=min(new.unit, new.units(network) - 1))
            if name == "layer":
                new = dataclasses.replace(new, row=None, col=None)
            if name == "layer" and new.objective == "neuron" and len(layer.output_shape or ()) != 3:
                new = dataclasses.replace(new, objective="channel")
            fitting = [term.fitting(network, new.leads) for term in new.terms]
            new = dataclasses.replace(new, terms=tuple(term for term in fitting if term is not None))
        new.target(network).resolved(network)
        if name in ("row", "col"):
            objectives.neuron(new.layer, 0, new.row, new.col).resolved(network)
        return new

    def differing(self, other: PanelSettings) -> frozenset[str]:
        """The names of the fields in which two settings differ."""
        names = (field.name for field in dataclasses.fields(self))
        return frozenset(name for name in names if getattr(self, name) != getattr(other, name))

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _checked(field.name, getattr(self, field.name))


def checked_share(name: str, value: Any) -> float:
    """A number from 0 to 1 (ValueError in a sentence where it is none)."""
    if not is_number(value, 0, 1):
        raise ValueError(f"{name} {value!r} must be a number from 0 to 1.")
    return float(value)


def _checked(name: str, value: Any) -> Any:
    """The value, or a sentence on what would be right."""
    if name in ("row", "col", "steps", "step_size", "display") and value is None:
        return value
    if name in ("unit", "seed", "steps", "row", "col"):
        low, high = (1, MOST_STEPS) if name == "steps" else (0, 2**31 - 1)
        if not is_whole(value, low, high):
            raise ValueError(f"{name} {value!r} must be a whole number from {low} to {high:,}.")
        return int(value)
    elif name == "step_size":
        if not is_number(value, 0, LARGEST_STEP) or value == 0:
            raise ValueError(f"step size {value!r} must be a number above 0 and at most {LARGEST_STEP:,}.")
    elif name == "objective" and value not in OBJECTIVES:
        raise ValueError(f"objective {value!r} is unknown: it is 'channel', 'neuron' or 'class'.")
    elif name == "start" and value not in STARTS:
        raise ValueError(f"start {value!r} is unknown: it is 'noise', 'image' or 'photo'.")
    elif name == "recipe":
        recipe = recipes.get(value)
        return recipe.name if recipe_values.published(recipe) == recipe else recipe
    elif name == "terms":
        return checked_terms(value)
    elif name == "weight":
        return checked_weight(value)
    elif name == "precision":
        return checked_precision(value)
    elif name == "display":
        return checked_display(value)
    elif name in ("pre_activation", "keep") and not isinstance(value, bool):
        raise ValueError(f"{name} is True or False, not {value!r}.")
    return value
