"""Inference mode: whatever is computed with a user's layers is computed as `model.predict` computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nbfeatviz.engine import keras, tf


def in_inference(compute: Callable[[Any], Any], inputs: Any, weights: Iterable[tuple[Any, Any]] = ()) -> Any:
    """`compute(inputs)`, where every layer that is called takes it for inference and nothing is written to a weight.

    - Layers ask the outermost layer that is being called whether it is training; that is one of ours here, and says no.
      So nested models and layers inside own layers hear it too, whatever they would do by themselves.
    - Inside Keras's stateless scope what is assigned to a Keras variable (statistics, the state of random seeds) holds
      until its end only, and losses that layers add are dropped.

    Args:
        compute: calls layers.
        inputs: tensor.
        weights: pairs of a Keras variable and the value that it has meanwhile.
    """
    outermost = keras.layers.Lambda(compute, name="inference", dtype="float32", autocast=False)
    with keras.StatelessScope(weights):
        return outermost(inputs, training=False)


def once(function: Callable[[Any], Any], inputs: Any) -> Any:
    """`function(inputs)` eagerly, which is quickest for once; traced where an operation cannot be computed so."""
    try:
        return function(inputs)
    except tf.errors.OpError:
        return tf.function(function, autograph=False)(inputs)
