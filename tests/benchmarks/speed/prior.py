"""A step of the default recipe beside a step of the same recipe without its natural prior."""

from __future__ import annotations

import gc
from pathlib import Path

import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import recipes, samples
from nbfeatviz.networks.loading import EMBEDDED
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.recipe_parts.natural_prior import NaturalPrior, prior_of, with_weight
from tests.benchmarks.speed.timing import in_turn, loaded, objective, our_way, precisions, row

CASES = (("InceptionV3", "mixed10", 1.15), ("efficientnet-lite0", "predictions", 1.3))  # at most
PHOTOS = 4


def prior(rounds: int, output: Path) -> None:
    """Milliseconds a step with the prior and without, in turns."""
    row(["network, layer, numbers", "with the prior", "without", "ratio", "wanted"])
    parts = recipes.DEFAULT.regularizers
    bare = tuple(one for one in parts if not isinstance(one, NaturalPrior))
    held = parts if prior_of(parts) else with_weight(parts, float(NaturalPrior().weight))
    for name, layer, wanted in CASES:
        net = loaded(name)
        if name not in EMBEDDED:
            settle_norms(net)
        for kind in precisions():
            ways = {
                label: our_way(net, objective(layer), kind, recipe=recipes.DEFAULT.replace(regularizers=chosen))
                for label, chosen in (("with", held), ("without", bare))
            }
            taken = in_turn(ways, rounds)
            row([f"{name}, {layer}, {kind}", *taken.values(), taken["with"] / taken["without"], f"≤ {wanted}"])
        del net, ways
        gc.collect()


def settle_norms(net: nv.Network) -> None:
    """Has the batch norms of a network with random weights store what photographs make there, as trained ones do."""
    norms = [layer for layer in net.model.layers if hasattr(layer, "moving_variance")]
    momenta = [norm.momentum for norm in norms]
    photos = quality.crops_of([samples.get("coffee").path], PHOTOS, net.contract.size)
    for norm in norms:
        norm.momentum = 0.0
    net.model(net.contract.apply(tf.constant(photos)), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    net.refresh()
