"""Time to recognition: after how many seconds a second network sees in a picture the class that it was made of.

`python -m tests.benchmarks.recognition [--ways default lucid ...] [--classes 8] [--seed 0]` lets recipes of this
package (at their own number of steps, or as `default:64`) and other tools (with what they do where nothing is said, see
`speed/tool.py`) take turns, one picture at a time, on EfficientNet-Lite0. What each picture is after some steps is
judged by EfficientNet-Lite1. It prints when the judge's probability, averaged over the classes, passes 0.5 and 0.8, and
writes a plot of probability over seconds into tests/output. All is compiled before: ours by a run that does not count,
and of the other tools, which trace anew in each run, the first step counts as the median of the others. Saving
intermediate pictures does not count. A way that never passes has its whole run as a lower bound. Nothing here is a
test.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.networks.zoo import efficientnet_lite
from tests.benchmarks.judging import probabilities
from tests.benchmarks.naturalness import INPUT_RANGE
from tests.benchmarks.pictures import OUTPUT, sheet, spread_classes
from tests.benchmarks.speed.timing import row
from tests.benchmarks.speed.tools import INSTALLED, Tool, running

WAYS = ("default", "lucid", "maco", *INSTALLED)
MARKS = [4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]
LEVELS = (0.5, 0.8)
WARM = 3
WANTED = {"lucid": 4, **dict.fromkeys(INSTALLED, 10)}


@dataclass(frozen=True)
class Course:
    """How one picture, or the mean of some, came to be recognised.

    Attributes:
        steps: after which it was looked at.
        seconds: since the start, likewise.
        probability: that the judge gave its class, likewise.
    """

    steps: np.ndarray
    seconds: np.ndarray
    probability: np.ndarray

    def passes(self, level: float) -> float | None:
        """When the probability first is at a level, on a straight line between two looks; None for never."""
        above = np.flatnonzero(self.probability >= level)
        if not len(above):
            return None
        place = int(above[0])
        if not place:
            return float(self.seconds[0])
        part = slice(place - 1, place + 1)
        return float(np.interp(level, self.probability[part], self.seconds[part]))


def mean_course(courses: Sequence[Course]) -> Course:
    """Over classes; all were looked at after the same steps."""
    return Course(
        courses[0].steps,
        np.mean([one.seconds for one in courses], axis=0),
        np.mean([one.probability for one in courses], axis=0),
    )


def split(way: str) -> tuple[str, int | None]:
    """The recipe of one of our ways, and its number of steps where one is given."""
    name, _, steps = way.partition(":")
    return name, int(steps) if steps else None


def ours(net: nv.Network, way: str, target: int, seed: int) -> tuple[list[int], list[float], np.ndarray]:
    """Steps, seconds and pictures of one of our recipes."""
    name, steps = split(way)
    count = steps or recipes.get(name).steps
    taken: list[int] = []
    ends: list[float] = []
    pictures = []
    spent, begin = 0.0, time.perf_counter()
    run = nv.ascend(net, objectives.class_logit(target), recipe=name, steps=count, seed=seed)
    for step in run:
        done = step.index + 1
        if done in MARKS or done == count:
            spent += time.perf_counter() - begin
            taken.append(done)
            ends.append(spent)
            pictures.append(run.picture())
            begin = time.perf_counter()
    return taken, ends, np.stack(pictures)


def warm_up(net: nv.Network, way: str) -> None:
    """Compiles what a run of ours needs."""
    name, steps = split(way)
    run = nv.ascend(net, objectives.class_logit(0), recipe=name, steps=steps or recipes.get(name).steps)
    for _ in range(WARM):
        next(run)
    run.picture()


def theirs(tool: Tool, target: int, path: Path) -> tuple[list[int], list[float], np.ndarray]:
    """Steps, seconds and pictures of another tool."""
    found = tool.ask("picture", target=target, range=INPUT_RANGE, marks=MARKS, path=str(path))
    return found["steps"], found["seconds"], np.clip(np.load(path), 0, 1)


def courses(ways: Sequence[str], classes: Sequence[int], seed: int, output: Path) -> dict[str, Course]:
    """Of each way, the mean over the classes; the ways take turns."""
    net, judge = nv.load("efficientnet-lite0"), efficientnet_lite.build(efficientnet_lite.LITE1)
    found: dict[str, list[Course]] = {way: [] for way in ways}
    last: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    grey = np.full((*net.contract.size, 3), 0.5, np.float32)
    with running(net, [way for way in ways if way in INSTALLED], grey, output) as started:
        others = {tool.name: tool for tool in started}
        for way in ways:
            if way not in others:
                warm_up(net, way)
        for target in tqdm(classes, unit="class"):
            for way in ways:
                path = output / f"{way}.npy"
                taken = theirs(others[way], target, path) if way in others else ours(net, way, target, seed)
                steps, seconds, pictures = taken
                right = probabilities(pictures, judge)[:, target]
                found[way].append(Course(np.array(steps), np.array(seconds), right))
                last[way].append(pictures[-1])
    for way, pictures in last.items():
        sheet(np.stack(pictures), OUTPUT / f"recognition-{way.replace(':', '-')}.png")
    return {way: mean_course(parts) for way, parts in found.items()}


def table(found: dict[str, Course]) -> None:
    """When each way passes the levels, and how much later than the first of them."""
    first = next(iter(found.values()))
    titles = [f"{title} {level}" for level in LEVELS for title in ("seconds to", "÷ the first's")]
    row(["way", "steps", "seconds of a run", "probability at its end", *titles, "wanted"])
    for way, course in found.items():
        cells: list[str | float] = []
        for level in LEVELS:
            passes, base = course.passes(level), first.passes(level)
            least = float(course.seconds[-1]) if passes is None else passes
            sign = "> " if passes is None else ""
            cells += [f"{sign}{least:.2f}", "–" if base is None else f"{sign}{least / base:.1f}"]
        wanted = f"≥ {WANTED[way]}" if way in WANTED else ""
        row([way, int(course.steps[-1]), float(course.seconds[-1]), f"{course.probability[-1]:.3f}", *cells, wanted])
    for way, course in found.items():
        looks = zip(course.steps, course.seconds, course.probability, strict=True)
        print(f"{way}: " + ", ".join(f"{step}: {share:.2f} ({seconds:.2f} s)" for step, seconds, share in looks))


def plot(found: dict[str, Course], path: Path) -> None:
    """Probability over seconds."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for way, course in found.items():
        axes.semilogx(course.seconds, course.probability, marker=".", label=way)
    for level in LEVELS:
        axes.axhline(level, color="grey", linewidth=0.5)
    axes.set(xlabel="seconds", ylabel="probability that a second network gives the class", ylim=(0, 1))
    axes.legend()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line, prints the table and writes the plot."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recognition", description=__doc__)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), metavar="WAY", help="the first is set beside each")
    parser.add_argument("--classes", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0, help="of ours; the other tools have none")
    parser.add_argument("--output", type=Path, default=Path("benchmarks"), help="folder of the tools' environments")
    options = parser.parse_args(arguments)
    for way in options.ways:
        if way not in INSTALLED and split(way)[0] not in recipes.ALL:
            parser.error(f"no way {way!r}: give recipes (such as default or default:64) or {', '.join(INSTALLED)}")
    matplotlib.use("agg")
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"other work on the machine: {os.getloadavg()[0]:.1f} processes in the last minute")
    found = courses(options.ways, spread_classes(options.classes), options.seed, options.output)
    table(found)
    plot(found, OUTPUT / "recognition.png")


if __name__ == "__main__":
    main(sys.argv[1:])
