"""Objectives: what is maximized. They add, subtract and scale, each operation giving a new objective.

An objective splits into its *structure* (which layers are read, and how), which a compiled step depends
on, and its *values* (units, positions, weights), which are tensors: another unit compiles nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.checks import is_whole
from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel, Neuron
from nbfeatviz.synthesis.objective_terms.function_term import Function
from nbfeatviz.synthesis.objective_terms.photo_terms import Caricature, Content, Photo, Statistic, Style
from nbfeatviz.synthesis.objective_terms.terms import (
    ClassLogit,
    ClassProbability,
    DeepDream,
    Direction,
    Diversity,
    Others,
)

Term = (
    Channel | Neuron | ClassLogit | ClassProbability | Direction
    | DeepDream | Diversity | Others | Content | Caricature | Style | Function
)  # fmt: skip


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, maximized. Made by the functions of this module, and by + - *.

    Attributes:
        terms: (weight, term) pairs.
    """

    terms: tuple[tuple[float, Term], ...]

    def __repr__(self) -> str:
        parts = []
        for position, (weight, term) in enumerate(self.terms):
            sign = ("- " if weight < 0 else "+ ") if position else ("-" if weight < 0 else "")
            factor = "" if abs(weight) == 1 else f"{exact(abs(weight))} * "
            parts.append(f"{sign}{factor}objectives.{term}")
        return " ".join(parts)

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms) if isinstance(other, Objective) else NotImplemented

    def __sub__(self, other: Objective) -> Objective:
        return self + (-other) if isinstance(other, Objective) else NotImplemented

    def __neg__(self) -> Objective:
        return self * -1.0

    def __mul__(self, factor: float) -> Objective:
        if isinstance(factor, bool) or not isinstance(factor, int | float | np.number):
            return NotImplemented
        if not np.isfinite(factor):
            raise ValueError(f"an objective cannot be weighted by {factor!r}: give a finite number.")
        return Objective(tuple((weight * float(factor), term) for weight, term in self.terms))

    __rmul__ = __mul__

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Objective:
        """The same objective, checked against a network.

        Args:
            network: the network.
            size: (height, width) of the pictures; None for the network's own.

        Raises:
            ValueError: a layer, unit, position or class that the network does not have.
        """
        return Objective(tuple(pair for weight, term in self.terms for pair in _resolved(weight, term, network, size)))

    @property
    def structure(self) -> tuple[tuple[Any, Tap], ...]:
        """What a compiled step depends on: per term its reader and its tap."""
        return tuple((getattr(term, "reader", type(term)), term.tap) for _, term in self._resolved_terms())

    @property
    def values(self) -> tuple[Any, ...]:
        """The integers of each term."""
        return tuple(term.values for _, term in self._resolved_terms())

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each term."""
        return tuple(weight for weight, _ in self.terms)

    def as_probability(self) -> Objective:
        """The same with the probability of a class in the place of its logit."""
        return Objective(
            tuple(
                (weight, ClassProbability(term.target) if isinstance(term, ClassLogit) else term)
                for weight, term in self.terms
            )
        )

    def _resolved_terms(self) -> list[tuple[float, Any]]:
        for _, term in self.terms:
            if getattr(term, "tap", None) is None:
                name = str(term).partition("(")[0]
                raise ValueError(f"{name} has no layer before it is resolved: call resolved(network) first.")
        return list(self.terms)


def _resolved(weight: float, term: Any, network: Network, size: tuple[int, int] | None) -> list[tuple[float, Any]]:
    """A term as the terms that it stands for in a network."""
    found = term.resolved(network, size)
    return [(weight * own, one) for own, one in found] if isinstance(found, list) else [(weight, found)]


def channel(layer: str, unit: int, *, pre_activation: bool = False) -> Objective:
    """The mean over all positions of one unit of a layer's output, exactly as Keras gives it.

    Args:
        layer: path of a layer.
        unit: index on its last axis, from 0.
        pre_activation: measure before a fused activation or, on an activation layer, its input, so that no
            unit starts dead.
    """
    return Objective(((1.0, Channel(layer, unit, pre_activation)),))


def neuron(
    layer: str, unit: int, row: int | None = None, col: int | None = None, *, pre_activation: bool = False
) -> Objective:
    """One unit at one position of a layer's output; by default the centre, (h//2, w//2)."""
    return Objective(((1.0, Neuron(layer, unit, row, col, pre_activation)),))


def class_logit(target: int | str) -> Objective:
    """The logit of a class, by index or by name, also where the network ends in softmax."""
    return Objective(((1.0, ClassLogit(target)),))


def class_probability(target: int | str) -> Objective:
    """The probability of a class. Its gradient vanishes where the network is sure: `class_logit` serves better."""
    return Objective(((1.0, ClassProbability(target)),))


