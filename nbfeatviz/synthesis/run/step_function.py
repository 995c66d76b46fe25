"""One step of gradient ascent as a TensorFlow function, and its errors in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.compute.rectifiers import Passing
from nbfeatviz.networks.gradient_path import NoGradientPathError, gradient_by_pictures, surely_followed
from nbfeatviz.networks.natural_statistics import NaturalStatistics
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import measure, spread
from nbfeatviz.synthesis.objective_terms.function_term import Called
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Filled, Recipe
from nbfeatviz.synthesis.recipe_parts.gradient_scale import rescaled
from nbfeatviz.synthesis.recipe_parts.natural_prior import NaturalPrior, prior_of
from nbfeatviz.synthesis.recipe_parts.pixel_updates import StepContext, pixels_updated
from nbfeatviz.synthesis.recipe_parts.regularizers import penalty_of
from nbfeatviz.synthesis.recipe_parts.transforms import transformed, views_of

_OWN_SENTENCES = ("regularizer ", "transform ", "change ", "PreSigmoid ", "the photo ")


@dataclass(frozen=True)
class Constants:
    """What a step is given that is the same at every step of a run; tensors.

    Attributes:
        seed: of the transforms: integer, or one a picture (batch,).
        steps: how many there will be.
        passed: at how many steps at the start blocked gradients are passed.
        weights: (batch, terms).
        values: per term (batch, integers of that term).
        corner: (top, left) of the receptive field, where only that is computed.
    """

    seed: Any
    steps: Any
    passed: Any
    weights: Any
    values: Any
    corner: Any


def step_function(
    network: Network,
    structure: Any,
    recipe: Recipe,
    shape: tuple[int, int, int],
    field: tuple[int, int] | None = None,
    precision: str | None = "float32",
    xla: bool = False,
    natural: NaturalStatistics | None = None,
) -> Callable[..., Any]:
    """One step as a function of tensors; only what `structure` and `recipe.structure` name is part of it.

    Args:
        network: the network.
        structure: of the objective.
        recipe: without phases.
        shape: (height, width, channels) of the picture, or of its window.
        field: (height, width) of the part of the picture that the objective can see; None for all.
        precision: of the network; None for the plain way through it.
        xla: whether XLA will compile it.
        natural: what the recipe's natural prior compares with; None for nothing.
    """
    taps = [tap for _, tap in structure]
    places = natural.taps if natural is not None and natural.values else ()  # found before anything is traced
    backbone = Backbone(network, [*taps, *places], fast=precision is not None, precision=precision or "float32")
    # a prior has a gradient of its own, behind which an objective without any would not be noticed
    own = any(isinstance(kind, Called) for kind, _ in structure)
    doubtful = bool(places) and (own or not surely_followed(network, taps))
    views = views_of(recipe.transforms)
    form, white = recipe.parameterization, getattr(recipe.parameterization, "white", 1.0)

    def measured(picture: Any, parts: Filled, index: Any, of: Constants) -> tuple[Any, Any, Any]:
        """The objective, the distance from what is natural, and what that costs of the objective, (batch,) each."""
        stamp = tf.stack([of.seed, index]) if of.seed.shape.rank == 0 else tf.stack(
            [of.seed, tf.fill([of.seed.shape[0]], index)], axis=1
        )  # fmt: skip
        seen = transformed(picture, parts.transforms, stamp, network.contract.size)
        if field is not None:
            (top, left), shape_seen = tf.unstack(of.corner), [seen.shape[0], *field, seen.shape[3]]
            # by indices: the gradient of `tf.slice` pads, which takes five times as long
            seen = tf.ensure_shape(seen[:, top : top + field[0], left : left + field[1]], shape_seen)
        passing = Passing(index < of.passed, xla) if recipe.passed_gradients else None
        return averaged(backbone(seen, passing), picture.shape[0], parts, index, of)

    def averaged(
        activations: dict[Any, Any], batch: int, parts: Filled, index: Any, of: Constants
    ) -> tuple[Any, Any, Any]:
        """`measured`: the means over the views of each picture, and over the crops of each view."""
        total, weights, values = next(iter(activations.values())).shape[0], of.weights, of.values
        size = total // views
        if size > batch:
            crops = size // batch
            weights, values = tf.repeat(weights, crops, axis=0), [tf.repeat(one, crops, axis=0) for one in values]
        found = []
        for begin in range(0, total, size):  # a term that compares pictures compares them within a view
            view = (
                {tap: value[begin : begin + size] for tap, value in activations.items()} if views > 1 else activations
            )
            loss = measure(structure, view, weights, values, parts.focus)
            distance = cost = tf.zeros_like(loss)
            prior = prior_of(parts.regularizers)
            if natural is not None and prior is not None:
                distance = prior.distance(view, natural)
                positions = any(len(view[tap].shape) > 2 for _, tap in structure)
                cost = prior.cost(distance, spread(structure, view, weights), natural, index, positions)
            found.append([tf.reshape(one, [batch, size // batch]) for one in (loss, distance, cost)])
        loss, distance, cost = (tf.reduce_mean(tf.concat(one, axis=1), axis=1) for one in zip(*found, strict=True))
        return loss, distance, cost

    def advance(variables: Any, slots: Any, index: Any, step_size: Any, numbers: Any, given: Any) -> Any:
        of, parts, whole = Constants(*given), recipe.filled(numbers), variables
        corner, here = None, variables
        if parts.window is not None:
            room = (whole.shape[1] - shape[0], whole.shape[2] - shape[1])
            corner = parts.window.place(room, tf.stack([tf.reshape(of.seed, [-1])[0], index]))
            here = tf.slice(whole, [0, corner[0], corner[1], 0], [whole.shape[0], *shape])
        context = StepContext(form, index, of.steps)
        for update in parts.before:
            here = pixels_updated(update, here, context)
        # Two tapes, as a penalty has a gradient of its own, with which a network without any would not be noticed.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(here)
            logits = form.logits(here, shape) if parts.regularizers else None
            picture = form.picture(here, shape) if logits is None else tf.sigmoid(logits)
            penalties = [penalty_of(one, picture * white, logits) for one in parts.regularizers
                         if not isinstance(one, NaturalPrior)]  # fmt: skip
        with tf.GradientTape(watch_accessed_variables=False, persistent=doubtful) as seeing:
            seeing.watch(picture)
            loss, distance, cost = measured(picture, parts, index, of)
            alone, summed = tf.reduce_sum(loss), tf.reduce_sum(loss - cost)
        if doubtful:
            gradient_by_pictures(seeing, alone, picture, network, taps)
        own, weight = rescaled(gradient_by_pictures(seeing, summed, picture, network, taps), parts.transforms)
        score = weight * (loss - cost)
        if penalties:
            score -= tf.add_n(penalties)
        gradient, by_picture = tape.gradient(
            [picture, *penalties], [here, picture], output_gradients=[own, *(-tf.ones_like(one) for one in penalties)]
        )
        context = StepContext(form, index, of.steps, gradient)
        followed = gradient
        for update in parts.gradient:
            followed = update.apply(followed)
        updated, new_slots, factor = parts.step_rule.update(here, followed, slots, index, step_size)
        updated = form.constrained(updated)
        for update in parts.after:
            updated = pixels_updated(update, updated, context)
        # a gradient may overflow on its way to the variables, or in its standard deviation (the factor is 0 then)
        finite = tf.math.is_finite(tf.reduce_sum(updated, axis=list(range(1, len(updated.shape))))) & (factor > 0)
        answers = tf.reduce_any(tf.not_equal(own, 0.0), axis=[1, 2, 3])
        low = tf.reduce_min(by_picture, axis=[1, 2, 3]) / white
        high = tf.reduce_max(by_picture, axis=[1, 2, 3]) / white
        kept = here
        if parts.window is not None:
            kept, picture = whole, tf.clip_by_value(form.picture(whole, whole.shape[1:]), 0.0, 1.0)
            updated = _put_back(whole, updated, corner)
        return updated, new_slots, kept, picture, (
            loss, score, low, high, factor, finite, answers, distance
        )  # fmt: skip

    return advance


def _put_back(whole: Any, part: Any, corner: Any) -> Any:
    """The whole with a part of it replaced."""
    (height, width), (rows, cols) = part.shape[1:3], whole.shape[1:3]
    margins = [[0, 0], [corner[0], rows - height - corner[0]], [corner[1], cols - width - corner[1]], [0, 0]]
    inside = tf.pad(tf.ones([1, height, width, 1], tf.bool), [margins[0], margins[1], margins[2], [0, 0]])
    return tf.where(inside, tf.ensure_shape(tf.pad(part, margins), whole.shape), whole)


class plain_errors:  # noqa: N801 - reads as a word in a with statement
    """Turns TensorFlow's errors about shapes into a sentence about the layer and the size."""

    def __init__(self, objective: Objective, shape: tuple[int, int, int]) -> None:
        self._objective, self._shape = objective, shape

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception):
            return
        own = own_error(error)
        if isinstance(own, NoGradientPathError):
            raise ValueError(own.explained()) from own.__cause__
        if own is not None:
            raise ValueError(str(own)) from getattr(own, "reason", own.__cause__)
        if not isinstance(error, ValueError | tf.errors.InvalidArgumentError | tf.errors.ResourceExhaustedError):
            return
        reason = _reason(str(error))
        raise ValueError(
            f"{self._objective!r} cannot be computed at {self._shape[0]}×{self._shape[1]} pixels: {reason} "
            "The network's own size (size=None) is the safe one."
        ) from error


def own_error(error: BaseException | None) -> BaseException | None:
    """Our error about the recipe or the gradient, behind those that TensorFlow makes of it; it still has its cause."""
    while error is not None and not _is_own(error):
        error = error.__cause__ or error.__context__
    return error


def _is_own(error: BaseException) -> bool:
    own = isinstance(error, ValueError) and str(error).startswith(_OWN_SENTENCES)
    return own or isinstance(error, NoGradientPathError)


def _reason(text: str) -> str:
    """The sentence in a TensorFlow or Keras message, without the places in the code around it."""
    text = re.sub(r"\x1b?\[\d+m", "", text)
    text = re.split(r"^\s*\w*(?:Error|Exception): ", text, flags=re.MULTILINE)[-1]
    skipped = ("Exception encountered", "Graph execution error", "Detected at", 'File "', "in user code")
    lines = [line.strip() for line in text.splitlines()]
    line = next((line for line in lines if line and not line.startswith(skipped)), text.strip())
    return line.split(" for '{{node")[0][:300].rstrip(".") + "."
