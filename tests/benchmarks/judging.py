"""A second network as judge: each picture once, clean, resized to what it takes, without averaging."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image

from nbfeatviz.networks.zoo import efficientnet_lite

BATCH = 10


@dataclass(frozen=True)
class Judgement:
    """How the judge sees pictures of classes.

    Attributes:
        ranks: of the right class, from 0.
        probability: mean, of the right class.
        mistaken: what was wanted and what was seen instead, of each miss.
    """

    ranks: np.ndarray
    probability: float
    mistaken: tuple[tuple[str, str], ...]

    def top(self, count: int) -> float:
        """The share of pictures whose class is among the first."""
        return float((self.ranks < count).mean())


def sized(pictures: Iterable[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Pictures as files of eight bits show them, resized to (height, width); float32 in 0..255."""
    whole = [Image.fromarray(np.round(picture * 255).astype(np.uint8)) for picture in pictures]
    resized = [image.resize((size[1], size[0]), Image.Resampling.BICUBIC) for image in whole]
    return np.stack([np.asarray(image, np.float32) for image in resized])


def inputs_of(pictures: Iterable[np.ndarray], judge: keras.Model) -> np.ndarray:
    """Pictures as an EfficientNet-Lite takes them."""
    seen = sized(pictures, judge.input_shape[1:3])
    return (seen - efficientnet_lite.INPUT_MEAN) / efficientnet_lite.INPUT_SCALE


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, classes)."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def probabilities(pictures: Iterable[np.ndarray], judge: keras.Model) -> np.ndarray:
    """What the judge gives each class for each picture; float64 (n, classes)."""
    logits = judge.predict(inputs_of(pictures, judge), batch_size=BATCH, verbose=0)
    return softmax(logits.astype(np.float64))


def judged(
    pictures: Iterable[np.ndarray], classes: Sequence[int], names: Sequence[str], judge: keras.Model
) -> Judgement:
    """What the judge says of pictures of classes."""
    return judgement(probabilities(pictures, judge), classes, names)


def judgement(odds: np.ndarray, classes: Sequence[int], names: Sequence[str]) -> Judgement:
    """The judgement of probabilities (n, all classes)."""
    right = odds[np.arange(len(odds)), classes]
    ranks = (odds > right[:, None]).sum(axis=1)
    misses = [(names[classes[k]], names[int(odds[k].argmax())]) for k in np.flatnonzero(ranks)]
    return Judgement(ranks, float(right.mean()), tuple(misses))
