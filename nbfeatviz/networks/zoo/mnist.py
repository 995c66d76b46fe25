"""A small trained network for handwritten digits that comes with the project.

Contract: `load_model()` reads the committed file; `train_mnist.py` made it. Input (batch, 28, 28, 1) in 0..1,
white digit on black; output (batch, 10) logits.
"""

from __future__ import annotations

import importlib.resources

import numpy as np

from nbfeatviz.engine import keras

CLASS_NAMES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
"""The class names by index of the logit."""

_FILE = "data/mnist-cnn.keras"
_STATISTICS = "data/mnist-cnn-statistics.npz"


def load_model() -> keras.Model:
    """Reads the trained network.

    Returns:
        A functional model named `mnist-cnn`: convolutions `conv1`, `conv2` and `conv3` (ReLU inside), then
        `flatten` and `logits`. It is not compiled.

    Raises:
        ValueError: If the file is missing from the installation or is damaged.
    """
    with importlib.resources.as_file(importlib.resources.files(__package__) / _FILE) as path:
        if not path.is_file():
            raise ValueError(
                f"{path} is missing, although the package brings it. Reinstall nbfeatviz, or make the file "
                f"anew with `python -m nbfeatviz.networks.zoo.train_mnist -o {path}`."
            )
        # Never compiled: the network is looked at, not trained on.
        return keras.models.load_model(path, compile=False)


def natural_statistics() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and deviation of each channel of the convolutions before their ReLU, by path, on the training digits."""
    with (
        importlib.resources.as_file(importlib.resources.files(__package__) / _STATISTICS) as path,
        np.load(path, allow_pickle=False) as file,
    ):
        return {name: (file[f"{name}-mean"], file[f"{name}-deviation"]) for name in ("conv1", "conv2", "conv3")}
