"""What a network expects of its input, compared with Keras's own `preprocess_input`."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.loading import applications
from nbfeatviz.networks.zoo import efficientnet_lite

PIXELS = np.random.default_rng(3).integers(0, 256, (2, 5, 6, 3)).astype(np.float32)


def test_every_network_of_keras_applications_is_known():
    makers = {name for name, thing in vars(keras.applications).items() if name[0].isupper() and callable(thing)}
    assert set(applications()) == makers
    assert {"InceptionV3", "VGG16", "ResNet50V2", "ConvNeXtTiny", "EfficientNetV2B0", "MobileNetV3Small"} <= makers


@pytest.mark.parametrize("name", sorted(applications()))
def test_the_contract_is_the_modules_own_preprocessing(name: str):
    contract = InputContract.measured((5, 6), applications()[name].preprocess_input)
    # The module in which the network is defined, found another way than `applications()` finds it.
    own = sys.modules[getattr(keras.applications, name).__module__]
    expected = np.asarray(own.preprocess_input(PIXELS.copy()))
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(contract.apply(PIXELS / 255), expected, rtol=0, atol=1e-6 * scale)


def test_the_embedded_networks_have_the_contracts_they_were_trained_with():
    lite = nv.load("efficientnet-lite0")
    assert lite.contract.size == (224, 224)
    expected = (PIXELS - efficientnet_lite.INPUT_MEAN) / efficientnet_lite.INPUT_SCALE
    np.testing.assert_allclose(lite.contract.apply(PIXELS / 255), expected, rtol=0, atol=1e-6)
    digits = nv.load("mnist-cnn").contract
    assert (digits.size, digits.channels) == ((28, 28), 1)
    np.testing.assert_array_equal(digits.apply(PIXELS[..., :1] / 255), PIXELS[..., :1] / 255)


@pytest.mark.parametrize("bgr", [False, True])
def test_tensors_and_arrays_are_treated_alike(bgr: bool):
    contract = InputContract.of_range((5, 6), 3, (-1, 0, 2), (1, 255, 3), bgr)
    array = contract.apply(PIXELS / 255)
    np.testing.assert_array_equal(contract.apply(tf.constant(PIXELS / 255)), array)
    assert array.dtype == np.float32


def test_black_and_white_become_the_ends_of_the_range():
    contract = InputContract.of_range((1, 1), 2, (-1, 10), (1, 20))
    np.testing.assert_array_equal(contract.apply(np.zeros((1, 2), np.float32)), [[-1, 10]])
    np.testing.assert_array_equal(contract.apply(np.ones((1, 2), np.float32)), [[1, 20]])


def test_bgr_turns_the_channels_round():
    contract = InputContract.of_range((1, 1), 3, 0, 255, bgr=True)
    np.testing.assert_array_equal(contract.apply(np.array([1, 0, 0], np.float32)), [0, 0, 255])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels(channels: int):
    contract = InputContract.of_range((1, 1), channels, 0, 2)
    assert contract.channels == channels
    np.testing.assert_array_equal(contract.apply(np.ones(channels, np.float32)), np.full(channels, 2))


@pytest.mark.parametrize(
    ("low", "high", "bgr", "channels", "sentence"),
    [
        (1, 0, False, 3, "is empty: the second must be larger"),
        (0, 0, False, 3, "is empty"),
        ((0, 0, 5), (1, 1, 5), False, 3, "is empty"),
        ((0, 0), 1, False, 3, "has 2 values for 3 channels"),
        (0, 1, True, 4, "'bgr' needs 3 channels; this network has 4"),
        ("a", 1, False, 3, "'a' is not a number"),
        (None, 1, False, 3, "None is not a number"),
        (0, float("inf"), False, 3, "inf is not finite"),
        (float("nan"), 1, False, 3, "nan is not finite"),
    ],
)
def test_a_wrong_range_is_a_sentence(low, high, bgr, channels, sentence):
    with pytest.raises(ValueError, match=sentence):
        InputContract.of_range((1, 1), channels, low, high, bgr)


def test_a_range_may_be_an_array():
    contract = InputContract.of_range((1, 1), 3, np.array([1, 2, 3]), np.array([4, 5, 6]))
    assert (contract.low, contract.high) == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
