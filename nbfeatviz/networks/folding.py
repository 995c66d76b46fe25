"""Convolutions with the batch norm behind them folded in: one operation where there were three.

At inference a batch norm is `scale * x + shift` for each channel, and a convolution is linear: convolving with the
kernel times the scale, and adding the shift, gives the same value (up to rounding) without two passes over the
activations, forwards and backwards, which cost as much as many convolutions do.

Contract: a convolution (or dense layer) is folded where nothing is in between, nothing else takes its output, nobody
reads it, and both layers are Keras's own in one floating type; everything else is computed as it stands. The folded
weights are copies beside the network's own, shared by all that is compiled; `Folding.refresh` brings them up to date
after the network's weights have been changed.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.graph import Call, Graph, Output

_FLOATS = ("float32", "float64")


def _convolved(layer: Any, inputs: Any, kernel: Any) -> Any:
    options = {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}
    return keras.ops.conv(inputs, kernel, data_format=layer.data_format, **options)


def _depthwise(layer: Any, inputs: Any, kernel: Any) -> Any:
    options = {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}
    return keras.ops.depthwise_conv(inputs, kernel, data_format=layer.data_format, **options)


def _separable(layer: Any, inputs: Any, kernel: Any) -> Any:
    """The kernel is the pointwise one, which comes last."""
    options = {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}
    return keras.ops.separable_conv(
        inputs, layer.depthwise_kernel.value, kernel, data_format=layer.data_format, **options
    )


def _transposed(layer: Any, inputs: Any, kernel: Any) -> Any:
    options = {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}
    return keras.ops.conv_transpose(
        inputs, kernel, output_padding=layer.output_padding, data_format=layer.data_format, **options
    )


def _multiplied(layer: Any, inputs: Any, kernel: Any) -> Any:
    return keras.ops.matmul(inputs, kernel)


# By kind of layer: what it computes without its bias, which of its weights makes the channels, and their axes in it.
@functools.cache
def _foldable() -> dict[type, tuple[Callable[[Any, Any, Any], Any], str, tuple[int, ...]]]:
    return {
        keras.layers.Conv2D: (_convolved, "kernel", (3,)),
        keras.layers.DepthwiseConv2D: (_depthwise, "kernel", (2, 3)),
        keras.layers.SeparableConv2D: (_separable, "pointwise_kernel", (3,)),
        keras.layers.Conv2DTranspose: (_transposed, "kernel", (2,)),
        keras.layers.Dense: (_multiplied, "kernel", (1,)),
    }


class Folding:
    """What can be folded in a network, and the folded weights."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._weights: dict[tuple[int, int], tuple[Any, Any, Any, Any]] = {}
        self._lock = threading.Lock()

    def pairs(self, targets: Sequence[int]) -> dict[int, Call]:
        """Which convolution is folded into which batch norm, by the index of the norm, when `targets` are computed."""
        needed = self._graph.ancestors(targets)
        taken = Counter(index for call in needed for index in self._graph.calls[call].inputs)
        found = {}
        for index in needed:
            norm = self._graph.calls[index]
            if type(norm.operation) is not keras.layers.BatchNormalization or len(norm.inputs) != 1:
                continue
            convolution = self._graph.calls[norm.inputs[0]]
            alone = taken[convolution.index] == 1 and convolution.index not in targets
            if alone and _plainly_called(norm) and _plainly_called(convolution) and _suits(convolution, norm):
                found[index] = convolution
        return found

    def apply(self, convolution: Call, norm: Call, inputs: Any) -> Any:
        """The norm's output from the convolution's input."""
        layer, follower = convolution.operation, norm.operation
        kernel, shift = self._weights_of(layer, follower)
        given = tf.cast(inputs, layer.compute_dtype)  # as Keras does where a layer is called
        return tf.nn.bias_add(_foldable()[type(layer)][0](layer, given, kernel), shift)

    def refresh(self) -> None:
        """Folds again what has been folded, after the network's weights may have been changed."""
        with self._lock:
            for kernel, shift, layer, norm in self._weights.values():
                for variable, value in zip((kernel, shift), _folded(layer, norm), strict=True):
                    variable.assign(value)

    def _weights_of(self, layer: Any, norm: Any) -> tuple[Any, Any]:
        """Variables, the same for every use of the two layers; the layers are held, so that an id stays theirs."""
        key = id(layer), id(norm)
        with self._lock, tf.init_scope():
            if key not in self._weights:
                kernel, shift = (tf.Variable(value, trainable=False) for value in _folded(layer, norm))
                self._weights[key] = kernel, shift, layer, norm
            return self._weights[key][:2]


def _plainly_called(call: Call) -> bool:
    """Whether it is given one tensor and no option that is switched on (such as `training`)."""
    return len(call.args) == 1 and isinstance(call.args[0], Output) and not any(call.kwargs.values())


def _suits(convolution: Call, norm: Call) -> bool:
    layer, follower = convolution.operation, norm.operation
    if type(layer) not in _foldable() or layer.activation not in (None, keras.activations.linear):
        return False
    dtypes = {layer.compute_dtype, layer.variable_dtype, follower.compute_dtype, follower.variable_dtype}
    one_float = len(dtypes) == 1 and dtypes.pop() in _FLOATS
    plain = getattr(layer, "quantization_mode", None) is None and layer.built and follower.built
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    rank = len(convolution.shape or ()) + 1
    return one_float and plain and last and follower.axis in (-1, rank - 1)


def _folded(layer: Any, norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and shift; the scale is computed in float64."""
    _, name, axes = _foldable()[type(layer)]
    kernel = np.asarray(getattr(layer, name))
    mean, variance = np.asarray(norm.moving_mean, np.float64), np.asarray(norm.moving_variance, np.float64)
    scale = (np.asarray(norm.gamma, np.float64) if norm.scale else 1.0) / np.sqrt(variance + norm.epsilon)
    bias = np.asarray(layer.bias, np.float64) if layer.use_bias else 0.0
    shift = (bias - mean) * scale + (np.asarray(norm.beta, np.float64) if norm.center else 0.0)
    shape = [length if axis in axes else 1 for axis, length in enumerate(kernel.shape)]
    return kernel * scale.reshape(shape).astype(kernel.dtype), shift.astype(kernel.dtype)
