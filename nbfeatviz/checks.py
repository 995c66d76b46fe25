"""Whether a value that somebody gave is a number of the kind that is wanted; True and False are none."""

from __future__ import annotations

import math
from typing import Any, TypeGuard

import numpy as np


def is_whole(value: Any, low: float = -math.inf, high: float = math.inf) -> TypeGuard[int]:
    """Whether it is a whole number from `low` to `high`, of Python or NumPy."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(low <= value <= high)


def is_number(value: Any, low: float = -math.inf, high: float = math.inf) -> TypeGuard[float]:
    """Whether it is a finite number from `low` to `high`, of Python or NumPy."""
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return bool(real and low <= value <= high and abs(value) != math.inf)
