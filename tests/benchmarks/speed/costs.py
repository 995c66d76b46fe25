"""Memory, and what starting costs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.speed import alone
from tests.benchmarks.speed.timing import precisions, row

RUNS = 5
# It leaves at once, since a panel that has just been made computes ahead on a thread of its own.
_PANEL = """import os, time
import tensorflow
begin = time.perf_counter()
import nbfeatviz as nv
{before}
{after}
explorer = nv.FeatureExplorer(net)
print(time.perf_counter() - begin, flush=True)
os._exit(0)"""


def memory(rounds: int, output: Path) -> None:
    """Largest resident memory of a process that takes 20 steps."""
    plain = alone.asked_for("memory", "plain", "InceptionV3", "mixed10")["megabytes"]
    row(["InceptionV3, mixed10, 20 steps", "peak RSS (MB)", "ours / plain", "wanted"])
    row(["plain", plain])
    for kind in precisions():
        ours = alone.asked_for("memory", kind, "InceptionV3", "mixed10")["megabytes"]
        row([f"ours {kind}", ours, ours / plain, "≤ 1.3"])


def start(rounds: int, output: Path) -> None:
    """Seconds until it is imported, and until the panel stands after TensorFlow has been imported."""
    times: dict[str, list[float]] = {"pass": [], "import nbfeatviz": []}
    for _ in range(RUNS):
        for source, found in times.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", source], check=True)
            found.append(time.perf_counter() - begin)
    bare, ours = (statistics.median(found) for found in times.values())
    row(["start", "s", "wanted"])
    row(["python", bare])
    row(["import nbfeatviz, more than that", ours - bare, "≤ 0.2"])
    load = 'net = nv.load("efficientnet-lite0")'
    again = "begin = time.perf_counter()"
    for what, before, after in (("network and panel", load, ""), ("panel alone", load, again)):
        row([f"{what}, TensorFlow imported", _panel_seconds(before, after), "≤ 1"])


def _panel_seconds(before: str, after: str) -> float:
    source = _PANEL.format(before=before, after=after)
    found = []
    for _ in range(3):
        said = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True).stdout
        found.append(float(said.split()[-1]))
    return statistics.median(found)
