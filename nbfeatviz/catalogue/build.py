"""build() -> Catalogue: pictures every unit of a network; begun again it goes on where it was interrupted."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbfeatviz import processors
from nbfeatviz.catalogue.catalogue import Catalogue
from nbfeatviz.catalogue.executors import Executor, Future, SpawnedPool, checked_executor
from nbfeatviz.catalogue.measurement import faster
from nbfeatviz.catalogue.photo_pass import PhotoPass, as_bytes
from nbfeatviz.catalogue.photo_set import PhotoSet
from nbfeatviz.catalogue.plan import Job, Plan, planned
from nbfeatviz.catalogue.progress import Progress
from nbfeatviz.catalogue.similarity import weight_vectors
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.store.writer import Writer, writing
from nbfeatviz.catalogue.trust import TrustPass, check_judge
from nbfeatviz.catalogue.worker import absolute, do, run
from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.photo_statistics import PHOTO_CHANNELS

JOBS_IN_A_TASK = 8
"""Of one layer, so that a worker compiles it once for all of them."""
_MERGE_SECONDS = 0.5
_PARTIAL = "photos.partial"


def build(
    net: Network,
    folder: str | os.PathLike[str],
    layers: str | Iterable[str] | None = None,
    photos: Any = None,
    executor: Any = None,
    progress: bool = True,
    *,
    units: str | Iterable[int] | None = None,
    recipe: str | Recipe | None = None,
    steps: int | None = None,
    size: int | tuple[int, int] | None = None,
    seeds: int = 1,
    precision: str = "auto",
    workers: int | None = None,
    judge: Network | None = None,
) -> Catalogue:
    """Pictures every unit of a network, and finds the photographs that excite it.

    What is there already is skipped, so that an interrupted build, called again, goes on and ends with the very
    pictures of one that was never interrupted.

    Args:
        net: network.
        folder: where the catalogue is, or will be.
        layers: paths or patterns such as "block*"; "*" for all; None for those at which a block ends.
        photos: folder of photographs to find exemplars in; None for the bundled ones, False for none.
        executor: what jobs are done on: None for this machine; a `concurrent.futures.Executor` that does not fork, a
            `dask.distributed.Client`, or anything with `submit` whose results have `done` and `result`.
        progress: whether a bar is shown.
        units: which of every layer, as "0-63,128" or whole numbers; a job of some units is done as a whole.
        recipe: name or recipe; None for the default.
        steps: how many; None for 64.
        size: pixels of a side, or (height, width); None for 128, and for classes the network's own.
        seeds: how many pictures of each unit.
        precision: "auto", "float32" or "bfloat16"; "auto" is decided once for a catalogue.
        workers: processes of this machine; 1 for this process; None for what a short measurement finds faster, which is
            decided once for a catalogue.
        judge: another network whose view of the pictures is asked too (see `CatalogueUnit.trust`): for classes one with
            the same names.

    Returns:
        The catalogue, open.

    Raises:
        ValueError, TypeError: wrong settings.
        OSError: the folder cannot be written; what is finished is kept.
    """
    options = {
        "layers": layers, "units": units, "recipe": recipe, "steps": steps, "size": size, "seeds": seeds,
    }  # fmt: skip
    plan = planned(net, precision=precision, **options)  # type: ignore[arg-type]
    if executor is not None:
        executor = checked_executor(executor)
    if workers is not None:
        _check_workers(workers)
    check_judge(net, judge)
    seen = PhotoSet(None if photos is False else photos)
    target = Path(folder)
    if target.is_file():
        raise ValueError(f"{str(folder)!r} is a file: a catalogue is a folder.")
    target.mkdir(parents=True, exist_ok=True)
    bar = Progress(target, progress)
    try:
        with writing(target, bar.say) as writer:
            decided = json.loads(writer.noted(f"decided {plan.network['hash']}") or "{}")
            if precision == "auto" and decided.get("precision", plan.precision) != plan.precision:
                plan = planned(net, precision=decided["precision"], **options)  # type: ignore[arg-type]
            _Build(net, target, plan, writer, bar, photos, seen, judge).everything(executor, workers, decided)
    finally:
        bar.close()
    return Catalogue(target)


def _check_workers(workers: Any) -> None:
    if not is_whole(workers):
        raise TypeError(f"workers is a whole number, not {workers!r} ({type(workers).__name__}).")
    if not 1 <= workers <= 1024:
        raise ValueError(f"workers {workers!r} is out of range: give a number of processes from 1 to 1,024.")


@dataclass
class _Build:
    """One call of `build`, while it holds the right to write."""

    network: Network
    folder: Path
    plan: Plan
    writer: Writer
    bar: Progress
    photos: Any
    seen: PhotoSet
    judge: Network | None = None

    def everything(self, executor: Executor | None, workers: int | None, decided: dict[str, Any]) -> None:
        for sentence in self.writer.mended:
            self.bar.say(sentence)
        self.writer.add([self.plan.record()])
        self.writer.note("build", self.plan.owner)
        self.bar.note("begin", **{key: self.plan.as_facts()[key] for key in ("network", "steps", "precision")})
        self.writer.merge()
        self._look_at_photos()
        jobs = self.missing()
        self._begin_bar(jobs)
        executor, workers = self._where(executor, workers, decided, jobs)
        try:
            if executor is None:
                self._here(jobs)
            else:
                self._elsewhere(jobs, executor)
        finally:
            self.merge()  # what is finished is kept, also after Ctrl-C
            if isinstance(executor, SpawnedPool):
                executor.close()
        self._look_at_trust()
        self.bar.note("end")

    def _look_at_photos(self) -> None:
        """Looks at the photographs, unless the very same were looked at before; without any, at the weights."""
        channels = self.network.contract.channels
        if self.photos is False or (self.photos is None and channels not in PHOTO_CHANNELS):
            owner = str(self.plan.network["hash"])
            there = {row.layer for row in self.writer.rows("vectors", owner)}
            for layer in self.plan.layers:
                vectors = None if layer.path in there else weight_vectors(self.network, layer.path)
                if vectors is not None:
                    self.writer.add([Record("vectors", owner, layer.path, data=as_bytes({"vectors": vectors}))])
            return
        looking = PhotoPass(self.network, self.plan.layers, self.seen, self.folder / _PARTIAL)
        if not self.writer.rows("photos", looking.owner):
            self.bar.begin("photographs", "photo", len(self.seen), looking.done)
            try:
                done = looking.done
                while looking.step():
                    self.bar.advance(looking.done - done)
                    done = looking.done
                self.writer.add(looking.records())
            finally:
                looking.close()
            for name, why in looking.skipped:
                self.bar.say(f"{name!r} is skipped: {why}")
            self.bar.note("photos", photos=len(self.seen), skipped=len(looking.skipped))
        (self.folder / _PARTIAL).unlink(missing_ok=True)
        self.writer.note("photos", looking.owner)

    def _look_at_trust(self) -> None:
        """Finds out how far the pictures can be trusted, where photographs were looked at."""
        owner = None if self.photos is False else self.writer.noted("photos")
        if owner is None:
            return
        store = Store(self.folder)
        try:
            looking = TrustPass(self.network, self.plan, store, owner, self.judge)
            if looking.total:
                self.bar.begin("trust", "picture", looking.total)
                for records in looking.records():
                    self.writer.add(records)
                    self.bar.advance(len(records))
        finally:
            store.close()

    def missing(self) -> list[Job]:
        """The jobs of which a unit is not there."""
        owners = {layer.owner for layer in self.plan.layers}
        there = {
            (row.owner, row.layer, row.unit, row.seed) for owner in owners for row in self.writer.rows("unit", owner)
        }
        return [
            job
            for job in self.plan.jobs()
            if any((job.owner, job.layer, unit, job.seed) not in there for unit in job.new)
        ]

    def _begin_bar(self, jobs: Sequence[Job]) -> None:
        total = sum(job.count for job in self.plan.jobs())
        self.bar.begin(str(self.plan.network["name"]), "unit", total, total - sum(job.count for job in jobs))

    def _where(
        self, executor: Executor | None, workers: int | None, decided: dict[str, Any], jobs: Sequence[Job]
    ) -> tuple[Executor | None, int]:
        """What the jobs are done on, and how many processes of this machine that is."""
        source = self._source()
        count, threads = workers or 0, 0
        if source is None and (executor is not None or count > 1):
            self.bar.say(
                f"{self.network.name!r} has no name or file by which other processes could load it: it is computed in "
                "this one."
            )
            executor, count = None, 1
        if executor is None and not count:
            count, threads = int(decided.get("workers", 0)), int(decided.get("threads", 0))
        pool: Executor | None = executor
        if executor is None and not count:
            pool, count = faster(self.network, source, self.plan, jobs, self.bar)
        elif executor is None and count > 1 and jobs:
            pool = SpawnedPool(count, threads or max(1, processors.available() // count))
        threads = pool.threads if isinstance(pool, SpawnedPool) else processors.available()
        kind = type(executor).__name__ if executor is not None else "process"
        facts = {"precision": self.plan.precision, "workers": count, "threads": threads, "kind": kind}
        if jobs:
            self.writer.note(f"decided {self.plan.network['hash']}", json.dumps(facts))
            self.bar.note("decided", **facts)
        return pool, count

    def _source(self) -> str | None:
        try:
            return absolute(self.network.source or "")
        except ValueError:
            return None

    def _here(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            try:
                self.bar.note("job", **do(self.network, self.folder, job))
            except (OSError, MemoryError):
                raise
            except Exception as error:  # the others may be possible
                self.bar.failed(f"{job.layer}, units {job.new[0]} to {job.new[-1]}", error)
            self.merge()

    def _elsewhere(self, jobs: Sequence[Job], executor: Executor) -> None:
        source, expected = absolute(self.network.source or ""), str(self.plan.network["hash"])
        threads = executor.threads if isinstance(executor, SpawnedPool) else None

        def submitted(task: tuple[Job, ...]) -> Future:
            return executor.submit(run, source, expected, str(self.folder.absolute()), task, threads)

        running = [(submitted(task), task) for task in tasks_of(jobs)]
        try:
            while running:
                time.sleep(_MERGE_SECONDS)
                if self.merge() and isinstance(executor, SpawnedPool):
                    executor.went_well()
                ended = [one for one in running if one[0].done()]
                running = [one for one in running if not one[0].done()]
                broken = [task for future, task in ended if not self._taken(future, task, executor)]
                if broken:
                    self.merge()
                    assert isinstance(executor, SpawnedPool)
                    executor.rebuild()
                    self.bar.say("a process of this build was ended from outside: others go on.")
                    tasks = tasks_of(self._missing_of([*broken, *(task for _, task in running)]))
                    running = [(submitted(task), task) for task in tasks]
        finally:
            for future, _ in running:
                cancel = getattr(future, "cancel", None)
                if cancel is not None:
                    cancel()

    def _missing_of(self, tasks: Iterable[tuple[Job, ...]]) -> list[Job]:
        given = {job for task in tasks for job in task}
        return [job for job in self.missing() if job in given]

    def _taken(self, future: Future, task: tuple[Job, ...], executor: Executor) -> bool:
        """Takes what came of a task; False where the processes it ran in were ended."""
        try:
            for line in future.result():
                self.bar.note("job", **line)
        except BrokenExecutor:
            if isinstance(executor, SpawnedPool):
                return False
            raise
        except (OSError, MemoryError):
            raise
        except Exception as error:
            self.bar.failed(f"{task[0].layer}, units {task[0].new[0]} to {task[-1].new[-1]}", error)
        return True

    def merge(self) -> int:
        """Merges what waits; returns how much."""
        merged = self.writer.merge()
        self.bar.count(merged)
        return len(merged)


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
