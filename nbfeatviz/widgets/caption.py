"""What a picture is of: in words, and as a key that tells it from pictures of anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel, Neuron
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.objective_terms.photo_terms import Content, Style
from nbfeatviz.synthesis.objective_terms.terms import ClassLogit, DeepDream
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe


@dataclass(frozen=True)
class Subject:
    """What a picture is of.

    Attributes:
        words: as "efficientnet-lite0 · block5c_add · unit 3 · default · seed 0".
        of: network and objective: what was measured is of this picture only where that is the same.
    """

    words: str
    of: str


PHOTO = Subject("the photo, as the network sees it", "photo")


def subject(network: Network, objective: Objective, recipe: str | Recipe, seed: Any) -> Subject:
    """What a run makes a picture of.

    Args:
        network: the network.
        objective: what is maximized.
        recipe: how; it is said where its values are others than published.
        seed: of the run.
    """
    chosen = recipes.get(recipe)
    changed = ", changed" if recipes.ALL.get(chosen.name, chosen) != chosen else ""
    parts = [name_of(network), objective_in_words(network, objective), f"{chosen.name}{changed}", f"seed {seed}"]
    return Subject(" · ".join(parts), key(network, objective))


def key(network: Network, objective: Objective) -> str:
    """Tells pictures of one network and objective from any other."""
    return f"{id(network)} {objective!r}"  # two networks may have one name


def name_of(network: Network) -> str:
    """The name that a network was loaded by, else the model's own."""
    named = re.match(r"'([^']*)'", network.source or "")
    return named[1] if named else network.name


def objective_in_words(network: Network, objective: Objective) -> str:
    """The terms of an objective, with their weights where there are several or it is not 1."""
    text = ""
    for weight, term in objective.terms:
        sign = "− " if weight < 0 else "+ " if text else ""
        factor = "" if abs(weight) == 1 else f"{abs(weight):g} × "
        text += f"{' ' if text else ''}{sign}{factor}{_term(network, term)}"
    return text


def _term(network: Network, term: Any) -> str:
    if isinstance(term, ClassLogit):
        index = network.class_index(term.target)
        names = network.class_names
        return f"class {names[index]}" if names else f"class {index}"
    if isinstance(term, Neuron):
        place = "in the middle" if term.row is None or term.col is None else f"at row {term.row}, column {term.col}"
        return f"{term.layer} · unit {term.unit} {place}"
    if isinstance(term, Channel):
        return f"{term.layer} · unit {term.unit}"
    if isinstance(term, DeepDream):
        return f"{term.layer} · dream"
    if isinstance(term, Content):
        return f"{term.layer} · content"
    return "style" if isinstance(term, Style) else str(term)
