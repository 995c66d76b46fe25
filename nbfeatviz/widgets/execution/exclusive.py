"""Whose turn it is: of a run, a sheet and the remakes one is computed at a time, and the status line is about that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Computing(Protocol):
    """Something that computes in the background."""

    @property
    def busy(self) -> bool:
        """Whether it is computing or held."""

    def stop(self) -> None:
        """Ends it soon."""


class Exclusive:
    """Its methods may be called from any thread.

    Args:
        set_status: given state and text, as `LiveCanvas.set_status`.
        begun: told that something is about to compute.
    """

    def __init__(self, set_status: Callable[..., None], begun: Callable[[], None] = lambda: None) -> None:
        self._set_status, self._begun = set_status, begun
        self._all: dict[Computing, str] = {}

    def join(self, one: Computing, tab: str) -> None:
        """From now on it takes turns with the others; the name of its tab."""
        self._all[one] = tab

    def begin(self, one: Computing) -> None:
        """It is about to compute: the others end."""
        for other in self._others(one):
            other.stop()
        self._begun()

    def stop(self) -> None:
        """All end."""
        for one in self._all:
            one.stop()

    def set_status(self, one: Computing, state: str, text: str, **more: Any) -> None:
        """Tells how far it is, unless another has begun in its place."""
        if not any(other.busy for other in self._others(one)):
            self._set_status(state, text, **{"tab": self._all[one], **more})

    def _others(self, one: Computing) -> list[Computing]:
        return [other for other in self._all if other is not one]
