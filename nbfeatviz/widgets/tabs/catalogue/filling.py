"""Filling: pictures what is missing of a layer, one step at a time behind whatever else a person starts."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbfeatviz.catalogue.plan import Job
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.worker import Working, work
from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.worker import SameThread, Worker


class Filling:
    """Does jobs on the panel's worker; each step is a job of its own at the end of the queue.

    So a run, a sheet or a question of a photo tab begins after one step at most.

    Args:
        worker: what is computed on.
        take: given a job and its records.
        notify: told "busy", "paused", "done" or "error", units done, units in all, and words.
    """

    def __init__(
        self,
        worker: Worker | SameThread,
        take: Callable[[Job, list[Record]], None],
        notify: Callable[[str, int, int, str], None],
    ) -> None:
        self._worker, self._take, self._notify = worker, take, notify
        self._lock = threading.Lock()
        self._turn = 0  # a filling that was paused, or replaced, does no further step
        worker.on_close(self.pause)

    def begin(self, network: Network, jobs: list[Job]) -> None:
        """Does some jobs, in place of those in progress."""
        with self._lock:
            self._turn += 1
            turn = self._turn
        total = sum(job.count for job in jobs)
        self._notify("busy", 0, total, "")
        self._next(turn, network, list(jobs), total)

    def pause(self) -> None:
        """Ends after the step in progress; finished jobs are kept."""
        with self._lock:
            self._turn += 1

    def _next(self, turn: int, network: Network, jobs: list[Job], total: int) -> None:
        if not jobs:
            self._tell(turn, "done", total, total, "")
            return
        working = work(network, jobs[0])
        self._worker.submit(lambda: self._step(turn, network, jobs, total, working, 0))

    def _step(self, turn: int, network: Network, jobs: list[Job], total: int, working: Working, steps: int) -> None:
        if turn != self._turn:
            working.close()
            return
        job = jobs[0]
        left = sum(one.count for one in jobs)
        try:
            try:
                next(working)
            except StopIteration as end:
                self._take(job, end.value)
                self._tell(turn, "busy", total - left + job.count, total, "")
                self._next(turn, network, jobs[1:], total)
                return
        except Exception as error:  # no caller to propagate to
            self._tell(turn, "error", total - left, total, in_words(error))
            return
        units = f"units {job.new[0]} to {job.new[-1]}"
        self._tell(turn, "busy", total - left, total, f"{units}, step {steps + 1} of {job.steps}")
        self._worker.submit(lambda: self._step(turn, network, jobs, total, working, steps + 1))

    def _tell(self, turn: int, state: str, done: int, total: int, text: str) -> None:
        if turn == self._turn:
            self._notify(state, done, total, text)
