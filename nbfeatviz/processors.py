"""How many processors this process may use, which is often fewer than the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_VARIABLES = ("NBFEATVIZ_THREADS", "OMP_NUM_THREADS")
_GROUPS = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_NO_LIMIT = 1_000_000


def available() -> int:
    """Processors that may be used: what a variable says, else what the scheduler and the container's quota allow.

    The variables are NBFEATVIZ_THREADS and, where that is not set, OMP_NUM_THREADS, which Dask and SLURM set for their
    workers; what is no whole number from 1 is passed over.
    """
    for name in _VARIABLES:
        value = os.environ.get(name, "").strip()
        if _is_count(value) and int(value) >= 1:
            return int(value)
    affinity = getattr(os, "sched_getaffinity", None)
    visible = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, min(visible, quota(_GROUPS, _OWN)))


def quota(groups: Path, own: Path | None = None) -> int:
    """Processors that control groups give, rounded up; very many where none sets a limit.

    Args:
        groups: where control groups are seen, version 2 (`cpu.max`) or 1 (`cpu/cpu.cfs_quota_us`).
        own: file that says in which of them this process is (`/proc/self/cgroup`); their parents limit it too. None
            for the outermost alone, which in a container is its own.
    """
    found: list[float] = []
    for folder in _folders(groups, _group(own, "")):
        found += _limit(*_words(folder / "cpu.max"))
    for folder in _folders(groups / "cpu", _group(own, "cpu")):
        found += _limit(*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us"))
    return max(1, math.ceil(min(found))) if found else _NO_LIMIT


def _group(own: Path | None, controller: str) -> str:
    """The path of a control group, from lines such as "0::/user.slice" and "4:cpu,cpuacct:/docker"."""
    for line in [] if own is None else _text(own).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(",") and ".." not in path.split("/"):
            return path
    return "/"


def _folders(root: Path, group: str) -> Iterator[Path]:
    """A group's folder and those around it, up to the outermost."""
    parts = [part for part in group.split("/") if part]
    for count in range(len(parts), -1, -1):
        yield root.joinpath(*parts[:count])


def _limit(*words: str) -> list[float]:
    """Processors of a quota and its period; none for "max", -1 and what is not understood."""
    if len(words) == 2 and all(map(_is_count, words)) and int(words[1]) > 0 and int(words[0]) > 0:
        return [int(words[0]) / int(words[1])]
    return []


def _is_count(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 16


def _words(file: Path) -> list[str]:
    return _text(file).split()


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
