"""A batch of seeds of one class: with joint statistics its pictures may differ more, and are recognised as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np
from tqdm import tqdm

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.networks.zoo import efficientnet_lite
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.natural_prior import NaturalPrior, prior_of, with_weight
from tests.benchmarks.judging import BATCH, inputs_of, judgement, softmax
from tests.benchmarks.pictures import OUTPUT, sheet

SEEDS = 8
LAST_HIDDEN = "avg_pool"


def with_joint(recipe: Recipe, joint: bool) -> Recipe:
    """The recipe, its natural prior joint or not; a recipe without any prior gets one of the usual weight."""
    parts = recipe.regularizers
    if prior_of(parts) is None:
        parts = with_weight(parts, float(NaturalPrior().weight))
    return recipe.replace(
        regularizers=tuple(replace(one, joint=joint) if isinstance(one, NaturalPrior) else one for one in parts)
    )


def mean_pairwise_distance(features: np.ndarray) -> float:
    """The mean Euclidean distance between any two of the rows."""
    apart = np.linalg.norm(features[:, None] - features[None], axis=-1)
    return float(apart[np.triu_indices(len(features), 1)].mean())


def joint_table(recipe: str, steps: int | None, classes: Sequence[int]) -> None:
    """Eight seeds of each class as one batch: independent, and with joint statistics."""
    net, judge = nv.load("efficientnet-lite0"), efficientnet_lite.build(efficientnet_lite.LITE1)
    both = keras.Model(judge.input, [judge.get_layer(LAST_HIDDEN).output, judge.output])
    chosen = recipes.get(recipe)
    assert net.class_names is not None
    print(f"seeds | class | mean pairwise distance at the judge's {LAST_HIDDEN} | top-1 | probability")
    for name, joint in (("independent", False), ("joint", True)):
        distances, ranks, probabilities = [], [], []
        for index in tqdm(classes, desc=name, unit="class"):
            wanted = [objectives.class_logit(index)] * SEEDS
            ascent = Ascent(net, wanted, recipe=with_joint(chosen, joint), steps=steps, seed=list(range(SEEDS)))
            for _ in ascent:
                pass
            pictures = ascent.picture()
            sheet(pictures, OUTPUT / f"quality-{name}-{index}.png")
            features, logits = both.predict(inputs_of(pictures, judge), batch_size=BATCH, verbose=0)
            found = judgement(softmax(logits.astype(np.float64)), [index] * SEEDS, net.class_names)
            distances.append(mean_pairwise_distance(features.astype(np.float64)))
            ranks.append(found.top(1))
            probabilities.append(found.probability)
            print(
                f"{name} | {net.class_names[index]} | {distances[-1]:.3f} | {ranks[-1]:.3f} | {probabilities[-1]:.3f}"
            )
        print(f"{name} | all | {np.mean(distances):.3f} | {np.mean(ranks):.3f} | {np.mean(probabilities):.3f}")
    print("wanted: joint above independent in distance, and not below in top-1")