def direction(
    layer: str, vector: Sequence[float], *, cossim_pow: float = 0.0, pre_activation: bool = False
) -> Objective:
    """The mean over positions of (A·v) · max(0.1, cos(A, v))^cossim_pow (Olah et al. 2017).

    Args:
        layer: path of a layer.
        vector: one number a unit of the layer.
        cossim_pow: above 0, how much a position counts by its angle to the vector.
        pre_activation: as for `channel`.
    """
    try:
        numbers = tuple(float(value) for value in np.asarray(vector, np.float64).reshape(-1))
    except (TypeError, ValueError):
        raise TypeError(f"a direction is one number a unit of the layer, not {vector!r}.") from None
    if not numbers or not np.isfinite(numbers).all() or not any(numbers):
        raise ValueError("a direction is finite numbers that are not all 0.")
    return Objective(((1.0, Direction(layer, numbers, _power("cossim_pow", cossim_pow), pre_activation)),))


def deep_dream(layer: str, *, pre_activation: bool = False) -> Objective:
    """The mean of A² over a layer: whatever it sees, more of it (Mordvintsev et al. 2015)."""
    return Objective(((1.0, DeepDream(layer, pre_activation)),))


def content(layer: str, photo: Any, *, pre_activation: bool = False) -> Objective:
    """Minus the distance of a layer's activations from a photo's: −mean (A − P)² ÷ mean P², 0 where they are equal.

    Args:
        layer: path of a layer.
        photo: path, PIL image or array; fitted to the picture by centre crop.
        pre_activation: as for `channel`.
    """
    return Objective(((1.0, Content(layer, _photo(photo), pre_activation)),))


def caricature(layer: str, photo: Any, *, power: float = 0.0, pre_activation: bool = False) -> Objective:
    """What a layer sees in a photo, and more of it: (a·p ÷ ‖p‖²) · max(0.1, a·p ÷ ‖p‖)^power (Lucid, 2018).

    a and p are the activations of picture and photo at all positions. Lucid's is not divided by ‖p‖², which makes the
    value 1 for the photo itself where the power is 0.

    Args:
        layer: path of a layer.
        photo: path, PIL image or array; fitted to the picture by centre crop.
        power: how much more a picture counts as it rises.
        pre_activation: as for `channel`.
    """
    return Objective(((1.0, Caricature(layer, _photo(photo), _power("power", power), pre_activation)),))


def style(layers: str | Sequence[str], photo: Any, *, statistic: Statistic = "gram") -> Objective:
    """Minus the distance of a photo's statistics in some layers, summed over them (Gatys et al. 2016).

    Args:
        layers: paths of layers with positions.
        photo: path, PIL image or array of any size; fitted by centre crop.
        statistic: "gram" for A'A ÷ (h·w), "moments" for means and standard deviations (Li et al. 2017).
    """
    if not isinstance(layers, Iterable):
        raise TypeError(f"layers are paths, strings, not {layers!r} ({type(layers).__name__}).")
    paths = (layers,) if isinstance(layers, str) else tuple(layers)
    if not paths:
        raise ValueError("style needs at least one layer.")
    if statistic not in ("gram", "moments"):
        raise ValueError(f"statistic {statistic!r} is unknown: it is 'gram' or 'moments'.")
    return Objective(((1.0, Style(paths, _photo(photo, "style_photo"), statistic)),))


def diversity(layer: str, *, pre_activation: bool = False) -> Objective:
    """How alike the pictures of a batch are to a layer: subtract it to make them differ (Olah et al. 2017)."""
    return Objective(((1.0, Diversity(layer, pre_activation)),))


def others(layer: str, unit: int, *, pre_activation: bool = False) -> Objective:
    """The mean over the other units of max(0, channel): subtracted with a weight, it keeps them down."""
    return Objective(((1.0, Others(layer, unit, pre_activation)),))


def function(of: Callable[..., Any], *layers: str, pre_activation: bool = False) -> Objective:
    """Any Python function of activations.

    Args:
        of: takes the activations of the layers for one picture, tensors (h, w, units) or (units,), and returns one
            number, by TensorFlow or arithmetic.
        layers: paths.
        pre_activation: as for `channel`.
    """
    if not callable(of):
        raise TypeError(f"an objective's function takes activations and returns a number; {of!r} cannot be called.")
    if not layers:
        raise ValueError("function needs at least one layer: objectives.function(f, 'layer').")
    return Objective(((1.0, Function(of, layers, pre_activation)),))


def interpolation(first: Objective, second: Objective, count: int) -> list[Objective]:
    """(1 − t)·first + t·second for `count` values of t from 0 to 1: a batch for `ascend`.

    Raises:
        ValueError: fewer than 2.
        TypeError: no objectives.
    """
    for end in (first, second):
        if not isinstance(end, Objective):
            raise TypeError(f"{end!r} is not an objective: objectives.channel(layer, unit) makes one.")
    if not is_whole(count) or count < 2:
        raise ValueError(f"an interpolation has at least 2 pictures, not {count!r}.")
    return [(1 - t) * first + t * second for t in (k / (count - 1) for k in range(int(count)))]


def _photo(photo: Any, name: str = "photo") -> Photo:
    return photo if isinstance(photo, Photo) else Photo(photo, name)


def _power(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} is a number, not {value!r} ({type(value).__name__}).")
    if not 0 <= value <= 100:
        raise ValueError(f"{name} {value!r} is out of range: give a number from 0 to 100.")
    return float(value)


def exact(number: float) -> str:
    """The shortest Python for a number that gives the very same number."""
    return short if float(short := f"{number:g}") == number else repr(float(number))
