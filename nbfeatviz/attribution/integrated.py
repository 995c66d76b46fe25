"""Integrated gradients, and how complete they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from nbfeatviz.attribution.emptiness import answered, blank_gradient, named, piece, value_of
from nbfeatviz.attribution.fills import filled
from nbfeatviz.attribution.gradients import checked_count
from nbfeatviz.attribution.partial import Partial, pieces
from nbfeatviz.attribution.passes import gradients_of, values_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.networks.network import Network

Rule = Literal["midpoint", "trapezoid"]
Spacing = Literal["quadratic", "even"]


def integrated_gradients(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    steps: int = 50,
    baseline: Any = None,
    rule: Rule = "midpoint",
    spacing: Spacing = "quadratic",
) -> np.ndarray:
    """Integrated gradients (Sundararajan et al. 2017, https://arxiv.org/abs/1703.01365).

    (picture - baseline) times the mean gradient on the straight way between the two. Its sum is the difference
    between the target's values for both, up to the error of the integration (see `completeness`).

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index (its logit), class name or objective; None for the predicted class.
        steps: into how many intervals the way is cut.
        baseline: what the picture is compared with: None for black, a name or number as `fill` of `occlusion`, or an
            image.
        rule: "midpoint" (one gradient in the middle of each interval) or "trapezoid" (at both ends: one more).
        spacing: where the way is cut. "quadratic" cuts at (k / steps) squared, so more finely near the baseline,
            where a small step changes a picture most in proportion and the gradient is roughest; "even" cuts it
            evenly, as the paper does. The integral is the same; on EfficientNet-Lite0 with a photo 50 steps are
            3 % off and 15 % off, 300 steps 0.7 % and 8 %.

    Returns:
        float32 (H, W, C), signed, raw; already times (picture - baseline).

    Raises:
        ValueError: an image, target or baseline that cannot be used, or settings out of range.
    """
    question = asked(network, image, target)
    return answered(integrated_gradients_steps(question, steps=steps, baseline=baseline, rule=rule, spacing=spacing))


def integrated_gradients_steps(
    question: Question,
    *,
    steps: int = 50,
    baseline: Any = None,
    rule: Rule = "midpoint",
    spacing: Spacing = "quadratic",
    eager: bool = False,
) -> Iterator[Partial]:
    """`integrated_gradients`, piece by piece; the map so far is the way up to there, scaled to the whole."""
    places, weights = _integration(checked_count("steps", steps), rule, spacing)
    picture = question.picture
    start = filled(picture, "black" if baseline is None else baseline)
    way, total, weight = picture - start, np.zeros(picture.shape), 0.0

    def why() -> str:
        whole = f"integrated gradients of {named(question)} (whose value is {value_of(question):.4g})"
        if not way.any():
            return f"{whole} are 0 at every pixel because the picture is the baseline: choose another baseline."
        if total.any():
            return (
                f"{whole} point at no place: they are the same everywhere, or the gradient is 0 where the way is not."
            )
        return blank_gradient(question, "the gradient all the way from the baseline", total)

    for cut in pieces(len(places), picture):
        on_the_way = start + places[cut, None, None, None] * way
        gradients = gradients_of(question, on_the_way.astype(np.float32), eager=eager)[1]
        total += np.einsum("n,nhwc->hwc", weights[cut], gradients.astype(np.float64))
        weight += float(weights[cut].sum())
        yield piece(question, cut.stop, len(places), (way * total / weight).astype(np.float32), why)


def _integration(steps: int, rule: str, spacing: str) -> tuple[np.ndarray, np.ndarray]:
    """Where the gradients are taken, 0 the baseline and 1 the picture, and what each weighs."""
    if spacing not in ("quadratic", "even"):
        raise ValueError(f"spacing {spacing!r} is unknown: it is 'quadratic' or 'even'.")
    cuts = (np.arange(steps + 1) / steps) ** (2 if spacing == "quadratic" else 1)
    lengths = np.diff(cuts)
    if rule == "midpoint":
        return (cuts[1:] + cuts[:-1]) / 2, lengths
    if rule == "trapezoid":
        return cuts, (np.append(lengths, 0) + np.append(0, lengths)) / 2
    raise ValueError(f"rule {rule!r} is unknown: it is 'midpoint' or 'trapezoid'.")


def completeness(
    network: Network, image: Any, attribution: np.ndarray, target: Any = None, *, baseline: Any = None
) -> float:
    """How far an attribution is from adding up: |sum - (f(picture) - f(baseline))| / |f(picture) - f(baseline)|.

    Args:
        network: the network.
        image: as `integrated_gradients`.
        attribution: what that gave, (H, W, C).
        target: as there; None for the predicted class.
        baseline: as there.

    Returns:
        0 for a perfect integration, 0.05 for 5 % off; infinite where the two values are the same and the sum is not.
    """
    return residual(asked(network, image, target), attribution, baseline)


def residual(question: Question, attribution: np.ndarray, baseline: Any = None, *, eager: bool = False) -> float:
    """`completeness` of a question."""
    start = filled(question.picture, "black" if baseline is None else baseline)
    values = values_of(question, np.stack([question.picture, start]), eager=eager)[0].astype(np.float64)
    difference = values[0] - values[1]
    off = abs(float(np.sum(attribution, dtype=np.float64)) - difference)
    if difference == 0:
        return float("inf") if off else 0.0
    return float(off / abs(difference))
