"""Whether the network ever answered a run: a unit that is dead on its start makes no picture, only noise."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.networks.units import Channel, Neuron
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.warn_location import frames_inside

_NAMED_AT_MOST = 4
_STEPS_TO_TELL = 4  # of one loss, while blocked gradients are passed


class Answers:
    """Follows a run: which of its pictures no step has found a way to change the objective of.

    A gradient that a shut ReLU passed all the same (`passed_gradients`) is not the network's: during such steps a
    picture counts as unanswered for as long as its loss has not moved at all, which takes a few steps to be told.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._first: Any = None
        self._loss: Any = None
        self._silent: Any = None
        self._told = False

    def take(self, loss: np.ndarray, answers: np.ndarray, passed: bool) -> None:
        """Takes a step.

        Args:
            loss: (n,) of the pictures.
            answers: (n,) whether any derivative of the objective by a pixel is not 0.
            passed: whether blocked gradients were passed at this step.
        """
        if self._silent is None:
            self._first, self._silent = loss, np.full(len(loss), True)
        answered = loss != self._first if passed else answers
        self._silent &= ~answered
        self._loss = loss
        self._steps += 1
        self._told |= not passed or self._steps >= _STEPS_TO_TELL

    @property
    def silent(self) -> np.ndarray:
        """(n,) of the pictures: whether it was never answered, as far as that can be told."""
        return self._silent if self._told else np.zeros(0 if self._silent is None else len(self._silent), bool)

    def unanswered(self, given: Sequence[Objective]) -> str | None:
        """The sentence about the pictures that were never answered; None where all were, or none was begun.

        Args:
            given: each picture's objective.
        """
        if not self.silent.any():
            return None
        places = [int(place) for place in np.flatnonzero(self._silent)]
        named = list(dict.fromkeys(f"{given[place]!r} is {float(self._loss[place]):.4g}" for place in places))
        rest = f" and {len(named) - _NAMED_AT_MOST} more" if len(named) > _NAMED_AT_MOST else ""
        which = ", ".join(named[:_NAMED_AT_MOST]) + rest
        count = len(self._silent)
        whose = "" if count == 1 else f"{len(places)} of {count} pictures: "
        terms = [term for place in places for _, term in given[place].terms]
        cause, advice = _cause(terms, len(places) == 1)
        return (
            f"{whose}{which} and no gradient led anywhere in {self._steps} step{'s' * (self._steps != 1)}: {cause} Try "
            f"{advice}another seed or start, or a recipe with passed_gradients."
        )


def _cause(terms: Sequence[Any], one: bool) -> tuple[str, str]:
    """Why there may be no gradient, and what else to try."""
    shut = "a ReLU is shut, or an activation saturated, at every position"
    if not all(isinstance(term, Channel | Neuron) for term in terms):
        return f"either {shut}, or the picture is already what is asked for.", ""
    before = all(term.pre_activation for term in terms)
    advice = "" if before else "pre_activation=True (what a unit is before its activation), "
    if one:
        return f"the unit is dead on this start ({shut}), so the picture shows nothing that it likes.", advice
    return f"these units are dead on this start ({shut}), so the pictures show nothing that they like.", advice


def warn_unanswered(sentences: Iterable[str | None]) -> None:
    """Warns at the line of the person's code about each."""
    for sentence in sentences:
        if sentence is not None:
            warnings.warn(sentence, stacklevel=frames_inside() + 1)
