"""NaturalPrior: a penalty on a network's activations that are not as those of natural pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.natural_statistics import NaturalStatistics
from nbfeatviz.synthesis.recipe_parts.fields import Live, Ramp, number

FULL = 64.0
"""What a distance of 1 costs at the weight 1, in units of the spread of the objective's layer."""

FEWEST = 12
"""No layer counts for more than one of so many."""


@dataclass(frozen=True)
class NaturalPrior:
    """Mean and deviation of each channel of many layers, over the picture, stay near those of natural pictures.

    The distance from what is natural is the mean over layers of the mean over channels of
    `((m - mean)^2 + (s - deviation)^2) / unit^2`, where m and s are mean and deviation over the positions of a picture
    (see `NaturalStatistics`). `weight * FULL` times the distance is subtracted from the objective, in units of the
    standard deviation over all that the objective's layer holds of the picture, so that one weight suits units and
    classes of any network. Where fewer layers bear on the objective than the network has, or than `FEWEST`, it costs as
    much less: a unit of an early layer stays in front, and so does a class of a small network.

    Attributes:
        weight: 0 for no prior, 1 for one that leads.
        joint: the statistics are those of all pictures of a batch together, which lets each differ from the mean.
        onset: steps over which the weight grows from 0 for a unit with positions: what is seen is then laid out by the
            unit and not by what suits every unit. A class has no positions and is held from the start.
    """

    weight: Live = number(0.5, low=0, high=1, live=True)
    joint: bool = False
    onset: Live = number(32, low=0, high=1e6, live=True)

    def distance(self, activations: Mapping[Tap, Any], natural: NaturalStatistics) -> Any:
        """How far each picture is from what is natural, (batch,); with `joint` the same for all of them."""
        found = [tf.cast(activations[tap], tf.float32) for tap in natural.taps]
        batch, sizes = found[0].shape[0], [one.shape[-1] for one in found]
        flat = [tf.reshape(one, [1 if self.joint else batch, -1, one.shape[-1]]) for one in found]
        # the channels of all layers in a row: what is done to each layer alone is traced as often as there are layers
        mean, deviation, unit = (tf.concat(list(parts), axis=0) for parts in zip(*natural.values, strict=True))
        layer = np.repeat(np.arange(len(sizes)), sizes)
        counts = tf.math.segment_sum(tf.cast(unit > 0, tf.float32), layer)
        weight = tf.math.divide_no_nan(1.0, tf.square(unit)) / tf.gather(tf.maximum(counts, 1.0) * len(sizes), layer)
        found_mean, found_deviation = moments(flat, 1e-3 * unit)
        apart = (tf.square(found_mean - mean) + tf.square(found_deviation - deviation)) * weight
        distance = tf.reduce_sum(apart, axis=1)
        return tf.repeat(distance, batch) if self.joint else distance

    def cost(self, distance: Any, spread: Any, natural: NaturalStatistics, index: Any, positions: bool) -> Any:
        """What a distance (batch,) costs of an objective.

        Args:
            distance: as `distance` gives it, (batch,).
            spread: the standard deviation over the objective's layer, (batch,).
            natural: what was compared with.
            index: of the step, counted from 0.
            positions: whether the objective is a unit with positions, so that the weight grows over `onset` steps.
        """
        full = self.weight * (FULL * len(natural.taps) / max(natural.whole, FEWEST)) * spread * distance
        if not positions:
            return full
        onset = tf.maximum(tf.cast(self.onset, tf.float32), 1.0)
        return full * tf.minimum((tf.cast(index, tf.float32) + 1) / onset, 1.0)


def prior_of(regularizers: Sequence[Any]) -> NaturalPrior | None:
    """The natural prior among some regularizers; None where there is none."""
    return next((one for one in regularizers if isinstance(one, NaturalPrior)), None)


def weight_of(regularizers: Sequence[Any]) -> float:
    """The weight of the natural prior among some regularizers, 0 where there is none; of a ramp that at its end."""
    prior = prior_of(regularizers)
    weight = 0.0 if prior is None else prior.weight
    return float(weight.end if isinstance(weight, Ramp) else weight)


def with_weight(regularizers: Sequence[Any], weight: float) -> tuple[Any, ...]:
    """The regularizers with a natural prior of that weight, in the place of the one among them or at their end.

    A ramp ends at that weight, and begins at the share of it at which it began before.
    """
    prior = prior_of(regularizers)
    if prior is None:
        return (*regularizers, NaturalPrior(weight)) if weight else tuple(regularizers)
    now: Any = weight
    if isinstance(prior.weight, Ramp):
        share = min(prior.weight.start / prior.weight.end, 1 / max(weight, 1e-9)) if prior.weight.end else 0.0
        now = replace(prior.weight, start=weight * share, end=weight)
    return tuple(replace(one, weight=now) if one is prior else one for one in regularizers)


def moments(layers: Sequence[Any], least: Any) -> tuple[Any, Any]:
    """Mean and standard deviation of each channel of some layers, (batch, channels of all); one pass backwards.

    Args:
        layers: (batch, positions, channels) each, of one type.
        least: (channels of all,) the least deviation, as the derivative of a deviation of 0 is infinite.
    """
    sizes = [one.shape[2] for one in layers]

    def found(*layers: Any) -> Any:
        mean = tf.concat([tf.reduce_mean(one, axis=1) for one in layers], axis=1)
        square = tf.concat([tf.reduce_mean(tf.square(one), axis=1) for one in layers], axis=1)
        deviation = tf.sqrt(tf.maximum(square - tf.square(mean), tf.square(least)))
        deviation = tf.maximum(deviation, 1e-20)

        def gradient(by_mean: Any, by_deviation: Any) -> Any:
            share = tf.constant(np.repeat([1 / one.shape[1] for one in layers], sizes), mean.dtype)
            slope = by_deviation / deviation * share
            parts = zip(
                layers,
                tf.split(slope[:, None], sizes, axis=2),
                tf.split((by_mean * share - mean * slope)[:, None], sizes, axis=2),
                strict=True,
            )
            return [values * factor + offset for values, factor, offset in parts]

        return (mean, deviation), gradient

    result: tuple[Any, Any] = tf.custom_gradient(found)(*layers)
    return result
