"""Measures of a picture and of what it does to a network: is it like a photograph, does it single out its unit.

All take pictures float32 (H, W, C) in 0..1 and return plain numbers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.graph.tap import Early
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import measure
from nbfeatviz.synthesis.objectives import Objective


def saturation(picture: np.ndarray) -> float:
    """The share of values within 1 % of black or white."""
    return float(((picture <= 0.01) | (picture >= 0.99)).mean())


def high_frequency_ratio(picture: np.ndarray) -> float:
    """The share of the spectral energy, without the mean, above 0.25 cycles a pixel; the mean over channels.

    Set it in relation to that of photographs (`natural`). 0 for a picture of one colour.
    """
    height, width = picture.shape[:2]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    ratios = []
    for channel in range(picture.shape[2]):
        energy = np.abs(np.fft.fft2(picture[..., channel].astype(np.float64))) ** 2
        energy[0, 0] = 0
        total = energy.sum()
        flat = total <= 1e-12 * height * width
        ratios.append(0.0 if flat else float(energy[frequency > 0.25].sum() / total))
    return float(np.mean(ratios))


def contrast(picture: np.ndarray) -> float:
    """The standard deviation of all values."""
    return float(picture.std(dtype=np.float64))


def colourfulness(picture: np.ndarray) -> float:
    """The mean saturation in HSV: (max - min) / max over the channels; 0 for a grey picture."""
    if picture.shape[2] < 3:
        return 0.0
    colours = picture[..., :3].astype(np.float64)
    high, low = colours.max(-1), colours.min(-1)
    return float(np.where(high > 0, (high - low) / np.maximum(high, 1e-12), 0).mean())


@dataclass(frozen=True)
class Measures:
    """The measures of one picture, or their means over several.

    Attributes:
        saturation: see the functions of these names.
        high_frequency_ratio: likewise.
        contrast: likewise.
        colourfulness: likewise.
    """

    saturation: float
    high_frequency_ratio: float
    contrast: float
    colourfulness: float


def measures(picture: np.ndarray) -> Measures:
    """All measures of a picture."""
    return Measures(saturation(picture), high_frequency_ratio(picture), contrast(picture), colourfulness(picture))


def natural(photos: Iterable[Any], size: tuple[int, int] = (224, 224), channels: int = 3) -> Measures:
    """The mean measures of photographs, fitted to a size by centre crop.

    Args:
        photos: paths, PIL images or arrays, such as the paths of `nbfeatviz.samples`.
        size: (height, width).
        channels: of the pictures.

    Raises:
        ValueError: there are none.
    """
    found = [measures(fitted(as_picture(photo, channels), size)) for photo in photos]
    if not found:
        raise ValueError("there are no photographs to measure: at least one is needed.")
    return Measures(*(float(np.mean([getattr(one, name) for one in found])) for name in Measures.__dataclass_fields__))


def crops_of(
    photos: Iterable[Any], count: int, size: tuple[int, int], *, channels: int = 3, seed: int = 0
) -> np.ndarray:
    """Random square parts of photographs: what a unit's activation on natural pictures is measured on.

    Args:
        photos: paths, PIL images or arrays.
        count: how many parts in all.
        size: (height, width) that each is fitted to.
        channels: of the pictures.
        seed: of places and sides (from a third of the shorter side to all of it).

    Returns:
        float32 (count, height, width, channels).
    """
    return np.stack(list(crops(photos, count, size, channels=channels, seed=seed)))


def crops(
    photos: Iterable[Any],
    count: int,
    size: tuple[int, int],
    *,
    channels: int = 3,
    seed: int = 0,
    least: float = 1 / 3,
) -> Generator[np.ndarray, None, None]:
    """The parts of `crops_of` one after the other, each read and fitted when it is asked for; float32 (H, W, C).

    `least` is the share of the shorter side that the smallest part has.
    """
    random = np.random.default_rng(seed)
    given, pictures = list(photos), []
    if not given:
        raise ValueError("there are no photographs to crop: at least one is needed.")
    for place in range(count):
        if place < len(given):
            pictures.append(as_picture(given[place], channels))
        picture = pictures[place % len(given)]
        shorter = min(picture.shape[:2])
        side = int(random.integers(max(1, int(shorter * least)), shorter + 1))
        top, left = (int(random.integers(0, length - side + 1)) for length in picture.shape[:2])
        yield fitted(picture[top : top + side, left : left + side], size).astype(np.float32)


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
    return np.concatenate([np.asarray(compute(part, weights, values), np.float64)[:used] for part, used in _batches(
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
    return np.concatenate([np.asarray(compute(part), np.float64)[:used] for part, used in _batches(pictures, batch)])


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


def _batches(pictures: np.ndarray, batch: int) -> Iterable[tuple[Any, int]]:
    """Batches of one size, so that there is one trace; the last is filled up with zeros."""
    for begin in range(0, len(pictures), batch):
        part = np.asarray(pictures[begin : begin + batch], np.float32)
        filled = np.zeros((batch, *part.shape[1:]), np.float32)
        filled[: len(part)] = part
        yield tf.constant(filled), len(part)
