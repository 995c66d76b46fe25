"""The logits under a head: apply the head's function to them, and the user's model answers."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from nbfeatviz.networks.head import with_logits

PICTURES = np.random.default_rng(1).random((3, 6, 6, 3), dtype=np.float32)


def _start() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    x = keras.Input((6, 6, 3), name="image")
    return x, layers.Flatten()(layers.Conv2D(2, 3)(x))


def _fused(activation: str, units: int = 4) -> keras.Model:
    x, y = _start()
    return keras.Model(x, layers.Dense(units, activation=activation, name="predictions")(y), name="mine")


def _behind(make: Callable[[keras.KerasTensor], keras.KerasTensor], units: int = 4) -> keras.Model:
    x, y = _start()
    return keras.Model(x, make(layers.Dense(units, name="predictions")(y)))


def _sequential(last: list[keras.layers.Layer]) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(2, 3), layers.Flatten(), *last])


def _nested(inner: keras.Model) -> keras.Model:
    x = keras.Input((6, 6, 3))
    return keras.Model(x, inner(layers.ReLU()(x)))


def _shared() -> keras.Model:
    x = keras.Input((6, 6, 3))
    head = layers.Dense(4, activation="softmax")
    head(layers.GlobalMaxPooling2D()(x))
    return keras.Model(x, head(layers.GlobalAveragePooling2D()(x)))


def _of_another_models_layers() -> keras.Model:
    other = _sequential([layers.Dense(4, activation="softmax")])
    return keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(3, 1), *other.layers])


def _convolutional() -> keras.Model:
    x = keras.Input((6, 6, 3))
    return keras.Model(x, layers.Conv2D(1, 3, activation="sigmoid")(x))


SOFTMAX = {
    "fused": lambda: _fused("softmax"),
    "layer": lambda: _behind(layers.Softmax()),
    "activation layer": lambda: _behind(layers.Activation("softmax")),
    "operation": lambda: _behind(keras.ops.softmax),
    "function": lambda: _behind(keras.activations.softmax),
    "sequential": lambda: _sequential([layers.Dense(4, activation="softmax")]),
    "sequential layer": lambda: _sequential([layers.Dense(4), layers.Softmax()]),
    "nested": lambda: _nested(_fused("softmax")),
    "nested sequential": lambda: _nested(_sequential([layers.Dense(4, activation="softmax")])),
    "nested layer": lambda: _nested(_behind(layers.Softmax())),
    "nested operation": lambda: _nested(_behind(keras.ops.softmax)),
    "nested twice": lambda: _nested(_nested(_fused("softmax"))),
    "shared": _shared,
    "another model's": _of_another_models_layers,
}
SIGMOID = {
    "fused": lambda: _fused("sigmoid"),
    "single": lambda: _fused("sigmoid", 1),
    "activation layer": lambda: _behind(layers.Activation("sigmoid"), 1),
    "operation": lambda: _behind(keras.ops.sigmoid),
    "nested": lambda: _nested(_fused("sigmoid", 1)),
    "convolutional": _convolutional,
}
CASES = [pytest.param(make, "softmax", id=f"softmax {name}") for name, make in SOFTMAX.items()]
CASES += [pytest.param(make, "sigmoid", id=f"sigmoid {name}") for name, make in SIGMOID.items()]


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_the_function_of_the_logits_is_what_the_model_says(make: Callable[[], keras.Model], kind: str):
    model = make()
    prepared, head = with_logits(model)
    assert head == kind
    logits = np.asarray(prepared(PICTURES))
    expected = np.asarray(model(PICTURES))
    np.testing.assert_allclose(getattr(keras.ops, kind)(logits), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(logits - expected).max() > 1e-3


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_the_users_model_is_not_altered(make: Callable[[], keras.Model], kind: str):
    model = make()
    answers, config, weights = np.asarray(model(PICTURES)), model.get_config(), model.get_weights()
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    with_logits(model)
    np.testing.assert_array_equal(model(PICTURES), answers)
    assert model.get_config() == config
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    assert all(np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))


@pytest.mark.parametrize(("units", "kind"), [(4, "softmax"), (1, "sigmoid")])
def test_a_model_that_ends_in_logits_is_the_same_model(units: int, kind: str):
    model = _fused("linear", units)
    assert with_logits(model) == (model, kind)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_other_activations_are_left_alone(activation: str):
    model = _fused(activation)
    assert with_logits(model) == (model, "softmax")


def test_names_stay_and_weights_are_shared():
    model = _fused("softmax")
    prepared, _ = with_logits(model)
    assert prepared.name == model.name
    assert [layer.name for layer in prepared.layers] == [layer.name for layer in model.layers]
    assert prepared.layers[1] is model.layers[1]


def test_of_several_outputs_the_first_becomes_logits_and_the_rest_stay():
    x, y = _start()
    outputs = [layers.Dense(4, activation="softmax")(y), layers.Dense(2, activation="softmax")(y)]
    model = keras.Model(x, outputs)
    prepared, head = with_logits(model)
    first, second = prepared(PICTURES)
    assert head == "softmax"
    np.testing.assert_allclose(keras.ops.softmax(first), model(PICTURES)[0], atol=1e-6)
    np.testing.assert_array_equal(second, model(PICTURES)[1])
