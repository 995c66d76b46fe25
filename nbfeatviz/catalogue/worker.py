"""The work of a build: one job as a batch of gradient ascent, in this process or in another."""

from __future__ import annotations

import ast
import os
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz import engine, processors
from nbfeatviz.catalogue.plan import Job
from nbfeatviz.catalogue.store.index import Index
from nbfeatviz.catalogue.store.pictures import encoded
from nbfeatviz.catalogue.store.places import INDEX, waiting
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.writer import put
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.loading import load
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.not_finite import NotFiniteError
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis.quality import channel_means
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.gradient_ascent import Ascent

Working = Generator[None, None, list[Record]]
"""Yields after each step; returns the records."""

_lock = threading.Lock()
_networks: dict[tuple[str, str], Network] = {}
_compiled_for: weakref.WeakKeyDictionary[Network, tuple[str, tuple[int, int]]] = weakref.WeakKeyDictionary()


def work(network: Network, job: Job) -> Working:
    """Does a job, step by step; a unit at which something is not finite is noted, and the others are done alone.

    Args:
        network: the network.
        job: what to do.
    """
    begin = time.perf_counter()
    network.refresh()
    try:
        records = yield from _batch(network, job, job.units)
    except NotFiniteError:
        records = []
        for unit in job.new:
            try:
                records += yield from _batch(network, job, (unit,))
            except NotFiniteError as error:
                facts = {"why": str(error)[:500]}
                records.append(Record("unit", job.owner, job.layer, unit, job.seed, "not finite", facts=facts))
    seconds = (time.perf_counter() - begin) / max(1, job.count)
    return [
        replace(record, facts={**record.facts, "seconds": round(seconds, 3)})
        for record in records
        if record.unit in job.new
    ]


def _batch(network: Network, job: Job, units: Sequence[int]) -> Working:
    ascent = Ascent(
        network,
        [objectives.channel(job.layer, unit) for unit in units],
        recipe=Recipe.from_json(job.recipe),
        steps=job.steps,
        seed=job.seed,
        size=job.size,
        precision=job.precision,
    )
    first = None
    for step in ascent:
        first = step.loss if first is None else first
        yield
    pictures = ascent.picture()
    early = network.unit_tap(job.layer).pre_activation
    means = channel_means(network, job.layer, pictures, pre_activation=early)
    silent = ascent.silent
    found = []
    for row, unit in enumerate(units):
        score = float(means[row, unit])
        status = "not finite" if not np.isfinite(score) else "dead" if silent[row] else "ok"
        facts = {"shape": list(pictures[row].shape), "first": float(first[row]) if first is not None else None}
        data = encoded(pictures[row]) if status != "not finite" else b""
        found.append(Record("unit", job.owner, job.layer, int(unit), job.seed, status, score, facts, data))
    return found


def finished(working: Working) -> list[Record]:
    """Does all steps at once."""
    while True:
        try:
            next(working)
        except StopIteration as end:
            records: list[Record] = end.value
            return records


def run(source: str, expected: str, folder: str, jobs: Sequence[Job], threads: int | None) -> None:
    """Does some jobs in a process that may never have seen the network; what is finished already is skipped.

    A task is done anew by another worker where the first was killed, and no job of it is done twice.

    Args:
        source: the arguments of `nbfeatviz.load`, as Python.
        expected: the network's hash; with other weights nothing is done.
        folder: of the store.
        jobs: of one layer.
        threads: of TensorFlow, where nothing has been computed yet; None for the processors that may be used.
    """
    limit_threads(threads)
    network = loaded(source, expected)
    _forget_others(network, (jobs[0].layer, jobs[0].size))
    for job in jobs:
        if not _is_merged(Path(folder), job):
            do(network, Path(folder), job)


def _is_merged(folder: Path, job: Job) -> bool:
    """Whether all of a job is in the index; where that cannot be read, as by a worker without the right, it is not."""
    try:
        index = Index(folder / INDEX)
    except (OSError, ValueError):
        return False
    try:
        return {(unit, job.seed) for unit in job.new} <= set(index.places("unit", job.owner, job.layer))
    except (OSError, ValueError):
        return False
    finally:
        index.close()


def _forget_others(network: Network, batch: tuple[str, tuple[int, int]]) -> None:
    """Drops what was compiled for another layer, so that a worker does not grow from layer to layer."""
    with _lock:
        if _compiled_for.get(network) not in (None, batch):
            network.forget()
        _compiled_for[network] = batch


def do(network: Network, folder: Path, job: Job) -> None:
    """Does a job and leaves its records for the one that merges, unless they wait already."""
    if waiting(folder, job.name).is_file():
        return
    records = finished(work(network, job))
    when = {"process": os.getpid(), "ended": round(time.time(), 3)}
    put(folder, job.name, [replace(record, facts={**record.facts, **when}) for record in records])


def limit_threads(threads: int | None) -> None:
    """Imports TensorFlow with so many threads; too late where it is imported.

    Args:
        threads: how many; None for the processors that may be used.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    engine.load(processors.available() if threads is None else threads)


def loaded(source: str, expected: str) -> Network:
    """The network of a source, kept for the next job."""
    with _lock:
        found = _networks.get((source, expected))
        if found is None:
            names, options = arguments_of(source)
            found = load(*names, **options)
            now = network_hash(found)
            if now != expected:
                raise ValueError(
                    f"load({source}) gives another network here ({now}) than where the build began ({expected})."
                )
            _networks.clear()  # one at a time, or memory would grow
            _networks[source, expected] = found
        return found


def arguments_of(source: str | None) -> tuple[list[Any], dict[str, Any]]:
    """The arguments that a network's `source` writes down; nothing is evaluated but plain values.

    Raises:
        ValueError: it writes down none that another process could load it by.
    """
    try:
        call = ast.parse(f"load({source})", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError(call)
        names = [ast.literal_eval(one) for one in call.args]
        options = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords if one.arg is not None}
    except (ValueError, SyntaxError):
        names, options = [], {}
    if (
        not names or not isinstance(names[0], str) or options.get("weights", "") is None
    ):  # random ones are others in each process
        raise ValueError("the network has no name or file by which another process could load it.")
    if os.path.exists(names[0]):
        names[0] = os.path.abspath(names[0])
    return names, options


def absolute(source: str | None) -> str:
    """A source that means the same in another folder (ValueError as for `arguments_of`)."""
    names, options = arguments_of(source)
    return ", ".join([*map(repr, names), *(f"{name}={value!r}" for name, value in options.items())])
