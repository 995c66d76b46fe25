"""Gradient updates: what is done to a gradient before the optimizer sees it. Configuration in, function out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import number


@dataclass(frozen=True)
class UnitDeviation:
    """`g / std(g)`, each picture by its own (Sainburg)."""

    def apply(self, gradient: Any) -> Any:
        """New gradient."""
        deviation = tf.math.reduce_std(gradient, axis=_axes(gradient), keepdims=True)
        return gradient / (deviation + 1e-8)


@dataclass(frozen=True)
class UnitNorm:
    """`g / |g|`, each picture by its own L2 norm (keras-vis)."""

    def apply(self, gradient: Any) -> Any:
        """New gradient."""
        norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), axis=_axes(gradient), keepdims=True))
        return gradient / (norm + 1e-12)


@dataclass(frozen=True)
class Margin:
    """Nothing moves within `width` (a fraction of the longer side) of the edges (Nguyen et al. 2016)."""

    width: float = number(low=0, high=0.5)

    def apply(self, gradient: Any) -> Any:
        """New gradient."""
        height, width = gradient.shape[1:3]
        pixels = round(self.width * max(height, width))
        rows, cols = (
            (np.arange(length) >= pixels) & (np.arange(length) < length - pixels) for length in (height, width)
        )
        return gradient * (rows[:, None] & cols[None, :]).astype(np.float32)[None, :, :, None]


GradientUpdate = UnitDeviation | UnitNorm | Margin


def _axes(gradient: Any) -> list[int]:
    return list(range(1, len(gradient.shape)))
