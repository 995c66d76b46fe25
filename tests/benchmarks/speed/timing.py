"""What every section needs: networks, the plain step, our step, and medians of ways that take turns."""

from __future__ import annotations

import inspect
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.encoding import encode_jpeg

UNIT = 7
IN_A_ROW = 10
RECIPE = "tutorial13-mnist"  # the same update as `plain_step`
HAS_PRECISION = "precision" in inspect.signature(nv.ascend).parameters

Way = Callable[[], Any]


def precisions() -> tuple[str, ...]:
    """The numbers that a step can be computed in."""
    return ("float32", "bfloat16") if HAS_PRECISION else ("float32",)


def loaded(name: str) -> nv.Network:
    """The embedded network, or one of Keras's with random weights."""
    return nv.load(name if "-" in name else getattr(keras.applications, name)(weights=None))


def objective(layer: str, unit: int = UNIT) -> Any:
    """A class where the layer is the last, else a channel."""
    return objectives.class_logit(unit) if layer == "predictions" else objectives.channel(layer, unit)


def plain_step(net: nv.Network, layer: str, place: tuple[int, int] | None = None, unit: int = UNIT) -> Any:
    """The update as it is written without this package: a function of pictures; of a neuron with `place`."""
    part = keras.Model(net.model.input, net.model.get_layer(layer).output)

    def step(picture: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            values = part(net.contract.apply(picture), training=False)
            loss = tf.reduce_mean(values[..., unit] if place is None else values[:, place[0], place[1], unit])
        gradient = tape.gradient(loss, picture)
        return tf.clip_by_value(picture + gradient / (tf.math.reduce_std(gradient) + 1e-8), 0.0, 1.0)

    return step


def grey(net: nv.Network) -> Any:
    """A start of grey noise."""
    height, width = net.contract.size
    return tf.constant(np.random.default_rng(0).uniform(0.45, 0.55, (1, height, width, 3)), tf.float32)


def plain_way(net: nv.Network, step: Callable[[Any], Any]) -> Way:
    """Takes one plain step after the other."""
    picture = grey(net)

    def advance() -> None:
        nonlocal picture
        picture = step(picture)
        picture.numpy()

    return advance


def our_way(net: nv.Network, what: Any, precision: str = "float32", *, encode: bool = True, **options: Any) -> Way:
    """Takes one step of ours after the other, with all that belongs to a live panel: facts, and the frame encoded."""
    if HAS_PRECISION:
        options["precision"] = precision
    ascent = nv.ascend(net, what, steps=10_000, **{"recipe": RECIPE, **options})

    def advance() -> None:
        image = next(ascent).image
        for one in (image if image.ndim == 4 else image[None]) if encode else ():
            encode_jpeg(one)

    return advance


def timed(way: Way) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    way()
    return (time.perf_counter() - begin) * 1000


def in_turn(ways: dict[str, Way], rounds: int, warm: int = 3) -> dict[str, float]:
    """Median milliseconds of each way after some that do not count.

    The ways take turns, `IN_A_ROW` steps each, as a run takes its steps: alone, not with a cache that
    another way has just filled with weights of its own.
    """
    for way in ways.values():
        for _ in range(warm):
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name] += [timed(way) for _ in range(IN_A_ROW)]
    return {name: statistics.median(found) for name, found in times.items()}


def row(cells: Sequence[Any]) -> None:
    """Prints a line of a table: numbers with three digits that count."""
    print(" | ".join(_text(cell) for cell in cells), flush=True)


def _text(cell: Any) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if cell >= 100 else f"{cell:.1f}" if cell >= 10 else f"{cell:.2f}"
