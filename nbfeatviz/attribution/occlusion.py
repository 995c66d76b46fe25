"""Occlusion: how much the target's value drops when a patch of the picture is covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import ROUNDING, answered, is_blank, named, piece, same_everywhere
from nbfeatviz.attribution.fills import filled
from nbfeatviz.attribution.gradients import checked_count
from nbfeatviz.attribution.partial import Partial, pieces
from nbfeatviz.attribution.passes import values_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.networks.network import Network

_PATCHES_A_SIDE = 7  # 32 pixels of 224, 4 of 28


def occlusion(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: Any = "grey",
    resize: bool = True,
) -> np.ndarray:
    """Occlusion sensitivity (Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901).

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index (its logit), class name or objective; None for the predicted class.
        patch: side of the square that is covered, in pixels of the network's input; None for a seventh of the shorter
            side (32 of 224). A patch as large as the picture covers all of it.
        stride: pixels from one patch to the next, at most `patch`; None for half a patch.
        fill: what covers: "grey", "black", "white", "mean" (the picture's mean colour), "blur" (the picture,
            blurred), a number in 0..1, or an image.
        resize: False for one value a patch, (rows, columns) of patches.

    Returns:
        float32 (H, W), signed, raw: at each pixel the mean drop over the patches that cover it, in the units of the
        target (logits for a class). Positive: covering it lowers the target.

    Raises:
        ValueError: an image, target or fill that cannot be used, or a patch or stride out of range.
    """
    question = asked(network, image, target)
    return answered(occlusion_steps(question, patch=patch, stride=stride, fill=fill, resize=resize))


def occlusion_steps(
    question: Question,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: Any = "grey",
    resize: bool = True,
    eager: bool = False,
) -> Iterator[Partial]:
    """`occlusion`, piece by piece, row after row; what no patch has covered yet is 0."""
    picture = question.picture
    height, width = picture.shape[:2]
    patch, stride = _checked(patch, stride, min(height, width))
    rows, columns = _starts(height, patch, stride), _starts(width, patch, stride)
    cover = filled(picture, fill)
    boxes = [(slice(top, top + patch), slice(left, left + patch)) for top in rows for left in columns]
    drops = np.zeros(len(boxes), np.float32)
    total, count = np.zeros((height, width)), np.zeros((height, width))
    whole = values_of(question, picture[None], eager=eager)[0][0]

    def why() -> str:
        said = f"occlusion of {named(question)} (whose value is {whole:.4g}) "
        if len(boxes) == 1:
            return (
                f"{said}points at no place: one patch of {patch} pixels covers the whole picture. Give a smaller one."
            )
        if (cover == picture).all():
            return f"{said}is 0 everywhere because the picture is covered by what it shows: choose another fill."
        if np.abs(drops).max() > ROUNDING * abs(whole):
            return same_everywhere(said.rstrip(), drops[None])
        return (
            f"{said}says nothing: none of the {len(boxes)} patches changes the value by more than rounding does (at "
            f"most {np.abs(drops).max():.2g}). Try a larger patch, another fill, or another target."
        )

    for cut in pieces(len(boxes), picture, forward_only=True):
        covered = np.repeat(picture[None], cut.stop - cut.start, axis=0)
        for place, box in enumerate(boxes[cut]):
            covered[place][box] = cover[box]
        drops[cut] = whole - values_of(question, covered, eager=eager)[0]
        for box, drop in zip(boxes[cut], drops[cut], strict=True):
            total[box] += drop
            count[box] += 1
        grid = drops.reshape(len(rows), len(columns)).copy()
        full = (total / np.maximum(count, 1)).astype(np.float32)
        blank = is_blank(grid) or bool(np.abs(drops).max() <= ROUNDING * abs(whole))
        yield piece(question, cut.stop, len(boxes), full if resize else grid, why, blank=blank)


def _checked(patch: int | None, stride: int | None, shorter: int) -> tuple[int, int]:
    patch = max(1, round(shorter / _PATCHES_A_SIDE)) if patch is None else checked_count("patch", patch)
    stride = max(1, patch // 2) if stride is None else checked_count("stride", stride)
    if stride > patch:
        raise ValueError(f"stride {stride} would leave gaps between patches of {patch} pixels: give at most {patch}.")
    return patch, stride


def _starts(length: int, patch: int, stride: int) -> list[int]:
    """Where patches begin along one side; the last one ends at the edge, so that every pixel is covered."""
    last = max(length - patch, 0)
    return [*range(0, last, stride), last]
