"""What layers give for a picture, and filters as pictures."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from tests.attribution.conftest import network_of


@pytest.mark.parametrize("layer", ["conv1", "conv2", "act2", "pooled", "head"])
def test_they_are_what_keras_gives(pooled, image, layer):
    model = keras.Model(pooled.model.inputs[0], pooled.model.get_layer(layer).output)
    expected = model(pooled.contract.apply(image[None])).numpy()[0]
    found = nv.activations(pooled, image, layer)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_filters_are_the_kernel_about_mid_grey(pooled):
    kernel = np.asarray(pooled.model.get_layer("conv1").kernel)
    found = nv.filters(pooled)
    assert (found.shape, found.dtype) == ((4, 3, 3, 3), np.float32)
    for unit in range(4):
        one = kernel[..., unit]
        np.testing.assert_allclose(found[unit], 0.5 + one / (2 * np.abs(one).max()), rtol=1e-5)
    np.testing.assert_allclose(np.abs(found - 0.5).max(axis=(1, 2, 3)), 0.5, rtol=1e-6)


def test_filters_of_a_network_that_takes_bgr_are_rgb():
    picture = keras.Input((8, 8, 3))
    conv = keras.layers.Conv2D(1, 1, name="conv", bias_initializer="ones")
    model = keras.Model(picture, keras.layers.Flatten()(conv(picture)))
    conv.set_weights([np.array([1.0, 0.0, -0.5]).reshape(1, 1, 3, 1), np.array([0.25])])  # blue, green, red
    network = nv.load(model, input_range=(0, 1), channel_order="bgr")
    np.testing.assert_allclose(nv.filters(network)[0, 0, 0], [0.25, 0.5, 1.0])
    red = np.zeros((8, 8, 3), np.float32)
    red[..., 0] = 1
    np.testing.assert_allclose(nv.apply_filter(network, red, 0), -0.25)


def test_a_filter_applied_is_the_raw_channel(pooled, image):
    layer = pooled.model.get_layer("conv1")
    raw = keras.ops.conv(pooled.contract.apply(image[None]), layer.kernel, padding="same") + layer.bias
    found = nv.apply_filter(pooled, image, 2)
    assert found.min() < 0
    np.testing.assert_allclose(found, np.asarray(raw)[0, ..., 2], rtol=1e-4, atol=1e-5)


def test_a_filter_of_zeros_is_grey():
    picture = keras.Input((8, 8, 1))
    network = network_of(picture, keras.layers.Conv2D(2, 3, kernel_initializer="zeros", name="conv")(picture))
    np.testing.assert_array_equal(nv.filters(network, "conv"), 0.5)


def test_layers_without_filters_to_show(pooled, linear, image):
    with pytest.raises(ValueError, match=r"'conv2' \(Conv2D\) has no filters that can be shown.*that is 'conv1'"):
        nv.filters(pooled, "conv2")
    with pytest.raises(ValueError, match=r"'head' \(Dense\) has no filters"):
        nv.apply_filter(pooled, image, 0, "head")
    with pytest.raises(ValueError, match="there is none"):
        nv.filters(linear)
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        nv.filters(pooled, "conv9")
    with pytest.raises(ValueError, match="unit 4 is out of range"):
        nv.apply_filter(pooled, image, 4)
    with pytest.raises(ValueError, match=r"'picture' \(InputLayer\) computes nothing"):
        nv.activations(pooled, image, "picture")
