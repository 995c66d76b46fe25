"""Numbers that are given are told from what only looks like them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nbfeatviz.checks import is_number, is_whole

NO_NUMBERS: list[Any] = [None, True, False, np.True_, "3", b"3", [3], np.array([3]), math.nan, 3j]


@pytest.mark.parametrize("value", [3, 0, 5, np.int64(3), np.uint8(5), 10**30])
def test_whole_numbers(value: Any):
    assert is_whole(value)
    assert is_whole(value, 0, 5) == (value <= 5)
    assert is_number(value)


@pytest.mark.parametrize("value", [2.5, np.float32(0.25), -1e300])
def test_other_numbers(value: Any):
    assert is_number(value)
    assert not is_whole(value)
    assert is_number(value, 0, 5) == (value >= 0)


@pytest.mark.parametrize("value", [*NO_NUMBERS, math.inf, -math.inf], ids=repr)
def test_what_is_none(value: Any):
    assert not is_whole(value)
    assert not is_number(value)
    assert not is_number(value, 0, math.inf)
