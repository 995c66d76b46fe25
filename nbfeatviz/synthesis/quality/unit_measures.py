"""Measures of what pictures (n, H, W, C) do to the units of a network: whether one singles out its unit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.graph.tap import Early
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import measure
from nbfeatviz.synthesis.objectives import Objective


def values_of(net: Network, objective: Objective, pictures: np.ndarray, *, batch: int = 16) -> np.ndarray:
    """An objective's value for each of some pictures (n, H, W, C) of one size; float64 (n,)."""
    resolved = objective.resolved(net, (pictures.shape[1], pictures.shape[2]))
    structure, shape = resolved.structure, pictures.shape[1:]
    backbone = Backbone(net, [tap for _, tap in structure])
    compute = net.compiled(
        ("quality values", structure, shape, batch),
        lambda: lambda seen, weights, values: measure(structure, backbone(seen), weights, values),
    )
    weights = tf.constant(np.tile(np.array(resolved.weights, np.float32), (batch, 1)))
    values = tuple(tf.constant(np.tile(np.array(one, np.int32), (batch, 1))) for one in resolved.values)
    return np.concatenate([np.asarray(compute(part, weights, values), np.float64)[:used] for part, used in batches(
        pictures, batch)])  # fmt: skip


def percentile_among(value: float, natural_values: np.ndarray) -> float:
    """The share of natural values below a value, in percent; ties count half."""
    below, same = (natural_values < value).mean(), (natural_values == value).mean()
    return float(100 * (below + same / 2))


def channel_means(
    net: Network, layer: str, pictures: np.ndarray, *, pre_activation: Early = False, batch: int = 16
) -> np.ndarray:
    """The mean over positions of every unit of a layer for pictures (n, H, W, C); float64 (n, units)."""
    tap = Tap(layer, pre_activation)
    net.call(layer)  # ValueError where there is no such layer
    backbone = Backbone(net, [tap])

    def means(seen: Any) -> Any:
        activation = tf.cast(backbone(seen)[tap], tf.float32)
        axes = list(range(1, len(activation.shape) - 1))
        return tf.reduce_mean(activation, axis=axes) if axes else activation

    compute = net.compiled(("quality means", tap, pictures.shape[1:], batch), lambda: means)
    return np.concatenate([np.asarray(compute(part), np.float64)[:used] for part, used in batches(pictures, batch)])


def z_scores(means: np.ndarray, natural_means: np.ndarray) -> np.ndarray:
    """How far each unit's mean (units,) lies from its mean on natural pictures (n, units), in standard deviations."""
    deviation = natural_means.std(axis=0)
    return (means - natural_means.mean(axis=0)) / np.where(deviation > 0, deviation, np.inf)


def selectivity(means: np.ndarray, natural_means: np.ndarray, unit: int) -> float:
    """The unit's z-score minus that of the best other unit of its layer: above 0 where the picture singles it out.

    Args:
        means: (units,) of the picture, from `channel_means`.
        natural_means: (n, units) of natural pictures.
        unit: the unit.
    """
    scores = z_scores(means, natural_means)
    return float(scores[unit] - np.delete(scores, unit).max())


def batches(pictures: np.ndarray, batch: int) -> Iterable[tuple[Any, int]]:
    """Batches of one size, so that there is one trace; the last is filled up with zeros."""
    for begin in range(0, len(pictures), batch):
        part = np.asarray(pictures[begin : begin + batch], np.float32)
        filled = np.zeros((batch, *part.shape[1:]), np.float32)
        filled[: len(part)] = part
        yield tf.constant(filled), len(part)
