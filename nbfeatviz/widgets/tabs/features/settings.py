"""What the Features tab is set to, and the sentences that refuse what is not possible."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipe_parts.phases import MOST_STEPS
from nbfeatviz.synthesis.run.batch_run import Case
from nbfeatviz.widgets.settings.term_settings import TermSettings
from nbfeatviz.widgets.tabs.optimize.view import PanelSettings

WHAT = {
    "units": "units of the layer",
    "seeds": "one unit, other seeds",
    "steps": "one unit, other step counts",
    "recipes": "one unit, other recipes",
    "objectives": "one unit, other objectives",
}
ALTERNATIVES = {
    "set": "as in Optimize",
    "alone": "the unit alone",
    "held": "others held down",
    "neuron": "one neuron of it",
}
LOOKS = {"display": "as in Optimize", "each": "each on its own", "together": "all together", "plain": "as they are"}
COUNTS = (6, 9, 16)
MOST = 64
LARGEST_SIZE = 10_000


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet: what it is, what makes it, and what the panel is set to when it is gone on with."""

    title: str
    case: Case
    settings: PanelSettings


@dataclass(frozen=True)
class FeaturesSettings:
    """What the Features tab is set to.

    Attributes:
        what: "units", "seeds", "steps", "recipes" or "objectives": in what the pictures differ.
        first: the first unit.
        count: how many units or seeds.
        units: these units in the place of `first` and `count`; None for those.
        recipes: names of the recipes to be set side by side.
        step_counts: the numbers of steps to be set side by side.
        objectives: which of `ALTERNATIVES` are.
        look: "display" as the Optimize tab, or each recipe that is compared, displays its pictures; "each", "together"
            or "plain": they are shown stretched to the whole range of brightness, or not.
        show_size: only so many rows and columns of each picture are shown, from the upper left corner; None for all.
    """

    what: str = "units"
    first: int = 0
    count: int = 9
    units: tuple[int, ...] | None = None
    recipes: tuple[str, ...] = ("default", "lucid", "tutorial13", "yosinski-1")
    step_counts: tuple[int, ...] = (16, 64, 256)
    objectives: tuple[str, ...] = ("alone", "held")
    look: str = "display"
    show_size: int | None = None

    def changed(self, name: str, value: Any, available: int) -> FeaturesSettings:
        """The settings with one changed.

        Args:
            name: of the setting.
            value: units also as a text, such as "3, 8, 12-15", and step counts as "16, 64, 256".
            available: how many units there are.

        Raises:
            ValueError: no such setting, or a value that is not possible.
        """
        if name not in {field.name for field in dataclasses.fields(self)}:
            raise ValueError(f"sheets have no setting {name!r}.")
        return dataclasses.replace(self, **{name: _checked(name, value, available)})

    def fitting(self, available: int) -> FeaturesSettings:
        """The settings as far as they are possible with so many units."""
        known = self.units is None or max(self.units) < available
        return dataclasses.replace(
            self, first=self.first if self.first < available else 0, units=self.units if known else None
        )

    def cells(self, network: Network, panel: PanelSettings) -> tuple[Cell, ...]:
        """The pictures that a sheet will show, given what the panel is set to."""
        made = {
            "units": self._by_unit,
            "seeds": self._by_seed,
            "steps": self._by_steps,
            "recipes": self._by_recipe,
            "objectives": self._by_objective,
        }[self.what](network, panel)
        return tuple(
            Cell(title, case(network, one), dataclasses.replace(panel if self.what == "steps" else one, start="image"))
            for title, one in made
        )

    def _by_unit(self, network: Network, panel: PanelSettings) -> list[tuple[str, PanelSettings]]:
        of = "class" if panel.objective == "class" else "unit"
        units = self.units or range(self.first, min(self.first + self.count, panel.units(network)))
        return [(f"{of} {unit}", dataclasses.replace(panel, unit=unit)) for unit in units]

    def _by_seed(self, network: Network, panel: PanelSettings) -> list[tuple[str, PanelSettings]]:
        seeds = range(panel.seed, panel.seed + self.count)
        return [(f"seed {seed}", dataclasses.replace(panel, seed=seed)) for seed in seeds]

    def _by_steps(self, network: Network, panel: PanelSettings) -> list[tuple[str, PanelSettings]]:
        return [(_steps(count), dataclasses.replace(panel, steps=count)) for count in self.step_counts]

    def _by_recipe(self, network: Network, panel: PanelSettings) -> list[tuple[str, PanelSettings]]:
        return [(name, self._of_recipe(panel, name)) for name in self.recipes]

    @staticmethod
    def _of_recipe(panel: PanelSettings, name: str) -> PanelSettings:
        display = panel.display if name == recipes.get(panel.recipe).name else None
        return dataclasses.replace(panel, recipe=name, step_size=None, display=display)

    def _by_objective(self, network: Network, panel: PanelSettings) -> list[tuple[str, PanelSettings]]:
        alone = dataclasses.replace(panel, terms=(), weight=1.0)
        if "neuron" in self.objectives and panel.objective == "class":
            raise ValueError("a class has no neuron at a position: choose a unit of a layer, or leave the neuron out.")
        made = {
            "set": panel,
            "alone": alone,
            "held": dataclasses.replace(alone, terms=(TermSettings("others", weight=-1.0),)),
            "neuron": dataclasses.replace(alone, objective="neuron"),
        }
        return [(ALTERNATIVES[name], made[name]) for name in self.objectives]


