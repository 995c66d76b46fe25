"""What is right for a kind: by `model.predict`, and by tapes on the kind's own functions in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tests.models.kinds import Kind, log


class _Inference(keras.layers.Layer):
    """Everything called inside is told that it is not training, as `model.predict` tells it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(name="by_hand", autocast=False, dtype="float32")
        self.function = function

    def call(self, *tensors: Any) -> Any:
        return self.function(*tensors)


def inference(function: Callable[..., Any], *tensors: Any) -> Any:
    """A function of tensors in inference mode; layers that keep something of a call do not."""
    with keras.StatelessScope():
        return _Inference(function)(*tensors, training=False)


def some_picture(kind: Kind, seed: int = 0) -> np.ndarray:
    """(H, W, C) in 0..1, of values that a byte has."""
    _, height, width, channels = next(one.shape for one in kind.model.inputs if len(one.shape) == 4)
    size = kind.options.get("size", (height, width))
    return np.random.default_rng(seed).integers(0, 256, (*size, channels)).astype(np.float32) / 255


def network_input(kind: Kind, pictures: Any) -> Any:
    """Pictures in 0..1 as the network takes them."""
    pictures = tf.convert_to_tensor(pictures, tf.float32)
    low, high = (np.broadcast_to(np.float32(value), pictures.shape[-1:]) for value in kind.values)
    if kind.turned:
        pictures = tf.reverse(pictures, [-1])
    return low + pictures * (high - low)


def predicted(kind: Kind, picture: np.ndarray) -> np.ndarray:
    """What `model.predict` says of a picture, logits as logits. Not compiled, which would take most of the time."""
    fed = tf.nest.map_structure(np.asarray, kind.feed(network_input(kind, picture[None])))
    eagerly, kind.model.run_eagerly = kind.model.run_eagerly, True
    outputs = kind.model.predict(fed, verbose=0)
    kind.model.run_eagerly = eagerly
    return np.asarray(kind.pick(outputs), np.float64)[0]


def answer(kind: Kind, pictures: Any) -> Any:
    """The model's output for pictures in 0..1, differentiable."""
    x = network_input(kind, pictures)
    if not kind.through_feed:
        return inference(lambda x: kind.after(kind.before(x), x), x)
    return inference(lambda x: kind.pick(kind.model(kind.feed(x), training=False)), x)


def as_probabilities(kind: Kind, output: np.ndarray) -> np.ndarray:
    """An output of the model as what `predict` is to tell."""
    if not kind.ends_in_logits:
        return output
    return 1 / (1 + np.exp(-output)) if kind.head == "sigmoid" else np.exp(output) / np.exp(output).sum()


def unit_of(kind: Kind, output: Any, logits: Any, unit: int) -> Any:
    """The logit of a class, (n,); where only the output is known, that of a sigmoid or the value."""
    if logits is None:
        logits = output
        if kind.head == "sigmoid" and not kind.ends_in_logits:
            logits = log(output) - log(1 - output)
    logits = tf.cast(logits, tf.float32)[..., unit]
    return tf.reduce_mean(logits, axis=list(range(1, len(logits.shape))))


def difference_of(kind: Kind, output: Any) -> Any:
    """The logit of class 0 less that of class 1, (n,), from nothing but the model's output.

    The logarithms of the probabilities of a softmax are its logits up to a number that all classes share.
    """
    if kind.head == "softmax" and not kind.ends_in_logits:
        return log(output)[..., 0] - log(output)[..., 1]
    return unit_of(kind, output, None, 0) - unit_of(kind, output, None, 1)


def hidden(kind: Kind, pictures: Any) -> Any:
    """What the hidden layer makes of pictures."""
    return inference(kind.before, network_input(kind, pictures))


def value_behind(kind: Kind, a: Any, pictures: Any, unit: int, *, difference: bool) -> Any:
    """The target's value, (n,), from the hidden layer's output on."""
    x = network_input(kind, pictures)
    output = inference(kind.after, a, x)
    if difference:
        return difference_of(kind, output)
    logits = None if kind.logits is None else inference(kind.logits, a, x)
    return unit_of(kind, output, logits, unit)


def gradient(kind: Kind, value: Callable[[Any], Any], pictures: np.ndarray) -> np.ndarray:
    """Of a value of each picture by that picture."""

    def by_tape(pictures: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            found = value(pictures)
        return tape.gradient(found, pictures)

    return _taped(kind, by_tape, pictures)[0].numpy()


def _taped(kind: Kind, by_tape: Callable[[Any], Any], pictures: np.ndarray) -> Any:
    return (tf.function(by_tape, autograph=False) if kind.traced else by_tape)(tf.constant(pictures))


def grad_cam(kind: Kind, picture: np.ndarray, unit: int, *, difference: bool) -> np.ndarray:
    """ReLU(sum over channels of the mean gradient times the output), on the hidden layer's grid."""

    def by_tape(pictures: Any) -> Any:
        a = hidden(kind, pictures)
        with tf.GradientTape() as tape:
            tape.watch(a)
            value = value_behind(kind, a, pictures, unit, difference=difference)
        weights = tf.reduce_mean(tf.cast(tape.gradient(value, a), tf.float32), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * tf.cast(a, tf.float32), axis=-1))

    return _taped(kind, by_tape, picture[None])[0].numpy()


def integrated_gradients(kind: Kind, value: Callable[[Any], Any], picture: np.ndarray, steps: int) -> np.ndarray:
    """The picture times the mean gradient at the middles of `steps` even parts of the way from black to it."""
    places = (np.arange(steps) + 0.5) / steps
    gradients = [gradient(kind, value, (place * picture)[None].astype(np.float32)) for place in places]
    return picture * np.mean(gradients, axis=0, dtype=np.float64)
