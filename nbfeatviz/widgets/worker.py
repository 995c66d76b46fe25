"""The threads of a panel: one daemon thread for computation, and the way back to the kernel's main thread."""

from __future__ import annotations

import asyncio
import atexit
import queue
import threading
import weakref
from collections.abc import Callable

_JOIN_SECONDS = 2.0
_workers: weakref.WeakSet[Worker] = weakref.WeakSet()


class Worker:
    """Does jobs one after another on one daemon thread, which starts with the first job."""

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._on_close: list[Callable[[], None]] = []
        self._starting = threading.Lock()
        _workers.add(self)

    def submit(self, job: Callable[[], None]) -> None:
        """Queues a job. It handles its own errors: nobody waits for it."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, args=(self._jobs,), name="nbfeatviz", daemon=True)
                self._thread.start()
            self._jobs.put(job)

    def on_close(self, stop: Callable[[], None]) -> None:
        """Registers what tells a running job to end."""
        self._on_close.append(stop)

    def close(self) -> None:
        """Ends the job in progress and the thread; waits 2 s at most."""
        for stop in self._on_close:
            stop()
        self._jobs.put(None)
        thread, self._thread = self._thread, None
        self._jobs = queue.SimpleQueue()  # what ends this thread must not end the next one
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_SECONDS)

    @staticmethod
    def _work(jobs: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while (job := jobs.get()) is not None:
            job()
            del job  # a finished run and its memory must not wait here for the next one


class SameThread:
    """A worker for tests and scripts: does each job at once, in the calling thread."""

    def submit(self, job: Callable[[], None]) -> None:
        """Does the job."""
        job()

    def on_close(self, stop: Callable[[], None]) -> None:
        """Nothing runs in the background, so nothing is to be stopped."""

    def close(self) -> None:
        """Nothing to end."""


@atexit.register
def _close_all() -> None:
    """A thread inside TensorFlow while the interpreter goes down can crash it: end them first."""
    for worker in list(_workers):
        worker.close()


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

    def _drain(self) -> None:
        with self._lock:
            functions, self._waiting = list(self._waiting.values()), {}
        for function in functions:
            asyncio.get_running_loop().call_soon(function)  # an error in one (of an observer) leaves the others alone
