"""A step of ascent beside the plain one, and the first step of a layer that was never used."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.benchmarks.speed import alone
from tests.benchmarks.speed.timing import (
    Way,
    in_turn,
    loaded,
    objective,
    our_way,
    plain_step,
    plain_way,
    precisions,
    row,
    timed,
)

CASES: tuple[tuple[str, str, dict[str, float]], ...] = (  # how many times faster than plain is wanted
    ("efficientnet-lite0", "predictions", {"float32": 1.5, "bfloat16": 1.5}),
    ("InceptionV3", "mixed4", {"float32": 1.4, "bfloat16": 2.5}),
    ("InceptionV3", "mixed10", {"float32": 1.3, "bfloat16": 2.5}),
    ("ResNet50", "conv5_block3_out", {"float32": 1.3, "bfloat16": 2.0}),
    ("VGG16", "block5_conv3", {"float32": 1.2, "bfloat16": 2.5}),
)
FIRST: tuple[tuple[str, str, float], ...] = (  # seconds at most
    ("efficientnet-lite0", "predictions", 0.8),
    ("InceptionV3", "mixed10", 2.0),
)
EAGER_STEPS, FIRST_RUNS = 3, 3


def processor() -> None:
    """What the processor can do: no gain from fewer bits can exceed the quotient where it is used up already."""
    length = 3072
    square = np.random.default_rng(0).random((length, length), np.float32)
    ways: dict[str, Way] = {}
    for kind in (tf.float32, tf.bfloat16):
        matrix = tf.cast(square, kind)
        ways[kind.name] = lambda matrix=matrix: tf.reduce_sum(tf.matmul(matrix, matrix)).numpy()
    speed = {name: 2 * length**3 / taken / 1e6 for name, taken in in_turn(ways, 1).items()}
    quotient = speed["bfloat16"] / speed["float32"]
    print(
        f"matrix products of {length}: float32 {speed['float32']:.0f} GFLOP/s, bfloat16 {speed['bfloat16']:.0f} "
        f"GFLOP/s, quotient {quotient:.1f}"
    )


def steps(rounds: int, output: Path) -> None:
    """Milliseconds a step."""
    processor()
    row(["network, layer", "eager", "plain", *(f"ours {kind}" for kind in precisions()), "plain / ours", "wanted"])
    for name, layer, wanted in CASES:
        net = loaded(name)
        plain = plain_step(net, layer)
        eager = plain_way(net, plain)
        ways = {"plain": plain_way(net, tf.function(plain))}
        for kind in precisions():
            ways[kind] = our_way(net, objective(layer), kind)
        taken = in_turn(ways, rounds)
        slow = min(timed(eager) for _ in range(EAGER_STEPS))
        ratios = [f"{taken['plain'] / taken[kind]:.2f}" for kind in precisions()]
        limits = [f"≥ {wanted[kind]}" for kind in precisions()]
        row([f"{name}, {layer}", slow, *taken.values(), "; ".join(ratios), "; ".join(limits)])
        del net, plain, eager, ways
        gc.collect()


def first(rounds: int, output: Path) -> None:
    """Seconds to the first step, each in a process of its own."""
    ways = ("plain", *precisions(), alone.DEFAULT)
    row(["first step of network, layer (s)", "plain", *(f"ours {way}" for way in ways[1:]), "wanted"])
    for name, layer, wanted in FIRST:
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(FIRST_RUNS):
            for way, found in taken.items():
                found.append(alone.asked_for("first", way, name, layer)["seconds"])
        row([f"{name}, {layer}", *(float(np.median(found)) for found in taken.values()), f"≤ {wanted}"])
