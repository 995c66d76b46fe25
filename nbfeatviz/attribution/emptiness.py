"""What is to be said of a map that says nothing: one that is 0, or the same, everywhere, and why it is.

Each method makes its pieces by `piece`, with a function that knows the cause; it is asked only where it is needed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import numpy as np

from nbfeatviz.attribution.finite import check_finite
from nbfeatviz.attribution.partial import Partial, last
from nbfeatviz.attribution.passes import at_layers, gradients_of, values_of
from nbfeatviz.attribution.question import Question
from nbfeatviz.networks.compute.rectifiers import ReluGradient
from nbfeatviz.networks.layers import Layer
from nbfeatviz.warn_location import frames_inside

ROUNDING = 1e-6
"""What is smaller than this share of the values that it is the difference of is float32's rounding, and no answer."""


def piece(
    question: Question,
    done: int,
    total: int,
    found: np.ndarray,
    why: Callable[[], str],
    *,
    blank: bool | None = None,
    at: str = "",
) -> Partial:
    """A piece of a map.

    Args:
        question: what is asked.
        done: passes done so far.
        total: passes in all.
        found: the map so far.
        why: asked, of the finished map, where it says nothing; gives a sentence.
        blank: whether it says nothing; None for a map that is the same everywhere.
        at: path of the layer that it is made at, if any.

    Raises:
        NotFiniteError: there is NaN or infinity in it.
    """
    where = f" at {at!r}" if at else ""
    paths = (at, *question.paths) if at else question.paths
    check_finite(found, f"the map of {named(question)}{where}", question.network, question.picture, *paths)
    says_nothing = done == total and (is_blank(found) if blank is None else blank)
    return Partial(done, total, found, why() if says_nothing else None)


def answered(steps: Iterator[Partial]) -> np.ndarray:
    """The map of the last piece.

    Warns:
        UserWarning: it says nothing; with the cause, at the line of the person's code.
    """
    piece = last(steps)
    warn(piece.empty)
    return piece.map


def warn(said: str | None) -> None:
    """Warns at the line of the person's code, if there is something to say."""
    if said is not None:
        warnings.warn(said, stacklevel=frames_inside() + 1)


def is_blank(found: np.ndarray) -> bool:
    """Whether a map is the same at all places (in each of its channels), so that it points at none."""
    return bool((found == found[:1, :1]).all())


def named(question: Question) -> str:
    """The target, in a sentence; an objective is Python, which needs no quotes."""
    return question.label if "(" in question.label else repr(question.label)


def value_of(question: Question) -> float:
    """The target's value for the question's picture."""
    return float(values_of(question, question.picture[None], eager=True)[0][0])


def same_everywhere(what: str, found: np.ndarray) -> str:
    """The sentence about a map that is the same everywhere, of which nothing more is known."""
    value = ", ".join(f"{one:.3g}" for one in np.ravel(found[0, 0]))
    return f"{what} is {value} at every place: it points at none."


def blank_gradient(question: Question, what: str, found: np.ndarray, relu: ReluGradient | None = None) -> str:
    """Why a gradient by the picture says nothing; `what` it is, in words."""
    value = value_of(question)
    whole = f"{what} of {named(question)} (whose value is {value:.4g})"
    if found.any():
        return same_everywhere(whole, found)
    plain = gradients_of(question, question.picture[None], eager=True)[1] if relu is not None else None
    if plain is not None and plain.any():
        return (
            f"{whole} is 0 at every pixel, where the plain gradient is not (up to {np.abs(plain).max():.3g}): on its "
            "way down it is nowhere positive, and nothing else passes a ReLU. Try gradient='vanilla'."
        )
    return f"{whole} is 0 at every pixel: {where_it_ends(question)}"


def where_it_ends(question: Question) -> str:
    """Which layers a gradient that is 0 at the picture comes to, and gets no further."""
    graph, tree = question.network.graph, question.network.layers
    below = graph.ancestors([question.network.call(path).index for path in question.paths])
    calls = [graph.calls[index] for index in below if graph.calls[index].inputs]
    found = at_layers(question, tuple(call.path for call in calls))
    gradients = {call.index: found[call.path][1] for call in calls}
    reached = {index for index, gradient in gradients.items() if gradient is not None and np.any(gradient)}
    # what is read before its activation is not made of the layer's output, but it begins in the layer
    reached |= {question.network.call(tap.path).index for tap in question.taps if tap.pre_activation}
    ends = [call for call in calls if call.index in reached and not reached.intersection(call.inputs)]
    if not ends:
        return (
            "it is 0 right behind the value that is asked about, which does not move with what it is made of. Ask for "
            "a logit instead of a probability, or another layer."
        )
    told = " and ".join(_end(tree[call.path], found[call.path][0]) for call in ends[:3])
    return f"it gets no further than {told}. Ask for another target, or for what is before an activation."


def _end(layer: Layer, output: np.ndarray) -> str:
    silent = "" if output.any() else ", all of whose outputs are 0 on this photo (every ReLU in it is shut)"
    return f"{layer.path!r} ({layer.kind}){silent}"


def blank_cam(
    question: Question, title: str, layer: str, before: np.ndarray, outputs: np.ndarray, gradients: np.ndarray
) -> str:
    """Why a class activation map from gradients says nothing.

    Args:
        question: what is asked.
        title: of the method.
        layer: path.
        before: the map before its ReLU.
        outputs: of the layer, (h, w, units).
        gradients: there, likewise.
    """
    whole = f"{title} of {named(question)} at {layer!r}"
    if not outputs.any():
        return (
            f"{whole} is 0 everywhere: the layer is silent, all its outputs are 0 on this photo. Try an earlier layer."
        )
    if not gradients.any():
        value = value_of(question)
        return f"{whole} is 0 everywhere: there the gradient of the value ({value:.4g}) is 0, {where_it_ends(question)}"
    if before.max() > 0:
        return same_everywhere(whole, before)
    placewise = (outputs * np.maximum(gradients, 0)).sum(axis=-1).max() > 0  # what LayerCAM would show
    hint = "layer_cam, which weighs each place by itself, " if placewise and title != "LayerCAM" else ""
    return (
        f"{whole} is 0 everywhere: the weighted sum of its channels is nowhere positive (from {before.min():.3g} to "
        f"{before.max():.3g}; gradients from {gradients.min():.3g} to {gradients.max():.3g}), so the method's ReLU "
        f"leaves nothing: the layer speaks against {named(question)}. Try {hint}another layer, or "
        "occlusion, which has a sign."
    )


def silence(layer: str, values: np.ndarray) -> str | None:
    """What is to be said of a layer's output that says nothing about a photo; None for any other."""
    shape = "×".join(map(str, values.shape))
    if not values.any():
        return f"{layer!r} is silent on this photo: all its {shape} outputs are 0."
    if values.size > 1 and values.min() == values.max():
        return (
            f"{layer!r} gives {values.flat[0]:.4g} at all its {shape} outputs for this photo: it tells nothing apart."
        )
    if values.ndim == 3 and values.shape[:2] != (1, 1) and is_blank(values):
        return (
            f"each channel of {layer!r} ({shape}) has one value at all places on this photo (from "
            f"{values.min():.3g} to {values.max():.3g}): it points at none."
        )
    return None
