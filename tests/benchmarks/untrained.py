"""An untrained network: its pictures are made without NaN and without a warning."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis import quality
from tests.benchmarks.pictures import OUTPUT, sheet

NETWORK = "InceptionV3"


def untrained_table(recipe: str, steps: int | None, classes: Sequence[int]) -> None:
    """Pictures of classes by a network with random weights; ends with an error at the first warning or NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = nv.load(NETWORK, weights=None)
        pictures = []
        for index in classes:
            run = nv.ascend(net, objectives.class_logit(index), recipe=recipe, steps=steps)
            rises = []
            for step in run:
                if not (np.isfinite(step.image).all() and np.isfinite(step.loss)):
                    raise ValueError(f"step {step.index} of class {index} has values that are not finite.")
                rises.append(step.loss)
            pictures.append(run.picture())
            if not np.isfinite(pictures[-1]).all():
                raise ValueError(f"the picture of class {index} has values that are not finite.")
            print(
                f"{NETWORK}, untrained, class {index}: no NaN, no warning; logit {rises[0]:.3g} to {rises[-1]:.3g}, "
                f"contrast {quality.contrast(pictures[-1]):.2f}",
                flush=True,
            )
    sheet(np.stack(pictures), OUTPUT / f"quality-untrained-{recipe}.png")
