"""Copies: the same for all who ask, and up to date after any change of the weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nbfeatviz.networks.copies import Copies


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
    copies = Copies()
    assert copies.of(doubled, layer) is copies.of(doubled, layer)
    assert doubled.calls == 1
    half = copies.of(doubled, layer, dtype="bfloat16")
    assert [value.dtype.name for value in half] == ["bfloat16", "bfloat16"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(layer, change):
    copies = Copies()
    kernel, bias = copies.of(doubled, layer)
    for _ in range(2):  # also the second time
        CHANGES[change](layer)
        copies.refresh()
        np.testing.assert_array_equal(kernel, 2 * np.asarray(layer.kernel))
        np.testing.assert_array_equal(bias, 2 * np.asarray(layer.bias))


def test_nothing_is_made_again_without_a_change(layer):
    copies = Copies()
    copies.of(doubled, layer)
    copies.refresh()
    assert doubled.calls == 1
    layer.bias.assign([1.0, 2.0, 3.0])
    copies.refresh()
    copies.refresh()
    assert doubled.calls == 2
