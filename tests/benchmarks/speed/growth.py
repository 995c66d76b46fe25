"""How the cost of a step grows with what it has to do: picture size, batch, depth of the layer, number of terms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np

import nbfeatviz as nv
from nbfeatviz import objectives
from tests.benchmarks.speed.timing import Way, in_turn, loaded, objective, our_way

NETWORK, LAYER = "efficientnet-lite0", "block5c_add"
SIZES = (128, 192, 224, 256, 320, 384, 448, 512)
BATCHES = (1, 2, 4, 8, 16, 32)
TERMS = (1, 2, 3, 4, 6, 8)
TOLERANCE = 1.25


@dataclass(frozen=True)
class Series:
    """What was measured of one kind of growth.

    Attributes:
        title: of the plot.
        unit: of the work.
        names: of the points.
        work: how much each has to do, in growing order.
        cost: milliseconds a step.
    """

    title: str
    unit: str
    names: tuple[str, ...]
    work: np.ndarray
    cost: np.ndarray

    @property
    def line(self) -> tuple[float, float, float]:
        """Slope, intercept and R² of a straight line."""
        slope, intercept = np.polyfit(self.work, self.cost, 1)
        spread = float(((self.cost - self.cost.mean()) ** 2).sum())
        rest = float(((self.cost - slope * self.work - intercept) ** 2).sum())
        return float(slope), float(intercept), 1 - rest / spread if spread else 1.0

    @property
    def too_slow(self) -> list[str]:
        """The points that cost over 25 % more than any smaller one times how much more there is to do.

        A fixed cost is part of each, so the cost of a unit of work should fall, and nothing may cost more than in
        proportion.
        """
        found = []
        for index in range(1, len(self.work)):
            expected = float((self.cost[:index] / self.work[:index]).min() * self.work[index])
            if self.cost[index] > TOLERANCE * expected:
                found.append(f"{self.names[index]} ({self.cost[index]:.1f} ms, {expected:.1f} expected)")
        return found


def growth(rounds: int, output: Path) -> None:
    """Measures, prints and plots."""
    net = loaded(NETWORK)
    measured = [sizes(net, rounds), batches(net, rounds), depths(net, rounds), terms(net, rounds)]
    for series in measured:
        slope, intercept, r2 = series.line
        points = ", ".join(f"{name}: {cost:.1f}" for name, cost in zip(series.names, series.cost, strict=True))
        print(f"{series.title} (ms a step): {points}")
        print(f"  {slope:.3g} ms a {series.unit} + {intercept:.1f} ms, R² {r2:.3f}")
        slow = series.too_slow
        print("  grows faster than its work: " + (", ".join(slow) if slow else "nowhere"), flush=True)
    print(f"plot: {plotted(measured, output / 'growth.png')}")


def _series(title: str, unit: str, work: dict[str, float], ways: dict[str, Way], rounds: int) -> Series:
    taken = in_turn(ways, rounds)
    order = sorted(work, key=lambda name: work[name])
    values = np.array([work[name] for name in order]), np.array([taken[name] for name in order])
    return Series(title, unit, tuple(order), *values)


def sizes(net: nv.Network, rounds: int) -> Series:
    """By the picture's pixels."""
    ways = {f"{side}²": our_way(net, objective(LAYER), size=side, encode=False) for side in SIZES}
    work = {f"{side}²": side**2 / 1e6 for side in SIZES}
    return _series(f"picture size, {LAYER}", "megapixel", work, ways, rounds)


def batches(net: nv.Network, rounds: int) -> Series:
    """By how many pictures are made at once."""
    ways = {str(n): our_way(net, [objective(LAYER, unit) for unit in range(n)], encode=False) for n in BATCHES}
    return _series(
        f"pictures at once, {LAYER}", "picture", {str(n): float(n) for n in BATCHES}, ways, max(3, rounds // 3)
    )


def depths(net: nv.Network, rounds: int) -> Series:
    """By the multiplications up to a layer: the end of every block that has a shortcut, and the logits."""
    layers = [entry.path for entry in net.layers.walk() if entry.kind == "Add"] + [net.head_layer.path]
    ways = {path: our_way(net, objective(path), encode=False) for path in layers}
    work = {path: multiplications(net, path) / 1e6 for path in layers}
    return _series("depth of the layer", "million multiplications", work, ways, rounds)


def terms(net: nv.Network, rounds: int) -> Series:
    """By how many channels of one layer are maximized together."""
    sums: dict[str, Any] = {str(n): reduce(add, (objectives.channel(LAYER, unit) for unit in range(n))) for n in TERMS}
    ways = {name: our_way(net, what, encode=False) for name, what in sums.items()}
    return _series(f"terms, {LAYER}", "term", {str(n): float(n) for n in TERMS}, ways, rounds)


def multiplications(net: nv.Network, path: str) -> int:
    """Of one forward pass up to a layer: the places of each output times the size of what is applied there."""
    total = 0
    for index in net.graph.ancestors([net.call(path).index]):
        call = net.graph.calls[index]
        kernel = getattr(call.operation, "kernel", None)
        if kernel is not None:
            total += math.prod((net.layers[call.path].output_shape or ())[:-1]) * math.prod(kernel.shape)
    return total


def plotted(measured: Sequence[Series], path: Path) -> Path:
    """Four panels with their lines."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    colours = matplotlib.colormaps["viridis"](np.linspace(0.15, 0.75, len(measured)))
    for axes, series, colour in zip(figure.subplots(2, 2).flat, measured, colours, strict=True):
        slope, intercept, r2 = series.line
        ends = np.array([0, series.work.max()])
        axes.plot(ends, slope * ends + intercept, color="0.55", linewidth=1.5, zorder=1)
        axes.scatter(series.work, series.cost, color=colour, s=45, zorder=2)
        for name, work, cost in zip(series.names, series.work, series.cost, strict=True):
            axes.annotate(name, (work, cost), (6, -10), textcoords="offset points", fontsize=8)
        axes.set_title(f"{series.title}\n{slope:.3g} ms a {series.unit} + {intercept:.1f} ms, R² {r2:.3f}", fontsize=11)
        axes.set_xlabel(f"{series.unit}s" if not series.unit.endswith("s") else series.unit)
        axes.set_ylabel("ms a step")
        axes.set_xlim(0, ends[1] * 1.18)  # room for the last label
        axes.set_ylim(0, max(series.cost.max(), (slope * ends + intercept).max()) * 1.15)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"What a step of {NETWORK} costs")
    figure.savefig(path, dpi=130)
    return path
