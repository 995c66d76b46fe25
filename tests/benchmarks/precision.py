"""Whether bfloat16 is good enough to climb by, network by network.

`python -m tests.benchmarks.precision [--networks InceptionV3 ...] [--units 20] [--steps 64] [--recipe tutorial13]`
prints a table. A network passes where, after so many steps from the same start, the score of the bfloat16 run's
picture, evaluated again in float32, is at least 0.97 of the float32 run's for at least 90 % of the units (of
those that noise wakes at all). The cosine of the two first gradients and the quality measures of the pictures stand
beside it and decide nothing. All but EfficientNet-Lite0 have random weights. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, quality
from nbfeatviz.networks import precision
from nbfeatviz.networks.backbone import Backbone, Tap

NETWORKS = (
    ("efficientnet-lite0", "block5c_add"),
    ("InceptionV3", "mixed4"),
    ("ResNet50", "conv4_block6_out"),
    ("VGG16", "block4_conv3"),
)
SHARE, UNITS = 0.97, 0.9
BATCH = 5


def scores(net: nv.Network, layer: str, units: Sequence[int], pictures: np.ndarray) -> np.ndarray:
    """The objective of each unit for its picture, in float32 and without transforms."""
    found = [
        nv.activations(net, picture, layer)[..., unit].mean() for unit, picture in zip(units, pictures, strict=True)
    ]
    return np.array(found)


def made(net: nv.Network, layer: str, units: Sequence[int], steps: int, recipe: str, way: str) -> np.ndarray:
    """The pictures of some units (n, H, W, C)."""
    wanted = [objectives.channel(layer, unit) for unit in units]
    parts = [
        nv.maximize(net, wanted[at : at + BATCH], recipe=recipe, steps=steps, seed=1, precision=way).images
        for at in range(0, len(wanted), BATCH)
    ]
    return np.concatenate([part for part in parts if part is not None])


def cosine(net: nv.Network, layer: str, unit: int) -> float:
    """Of the gradients of a unit in both precisions, for noise."""
    random = np.random.default_rng(0).uniform(0.4, 0.6, (1, *net.contract.size, net.contract.channels))
    picture, tap, found = tf.constant(random, tf.float32), Tap(layer), []
    for way in ("float32", "bfloat16"):
        backbone = Backbone(net, [tap], fast=True, precision=way)
        with tf.GradientTape() as tape:
            tape.watch(picture)
            value = tf.reduce_mean(backbone(picture)[tap][..., unit])
        found.append(tape.gradient(value, picture).numpy().ravel())
    return float(found[0] @ found[1] / np.linalg.norm(found[0]) / np.linalg.norm(found[1]))


def measures(pictures: np.ndarray) -> str:
    """Medians of the quality measures."""
    rows = {
        "saturated": [quality.saturation(picture) for picture in pictures],
        "high frequencies": [quality.high_frequency_ratio(picture) for picture in pictures],
        "contrast": [float(picture.std()) for picture in pictures],
    }
    return ", ".join(f"{name} {statistics.median(values):.3f}" for name, values in rows.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.precision", description=__doc__)
    parser.add_argument("--networks", nargs="*", default=[name for name, _ in NETWORKS], help="only these")
    parser.add_argument("--units", type=int, default=20)
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--recipe", default="tutorial13")
    options = parser.parse_args(arguments)
    print(f"network, layer | chosen here | units of at least {SHARE} of float32's score | median | least | cosine")
    for name, layer in (row for row in NETWORKS if row[0] in options.networks):
        known: Any = name if "-" in name else getattr(keras.applications, name)(weights=None)
        net = nv.load(known)
        random = np.random.default_rng(2)
        noise = random.random((*net.contract.size, net.contract.channels)).astype(np.float32)
        alive = np.flatnonzero(nv.activations(net, noise, layer).max(axis=(0, 1)) > 0)
        units = [int(unit) for unit in random.choice(alive, options.units, replace=False)]
        exact, half = (made(net, layer, units, options.steps, options.recipe, way) for way in ("float32", "bfloat16"))
        base, reached = scores(net, layer, units, exact), scores(net, layer, units, half)
        # how far each has come from where it began: a share of that also means something where scores are negative
        grey = np.full((1, *net.contract.size, net.contract.channels), 0.5, np.float32)
        begun = scores(net, layer, units, np.repeat(grey, len(units), axis=0))
        share = (reached - begun) / (base - begun)
        good = float((share >= SHARE).mean())
        print(
            f"{name}, {layer} | {precision.mode(net).precision} | {good:.0%} ({'passes' if good >= UNITS else 'fails'})"
            f" | {np.median(share):.3f} | {share.min():.3f} | {cosine(net, layer, units[0]):.3f}\n"
            f"  float32: {measures(exact)}\n  bfloat16: {measures(half)}",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
