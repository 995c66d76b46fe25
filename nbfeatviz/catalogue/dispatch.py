"""Does the jobs of a build: in this process, in processes of this machine, or on an executor of the user's."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbfeatviz import processors
from nbfeatviz.catalogue.executors import LARGEST_POOL, Executor, Future, SpawnedPool, threads_of
from nbfeatviz.catalogue.measurement import faster
from nbfeatviz.catalogue.plan import Job, Plan
from nbfeatviz.catalogue.progress import Progress
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.writer import Writer
from nbfeatviz.catalogue.worker import absolute, do, run
from nbfeatviz.networks.network import Network

JOBS_IN_A_TASK = 8
"""Of one layer, so that a worker compiles it once for all of them."""
_MERGE_SECONDS = 0.5


@dataclass(frozen=True)
class Decided:
    """What a catalogue's first build decided for those that go on with it; None where there was none.

    Attributes:
        precision: "float32" or "bfloat16".
        workers: processes; 1 for that of the build.
        threads: of TensorFlow in each.
    """

    precision: str | None = None
    workers: int | None = None
    threads: int | None = None

    @staticmethod
    def read(writer: Writer, network: str) -> Decided:
        """What is noted of a network; what is no sound decision is none."""
        try:
            found = json.loads(writer.noted(f"decided {network}") or "{}")
            precision, workers, threads = (found.get(name) for name in ("precision", "workers", "threads"))
        except (ValueError, AttributeError, RecursionError):
            return Decided()
        return Decided(
            precision if precision in ("float32", "bfloat16") else None,
            workers if type(workers) is int and 1 <= workers <= LARGEST_POOL else None,
            threads if type(threads) is int and 1 <= threads <= LARGEST_POOL else None,
        )


@dataclass
class Dispatch:
    """Does jobs and merges what comes of them.

    Attributes:
        network: the network.
        folder: of the store.
        plan: of the build.
        writer: that merges.
        bar: that is told.
    """

    network: Network
    folder: Path
    plan: Plan
    writer: Writer
    bar: Progress

    def missing(self) -> list[Job]:
        """The jobs of which a unit is not there."""
        there = {
            (layer.owner, layer.path): set(self.writer.places("unit", layer.owner, layer.path))
            for layer in self.plan.layers
        }
        return [
            job
            for job in self.plan.jobs()
            if any((unit, job.seed) not in there[job.owner, job.layer] for unit in job.new)
        ]

    def run(self, executor: Executor | None, workers: int | None, decided: Decided) -> None:
        """Does what is missing.

        Args:
            executor: the user's; None for this machine.
            workers: processes of this machine; None for what was decided before, or for what is faster.
            decided: before.

        Raises:
            OSError: something cannot be written, or processes end again and again; what is finished is merged.
        """
        jobs = self.missing()
        total = sum(job.count for job in self.plan.jobs())
        self.bar.begin(str(self.plan.network["name"]), "unit", total, total - sum(job.count for job in jobs))
        if not jobs:
            return
        chosen = self._where(executor, workers, decided, jobs)
        try:
            if chosen is None:
                self._here(jobs)
            else:
                self._elsewhere(jobs, chosen)
        finally:
            try:
                self.merge()  # what is finished is kept, also after Ctrl-C
            finally:
                if isinstance(chosen, SpawnedPool):
                    chosen.close()

    def _where(
        self, executor: Executor | None, workers: int | None, decided: Decided, jobs: Sequence[Job]
    ) -> Executor | None:
        """What the jobs are done on; None for this process."""
        source = self._source()
        if source is None and (executor is not None or (workers or 1) > 1):
            self.bar.say(
                f"{self.network.name!r} has no name or file by which other processes could load these weights: it is "
                "computed in this process."
            )
            executor, workers = None, 1
        pool, threads = executor, processors.available()
        count = workers or decided.workers or 0
        if executor is not None:
            count, threads = 0, threads_of(executor) or threads
        elif source is None:
            count = 1
        elif not count:
            pool, count = faster(self.network, source, self.plan, jobs, self.bar)
        elif count > 1:
            same = decided.threads if count == decided.workers else None
            pool = SpawnedPool(count, same or max(1, threads // count))
        if isinstance(pool, SpawnedPool):
            threads = pool.threads
        kind = "process" if executor is None else type(executor).__name__
        facts = {"precision": self.plan.precision, "workers": count, "threads": threads, "kind": kind}
        self.writer.note(f"decided {self.plan.network['hash']}", json.dumps(facts))
        self.bar.note("decided", **facts)
        return pool

    def _source(self) -> str | None:
        """How other processes load the network; None where they cannot."""
        try:
            return absolute(self.network.source)
        except ValueError:
            return None

    def _here(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            try:
                do(self.network, self.folder, job)
            except (OSError, MemoryError):
                raise
            except Exception as error:  # the others may be possible
                self.bar.failed(f"{job.layer}, units {job.new[0]} to {job.new[-1]}", error)
            self.merge()

    def _elsewhere(self, jobs: Sequence[Job], executor: Executor) -> None:
        source, expected = absolute(self.network.source), str(self.plan.network["hash"])
        folder, threads = str(self.folder.absolute()), threads_of(executor)

        def submitted(tasks: Iterable[tuple[Job, ...]]) -> list[tuple[Future, tuple[Job, ...]]]:
            return [(executor.submit(run, source, expected, folder, task, threads), task) for task in tasks]

        running = submitted(tasks_of(jobs))
        try:
            while running:
                time.sleep(_MERGE_SECONDS)
                if self.merge() and isinstance(executor, SpawnedPool):
                    executor.went_well()
                ended = [one for one in running if one[0].done()]
                running = [one for one in running if not one[0].done()]
                broken = [task for future, task in ended if not self._taken(future, task, executor)]
                if broken and isinstance(executor, SpawnedPool):
                    self.merge()
                    executor.rebuild()
                    self.bar.say("a process of this build was ended from outside: others go on.")
                    running = submitted(tasks_of(self._missing_of([*broken, *(task for _, task in running)])))
        finally:
            for future, _ in running:
                getattr(future, "cancel", lambda: None)()

    def _missing_of(self, tasks: Iterable[tuple[Job, ...]]) -> list[Job]:
        given = {job for task in tasks for job in task}
        return [job for job in self.missing() if job in given]

    def _taken(self, future: Future, task: tuple[Job, ...], executor: Executor) -> bool:
        """Takes what came of a task; False where the processes of our own pool were ended."""
        try:
            future.result()
        except BrokenExecutor:
            if isinstance(executor, SpawnedPool):
                return False
            raise ChildProcessError(
                f"the processes of {executor!r} were ended from outside: build again with a new one. What is finished "
                "is kept."
            ) from None
        except (OSError, MemoryError):
            raise
        except Exception as error:
            self.bar.failed(f"{task[0].layer}, units {task[0].new[0]} to {task[-1].new[-1]}", error)
        return True

    def merge(self) -> int:
        """Merges what waits, and logs each job of it; returns how many records that is."""
        merged = self.writer.merge()
        self.bar.count(merged)
        pictures = (record for record in merged if record.kind == "unit")
        for (layer, seed, process, ended), group in itertools.groupby(pictures, _job_of):
            job = list(group)
            seconds = sum(float(record.facts.get("seconds", 0)) for record in job)
            self.bar.note(
                "job", layer=layer, units=[job[0].unit, job[-1].unit], seed=seed, seconds=round(seconds, 3),
                process=process, ended=ended,
            )  # fmt: skip
        return len(merged)


def _job_of(record: Record) -> tuple[Any, ...]:
    return record.layer, record.seed, record.facts.get("process"), record.facts.get("ended")


def tasks_of(jobs: Sequence[Job]) -> list[tuple[Job, ...]]:
    """Jobs of one layer together, at most so many that not much is done by one worker alone."""
    found: list[list[Job]] = []
    for job in jobs:
        last = found[-1] if found else []
        if last and len(last) < JOBS_IN_A_TASK and (last[0].layer, last[0].size) == (job.layer, job.size):
            last.append(job)
        else:
            found.append([job])
    return [tuple(task) for task in found]
