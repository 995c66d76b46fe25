"""Further weighted terms of the objective that the panel is set to, and the sentences that refuse bad ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.checks import is_number
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis.objectives import Objective

KINDS = ("channel", "neuron", "class", "others")
MOST_FURTHER = 2  # beside the first term
LARGEST_WEIGHT = 1000.0


@dataclass(frozen=True)
class Chosen:
    """What a term can leave to the panel: its layer, unit, place of the neuron, and where units are measured.

    Attributes:
        objective: of the first term.
        layer: path of the chosen layer.
        unit: the chosen unit, for "class" the class.
        row: of the chosen neuron, None for the centre.
        col: likewise.
        pre_activation: measure before the activation.
    """

    objective: str
    layer: str
    unit: int
    row: int | None
    col: int | None
    pre_activation: bool


@dataclass(frozen=True)
class TermSettings:
    """One further term.

    Attributes:
        kind: "channel", "neuron", "class", or "others" for all units of a layer but one.
        layer: path; None for the chosen layer, also when another one is chosen.
        unit: the unit (for "class" the class; for "others" the one that is left out); None for the chosen one.
        weight: what the term is multiplied by; below 0 it is kept down.
    """

    kind: str = "channel"
    layer: str | None = None
    unit: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} of a term is unknown: it is {', '.join(map(repr, KINDS))}.")
        if self.layer is not None and not isinstance(self.layer, str):
            raise TypeError(f"a layer is named by its path; {self.layer!r} is none.")
        unit, whole = self.unit, isinstance(self.unit, int | np.integer) and not isinstance(self.unit, bool)
        if unit is not None and not (whole and 0 <= unit < 2**31):
            raise ValueError(f"unit {unit!r} of a term must be a whole number from 0.")
        checked_weight(self.weight)

    def units(self, network: Network, chosen: Chosen) -> int:
        """How many units (or classes) there are to choose from."""
        if self.kind == "class":
            return network.classes if network.classifies else 0
        return network.layers[self._path(network, chosen)].units

    def target(self, network: Network, chosen: Chosen) -> Objective:
        """The term as an objective, with its weight."""
        last = max(0, self.units(network, chosen) - 1)
        unit = min(chosen.unit, last) if self.unit is None else self.unit
        if self.kind == "class":
            return self.weight * objectives.class_logit(unit)
        path = self._path(network, chosen)
        if self.kind == "neuron":
            here = path == chosen.layer and chosen.objective == "neuron"
            place = (chosen.row, chosen.col) if here else (None, None)
            return self.weight * objectives.neuron(path, unit, *place, pre_activation=chosen.pre_activation)
        if self.kind == "others":
            logits = self.layer is None and chosen.objective == "class"  # which have no activation before them
            return self.weight * objectives.others(path, unit, pre_activation=chosen.pre_activation and not logits)
        return self.weight * objectives.channel(path, unit, pre_activation=chosen.pre_activation)

    def fitting(self, network: Network, chosen: Chosen) -> TermSettings | None:
        """The term as far as it is possible with another layer or network; None where it is not."""
        new = self
        if self.layer is not None and self.layer not in network.layers:
            new = dataclasses.replace(new, layer=None)
        positions = len(network.layers[new._path(network, chosen)].output_shape or ()) == 3
        if new.kind == "neuron" and not positions:
            new = dataclasses.replace(new, kind="channel")
        available = new.units(network, chosen)
        if not available or (new.kind == "others" and available < 2):
            return None
        return new if new.unit is None else dataclasses.replace(new, unit=min(new.unit, available - 1))

    def _path(self, network: Network, chosen: Chosen) -> str:
        """The layer; the others of a class are the other classes."""
        if self.layer is None and self.kind == "others" and chosen.objective == "class":
            return network.head_layer.path
        return chosen.layer if self.layer is None else self.layer


def checked_terms(value: Any, network: Network | None = None) -> tuple[TermSettings, ...]:
    """Terms, given as such or as dicts of their attributes; a class also by its name.

    Raises:
        ValueError, TypeError: too many, or one that is not possible.
    """
    if not isinstance(value, list | tuple):
        raise TypeError(f"further terms are a list, not {value!r}.")
    if len(value) > MOST_FURTHER:
        raise ValueError(f"the objective has at most {MOST_FURTHER + 1} terms, not {len(value) + 1}.")
    return tuple(one if isinstance(one, TermSettings) else _made(one, network) for one in value)


def _made(given: Any, network: Network | None) -> TermSettings:
    names = {field.name for field in dataclasses.fields(TermSettings)}
    if not isinstance(given, Mapping) or not names >= set(given):
        raise ValueError(f"a term has {', '.join(sorted(names))}; {given!r} is none.")
    named = dict(given)
    if isinstance(named.get("unit"), str) and network is not None:
        named["unit"] = network.class_index(named["unit"])
    return TermSettings(**named)


def checked_weight(value: Any) -> float:
    """A weight of a term."""
    if not is_number(value):
        raise ValueError(f"weight {value!r} must be a number.")
    if abs(value) > LARGEST_WEIGHT:
        raise ValueError(
            f"weight {value!r} is out of range: give a number from -{LARGEST_WEIGHT:g} to {LARGEST_WEIGHT:g}."
        )
    return float(value)
