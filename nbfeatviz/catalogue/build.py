"""build() -> Catalogue: pictures every unit of a network; begun again it goes on where it was interrupted."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbfeatviz.catalogue.catalogue import Catalogue
from nbfeatviz.catalogue.dispatch import Decided, Dispatch
from nbfeatviz.catalogue.executors import LARGEST_POOL, Executor, checked_executor
from nbfeatviz.catalogue.photo_pass import PhotoPass, as_bytes
from nbfeatviz.catalogue.photo_set import PhotoSet
from nbfeatviz.catalogue.plan import Plan
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.progress import Progress
from nbfeatviz.catalogue.similarity import weight_vectors
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.store.writer import Writer, writing
from nbfeatviz.catalogue.trust import TrustPass, check_judge
from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.photo_statistics import PHOTO_CHANNELS

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
            decided = Decided.read(writer, str(plan.network["hash"]))
            if precision == "auto" and decided.precision not in (None, plan.precision):
                plan = planned(net, precision=decided.precision, **options)  # type: ignore[arg-type]
            _Build(net, target, plan, writer, bar, photos, seen, judge).everything(executor, workers, decided)
    finally:
        bar.close()
    return Catalogue(target)


def _check_workers(workers: Any) -> None:
    if not is_whole(workers):
        raise TypeError(f"workers is a whole number, not {workers!r} ({type(workers).__name__}).")
    if not 1 <= workers <= LARGEST_POOL:
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

    def everything(self, executor: Executor | None, workers: int | None, decided: Decided) -> None:
        for sentence in self.writer.mended:
            self.bar.say(sentence)
        if not self.writer.rows("build", self.plan.owner):
            self.writer.add([self.plan.record()])
        self.writer.note("build", self.plan.owner)
        self.bar.note("begin", **{key: self.plan.as_facts()[key] for key in ("network", "steps", "precision")})
        dispatch = Dispatch(self.network, self.folder, self.plan, self.writer, self.bar)
        dispatch.merge()
        self._look_at_photos()
        dispatch.run(executor, workers, decided)
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
