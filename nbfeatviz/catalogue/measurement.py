"""Which is faster on this machine: one process with all threads, or several with fewer."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from nbfeatviz import processors
from nbfeatviz.catalogue.executors import SpawnedPool
from nbfeatviz.catalogue.plan import Job, Plan
from nbfeatviz.catalogue.progress import Progress
from nbfeatviz.catalogue.worker import limit_threads, loaded, work
from nbfeatviz.networks.network import Network

WORTH_SECONDS = 300.0
"""A build that takes less in this process is not measured: other processes need a while to begin."""
CLEAR_WIN = 0.9
_STEPS = 4


def faster(
    network: Network, source: str | None, plan: Plan, jobs: Sequence[Job], bar: Progress
) -> tuple[SpawnedPool | None, int]:
    """Measures both; returns the pool (None for this process), and how many processes that is.

    Args:
        network: the network.
        source: by which other processes load it; None where they cannot.
        plan: of the build.
        jobs: what there is to do.
        bar: told what was found.
    """
    count = processors.available()
    if source is None or count < 2 or len(jobs) < 2 * count:
        return None, 1
    typical = max(jobs, key=lambda job: sum(job.layer == other.layer for other in jobs))
    here = seconds(network, typical)
    if here * plan.steps * len(jobs) < WORTH_SECONDS:
        return None, 1
    pool = SpawnedPool(count, 1)
    try:
        asked = [pool.submit(probe, source, str(plan.network["hash"]), typical) for _ in range(count)]
        each = [future.result() for future in asked]
    except BaseException as error:
        pool.close()
        if not isinstance(error, Exception):  # Ctrl-C
            raise
        bar.say(f"other processes cannot be used ({error}): this one computes.")
        return None, 1
    together = 1 / sum(1 / one for one in each)
    bar.note("measured", here=round(here, 4), processes=count, together=round(together, 4))
    if together < CLEAR_WIN * here:
        bar.say(f"{count} processes compute, in {together / here:.0%} of the time that this one would need.")
        return pool, count
    pool.close()
    bar.say(f"this process computes; {count} would need {together / here:.0%} of the time.")
    return None, 1


def probe(source: str, expected: str, job: Job) -> float:
    """`seconds` in a process of the pool."""
    limit_threads(1)
    return seconds(loaded(source, expected), job)


def seconds(network: Network, job: Job) -> float:
    """Of one step of a job."""
    working = work(network, job)
    next(working)  # compiles
    best, steps = math.inf, max(1, min(_STEPS, job.steps - 2))
    for _ in range(steps):
        begin = time.perf_counter()
        next(working, None)
        best = min(best, time.perf_counter() - begin)
    working.close()
    return best
