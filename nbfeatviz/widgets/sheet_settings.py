"""What the Features tab is set to, and the sentences that refuse what is not possible."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.side_by_side import Case
from nbfeatviz.widgets.synthesis_tab import PanelSettings

WHAT = {
    "units": "units of the layer",
    "seeds": "one unit, other seeds",
    "recipes": "one unit, other recipes",
}
LOOKS = {"each": "each on its own", "together": "all together", "plain": "as they are"}
COUNTS = (6, 9, 16)
MOST = 64


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet: what it is, what makes it, and what the panel is set to when it is gone on with."""

    title: str
    case: Case
    settings: PanelSettings


@dataclass(frozen=True)
class SheetSettings:
    """What the Features tab is set to.

    Attributes:
        what: "units", "seeds" or "recipes": in what the pictures differ.
        first: the first unit.
        count: how many units or seeds.
        units: these units in the place of `first` and `count`; None for those.
        recipes: names of the recipes to be set side by side.
        look: "each", "together" or "plain": the pictures are shown stretched to the whole range of brightness, or not.
    """

    what: str = "units"
    first: int = 0
    count: int = 9
    units: tuple[int, ...] | None = None
    recipes: tuple[str, ...] = ("lucid", "tutorial13", "yosinski-1", "keras-vis")
    look: str = "each"

    def changed(self, name: str, value: Any, available: int) -> SheetSettings:
        """The settings with one changed.

        Args:
            name: of the setting.
            value: units also as a text, such as "3, 8, 12-15".
            available: how many units there are.

        Raises:
            ValueError: no such setting, or a value that is not possible.
        """
        if name not in {field.name for field in dataclasses.fields(self)}:
            raise ValueError(f"sheets have no setting {name!r}.")
        return dataclasses.replace(self, **{name: _checked(name, value, available)})

    def fitting(self, available: int) -> SheetSettings:
        """The settings as far as they are possible with so many units."""
        known = self.units is None or max(self.units) < available
        return dataclasses.replace(
            self, first=self.first if self.first < available else 0, units=self.units if known else None
        )

    def cells(self, network: Network, panel: PanelSettings) -> tuple[Cell, ...]:
        """The pictures that a sheet will show, given what the panel is set to."""
        of = "class" if panel.objective == "class" else "unit"
        if self.what == "units":
            available = panel.units(network)
            units = self.units or range(self.first, min(self.first + self.count, available))
            made = [(f"{of} {unit}", dataclasses.replace(panel, unit=unit)) for unit in units]
        elif self.what == "seeds":
            seeds = range(panel.seed, panel.seed + self.count)
            made = [(f"seed {seed}", dataclasses.replace(panel, seed=seed)) for seed in seeds]
        else:
            made = [(name, dataclasses.replace(panel, recipe=name, step_size=None)) for name in self.recipes]
        return tuple(
            Cell(title, Case(one.target(network), one.recipe, one.seed), dataclasses.replace(one, start="image"))
            for title, one in made
        )


def _checked(name: str, value: Any, available: int) -> Any:
    """The value, or a sentence on what would be right."""
    if name in ("what", "look"):
        known = WHAT if name == "what" else LOOKS
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name} {value!r} is unknown: it is {', '.join(map(repr, known))}.")
    elif name == "first":
        return _unit(value, available)
    elif name == "count":
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= MOST:
            raise ValueError(f"count {value!r} must be a whole number from 1 to {MOST}.")
        return int(value)
    elif name == "units":
        return None if value is None or value == "" else _units(value, available)
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


def _unit(value: Any, available: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < available:
        raise ValueError(f"unit {value!r} is not there: this layer has units 0 to {available - 1}.")
    return int(value)
