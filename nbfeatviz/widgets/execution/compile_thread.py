"""Compiling on a thread of its own: tracing cannot be interrupted, but whoever waits for it can be told to stop."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Sequence

_EXIT_SECONDS = 30.0
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


class CompileThread:
    """Compiles in the background.

    A trace that nobody waits for any more ends by itself; what it made is kept like any other compiled function.

    Args:
        acts: what compiles, one after the other.
        ended: called when it is done or has failed, on that thread.
    """

    def __init__(self, acts: Sequence[Callable[[], object]], ended: Callable[[], None]) -> None:
        self._acts, self._ended = acts, ended
        self._error: Exception | None = None
        self.done = False
        thread = threading.Thread(target=self._work, name="nbfeatviz-compiling", daemon=True)
        _threads.add(thread)
        thread.start()

    def _work(self) -> None:
        try:
            for act in self._acts:
                act()
        except Exception as error:
            self._error = error
        finally:
            self.done = True
            self._ended()

    def check(self) -> None:
        """Raises what went wrong."""
        if self._error is not None:
            raise self._error


@atexit.register
def _wait_for_all() -> None:
    """A thread inside TensorFlow while the interpreter goes down crashes it: wait for it."""
    until = time.monotonic() + _EXIT_SECONDS
    for thread in list(_threads):
        thread.join(max(0.0, until - time.monotonic()))
