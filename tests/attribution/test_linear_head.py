"""Of a network whose outputs are values, the value itself is what masks and deleted pixels are measured by."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv

IMAGE = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def ages() -> nv.Network:
    keras.utils.set_random_seed(3)
    x = keras.Input((8, 8, 3))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 3, activation="relu", name="conv")(x))
    model = keras.Model(x, layers.Dense(1, name="age", bias_initializer="ones")(y))
    model.compile(loss="mse")
    return nv.load(model, input_range=(0, 1))


def _value(network: nv.Network, picture: np.ndarray) -> float:
    return float(network.model.predict(picture[None], verbose=0)[0, 0])


def test_the_ends_of_the_curves_are_the_models_values(ages: nv.Network):
    heat = np.arange(64.0).reshape(8, 8)
    curves = nv.deletion_insertion(ages, IMAGE, heat, steps=4, fill="black", backdrop="white")
    whole = _value(ages, IMAGE)
    assert curves.deletion[0] == curves.insertion[-1] == pytest.approx(1, rel=1e-5)
    assert curves.deletion[-1] == pytest.approx(_value(ages, np.zeros_like(IMAGE)) / whole, rel=1e-4)
    assert curves.insertion[0] == pytest.approx(_value(ages, np.ones_like(IMAGE)) / whole, rel=1e-4)
    assert np.ptp(curves.deletion) > 0


def test_score_cam_weighs_channels_by_the_value(ages: nv.Network):
    channels = nv.activations(ages, IMAGE, "conv")
    nothing = _value(ages, np.zeros_like(IMAGE))
    grid = np.zeros(channels.shape[:2])
    from nbfeatviz.attribution.partial import resized

    for channel in np.moveaxis(channels, -1, 0):
        mask = resized(channel, (8, 8))
        if np.ptp(channel) == 0:
            continue
        mask = (mask - mask.min()) / (mask.max() - mask.min())
        grid += channel * (_value(ages, IMAGE * mask[..., None]) - nothing)
    found = nv.score_cam(ages, IMAGE, layer="conv", resize=False)
    np.testing.assert_allclose(found, np.maximum(grid, 0), rtol=1e-3, atol=1e-5)
