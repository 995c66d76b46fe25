"""Six pictures as one batch beside six runs of one picture, and one neuron beside the whole picture."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from nbfeatviz import objectives
from nbfeatviz.networks.units import Neuron, traced_shape
from tests.benchmarks.speed.timing import (
    in_turn,
    loaded,
    objective,
    our_way,
    plain_step,
    plain_way,
    precisions,
    row,
)

CASES = (
    ("mnist-cnn", None),
    ("efficientnet-lite0", "block2b_add"),
    ("efficientnet-lite0", "block5c_add"),
    ("efficientnet-lite0", "predictions"),
    ("InceptionV3", "mixed4"),
    ("InceptionV3", "mixed10"),
)
PICTURES = 6
WANTED = {"float32": 1.3, "bfloat16": 2.0}
LAYER, UNIT = "block2b_add", 3


def sheet(rounds: int, output: Path) -> None:
    """Milliseconds of a step of six pictures."""
    row(["network, layer", *(f"{kind}: six alone | batch of 6 | ratio | wanted" for kind in precisions())])
    for name, layer in CASES:
        net = loaded(name)
        path = layer or next(entry.path for entry in net.layers.walk() if entry.kind == "Conv2D")
        cells: list[str | float] = [f"{name}, {path}"]
        for kind in precisions():
            single = our_way(net, objective(path, 0), kind)
            ways = {
                "alone": lambda single=single: [single() for _ in range(PICTURES)],
                "batch": our_way(net, [objective(path, unit) for unit in range(PICTURES)], kind),
            }
            taken = in_turn(ways, rounds, 2)
            cells += [taken["alone"], taken["batch"], taken["alone"] / taken["batch"], f"≥ {WANTED[kind]}"]
        row(cells)


def neuron(rounds: int, output: Path) -> None:
    """Milliseconds a step of one neuron: what it can see against the whole picture."""
    net = loaded("efficientnet-lite0")
    height, width, _ = traced_shape(net, Neuron(LAYER, UNIT).tap, net.contract.size)
    whole = plain_step(net, LAYER, (height // 2, width // 2), UNIT)
    ways = {
        "plain, whole": plain_way(net, tf.function(whole)),
        "ours, channel": our_way(net, objectives.channel(LAYER, UNIT)),
        "ours, neuron": our_way(net, objectives.neuron(LAYER, UNIT), encode=False),
        "ours, neuron, and its frame": our_way(net, objectives.neuron(LAYER, UNIT)),
    }
    taken = in_turn(ways, rounds)
    row([f"{LAYER} (ms a step)", *ways, "plain / ours", "wanted"])
    row([f"unit {UNIT}", *taken.values(), taken["plain, whole"] / taken["ours, neuron"], "≥ 5"])
