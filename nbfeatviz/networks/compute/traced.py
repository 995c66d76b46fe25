"""Traced: a TensorFlow function that is always given tensors of the same shapes and types."""

from __future__ import annotations

import threading
from typing import Any


class Traced:
    """Traces a function once, and from then on calls the result.

    A `tf.function` compares all that it is given with what it was traced for, at each call: of a small step that
    takes a third. Threads that call it meanwhile wait for the trace.

    Args:
        function: a `tf.function`.
    """

    def __init__(self, function: Any) -> None:
        self._function = function
        self._concrete: Any = None
        self._lock = threading.Lock()

    def get_concrete_function(self, *arguments: Any) -> Any:
        """The function for such arguments, traced if it is not yet."""
        with self._lock:
            if self._concrete is None:
                self._concrete = self._function.get_concrete_function(*arguments)
            return self._concrete

    def experimental_get_tracing_count(self) -> int:
        """How often it was traced."""
        return int(self._function.experimental_get_tracing_count())

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        return (self._concrete or self.get_concrete_function(*arguments))(*arguments)
