"""Models that do something else in training, by a random layer or by an own one: pictures are never taken so."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.models.kinds import Kind, chain, conv, dense, kept_on, kind, pool, raw


def _augmentations() -> list[Any]:
    return [
        layers.RandomFlip("horizontal_and_vertical", seed=1),
        layers.RandomRotation(0.3, seed=2),
        layers.RandomZoom(0.5, seed=3),
        layers.RandomContrast(0.5, value_range=(0, 1), seed=4),
    ]


@kind
def augmentation() -> Kind:
    head = dense()
    return chain((10, 10, 3), [*_augmentations(), conv()], [pool(), head], [pool(), raw(head)])


@kind
def augmentation_nested() -> Kind:
    inner = keras.Sequential([keras.Input((10, 10, 3)), *_augmentations()], name="augmentation")
    head = dense()
    return chain((10, 10, 3), [inner, conv()], [pool(), head], [pool(), raw(head)])


class TrainsByDefault(layers.Layer):
    """An own layer that trains unless it is told not to."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.noise = layers.GaussianNoise(0.9, seed=5)

    def call(self, x: Any, training: bool = True) -> Any:
        return -3.0 * self.noise(x, training=True) if training else 2.0 * x


@kind
def own_layer_that_trains_by_default() -> Kind:
    head = dense()
    return chain(
        (9, 9, 3), [TrainsByDefault(), conv()], [TrainsByDefault(), pool(), head], [doubled, pool(), raw(head)]
    )


def doubled(x: Any) -> Any:
    return 2.0 * x


@kind
def dropout_kept_on() -> Kind:
    head = dense()
    dropout = kept_on(layers.Dropout(0.5, seed=6))
    return chain((9, 9, 3), [dropout, conv()], [pool(), dropout, head], [pool(), raw(head)])


@kind
def batch_norm_in_training_mode() -> Kind:
    head = dense()
    norm = kept_on(layers.BatchNormalization(name="norm"))
    return chain((9, 9, 3), [conv(activation=None), norm], [pool(), head], [pool(), raw(head)], layer="norm")


@kind
def nested_model_in_training_mode() -> Kind:
    """All of a nested model is called with training=True: what is nested in it hears of that."""
    parts = [conv(activation=None), layers.BatchNormalization(name="norm"), layers.Dropout(0.5, seed=9)]
    innermost = keras.Sequential([keras.Input((9, 9, 3)), *parts], name="innermost")
    picture = keras.Input((9, 9, 3))
    middle = keras.Model(picture, innermost(picture), name="middle")
    head, ends = dense(), layers.Activation("swish")
    return chain(
        (9, 9, 3), [kept_on(middle)], [ends, pool(), head], [ends, pool(), raw(head)],
        layer="middle/innermost/dropout",
    )  # fmt: skip


class NoisyConvolution(layers.Layer):
    """An own layer whose `call` knows nothing of training, while the layers inside do."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.convolution = layers.Conv2D(4, 3, use_bias=False)
        self.norm = layers.BatchNormalization()
        self.dropout = layers.Dropout(0.5, seed=7)
        self.noise = layers.GaussianNoise(1.0, seed=8)
        self.trains = TrainsByDefault()

    def build(self, shape: Any) -> None:
        self.convolution.build(shape)
        self.norm.build((*shape[:-1], 4))

    def call(self, x: Any) -> Any:
        return ops.swish(self.trains(self.norm(self.noise(self.convolution(self.dropout(x))))))


@kind
def noise_inside_an_own_layer() -> Kind:
    head = dense()
    return chain((9, 9, 3), [NoisyConvolution(name="noisy")], [pool(), head], [pool(), raw(head)], layer="noisy")


@kind
def spectral_normalization() -> Kind:
    head = dense()
    layer = layers.SpectralNormalization(layers.Conv2D(4, 3, activation="swish"), name="spectral")
    return chain((9, 9, 3), [layer], [pool(), head], [pool(), raw(head)], layer="spectral")


@kind
def activity_regularizers() -> Kind:
    """Calling such layers adds to the losses of a model."""
    head = dense(activity_regularizer="l1")
    return chain((9, 9, 3), [conv(activity_regularizer="l2")], [AddsLoss(), pool(), head], [pool(), raw(head)])


class AddsLoss(layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(ops.mean(ops.square(x)))
        return x


class Counts(layers.Layer):
    """Counts its calls in a weight, and says so in what it computes."""

    def build(self, shape: Any) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, x: Any) -> Any:
        self.count.assign(self.count + 1.0)
        return x * 1.5


@kind
def own_layer_that_counts_its_calls() -> Kind:
    head = dense()
    return chain((9, 9, 3), [Counts(), conv()], [pool(), head], [pool(), raw(head)])
