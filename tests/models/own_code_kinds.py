"""Models with code of the user's own in them, as it is written in a session: nothing of it can be built anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

from tests.models.kinds import Kind, chain, conv, dense, kind, pool, raw


@kind
def lambdas() -> Kind:
    factor, head = 1.7, dense()
    before = [layers.Lambda(lambda x: x * factor - 0.3), conv()]
    squared = layers.Lambda(lambda x: ops.square(x), name="squared")
    return chain((9, 9, 3), before, [squared, pool(), head], [squared, pool(), raw(head)])


class Applies(layers.Layer):
    """Without `get_config`: what it is made with is a function, which Keras cannot write down."""

    def __init__(self, function: Callable[[Any], Any], name: str) -> None:
        super().__init__(name=name)
        self.function = function

    def call(self, x: Any) -> Any:
        return self.function(x)


@kind
def own_layer_without_config() -> Kind:
    head = dense()
    applies = Applies(lambda x: ops.sin(3.0 * x), "applies")
    return chain((9, 9, 3), [conv(), applies], [pool(), head], [pool(), raw(head)], layer="applies")


class Secretive(layers.Layer):
    """Raises when it is asked for its configuration; has a weight."""

    def build(self, shape: Any) -> None:
        self.slope = self.add_weight(shape=(shape[-1],), name="slope")

    def call(self, x: Any) -> Any:
        return ops.where(x > 0, x, self.slope * x)

    def get_config(self) -> dict[str, Any]:
        raise RuntimeError("this layer keeps its configuration to itself")


@kind
def own_layer_whose_config_raises() -> Kind:
    head = dense()
    secretive = Secretive(name="secretive")
    before = [conv(activation=None), secretive]
    return chain((9, 9, 4), before, [pool(), head], [pool(), raw(head)], layer="secretive", seed=4)


@kind
def own_layer_whose_config_raises_nested() -> Kind:
    head = dense()
    inner = [conv(activation=None), Secretive(name="secretive")]
    base = keras.Sequential([keras.Input((9, 9, 3)), *inner], name="base")
    found = chain((9, 9, 3), [base], [pool(), head], [pool(), raw(head)], layer="base/secretive")
    return found


class Own(layers.Dense):
    """A Dense of the user's own, which computes something else than Keras's."""

    def call(self, x: Any) -> Any:
        return ops.softmax(2.0 * ops.matmul(x, self.kernel) + 0.5 * self.bias)


@kind
def subclass_of_dense() -> Kind:
    """Its `activation` is not what it ends in, and its `kernel` not what it multiplies by."""
    head = Own(3, name="head")
    return chain((9, 9, 3), [conv()], [pool(), head])


class Standardized(layers.Conv2D):
    """A convolution with standardized weights (Qiao et al. 2019)."""

    def call(self, x: Any) -> Any:
        mean = ops.mean(self.kernel, axis=(0, 1, 2))
        kernel = (self.kernel - mean) / (ops.std(self.kernel, axis=(0, 1, 2)) + 1e-5)
        return self.activation(ops.conv(x, kernel, padding="valid") + self.bias)


@kind
def subclass_of_convolution() -> Kind:
    head = dense()
    own = Standardized(4, 3, activation="relu", name="own")
    return chain((9, 9, 3), [own], [layers.BatchNormalization(), pool(), head], layer="own")


class TwoFold(layers.Layer):
    """Returns two tensors."""

    def call(self, x: Any) -> tuple[Any, Any]:
        return ops.relu(x), ops.relu(-x)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape, shape


@kind
def own_layer_of_two_outputs() -> Kind:
    head = dense()
    twofold = TwoFold(name="twofold")

    def parted(x: Any) -> Any:
        positive, negative = twofold(x)
        return ops.concatenate([positive * 2.0, negative], axis=-1)

    return chain((9, 9, 3), [conv(activation=None)], [parted, pool(), head], [parted, pool(), raw(head)])


@kind
def own_hidden_activations() -> Kind:
    """A function, a lambda, an object, and a layer of Keras as activations of hidden layers."""
    head = dense()
    own = [
        conv("first", activation=bent),
        conv("second", activation=lambda x: ops.sin(x)),
        conv("third", activation=layers.LeakyReLU(0.2)),
        conv(activation=layers.PReLU(shared_axes=[1, 2])),
    ]
    return chain((11, 11, 2), own, [pool(), head], [pool(), raw(head)])


def bent(x: Any) -> Any:
    return ops.tanh(x) + 0.1 * x
