"""Hidden units: whether their pictures excite them, single them out, are their own at every seed, and are natural."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import nbfeatviz as nv
from nbfeatviz import objectives, samples
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.zoo import efficientnet_lite
from nbfeatviz.synthesis import quality
from tests.benchmarks.naturalness import NaturalnessJudge, naturalness
from tests.benchmarks.pictures import BATCH, OUTPUT, grown, photograph_crops, sheet

LAYERS = (  # expansions and linear ends, early to late
    "block2a_expand_conv", "block2b_project_conv", "block3a_expand_conv", "block3b_add", "block4b_expand_conv",
    "block4c_add", "block5b_expand_conv", "block5c_add", "block6b_expand_conv", "block6d_add",
)  # fmt: skip
OTHERS = 0.95  # of its layer's other units, above whose z-scores a unit's is wanted


@dataclass(frozen=True)
class Readings:
    """What the layers hold of some pictures.

    Attributes:
        maxima: a layer, the spatial maximum of each unit, (pictures, units).
        means: likewise the mean over positions.
    """

    maxima: list[np.ndarray]
    means: list[np.ndarray]


class Reader:
    """Reads maxima and means of all units of the layers.

    Args:
        net: the network with them.
    """

    def __init__(self, net: nv.Network) -> None:
        taps = [Tap(layer, True) for layer in LAYERS]
        backbone = Backbone(net, taps)

        def found(seen: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
            values = backbone(seen)
            return [(tf.reduce_max(values[t], [1, 2]), tf.reduce_mean(values[t], [1, 2])) for t in taps]

        self._compute = net.compiled(("benchmark units", len(taps)), lambda: found)

    def __call__(self, pictures: Iterator[np.ndarray]) -> Readings:
        """Of pictures (H, W, C)."""
        parts = []
        while part := list(islice(pictures, BATCH)):
            filled = np.stack(part + part[:1] * (BATCH - len(part)))
            found = self._compute(tf.constant(filled, tf.float32))
            parts.append([[np.asarray(one, np.float64)[: len(part)] for one in pair] for pair in found])
        maxima, means = (
            [np.concatenate([part[place][which] for part in parts]) for place in range(len(LAYERS))]
            for which in range(2)
        )
        return Readings(maxima, means)


def above_others(scores: np.ndarray, units: np.ndarray) -> np.ndarray:
    """For each picture whether its unit's z-score is at least that of enough of the layer's other units.

    Args:
        scores: (pictures, units of the layer).
        units: of the pictures.
    """
    own = scores[np.arange(len(units)), units]
    others = (scores <= own[:, None]).sum(axis=1) - 1
    return others / (scores.shape[1] - 1) >= OTHERS


def nearer_to_itself(means: np.ndarray) -> np.ndarray:
    """For each two seeds of each unit, whether they are nearer to each other than to any other unit's of their seeds.

    Args:
        means: the layer's mean activations (seeds, pictures, units of the layer).
    """
    unit = means / np.maximum(np.linalg.norm(means, axis=-1, keepdims=True), 1e-12)
    same = [seed @ seed.T for seed in unit]  # cosines among the pictures of a seed
    for cosines in same:
        np.fill_diagonal(cosines, -np.inf)
    nearer = []
    for first, second in combinations(range(len(unit)), 2):
        together = (unit[first] * unit[second]).sum(axis=-1)
        nearer.append(together > np.maximum(same[first].max(axis=1), same[second].max(axis=1)))
    return np.stack(nearer)


def units_table(recipe: str, steps: int | None, count: int, seeds: list[int], crops: int = 1000) -> None:
    """Units of ten layers; maxima and z-scores are of the mean over the seeds."""
    net, random = nv.load("efficientnet-lite0"), np.random.default_rng(0)
    reader, judge = Reader(net), NaturalnessJudge(efficientnet_lite.build(efficientnet_lite.LITE1))
    photos = quality.crops([sample.path for sample in samples.ALL], crops, net.contract.size)
    natural = reader(iter(tqdm(photos, total=crops, desc="photographs")))
    each = count // len(LAYERS)
    shares: dict[str, list[np.ndarray]] = {"maximum": [], "z-score": [], "z-score, each picture": [], "seeds": []}
    silent, made = [], []
    print("layer | maximum above the 99th percentile | z-score above 95 % of the others | ... each picture | two seeds")
    for place, layer in enumerate(LAYERS):
        units = random.choice(net.layers[layer].units, each, replace=False)
        wanted = [objectives.channel(layer, int(unit), pre_activation=True) for unit in units]
        runs = np.stack([np.stack(list(grown(net, wanted, recipe, steps, seed))) for seed in seeds])
        read = [reader(iter(run)) for run in runs]
        maxima = np.mean([one.maxima[place][np.arange(each), units] for one in read], axis=0)
        means = np.stack([one.means[place] for one in read])
        scores = np.stack([quality.z_scores(mean, natural.means[place]) for mean in means])
        line = (
            maxima > np.percentile(natural.maxima[place][:, units], 99, axis=0),
            above_others(scores.mean(axis=0), units),
            np.concatenate([above_others(score, units) for score in scores]),
            nearer_to_itself(means).ravel() if len(seeds) > 1 else np.zeros(0),
        )
        for column, found in zip(shares.values(), line, strict=True):
            column.append(found)
        silent += [(layer, int(unit)) for unit in units if natural.maxima[place][:, unit].max() <= 0]
        print(f"{layer} | " + " | ".join(share(found) for found in line), flush=True)
        sheet(np.concatenate(runs), OUTPUT / f"quality-units-{layer}.png", columns=each)
        made += list(np.concatenate(runs))
    print("all | " + " | ".join(share(np.concatenate(column)) for column in shares.values()))
    print("wanted | ≥ 0.99 | ≥ 0.95 | | ≥ 0.90")
    moments = judge.moments(photograph_crops(40, net.contract.size))
    found = naturalness(judge, np.stack(made), moments)
    print(f"distance from natural ÷ that of photographs: {found.each:.2f} (wanted ≤ 0.8)")
    contrasts = [quality.contrast(picture) for picture in made]
    grey = sum(contrast < 0.1 for contrast in contrasts)
    print(f"silent on every crop: {silent or 'none'}")
    print(f"{grey} of {len(contrasts)} pictures have a contrast below 0.1; the least is {min(contrasts):.3f}")


def share(found: np.ndarray) -> str:
    """Of those that are true, as text."""
    return f"{found.mean():.3f}" if len(found) else "–"
