"""One step of gradient ascent as a TensorFlow function, and its errors in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import measure
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipes import Recipe
from nbfeatviz.synthesis.transforms import transformed


def step_function(network: Network, structure: Any, recipe: Recipe, shape: tuple[int, int, int]) -> Callable[..., Any]:
    """One step as a function of tensors; only what `structure` names is part of it."""
    backbone = Backbone(network, [tap for _, tap in structure])
    form, white = recipe.parameterization, getattr(recipe.parameterization, "white", 1.0)

    def advance(
        variables: Any, slots: Any, index: Any, seed: Any, step_size: Any, passed: Any, weights: Any, values: Any
    ) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(variables)
            picture = form.picture(variables, shape)
            seen = transformed(picture, recipe.transforms, tf.stack([seed, index]))
            passing = index < passed if recipe.passed_gradients else None
            loss = measure(structure, backbone(seen, passing), weights, values)
            total = tf.reduce_sum(loss)
        by_variables, by_picture = tape.gradient(total, [variables, picture])
        if by_variables is None:
            paths = ", ".join(repr(tap.path) for _, tap in structure)
            raise ValueError(f"{paths} has no gradient path to the picture: choose a layer that the picture feeds.")
        updated, new_slots, factor = recipe.step_rule.update(variables, by_variables, slots, index, step_size)
        # a gradient may overflow on its way to the variables, or in its standard deviation (the factor is 0 then)
        finite = tf.reduce_all(tf.math.is_finite(updated), axis=list(range(1, len(updated.shape)))) & (factor > 0)
        low = tf.reduce_min(by_picture, axis=[1, 2, 3]) / white
        high = tf.reduce_max(by_picture, axis=[1, 2, 3]) / white
        return form.constrained(updated), new_slots, picture, (loss, low, high, factor, finite)

    return advance


class plain_errors:  # noqa: N801 - reads as a word in a with statement
    """Turns TensorFlow's errors about shapes into a sentence about the layer and the size."""

    def __init__(self, objective: Objective, shape: tuple[int, int, int]) -> None:
        self._objective, self._shape = objective, shape

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if not isinstance(error, ValueError | tf.errors.InvalidArgumentError | tf.errors.ResourceExhaustedError):
            return
        reason = _reason(str(error))
        if "no gradient path" in reason:
            raise ValueError(reason) from None
        raise ValueError(
            f"{self._objective!r} cannot be computed at {self._shape[0]}×{self._shape[1]} pixels: {reason} "
            "The network's own size (size=None) is the safe one."
        ) from error


def _reason(text: str) -> str:
    """The sentence in a TensorFlow or Keras message, without the places in the code around it."""
    text = re.sub(r"\x1b?\[\d+m", "", text)
    text = re.split(r"^\s*\w*(?:Error|Exception): ", text, flags=re.MULTILINE)[-1]
    skipped = ("Exception encountered", "Graph execution error", "Detected at", 'File "', "in user code")
    lines = [line.strip() for line in text.splitlines()]
    line = next((line for line in lines if line and not line.startswith(skipped)), text.strip())
    return line.split(" for '{{node")[0][:300].rstrip(".") + "."
