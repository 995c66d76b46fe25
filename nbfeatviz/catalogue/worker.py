"""The work of a build: one job as a batch of gradient ascent, in this process or in another."""

from __future__ import annotations

import ast
import contextlib
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
from nbfeatviz.catalogue.store.pictures import encoded
from nbfeatviz.catalogue.store.places import waiting
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.writer import put
from nbfeatviz.engine import tf
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


def run(source: str, expected: str, folder: str, jobs: Sequence[Job], threads: int | None) -> list[dict[str, Any]]:
    """Does some jobs in a process that may never have seen the network; what a file says already is skipped.

    Args:
        source: the arguments of `nbfeatviz.load`, as Python.
        expected: the network's hash; with other weights nothing is done.
        folder: of the store.
        jobs: of one layer.
        threads: of TensorFlow, where nothing has been computed yet; None for the processors that may be used.

    Returns:
        For each job what the log says of it.
    """
    limit_threads(threads)
    network = loaded(source, expected)
    _forget_others(network, (jobs[0].layer, jobs[0].size))
    return [do(network, Path(folder), job) for job in jobs]


def _forget_others(network: Network, batch: tuple[str, tuple[int, int]]) -> None:
    """Drops what was compiled for another layer, so that a worker does not grow from layer to layer."""
    with _lock:
        if _compiled_for.get(network) not in (None, batch):
            network.forget()
        _compiled_for[network] = batch


def do(network: Network, folder: Path, job: Job) -> dict[str, Any]:
    """Does a job and leaves its records for the one that merges; returns what the log says of it."""
    begin = time.time()
    if not waiting(folder, job.name).is_file():
        put(folder, job.name, finished(work(network, job)))
    return {
        "time": round(time.time(), 3), "layer": job.layer, "units": [job.new[0], job.new[-1]], "seed": job.seed,
        "seconds": round(time.time() - begin, 3), "process": os.getpid(),
    }  # fmt: skip


def limit_threads(threads: int | None) -> None:
    """Sets how many threads TensorFlow computes with; too late once it has computed something."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    engine.load()
    count = processors.available() if threads is None else threads
    with contextlib.suppress(RuntimeError):  # this process has computed already
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(min(count, 2))


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
        if source is None or not isinstance(call, ast.Call):
            raise ValueError
        names = [ast.literal_eval(one) for one in call.args]
        options = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords if one.arg is not None}
    except (ValueError, SyntaxError):
        raise ValueError("the network has no name or file by which another process could load it.") from None
    if names and isinstance(names[0], str) and os.path.exists(names[0]):
        names[0] = os.path.abspath(names[0])
    return names, options


def absolute(source: str) -> str:
    """A source that means the same in another folder."""
    names, options = arguments_of(source)
    return ", ".join([*map(repr, names), *(f"{name}={value!r}" for name, value in options.items())])
