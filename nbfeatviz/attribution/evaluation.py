"""How faithful a map is: deletion and insertion curves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import is_blank, warn
from nbfeatviz.attribution.fills import filled
from nbfeatviz.attribution.gradients import checked_count
from nbfeatviz.attribution.partial import pieces
from nbfeatviz.attribution.passes import values_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.not_finite import NotFiniteError


@dataclass(frozen=True, eq=False)
class DeletionInsertion:
    """What a target's score does while the pixels that a map points at are taken away, or brought.

    Attributes:
        fractions: (n,) share of the pixels taken away or brought, from 0; to 1 when complete.
        deletion: (n,) score with so many of the highest pixels taken away. It should fall soon.
        insertion: (n,) score with so many of the highest pixels brought. It should rise soon.
    """

    fractions: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_auc(self) -> float:
        """Area under the deletion curve (trapezoids): lower is more faithful."""
        return _area(self.fractions, self.deletion)

    @property
    def insertion_auc(self) -> float:
        """Area under the insertion curve (trapezoids): higher is more faithful."""
        return _area(self.fractions, self.insertion)


def deletion_insertion(
    network: Network,
    image: Any,
    attribution: np.ndarray,
    target: Any = None,
    *,
    steps: int = 32,
    fill: Any = "mean",
    backdrop: Any = "blur",
) -> DeletionInsertion:
    """Deletion and insertion (Petsiuk et al. 2018, https://arxiv.org/abs/1806.07421).

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        attribution: map (H, W), or (H, W, C) of which the mean absolute value over the channels counts.
        target: class index, class name or objective; None for the predicted class.
        steps: in how many steps all pixels go.
        fill: what stands where pixels are taken away; as `fill` of `occlusion`.
        backdrop: what pixels are brought into; likewise.

    Returns:
        The two curves. The score of a class is its probability; that of any other target its value divided by
        that for the whole picture, so that both curves touch 1.

    Raises:
        ValueError: an image, target or map that cannot be used, or an objective that is 0 for the whole picture.

    Warns:
        UserWarning: the map is the same everywhere, so that it says of no pixel that it comes first.
    """
    question = asked(network, image, target)
    result = None
    for so_far in deletion_insertion_steps(question, attribution, steps=steps, fill=fill, backdrop=backdrop):
        result = so_far
    assert result is not None  # there are at least two points
    if is_blank(ranked := np.asarray(attribution)):
        warn(
            f"the attribution is the same everywhere ({ranked.flat[0]:.3g}), so its pixels have no order: they went "
            "row by row, and the areas say nothing of it."
        )
    return result


def deletion_insertion_steps(
    question: Question,
    attribution: np.ndarray,
    *,
    steps: int = 32,
    fill: Any = "mean",
    backdrop: Any = "blur",
    eager: bool = False,
) -> Iterator[DeletionInsertion]:
    """`deletion_insertion`, piece by piece: the curves so far, from fraction 0 on."""
    checked_count("steps", steps)
    picture = question.picture
    rank = _ranks_from_the_top(attribution, picture)
    deleted, inserted = filled(picture, fill), filled(picture, backdrop)
    whole = 1.0
    if not question.has_probability:
        whole = float(values_of(question, picture[None], eager=eager)[1][0])
        if whole == 0:
            raise ValueError(f"{question.label} is 0 for the whole picture, so no share of it can be given.")
    fractions = np.arange(steps + 1) / steps
    deletion, insertion = np.zeros(steps + 1), np.zeros(steps + 1)
    for piece in pieces(steps + 1, picture):
        # rank 0 is the highest pixel: at fraction 0 none is taken
        taken = rank[None, :, :, None] < np.round(fractions[piece] * rank.size)[:, None, None, None]
        pictures = np.concatenate([np.where(taken, deleted, picture), np.where(taken, picture, inserted)])
        scores = values_of(question, pictures, eager=eager)[1] / whole
        deletion[piece], insertion[piece] = np.split(scores, 2)
        yield DeletionInsertion(fractions[: piece.stop], deletion[: piece.stop].copy(), insertion[: piece.stop].copy())


def _ranks_from_the_top(attribution: Any, picture: np.ndarray) -> np.ndarray:
    """(H, W): 0 for the pixel with the highest value, then 1 ...; of equal ones the upper left comes first."""
    values = np.asarray(attribution, np.float64)
    if values.shape == picture.shape:
        values = np.abs(values).mean(axis=-1)
    if values.shape != picture.shape[:2]:
        raise ValueError(
            f"the attribution is {values.shape}; for this network it must be {picture.shape[:2]}, or {picture.shape}."
        )
    if not np.isfinite(values).all():
        raise NotFiniteError("the attribution holds NaN or infinity, so its pixels have no order.")
    ranks = np.empty(values.size, np.int64)
    ranks[np.argsort(-values, axis=None, kind="stable")] = np.arange(values.size)
    return ranks.reshape(values.shape)


def _area(places: np.ndarray, heights: np.ndarray) -> float:
    return float((np.diff(places) * (heights[1:] + heights[:-1]) / 2).sum())
