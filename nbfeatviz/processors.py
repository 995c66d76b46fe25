"""How many processors this process may use, which is often fewer than the machine has."""

from __future__ import annotations

import math
import os
from pathlib import Path

_VARIABLES = ("NBFEATVIZ_THREADS", "OMP_NUM_THREADS")
_GROUPS = Path("/sys/fs/cgroup")


def available() -> int:
    """Processors that may be used: what a variable says, else what the scheduler and the container's quota allow.

    The variables are NBFEATVIZ_THREADS and, where that is not set, OMP_NUM_THREADS, which Dask and SLURM set for their
    workers; what is no whole number from 1 is passed over.
    """
    for name in _VARIABLES:
        value = os.environ.get(name, "")
        if value.isdecimal() and int(value) >= 1:
            return int(value)
    affinity = getattr(os, "sched_getaffinity", None)
    visible = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(visible, quota(_GROUPS)))


def quota(groups: Path) -> int:
    """Processors that a container's control group gives, rounded up; very many where it sets no limit.

    Args:
        groups: where control groups are seen, version 2 (`cpu.max`) or 1 (`cpu/cpu.cfs_quota_us`).
    """
    found = [*_fractions(groups / "cpu.max"), *_old_fractions(groups / "cpu")]
    return max(1, math.ceil(min(found))) if found else 1_000_000


def _fractions(file: Path) -> list[float]:
    words = _words(file)
    return [int(words[0]) / int(words[1])] if len(words) == 2 and all(word.isdecimal() for word in words) else []


def _old_fractions(folder: Path) -> list[float]:
    given, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
    numbers = [*given, *period]
    return [int(given[0]) / int(period[0])] if len(numbers) == 2 and all(one.isdecimal() for one in numbers) else []


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []
