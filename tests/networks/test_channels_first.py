"""Keras's global order of dimensions does not matter: every network takes and gives what it does without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.zoo import mnist, train_mnist


@pytest.fixture
def channels_first() -> Iterator[None]:
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    assert keras.config.image_data_format() == "channels_first"  # the setting is the user's
    keras.config.set_image_data_format(before)


def _lite0() -> nv.Network:
    return nv.load("efficientnet-lite0")


def _digits() -> nv.Network:
    return nv.load("mnist-cnn")


def _named() -> nv.Network:
    keras.utils.set_random_seed(3)
    return nv.load("MobileNet", weights=None)


def _named_with_a_mean_for_each_channel() -> nv.Network:
    keras.utils.set_random_seed(3)
    return nv.load("DenseNet121", weights=None)


@pytest.fixture(scope="module")
def pictures() -> dict[int, np.ndarray]:
    random = np.random.default_rng(5)
    return {channels: random.random((60, 70, channels), dtype=np.float32) for channels in (1, 3)}


@pytest.fixture(scope="module")
def expected(pictures: dict[int, np.ndarray]) -> dict[str, tuple[InputContract, list]]:
    """Contract and answers under Keras's default."""
    assert keras.config.image_data_format() == "channels_last"
    return {
        make.__name__: _seen(make(), pictures)
        for make in (_lite0, _digits, _named, _named_with_a_mean_for_each_channel)
    }


def _seen(network: nv.Network, pictures: dict[int, np.ndarray]) -> tuple:
    return network.contract, network.predict(pictures[network.contract.channels], top=5)


@pytest.mark.parametrize("make", [_lite0, _digits, _named, _named_with_a_mean_for_each_channel])
def test_the_answers_are_the_same(make: Callable[[], nv.Network], expected, pictures, channels_first):
    contract, answers = _seen(make(), pictures)
    assert contract == expected[make.__name__][0]
    assert [answer[:2] for answer in answers] == [answer[:2] for answer in expected[make.__name__][1]]
    np.testing.assert_allclose(
        [answer[2] for answer in answers], [answer[2] for answer in expected[make.__name__][1]], rtol=1e-5
    )


def test_a_unit_can_be_maximized(channels_first):
    def seen() -> np.ndarray:
        return nv.maximize(_digits(), nv.objectives.channel("conv2", 3), recipe="tutorial13", steps=2, seed=1).image

    under = seen()
    keras.config.set_image_data_format("channels_last")
    np.testing.assert_allclose(under, seen(), atol=1e-5)
    keras.config.set_image_data_format("channels_first")


def test_the_script_of_the_digits_makes_the_same_network(channels_first):
    network = train_mnist.train(epochs=1)
    kept = {layer.name: getattr(layer, "data_format", None) for layer in mnist.load_model().layers}
    assert {layer.name: getattr(layer, "data_format", None) for layer in network.layers} == kept
    assert network.output_shape == (None, 10) and network.get_layer("conv3").output.shape == (None, 7, 7, 64)
