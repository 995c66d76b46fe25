"""Which batch norms can be folded into the convolution before them, and the weights that result.

At inference a batch norm is `scale * x + shift` for each channel, and a convolution is linear: convolving with the
kernel times the scale, and adding the shift, gives the same value (up to rounding) without two passes over the
activations, forwards and backwards, which cost as much as many convolutions do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.graph.calls import Call, Graph, Output

# By kind of layer: which of its weights makes the channels, and their axes in it.
KERNELS: dict[str, tuple[str, tuple[int, ...]]] = {
    "Conv2D": ("kernel", (3,)),
    "DepthwiseConv2D": ("kernel", (2, 3)),
    "SeparableConv2D": ("pointwise_kernel", (3,)),
    "Conv2DTranspose": ("kernel", (2,)),
    "Dense": ("kernel", (1,)),
}
_FLOATS = ("float32", "float64", "float16", "bfloat16")


def folds(graph: Graph, targets: Sequence[int]) -> dict[int, Call]:
    """Which convolution is folded into which batch norm, by the index of the norm, when `targets` are computed.

    A convolution (or dense layer) is folded where nothing is in between, nothing else takes its output, nobody reads
    it, and both layers are Keras's own and compute in the same type.
    """
    needed = graph.ancestors(targets)
    taken = Counter(index for call in needed for index in graph.calls[call].inputs)
    found = {}
    for index in needed:
        norm = graph.calls[index]
        if not is_plain_norm(norm):
            continue
        convolution = graph.calls[norm.inputs[0]]
        alone = taken[convolution.index] == 1 and convolution.index not in targets
        linear = is_plain_linear(convolution) and convolution.operation.activation in (None, keras.activations.linear)
        if alone and linear and convolution.operation.compute_dtype == norm.operation.compute_dtype:
            found[index] = convolution
    return found


def keras_kind(layer: Any) -> str:
    """The class of a layer where that is Keras's own, such as "Conv2D"; "" where it is anybody else's."""
    kind = type(layer)
    return kind.__name__ if kind.__module__.partition(".")[0] == "keras" else ""


def is_plain_norm(call: Call) -> bool:
    """Whether it is a batch norm over the last axis that works with its stored statistics."""
    layer = call.operation
    if keras_kind(layer) != "BatchNormalization" or not plainly_called(call) or not _is_float(layer):
        return False
    return layer.axis in (-1, len(call.shape or ()))


def is_plain_linear(call: Call) -> bool:
    """Whether it is a convolution or dense layer of Keras's own, unchanged; it may have an activation."""
    layer = call.operation
    if keras_kind(layer) not in KERNELS or not plainly_called(call) or not _is_float(layer):
        return False
    plain = getattr(layer, "quantization_mode", None) is None and not getattr(layer, "lora_enabled", False)
    return plain and getattr(layer, "data_format", "channels_last") == "channels_last"


def plainly_called(call: Call) -> bool:
    """Whether it is given one tensor and no option that is switched on."""
    return len(call.args) == 1 and isinstance(call.args[0], Output) and nothing_switched_on(call)


def nothing_switched_on(call: Call) -> bool:
    """Whether no option of a call is switched on (such as `training`, which is switched off where it is computed)."""
    return all(value is None or value is False for value in call.kwargs.values())


def _is_float(layer: Any) -> bool:
    return layer.built and layer.compute_dtype in _FLOATS and layer.variable_dtype in _FLOATS


def full_dtype(layer: Any) -> str:
    """What a layer is computed in where nothing else is asked for: float32, or float64 where that is its own."""
    return "float64" if layer.compute_dtype == "float64" else "float32"


def folded(layer: Any, norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and shift of both together; the scale is computed in float64."""
    name, axes = KERNELS[keras_kind(layer)]
    kernel = np.asarray(getattr(layer, name)).astype(full_dtype(layer))
    scale, shift = scale_and_shift(norm)
    if layer.use_bias:
        shift = shift + np.asarray(layer.bias, np.float64) * scale
    shape = [length if axis in axes else 1 for axis, length in enumerate(kernel.shape)]
    return kernel * scale.reshape(shape).astype(kernel.dtype), shift.astype(kernel.dtype)


def scale_and_shift(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a batch norm multiplies each channel by, and then adds; float64."""
    mean, variance = np.asarray(norm.moving_mean, np.float64), np.asarray(norm.moving_variance, np.float64)
    scale = (np.asarray(norm.gamma, np.float64) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    return scale, (np.asarray(norm.beta, np.float64) if norm.center else 0.0) - mean * scale
