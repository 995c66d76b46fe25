"""Copies: weights made of a network's own (folded, in another precision), for all that is compiled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

Make = Callable[..., tuple[np.ndarray, ...]]


@dataclass
class _Copy:
    """Variables, what they are made of, and what its values were then."""

    variables: tuple[Any, ...]
    layers: tuple[Any, ...]
    make: Make
    seen: list[Any]


class Copies:
    """Weights derived from those of layers: each made once, and again by `refresh` after the layers' have changed."""

    def __init__(self) -> None:
        self._copies: dict[Hashable, _Copy] = {}
        self._lock = threading.Lock()

    def of(self, make: Make, *layers: Any, dtype: str | None = None) -> tuple[Any, ...]:
        """`make(*layers)` as variables of a floating type; the layers are held, so that an id stays theirs.

        Call it before a function is traced: variables that appear in a trace make TensorFlow trace it twice.
        """
        key = make, dtype, tuple(map(id, layers))
        with self._lock, tf.init_scope():
            if key not in self._copies:
                seen = _values(layers)
                variables = tuple(tf.Variable(tf.cast(value, dtype or value.dtype), trainable=False)
                                  for value in make(*layers))  # fmt: skip
                self._copies[key] = _Copy(variables, layers, make, seen)
            return self._copies[key].variables

    def refresh(self) -> None:
        """Makes again what has changed; quick where nothing has."""
        with self._lock:
            for copy in self._copies.values():
                now = _values(copy.layers)
                if all(map(_is_same, copy.seen, now)):
                    continue
                for variable, value in zip(copy.variables, copy.make(*copy.layers), strict=True):
                    variable.assign(tf.cast(value, variable.dtype))
                copy.seen = now


def _values(layers: tuple[Any, ...]) -> list[Any]:
    return [variable.value.read_value() for layer in layers for variable in layer.weights]


def _is_same(before: Any, now: Any) -> bool:
    """Whether a variable has not been written to in between.

    What was read of it shares its memory for as long as it is held, and writing then moves the variable elsewhere: the
    address tells. (On a GPU each look has an address of its own, and all is made again.)
    """
    return _address(before) == _address(now)


def _address(tensor: Any) -> int:
    return np.asarray(memoryview(tensor)).ctypes.data
