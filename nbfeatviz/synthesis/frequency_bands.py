"""Rings of a half spectrum (…, height, width // 2 + 1): two an octave, and the mean on its own."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf


@lru_cache(maxsize=8)
def bands(height: int, columns: int) -> np.ndarray:
    """Which band each frequency belongs to.

    Args:
        height: of the picture.
        columns: of the half spectrum, width // 2 + 1.

    Returns:
        int32 (height, columns): 0 for the mean, then from coarse to fine without a gap; read only.
    """
    width = max(2 * (columns - 1), 1)  # of two widths with as many columns, the even one
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], (np.arange(columns) / width)[None, :])
    octaves = np.log2(np.maximum(frequency * max(height, width), 1.0))
    coarse = np.floor(2 * octaves + 0.5).astype(int) + 1
    coarse[0, 0] = 0
    numbers = np.unique(coarse, return_inverse=True)[1].reshape(coarse.shape).astype(np.int32)
    numbers.setflags(write=False)
    return numbers


def band_sums(values: Any, weights: Any = None) -> Any:
    """Sums over the bands.

    Args:
        values: tensor (…, height, columns).
        weights: array (height, columns) that each value counts; None for 1.

    Returns:
        Tensor (…, bands).
    """
    height, columns = values.shape[-2:]
    number = bands(height, columns)
    member = np.zeros((height * columns, int(number.max()) + 1), np.float32)
    member[np.arange(height * columns), number.ravel()] = 1 if weights is None else np.ravel(weights)
    flat = tf.reshape(values, [math.prod(values.shape[:-2]), height * columns])
    return tf.reshape(tf.linalg.matmul(flat, member), [*values.shape[:-2], member.shape[1]])


def band_spread(sums: Any, height: int, columns: int) -> Any:
    """Each frequency's value of its band: tensor (…, bands) to (…, height, columns)."""
    number = bands(height, columns)
    member = np.zeros((int(number.max()) + 1, number.size), np.float32)
    member[number.ravel(), np.arange(number.size)] = 1
    flat = tf.reshape(sums, [math.prod(sums.shape[:-1]), member.shape[0]])
    return tf.reshape(tf.linalg.matmul(flat, member), [*sums.shape[:-1], height, columns])


def half_weights(width: int) -> np.ndarray:
    """How often each column of a half spectrum stands in the whole one: float32 (width // 2 + 1,), 1 or 2."""
    weights = np.full(width // 2 + 1, 2.0, np.float32)
    weights[0] = 1
    if width % 2 == 0:
        weights[-1] = 1
    return weights


def band_counts(height: int, columns: int) -> np.ndarray:
    """How many frequencies each band has: float32 (bands,)."""
    return np.bincount(bands(height, columns).ravel()).astype(np.float32)
