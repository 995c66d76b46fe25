"""Score-CAM: a class activation map without gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import answered, is_blank, named, piece, same_everywhere
from nbfeatviz.attribution.gradients import checked_count
from nbfeatviz.attribution.partial import Partial, pieces, resized
from nbfeatviz.attribution.passes import outputs_of, values_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.attribution.spatial import chosen_layer
from nbfeatviz.networks.network import Network


def score_cam(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    layer: str | None = None,
    resize: bool = True,
    channels: int | None = None,
    batch: int | None = None,
) -> np.ndarray:
    """Score-CAM (Wang et al. 2020, https://arxiv.org/abs/1910.01279).

    Each channel's map, stretched over the picture and scaled to 0..1, is laid over the picture as a mask (black
    where it is 0). The channel weighs what the target's score then is, less that of a black picture. The score of a
    class is its probability, from one softmax; that of any other target is its value. The map is
    ReLU(sum of weight * channel).

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index, class name or objective; None for the predicted class.
        layer: path of a layer with rows and columns; None for the last one before the head.
        resize: stretch the map over the picture, bilinear; False: the layer's own grid (h, w).
        channels: only so many, those with the largest maxima; None for all. Each takes a pass through the network.
        batch: pictures in a pass; None for what takes 0.1 to 0.2 s.

    Returns:
        float32 (H, W) or (h, w), not negative, raw.

    Raises:
        ValueError: as `grad_cam`, or `channels` or `batch` out of range.
    """
    question = asked(network, image, target)
    return answered(score_cam_steps(question, layer=layer, resize=resize, channels=channels, batch=batch))


def score_cam_steps(
    question: Question,
    *,
    layer: str | None = None,
    resize: bool = True,
    channels: int | None = None,
    batch: int | None = None,
    eager: bool = False,
) -> Iterator[Partial]:
    """`score_cam`, piece by piece; the channels with the largest maxima come first."""
    if channels is not None:
        checked_count("channels", channels)
    if batch is not None:
        checked_count("batch", batch)
    picture, size = question.picture, question.network.contract.size
    path = chosen_layer(question, layer)
    outputs = outputs_of(question.network, picture, path, eager=eager)
    spread = outputs.max(axis=(0, 1)) - outputs.min(axis=(0, 1))
    order = np.argsort(-outputs.max(axis=(0, 1)), kind="stable")
    order = order[spread[order] > 0][:channels]  # a map that is the same everywhere shows no place
    grid = np.zeros(outputs.shape[:2])
    nothing = values_of(question, np.zeros_like(picture)[None], eager=eager)[1][0]
    cuts = pieces(len(order), picture, forward_only=True)
    if batch is not None:
        cuts = (slice(start, min(start + batch, len(order))) for start in range(0, len(order), batch))

    def why() -> str:
        whole = f"Score-CAM of {named(question)} at {path!r}"
        if not len(order):
            most = "all its outputs are 0" if not outputs.any() else "each of its channels is the same everywhere"
            return f"{whole} is 0 everywhere: {most} on this photo. Try another layer."
        if grid.max() > 0:
            return same_everywhere(whole, grid)
        return (
            f"{whole} is 0 everywhere: before its ReLU it is nowhere positive (largest {grid.max():.3g}): what the "
            f"channels show of the picture gives no higher score than a black picture ({nothing:.3g}). Try another "
            "layer, or occlusion, which has a sign."
        )

    def so_far(done: int) -> Partial:
        found, blank = _positive(grid, size, resize), is_blank(np.maximum(grid, 0))
        return piece(question, done, max(1, len(order)), found, why, blank=blank, at=path)

    if not len(order):
        yield so_far(1)
    for cut in cuts:
        some = order[cut]
        masks = np.stack([resized(outputs[:, :, unit], size) for unit in some])
        low = masks.min(axis=(1, 2), keepdims=True)
        masks = (masks - low) / np.maximum(masks.max(axis=(1, 2), keepdims=True) - low, np.finfo(np.float32).tiny)
        scores = values_of(question, picture * masks[..., None], eager=eager)[1]
        grid += outputs[:, :, some].astype(np.float64) @ (scores - nothing).astype(np.float64)
        yield so_far(cut.stop)


def _positive(grid: np.ndarray, size: tuple[int, int], resize: bool) -> np.ndarray:
    positive = np.maximum(grid, 0).astype(np.float32)
    return resized(positive, size) if resize else positive