def case(network: Network, panel: PanelSettings) -> Case:
    """What the panel is set to, as one of the pictures of a sheet."""
    return Case(panel.target(network), panel.recipe, panel.seed, panel.steps)


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _checked(name: str, value: Any, available: int) -> Any:
    """The value, or a sentence on what would be right."""
    if name in ("what", "look"):
        known = WHAT if name == "what" else LOOKS
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name} {value!r} is unknown: it is {', '.join(map(repr, known))}.")
    elif name == "first":
        return _unit(value, available)
    elif name == "count":
        if not is_whole(value, 1, MOST):
            raise ValueError(f"count {value!r} must be a whole number from 1 to {MOST}.")
        return int(value)
    elif name == "units":
        return None if value is None or value == "" else _units(value, available)
    elif name == "step_counts":
        return _step_counts(value)
    elif name == "show_size":
        if value is None:
            return None
        if not is_whole(value, 1, LARGEST_SIZE):
            raise ValueError(f"show size {value!r} must be a whole number of pixels from 1 to {LARGEST_SIZE:,}.")
        return int(value)
    elif name == "objectives":
        if not isinstance(value, list | tuple) or not value or not set(map(str, value)) <= set(ALTERNATIVES):
            names = ", ".join(map(repr, ALTERNATIVES))
            raise ValueError(f"objectives to compare are a list of at least one of {names}; not {value!r}.")
        return tuple(one for one in ALTERNATIVES if one in value)
    elif name == "recipes":
        if not isinstance(value, list | tuple) or not value:
            raise ValueError(f"recipes to compare are a list of names, with at least one in it; not {value!r}.")
        chosen = {recipes.get(one).name for one in value}
        return tuple(one for one in recipes.ALL if one in chosen)
    return value


def _units(value: Any, available: int) -> tuple[int, ...]:
    if isinstance(value, str):
        found: list[int] = []
        for word in value.replace(",", " ").split():
            first, dash, last = word.partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()) or len(word) > 20:
                raise ValueError(f"{word!r} is no unit: give numbers and ranges, such as 3, 8, 12-15.")
            low, high = int(first), int(last or first)
            if not low <= high < low + MOST:
                raise ValueError(f"the range {word!r} holds no unit, or more than the {MOST} that a sheet can hold.")
            found += range(low, high + 1)
    elif isinstance(value, list | tuple):
        found = list(value)
    else:
        raise ValueError(f"units are a list such as 3, 8, 12-15; not {value!r}.")
    units = tuple(dict.fromkeys(_unit(unit, available) for unit in found))
    if not 1 <= len(units) <= MOST:
        raise ValueError(f"a sheet holds 1 to {MOST} units, not {len(units)}.")
    return units


def _step_counts(value: Any) -> tuple[int, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not 1 <= len(words) <= MOST:
        raise ValueError(f"step counts are a list such as 16, 64, 256, of 1 to {MOST} numbers; not {value!r}.")
    counts = [int(one) if isinstance(one, str) and one.isdecimal() and len(one) < 12 else one for one in words]
    for one in counts:
        if not is_whole(one, 1, MOST_STEPS):
            raise ValueError(f"{one!r} is no number of steps: give whole numbers from 1 to {MOST_STEPS:,}.")
    return tuple(sorted({int(one) for one in counts}))


def _unit(value: Any, available: int) -> int:
    if not is_whole(value, 0, available - 1):
        raise ValueError(f"unit {value!r} is not there: this layer has units 0 to {available - 1}.")
    return int(value)
