"""Fills: what stands where a picture is taken away, or what it is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.images import as_picture, fitted

FILLS = ("black", "grey", "white", "mean", "blur")
_BLUR = 0.05  # standard deviation, as a share of the shorter side: 11 pixels of 224


def filled(picture: np.ndarray, fill: Any) -> np.ndarray:
    """A picture of the same shape that tells nothing, or little, of this one.

    Args:
        picture: float32 (H, W, C) in 0..1.
        fill: "black", "grey" (0.5), "white", "mean" (the picture's mean colour), "blur" (the picture, blurred by a
            Gaussian with a standard deviation of 5 % of the shorter side), a number in 0..1, or an image (path, PIL
            image or array).

    Returns:
        float32 (H, W, C).

    Raises:
        ValueError: an unknown name, a number out of range, an image that cannot be used.
    """
    if isinstance(fill, bool) or fill is None:
        raise TypeError(f"{fill!r} is no fill: give {_known()}.")
    if isinstance(fill, int | float | np.number):
        if not 0 <= fill <= 1:
            raise ValueError(f"fill {fill!r} is out of range: pictures are in 0..1; or give {_known()}.")
        return np.full_like(picture, fill)
    if isinstance(fill, str):
        return _named(picture, fill)
    return fitted(as_picture(fill, picture.shape[2]), (picture.shape[0], picture.shape[1]))


def _named(picture: np.ndarray, fill: str) -> np.ndarray:
    if fill == "mean":
        return np.broadcast_to(picture.mean(axis=(0, 1)), picture.shape).astype(np.float32)
    if fill == "blur":
        sigma = _BLUR * min(picture.shape[:2])
        rows, columns = (_gaussian(length, sigma) for length in picture.shape[:2])
        return np.einsum("hi,iwc,vw->hvc", rows, picture, columns, optimize=True).astype(np.float32)
    levels = {"black": 0.0, "grey": 0.5, "white": 1.0}
    if fill not in levels:
        raise ValueError(f"fill {fill!r} is unknown: give {_known()}.")
    return np.full_like(picture, levels[fill])


def _known() -> str:
    return ", ".join(map(repr, FILLS)) + ", a number in 0..1 or an image"


def _gaussian(length: int, sigma: float) -> np.ndarray:
    """(length, length): each row the weights of one blurred value; at the edges they are what is inside."""
    places = np.arange(length)
    weights = np.exp(-((places[:, None] - places[None, :]) ** 2) / (2 * max(sigma, 1e-3) ** 2))
    return weights / weights.sum(axis=1, keepdims=True)
