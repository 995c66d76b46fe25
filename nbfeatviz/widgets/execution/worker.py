"""The threads of a panel: one daemon thread for computation, and the way back to the kernel's main thread."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable

_JOIN_SECONDS = 2.0
_EXIT_SECONDS = 30.0
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


class _Jobs:
    """What waits to be done: long jobs in order, and short ones that go before them."""

    def __init__(self) -> None:
        self._short: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._long: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting = threading.Semaphore(0)
        self._was_short = False

    def put(self, job: Callable[[], None] | None, short: bool = False) -> None:
        (self._short if short else self._long).put(job)  # type: ignore[arg-type]
        self._waiting.release()

    def take(self) -> Callable[[], None] | None:
        """The next job: after a short one a long one that waits, which attends to the short ones as it goes."""
        self._waiting.acquire()
        kinds = (self._long, self._short) if self._was_short else (self._short, self._long)
        for jobs in kinds:
            with contextlib.suppress(queue.Empty):
                job = jobs.get_nowait()
                self._was_short = jobs is self._short
                return job
        raise AssertionError("a job was counted that is not there")

    def take_short(self) -> Callable[[], None] | None:
        try:
            job = self._short.get_nowait()
        except queue.Empty:
            return None
        self._waiting.acquire()
        return job


class Worker:
    """Does jobs one after another on one daemon thread, which starts with the first job.

    A run of thousands of steps is one job. What a person wants to see meanwhile is interjected: the run calls
    `attend` between its steps, and one short job is done there.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str = "nbfeatviz") -> None:
        self._name = name
        self._jobs = _Jobs()
        self._thread: threading.Thread | None = None
        self._on_close: list[Callable[[], None]] = []
        self._on_interjection: list[Callable[[], None]] = []
        self._starting = threading.Lock()
        _workers.add(self)

    def submit(self, job: Callable[[], None]) -> None:
        """Queues a job. It handles its own errors: nobody waits for it."""
        self._put(job, short=False)

    def interject(self, job: Callable[[], None]) -> None:
        """Queues a short job before all long ones, and between the steps of one that attends."""
        self._put(job, short=True)
        for wake in self._on_interjection:
            wake()

    def _put(self, job: Callable[[], None], short: bool) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._work, args=(self._jobs,), name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            self._jobs.put(job, short)

    def attend(self) -> bool:
        """Does one interjected job, if this is the worker's thread and one waits; returns whether there was one."""
        if threading.current_thread() is not self._thread:
            return False
        job = self._jobs.take_short()
        if job is not None:
            job()
        return job is not None

    def on_close(self, stop: Callable[[], None]) -> None:
        """Registers what tells a running job to end."""
        self._on_close.append(stop)

    def on_interjection(self, wake: Callable[[], None]) -> None:
        """Registers what wakes a job that waits, so that it attends."""
        self._on_interjection.append(wake)

    def close(self, seconds: float = _JOIN_SECONDS) -> None:
        """Ends the job in progress and the thread; waits so long at most."""
        for stop in self._on_close:
            stop()
        self._jobs.put(None)
        thread, self._thread = self._thread, None
        self._jobs = _Jobs()  # what ends this thread must not end the next one
        if thread is not None and thread is not threading.current_thread():
            thread.join(seconds)

    @staticmethod
    def _work(jobs: _Jobs) -> None:
        while (job := jobs.take()) is not None:
            job()
            del job  # a finished run and its memory must not wait here for the next one


class SameThread:
    """A worker for tests and scripts: does each job at once, in the calling thread."""

    def __init__(self) -> None:
        self._short: list[Callable[[], None]] = []
        self._busy = False

    def submit(self, job: Callable[[], None]) -> None:
        """Does the job."""
        job()

    def interject(self, job: Callable[[], None]) -> None:
        """Does the job; one that is interjected by another is done when that is over."""
        self._short.append(job)
        if self._busy:
            return
        self._busy = True
        try:
            while self._short:
                self._short.pop(0)()
        finally:
            self._busy = False

    def attend(self) -> bool:
        """Nothing waits."""
        return False

    def on_close(self, stop: Callable[[], None]) -> None:
        """Nothing runs in the background, so nothing is to be stopped."""

    def on_interjection(self, wake: Callable[[], None]) -> None:
        """Nothing waits, so nothing is to be woken."""

    def close(self) -> None:
        """Nothing to end."""


@atexit.register
def _close_all() -> None:
    """A thread inside TensorFlow while the interpreter goes down crashes it: end them first."""
    until = time.monotonic() + _EXIT_SECONDS
    for worker in list(_workers):
        worker.close(max(0.0, until - time.monotonic()))


class MainThread:
    """Runs functions on the kernel's main thread, where traits that other code observes are set.

    Without an event loop (a script, a test) they run at once. Of several waiting under one name only the
    last is run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Callable[[], None]] = {}
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def post(self, name: str, function: Callable[[], None]) -> None:
        """Runs `function` soon, in place of what waits under the same name."""
        if self._loop is None or self._loop.is_closed() or threading.current_thread() is threading.main_thread():
            with self._lock:
                self._waiting.pop(name, None)
            function()
            return
        with self._lock:
            idle = not self._waiting
            self._waiting.pop(name, None)  # what was posted last is also run last
            self._waiting[name] = function
        if idle:
            self._loop.call_soon_threadsafe(self._drain)

    def later(self, function: Callable[[], None]) -> None:
        """Runs `function` when the main thread is free, at once where there is no event loop."""
        if self._loop is None or self._loop.is_closed():
            function()
        else:
            self._loop.call_soon_threadsafe(function)

    def _drain(self) -> None:
        with self._lock:
            functions, self._waiting = list(self._waiting.values()), {}
        for function in functions:
            asyncio.get_running_loop().call_soon(function)  # an error in one (of an observer) leaves the others alone
