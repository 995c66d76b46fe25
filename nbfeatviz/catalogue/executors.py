"""What jobs are done on: processes of this machine, or an executor of the user's."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from types import FrameType
from typing import Any, Protocol

from nbfeatviz import processors
from nbfeatviz.catalogue.worker import limit_threads

LARGEST_POOL = 1024
_BREAKS_AT_MOST = 3


class Future(Protocol):
    """What an executor gives for a task."""

    def done(self) -> bool:
        """Whether it has ended."""

    def result(self) -> Any:
        """What came of it; raises what it raised."""


class Executor(Protocol):
    """Of `concurrent.futures`, Dask, submitit and others."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """Begins a task."""


def checked_executor(executor: Any) -> Executor:
    """An executor of the user's.

    Raises:
        TypeError: it is none.
        ValueError: its processes would be forked.
    """
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"{executor!r} is no executor: give a concurrent.futures.Executor, a dask.distributed.Client or anything "
            "with submit, whose results have done and result."
        )
    context = getattr(executor, "_mp_context", None)
    if context is not None and context.get_start_method() == "fork":
        raise ValueError(
            f"{executor!r} forks, and TensorFlow does not survive that: make it with "
            'mp_context=multiprocessing.get_context("spawn").'
        )
    found: Executor = executor
    return found


def threads_of(executor: Executor) -> int | None:
    """TensorFlow's threads in each process of an executor; None where that is each process's own business."""
    if isinstance(executor, SpawnedPool):
        return executor.threads
    if isinstance(executor, ProcessPoolExecutor):
        return max(1, processors.available() // max(1, getattr(executor, "_max_workers", 1)))
    return None


class SpawnedPool:
    """Processes of this machine, begun anew where one of them is killed.

    Args:
        workers: how many.
        threads: of TensorFlow in each.
    """

    def __init__(self, workers: int, threads: int) -> None:
        self.workers, self.threads = workers, threads
        self._breaks = 0
        self._pool = self._begun()

    def _begun(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, spawn, initializer=_begin_worker, initargs=(self.threads,))

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future:
        """See `concurrent.futures.Executor`."""
        with _interrupts_held():
            try:
                return self._pool.submit(function, *arguments)
            except BrokenExecutor:
                self.rebuild()
                return self._pool.submit(function, *arguments)

    def went_well(self) -> None:
        """Something was done since it last broke."""
        self._breaks = 0

    def rebuild(self) -> None:
        """Begins new processes (ChildProcessError where they break again and again)."""
        self._breaks += 1
        if self._breaks > _BREAKS_AT_MOST:
            raise ChildProcessError(
                f"the processes of this build were ended {self._breaks} times before one of them had finished a job, "
                "perhaps for want of memory: build again with fewer workers. What is finished is kept."
            )
        self.close()
        self._pool = self._begun()

    def close(self) -> None:
        """Ends the processes."""
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(5)
            if process.is_alive():
                process.kill()


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C counts when this is over: a process is never left half begun, and never sees it before it can say so.

    The new process inherits the mask; the handler waits too, as the signal may reach another thread of this process.
    """
    if threading.current_thread() is not threading.main_thread() or not callable(signal.getsignal(signal.SIGINT)):
        with _masked():
            yield
        return
    seen: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append((number, frame)))
    try:
        with _masked():
            yield
    finally:
        signal.signal(signal.SIGINT, before)
        if seen and callable(before):
            before(*seen[0])


@contextlib.contextmanager
def _masked() -> Iterator[None]:
    change = getattr(signal, "pthread_sigmask", None)
    if change is None:
        yield
        return
    before = change(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        change(signal.SIG_SETMASK, before)


def _begin_worker(threads: int) -> None:
    """In a process of the pool: the build alone is interrupted from the keyboard, and it ends with the build."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), name="nbfeatviz-parent", daemon=True).start()
    limit_threads(threads)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)
