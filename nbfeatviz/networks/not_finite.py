"""The error where what a network computes is not finite."""

from __future__ import annotations

from typing import Any


class NotFiniteError(ValueError, ArithmeticError):
    """A loss, a gradient or a map was NaN or infinite.

    Attributes:
        visualization: what a run had reached: the last good picture and the numbers so far; None where there was none.
    """

    visualization: Any = None
