"""Derived weights: made of a network's own (folded, in another precision), for all that is compiled.

Contract: after `refresh` they are made of what the network's weights are now.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf

Make = Callable[..., tuple[np.ndarray, ...]]


@dataclass
class _Derived:
    """Variables, and what they are made of."""

    variables: tuple[Any, ...]
    layers: tuple[Any, ...]
    make: Make


class DerivedWeights:
    """Weights derived from those of layers: each made once, and again by `refresh` after the layers' have changed.

    Args:
        own: weights, Keras variables, whose changes are noticed; those of layers that are derived from are added.
        substitutes: by the id of a Keras variable, the TensorFlow variable that takes its place (see
            `Network.with_weights_of_its_own`).
    """

    def __init__(self, own: Iterable[Any] = (), substitutes: Mapping[int, Any] | None = None) -> None:
        self._derived: dict[Hashable, _Derived] = {}
        self._lock = threading.Lock()
        self._substitutes = substitutes or {}
        self._seen: dict[int, tuple[Any, Any]] = {}  # by the id of a variable: it, and what was read of it last
        own = list(own)
        self.pairs = [(variable, self.live(variable)) for variable in own if id(variable) in self._substitutes]
        with tf.init_scope():
            self._watch(own)

    def live(self, variable: Any) -> Any:
        """The TensorFlow variable behind a Keras variable, which follows every change by itself."""
        return self._substitutes.get(id(variable), variable.value)

    def of(self, make: Make, *layers: Any, dtype: str | None = None) -> tuple[Any, ...]:
        """`make(*layers)` as variables of a floating type; the layers are held, so that an id stays theirs.

        Call it before a function is traced: variables that appear in a trace make TensorFlow trace it twice.
        """
        key = make, dtype, tuple(map(id, layers))
        with self._lock, tf.init_scope():
            if key not in self._derived:
                self._watch(variable for layer in layers for variable in layer.weights)
                variables = tuple(tf.Variable(tf.cast(value, dtype or value.dtype), trainable=False)
                                  for value in self._made(make, layers))  # fmt: skip
                self._derived[key] = _Derived(variables, layers, make)
            return self._derived[key].variables

    def refresh(self) -> bool:
        """Makes again what has changed, quick where nothing has; returns whether any weight has."""
        with self._lock, tf.init_scope():
            changed = set()
            for key, (variable, before) in self._seen.items():
                now = _read(variable)
                if not _is_same(before, now):
                    changed.add(key)
                    self._seen[key] = variable, now
            for one in self._derived.values() if changed else ():
                if any(id(self.live(variable)) in changed for layer in one.layers for variable in layer.weights):
                    for variable, value in zip(one.variables, self._made(one.make, one.layers), strict=True):
                        variable.assign(tf.cast(value, variable.dtype))
            return bool(changed)

    def _watch(self, variables: Iterable[Any]) -> None:
        for variable in map(self.live, variables):
            self._seen.setdefault(id(variable), (variable, _read(variable)))

    def _made(self, make: Make, layers: tuple[Any, ...]) -> tuple[np.ndarray, ...]:
        with keras.StatelessScope(self.pairs):  # where a layer reads its variables, it reads their substitutes
            return make(*layers)


def _read(variable: Any) -> Any:
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def _is_same(before: Any, now: Any) -> bool:
    """Whether a variable has not been written to in between.

    What was read of it shares its memory for as long as it is held, and writing then moves the variable elsewhere: the
    address tells. (On a GPU each look has an address of its own, and all is made again.)
    """
    return _address(before) == _address(now)


def _address(tensor: Any) -> int:
    if tensor.dtype.name.startswith(("bfloat16", "float8")):  # NumPy cannot look at these where they are
        tensor = tf.bitcast(tensor, tf.uint16 if tensor.dtype.size == 2 else tf.uint8)
    return np.asarray(memoryview(tensor)).ctypes.data
