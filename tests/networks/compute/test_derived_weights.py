"""Derived weights: the same for all who ask, and up to date after any change of the weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from nbfeatviz.networks.compute.derived_weights import DerivedWeights


def doubled(layer):
    doubled.calls += 1
    return tuple(2 * np.asarray(value) for value in layer.weights)


@pytest.fixture
def layer():
    doubled.calls = 0
    layer = keras.layers.Dense(3)
    layer.build((None, 2))
    return layer


def trained(layer):
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([np.ones(value.shape, np.float32) for value in layer.trainable_variables])


CHANGES = {
    "assigned": lambda layer: layer.kernel.assign(np.full((2, 3), 7.0)),
    "added to": lambda layer: layer.bias.value.assign_add(np.ones(3, np.float32)),
    "one element": lambda layer: layer.kernel.value[0, 0].assign(9.0),
    "trained": trained,
    "loaded": lambda layer: layer.set_weights([np.zeros((2, 3)), np.ones(3)]),
}


def test_all_who_ask_get_the_same(layer):
    derived = DerivedWeights()
    assert derived.of(doubled, layer) is derived.of(doubled, layer)
    assert doubled.calls == 1
    half = derived.of(doubled, layer, dtype="bfloat16")
    assert [value.dtype.name for value in half] == ["bfloat16", "bfloat16"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(layer, change):
    derived = DerivedWeights()
    kernel, bias = derived.of(doubled, layer)
    for _ in range(2):  # also the second time
        CHANGES[change](layer)
        derived.refresh()
        np.testing.assert_array_equal(kernel, 2 * np.asarray(layer.kernel))
        np.testing.assert_array_equal(bias, 2 * np.asarray(layer.bias))


def test_nothing_is_made_again_without_a_change(layer):
    derived = DerivedWeights()
    derived.of(doubled, layer)
    derived.refresh()
    assert doubled.calls == 1
    layer.bias.assign([1.0, 2.0, 3.0])
    derived.refresh()
    derived.refresh()
    assert doubled.calls == 2


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_change_of_a_watched_weight_is_told_once(dtype):
    weight = keras.Variable(np.ones(3), dtype=dtype)
    derived = DerivedWeights([weight])
    assert not derived.refresh()
    weight.assign([1, 2, 3])
    assert derived.refresh()
    assert not derived.refresh()


def test_what_is_derived_of_substitutes_follows_them_and_not_the_layer(layer):
    substitutes = {id(one): tf.Variable(one.value) for one in layer.weights}
    derived = DerivedWeights(layer.weights, substitutes)
    kernel, _ = derived.of(doubled, layer)
    layer.kernel.assign(np.full((2, 3), 7.0))
    derived.live(layer.kernel).assign(np.full((2, 3), 5.0))
    assert derived.refresh()
    np.testing.assert_array_equal(kernel, np.full((2, 3), 10.0))
    np.testing.assert_array_equal(layer.kernel, np.full((2, 3), 7.0))
