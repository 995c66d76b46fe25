"""How far pictures are from natural ones, by what a second network stores in its batch norms.

The distance is the mean over all batch norms of the mean over channels of
`((m - mean)^2 + (s - deviation)^2) / unit^2`, where m and s are mean and deviation of what leaves the norm, over the
positions of one picture, or pooled over those of many; mean and deviation are the stored ones, and unit is how much
the channel varies on natural pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.natural_statistics import statistics_of_norms
from tests.benchmarks.judging import BATCH, sized

INPUT_RANGE = (-127 / 128, 1.0)
"""Of the EfficientNet-Lites."""


@dataclass(frozen=True)
class Moments:
    """What the channels of each batch norm are on some pictures.

    Attributes:
        means: a batch norm, float64 (pictures, channels).
        variances: likewise.
    """

    means: tuple[np.ndarray, ...]
    variances: tuple[np.ndarray, ...]

    def pooled(self) -> Moments:
        """Those of all positions of all pictures together, as of one picture."""
        means = tuple(mean.mean(axis=0, keepdims=True) for mean in self.means)
        variances = tuple(
            (variance + np.square(mean - whole)).mean(axis=0, keepdims=True)
            for mean, variance, whole in zip(self.means, self.variances, means, strict=True)
        )
        return Moments(means, variances)


class NaturalnessJudge:
    """A trained network with batch norms, all of which it reads.

    Args:
        model: an EfficientNet-Lite.
    """

    def __init__(self, model: keras.Model) -> None:
        self._net = nv.load(model, input_range=INPUT_RANGE, head="softmax")
        natural = statistics_of_norms(self._net, most=None)
        if natural is None:
            raise ValueError(f"{model.name!r} has no trained batch norms to judge by: give one that has.")
        self._stored = [tuple(np.asarray(value, np.float64) for value in values) for values in natural.values]
        taps = natural.taps
        backbone = Backbone(self._net, taps)

        def moments(seen: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
            found = backbone(seen)
            return [tf.nn.moments(found[tap], list(range(1, len(found[tap].shape) - 1))) for tap in taps]

        self._compute = self._net.compiled(("benchmark naturalness",), lambda: moments)

    @property
    def norms(self) -> int:
        """How many batch norms are read."""
        return len(self._stored)

    def moments(self, pictures: Sequence[np.ndarray] | np.ndarray) -> Moments:
        """Of each picture (H, W, C) in 0..1, as a file of eight bits shows it, resized to what the judge takes."""
        parts = []
        for begin in range(0, len(pictures), BATCH):
            seen = sized(pictures[begin : begin + BATCH], self._net.contract.size) / 255
            filled = np.concatenate([seen, np.zeros((BATCH - len(seen), *seen.shape[1:]), np.float32)])
            found = self._compute(tf.constant(filled, tf.float32))
            parts.append([[np.asarray(one, np.float64)[: len(seen)] for one in pair] for pair in found])
        means, variances = (
            tuple(np.concatenate([part[norm][which] for part in parts]) for norm in range(self.norms))
            for which in range(2)
        )
        return Moments(means, variances)

    def distances(self, moments: Moments) -> np.ndarray:
        """How far each picture is from natural ones; (pictures,)."""
        layers = []
        for mean, variance, (stored, deviation, unit) in zip(
            moments.means, moments.variances, self._stored, strict=True
        ):
            says = unit > 0
            apart = np.square(mean - stored) + np.square(np.sqrt(variance) - deviation)
            layers.append((apart[:, says] / np.square(unit[says])).mean(axis=1))
        return np.mean(layers, axis=0)


@dataclass(frozen=True)
class Naturalness:
    """How far pictures are from natural ones, as shares of how far photographs are.

    Attributes:
        each: the mean distance of a picture ÷ that of a photograph.
        pooled: the distance of the statistics of all pictures together ÷ that of as many photographs together.
    """

    each: float
    pooled: float


def naturalness(judge: NaturalnessJudge, pictures: np.ndarray, photos: Moments) -> Naturalness:
    """Of pictures, beside the moments of photographs."""
    found = judge.moments(pictures)
    each = judge.distances(found).mean() / judge.distances(photos).mean()
    pooled = judge.distances(found.pooled())[0] / judge.distances(photos.pooled())[0]
    return Naturalness(float(each), float(pooled))
