"""All the ways in which a model ends: as probabilities, as logits, as plain numbers."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from tests.models.kinds import IN_RANGE, Kind, chain, conv, dense, kind, log, pool, randomize, raw, through

SHAPE = (9, 9, 3)


def _fused(activation: Any, **more: Any) -> Kind:
    head = dense(activation=activation)
    return chain(SHAPE, [conv()], [pool(), head], [pool(), raw(head)], **more)


def _behind(*ends: Any, activation: Any = None, **more: Any) -> Kind:
    """A linear head, then what makes probabilities of it."""
    head = dense(activation=activation)
    return chain(SHAPE, [conv()], [pool(), head, *ends], [pool(), raw(head)], **more)


@kind
def softmax_by_name() -> Kind:
    return _fused("softmax")


@kind
def softmax_function() -> Kind:
    return _fused(keras.activations.softmax)


@kind
def softmax_of_tensorflow() -> Kind:
    return _fused(tf.nn.softmax)


@kind
def softmax_object() -> Kind:
    return _fused(layers.Softmax())


@kind
def softmax_lambda() -> Kind:
    return _fused(lambda x: ops.softmax(x, axis=-1))


def my_probabilities(x: Any) -> Any:
    exponential = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
    return exponential / ops.sum(exponential, axis=-1, keepdims=True)


@kind
def softmax_of_ones_own() -> Kind:
    return _fused(my_probabilities)


@kind
def softmax_layer() -> Kind:
    return _behind(layers.Softmax())


@kind
def softmax_activation_layer() -> Kind:
    return _behind(layers.Activation("softmax", name="probabilities"))


@kind
def softmax_operation() -> Kind:
    return _behind(lambda x: ops.softmax(x))


@kind
def softmax_of_divided_logits() -> Kind:
    head = dense(activation=None)
    cooled: Any = lambda x: x / 2.5  # noqa: E731
    return chain(SHAPE, [conv()], [pool(), head, cooled, ops.softmax], [pool(), raw(head), cooled])


@kind
def softmax_in_a_lambda_layer() -> Kind:
    return _behind(layers.Lambda(lambda x: ops.softmax(x)))


@kind
def softmax_then_flatten() -> Kind:
    pooled, head = layers.GlobalAveragePooling2D(keepdims=True), conv("head", 3, 1, activation="softmax")
    single = lambda x: ops.matmul(x[:, 0, 0, :], head.kernel[0, 0]) + head.bias  # noqa: E731
    return chain(SHAPE, [conv()], [pooled, head, layers.Flatten()], [pooled, single])


@kind
def softmax_then_reshape() -> Kind:
    return _behind(layers.Reshape((1, 3)), layers.Reshape((3,)), activation="softmax")


@kind
def softmax_then_identity() -> Kind:
    return _behind(layers.Identity(), activation="softmax")


@kind
def softmax_then_cast() -> Kind:
    return _behind(lambda x: ops.cast(x, "float64"), activation="softmax")


@kind
def softmax_then_linear_activation() -> Kind:
    return _behind(layers.Activation("linear", dtype="float32"), activation="softmax")


@kind
def softmax_then_dropout() -> Kind:
    return _behind(layers.Dropout(0.3), activation="softmax")


class OwnHead(layers.Layer):
    """A softmax in a layer with weights: what enters it cannot be had from outside."""

    def build(self, shape: Any) -> None:
        self.matrix = self.add_weight(shape=(shape[-1], 3), name="matrix")

    def call(self, x: Any) -> Any:
        return ops.softmax(ops.matmul(x, self.matrix))


@kind
def softmax_inside_an_own_layer() -> Kind:
    head = OwnHead(name="head")
    return chain(SHAPE, [conv()], [pool(), head], [pool(), head, log])


@kind
def softmax_head_shared_with_another_place() -> Kind:
    """The same dense softmax is used in the middle too, and only its last use is the head."""
    head = layers.Dense(4, activation="softmax", name="head")
    picture = keras.Input(SHAPE)
    before = through(conv())

    def after(a: Any, _: Any) -> Any:
        return head(features(a))

    def features(a: Any) -> Any:
        pooled = ops.mean(a, axis=(1, 2))
        return pooled + head(ops.max(a, axis=(1, 2)))

    model = keras.Model(picture, after(before(picture), None), name="mine")
    randomize(model)
    logits: Any = lambda a, _: raw(head)(features(a))  # noqa: E731
    return Kind(model=model, layer="conv", before=before, after=after, logits=logits, options=IN_RANGE)


@kind
def single_sigmoid() -> Kind:
    head = dense(1, "sigmoid")
    return chain(SHAPE, [conv()], [pool(), head], [pool(), raw(head)], head="sigmoid")


@kind
def several_sigmoids() -> Kind:
    head = dense(4, None)
    ends = [layers.Activation(lambda x: ops.sigmoid(x)), layers.Reshape((4,))]
    return chain(SHAPE, [conv()], [pool(), head, *ends], [pool(), raw(head)], head="sigmoid")


@kind
def one_regressed_value() -> Kind:
    end = [pool(), dense(1, None)]
    return chain(SHAPE, [conv()], end, end, head="linear", options={**IN_RANGE, "head": "linear"})


@kind
def box_coordinates() -> Kind:
    """Nothing is said of the head: the loss that the model is compiled with tells it."""
    end = [pool(), dense(4, None)]
    return chain(SHAPE, [conv()], end, end, head="linear", prepared=lambda model: model.compile("adam", "mse"))


@kind
def logits_of_classes() -> Kind:
    end = [pool(), dense(3, None)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return chain(SHAPE, [conv()], end, end, ends_in_logits=True, prepared=lambda model: model.compile("adam", loss))


@kind
def logits_of_several_labels() -> Kind:
    end = [pool(), dense(3, None)]
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return chain(
        SHAPE, [conv()], end, end, head="sigmoid", ends_in_logits=True,
        prepared=lambda model: model.compile("adam", loss),
    )  # fmt: skip
