"""The compiled functions of a network: made at their first use, shared by all threads, at most a fixed number kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.networks.compute.traced import Traced

COMPILED_AT_MOST = 24


class CompiledFunctions:
    """A cache of TensorFlow functions by key; the least recently used are dropped."""

    def __init__(self) -> None:
        self._compiled: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def forget(self) -> None:
        """Drops all."""
        with self._lock:
            self._compiled.clear()

    def compiled(
        self, key: Hashable, function: Callable[[], Callable[..., Any]], *, xla: bool = False, fixed: bool = False
    ) -> Any:
        """The compiled function of that key, made at its first use; the least recently used are dropped.

        With `fixed` it is always given tensors of the same shapes and types (see `Traced`).
        """
        with self._lock:
            if key in self._compiled:
                self._compiled.move_to_end(key)
                return self._compiled[key]
        made = self.function(function(), xla=xla)
        made = Traced(made) if fixed else made
        with self._lock:
            self.keep(key, self._compiled.get(key, made))
            return self._compiled[key]

    def function(self, function: Callable[..., Any], *, xla: bool = False) -> Any:
        """A TensorFlow function, traced as it is written.

        To let `if` depend on a tensor TensorFlow would rewrite the code first, which takes three times as long as the
        trace itself; nothing here needs that, and Keras's layers would not be rewritten anyway.
        """
        # traces are counted by line of code: a partial has none, so that functions of several keys are not taken for
        # one that is traced anew again and again
        return tf.function(partial(function), autograph=False, jit_compile=xla or None)

    @property
    def cached(self) -> int:
        """How many compiled functions are cached, of at most `COMPILED_AT_MOST`."""
        return len(self._compiled)

    def keep(self, key: Hashable, function: Any) -> None:
        """Puts a compiled function into the cache, so that from now on it is the one of that key."""
        with self._lock:
            self._compiled[key] = function
            self._compiled.move_to_end(key)
            while len(self._compiled) > COMPILED_AT_MOST:
                self._compiled.popitem(last=False)

    def is_compiled(self, key: Hashable) -> bool:
        """Whether the function of that key has been traced, so that calling it will not wait for that."""
        with self._lock:
            function = self._compiled.get(key)
            return function is not None and function.experimental_get_tracing_count() > 0
