"""A chunked task: works out what the open tab asks about the photo, piece by piece between the steps of a run.

Only the last question counts: one that comes later makes the one in progress stale, which ends at its next piece.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.worker import SameThread, Worker

KEPT_BYTES = 192_000_000


@dataclass(frozen=True, eq=False)
class Result:
    """A piece of an answer.

    Attributes:
        content: the message for the page; None for progress alone.
        buffers: what goes along with it.
        done: pieces done so far.
        total: pieces in all.
        text: what is being done, in words.
        raw: the array behind the message, as it can be saved.
    """

    content: dict[str, Any] | None = None
    buffers: tuple[bytes, ...] = ()
    done: int = 1
    total: int = 1
    text: str = ""
    raw: np.ndarray | None = field(default=None, repr=False)


class ResultCache:
    """Results by what was asked, bounded in memory: the least recently used go first."""

    def __init__(self, budget: int = KEPT_BYTES) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self.bytes = 0

    def get(self, key: Hashable) -> Any:
        """What was kept under that key, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][1]

    def put(self, key: Hashable, value: Any, size: int) -> Any:
        """Keeps a value of so many bytes, and returns it."""
        with self._lock:
            self.bytes -= self._entries.pop(key, (0, None))[0]
            self._entries[key] = (size, value)
            self.bytes += size
            while self.bytes > self._budget and len(self._entries) > 1:
                self.bytes -= self._entries.popitem(last=False)[1][0]
            return value

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()
            self.bytes = 0


class ChunkedTask:
    """Answers one question at a time; its methods may be called from any thread.

    Args:
        worker: what computation is done on; each piece is interjected.
        notify: told tab, state ("busy", "done", "cancelled", "error"), done, total, text.
        show: given tab, number of the question and each answer that has content.
        show_error: told an error in words.
    """

    def __init__(
        self,
        worker: Worker | SameThread,
        notify: Callable[[str, str, int, int, str], None],
        show: Callable[[str, int, Result], None],
        show_error: Callable[[str], None],
    ) -> None:
        self._worker, self._notify, self._show, self._show_error = worker, notify, show, show_error
        self._lock = threading.RLock()  # nothing is told of a question that another thread has just made stale
        self._number = 0
        self._busy = ""  # the tab whose question is being answered
        worker.on_close(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether a question is being answered."""
        return bool(self._busy)

    def ask(self, tab: str, start: Callable[[], Iterator[Result]]) -> int:
        """Begins to answer; what is in progress is dropped. Returns the number of the question."""
        with self._lock:
            self._number += 1
            number, self._busy = self._number, tab
        self._worker.interject(lambda: self._begin(tab, number, start))
        return number

    def cancel(self) -> None:
        """Ends what is in progress, at its next piece."""
        with self._lock:
            self._number += 1
            tab, self._busy = self._busy, ""
            if tab:
                self._safely(self._notify, tab, "cancelled", 0, 0, "cancelled")

    def _stale(self, number: int) -> bool:
        return number != self._number

    def _unless_stale(self, number: int, act: Callable[..., None], *told: Any) -> bool:
        """Tells or shows something, unless the question is stale by now; returns whether it counts."""
        with self._lock:
            if self._stale(number):
                return False
            self._safely(act, *told)
            return True

    def _safely(self, act: Callable[..., None], *told: Any) -> None:
        """What is told may fail in somebody's observer: that is said, and the answer, or a run, goes on."""
        try:
            act(*told)
        except Exception as error:
            with contextlib.suppress(Exception):
                self._show_error(in_words(error))

    def _begin(self, tab: str, number: int, start: Callable[[], Iterator[Result]]) -> None:
        if self._unless_stale(number, self._notify, tab, "busy", 0, 0, ""):
            self._advance(tab, number, None, start)

    def _advance(
        self,
        tab: str,
        number: int,
        results: Iterator[Result] | None,
        start: Callable[[], Iterator[Result]] | None = None,
    ) -> None:
        """One piece; the next one waits behind whatever else is to be done."""
        if self._stale(number):
            return
        try:
            if results is None and start is not None:
                results = start()
            dispatch = next(results, None) if results is not None else None
        except Exception as error:
            if self._end(tab, number, "error"):  # what is wrong with a stale question matters to nobody
                self._safely(self._show_error, in_words(error))
            return
        if dispatch is None:
            self._end(tab, number, "done")
            return
        if dispatch.content is not None:
            self._unless_stale(number, self._show, tab, number, dispatch)
        if dispatch.total > 1 or dispatch.text:
            self._unless_stale(number, self._notify, tab, "busy", dispatch.done, dispatch.total, dispatch.text)
        self._worker.interject(lambda: self._advance(tab, number, results))

    def _end(self, tab: str, number: int, state: str) -> bool:
        with self._lock:
            if self._stale(number):
                return False
            self._busy = ""
            self._safely(self._notify, tab, state, 0, 0, "")
            return True
