"""How long a step of gradient ascent takes, beside the same step written plainly with Keras, in one run.

`python -m tests.benchmarks.speed [--steps 20] [--cases 3]` prints a table: milliseconds a step (medians of steps taken
in turn), ratios, and the seconds until the first step of a layer that was never used. Plain is a compiled function of
the model cut off at the layer, its gradient divided by its standard deviation, as the tutorials write it; eager is the
same without `tf.function`. Ours is a run of the same update (`tutorial13-mnist`) with all that belongs to a live panel:
the facts of each step, and its frame encoded. All networks but EfficientNet-Lite0 have random weights. Nothing here is
a test.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.encoding import encode_jpeg

CASES: tuple[tuple[str, str, float], ...] = (  # network, layer, how many times faster than plain is wanted
    ("efficientnet-lite0", "predictions", 1.5),
    ("InceptionV3", "mixed4", 1.4),
    ("InceptionV3", "mixed10", 1.3),
    ("ResNet50", "conv5_block3_out", 1.3),
    ("VGG16", "block5_conv3", 1.2),
)
UNIT, EAGER_STEPS, WARM = 7, 3, 3


def loaded(name: str) -> nv.Network:
    """The embedded network, or one of Keras's with random weights."""
    return nv.load(name if "-" in name else getattr(keras.applications, name)(weights=None))


def plain_step(net: nv.Network, layer: str) -> Callable[[Any], Any]:
    """The update as it is written without this package."""
    part = keras.Model(net.model.input, net.model.get_layer(layer).output)

    def step(picture: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(picture)
            loss = tf.reduce_mean(part(net.contract.apply(picture), training=False)[..., UNIT])
        gradient = tape.gradient(loss, picture)
        return tf.clip_by_value(picture + gradient / (tf.math.reduce_std(gradient) + 1e-8), 0.0, 1.0)

    return step


def timed(step: Callable[[], Any]) -> float:
    """Milliseconds."""
    begin = time.perf_counter()
    step()
    return (time.perf_counter() - begin) * 1000


def measured(name: str, layer: str, steps: int) -> tuple[dict[str, float], dict[str, float]]:
    """Median milliseconds a step by way, and the seconds that the first step took."""
    net = loaded(name)
    height, width = net.contract.size
    start = tf.constant(np.random.default_rng(0).uniform(0.45, 0.55, (1, height, width, 3)), tf.float32)
    plain = plain_step(net, layer)
    compiled = tf.function(plain)
    pictures = {"eager": start, "plain": start}

    def advance(way: str, function: Callable[[Any], Any]) -> None:
        pictures[way] = function(pictures[way])
        pictures[way].numpy()

    unit = objectives.class_logit(UNIT) if layer == "predictions" else objectives.channel(layer, UNIT)
    ascent = nv.ascend(net, unit, recipe="tutorial13-mnist", steps=steps + WARM + 1)
    ways: dict[str, Callable[[], Any]] = {
        "eager": lambda: advance("eager", plain),
        "plain": lambda: advance("plain", compiled),
        "ours": lambda: encode_jpeg(next(ascent).image),
    }
    first = {way: timed(step) / 1000 for way, step in ways.items()}
    for way in ("plain", "ours"):
        for _ in range(WARM):
            ways[way]()
    times: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(steps):
        for way, step in ways.items():
            if way != "eager" or number < EAGER_STEPS:
                times[way].append(timed(step))
    return {way: statistics.median(found) for way, found in times.items()}, first


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--cases", type=int, default=len(CASES), help="only the first of them")
    options = parser.parse_args(arguments)
    print("network, layer | eager | plain | ours (ms a step) | plain / ours | wanted | first step: plain | ours (s)")
    for name, layer, wanted in CASES[: options.cases]:
        step, first = measured(name, layer, options.steps)
        ratio = step["plain"] / step["ours"]
        print(
            f"{name}, {layer} | {step['eager']:.0f} | {step['plain']:.1f} | {step['ours']:.1f} | {ratio:.2f} | "
            f"≥ {wanted} | {first['plain']:.1f} | {first['ours']:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
