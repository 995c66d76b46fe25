"""Objectives: what is maximized. They add, subtract and scale, each operation giving a new objective.

An objective splits into its *structure* (which layers are read, and how), which a compiled step depends
on, and its *values* (units, positions, weights), which are tensors: another unit compiles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel, Neuron


@dataclass(frozen=True)
class ClassLogit:
    """The logit of a class, also where the network ends in softmax."""

    target: int | str

    def __str__(self) -> str:
        return f"class_logit({self.target!r})" if isinstance(self.target, str) else f"class_logit({self.target})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> Channel:
        """The channel of the head that it stands for."""
        return Channel(network.head_layer.path, network.class_index(self.target))


Term = Channel | Neuron | ClassLogit


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, maximized. Made by `channel`, `neuron` and `class_logit`, and by + - *.

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
        return Objective(tuple((weight, term.resolved(network, size)) for weight, term in self.terms))

    @property
    def structure(self) -> tuple[tuple[type, Tap], ...]:
        """What a compiled step depends on."""
        return tuple((type(term), term.tap) for _, term in self._resolved_terms())

    @property
    def values(self) -> tuple[tuple[int, ...], ...]:
        """The integers of each term."""
        return tuple(term.values for _, term in self._resolved_terms())

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each term."""
        return tuple(weight for weight, _ in self.terms)

    def _resolved_terms(self) -> list[tuple[float, Channel | Neuron]]:
        terms = [(weight, term) for weight, term in self.terms if not isinstance(term, ClassLogit)]
        if len(terms) < len(self.terms):
            raise ValueError("class_logit has no layer before it is resolved: call resolved(network) first.")
        return terms


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


def exact(number: float) -> str:
    """The shortest Python for a number that gives the very same number."""
    return short if float(short := f"{number:g}") == number else repr(float(number))
