"""The quick way through a network: bare TensorFlow operations, batch norms folded, if wanted in half the bits.

Contract: the same values and gradients as the layers themselves give, up to rounding. Each trick has its reason:

- A batch norm is folded into the convolution before it (see `folding`): that halves the passes over memory.
- Keras's own layers are computed by the operations behind them, not by calling the layers: tracing those takes about
  as long as the first second that a person waits.
- In "bfloat16" the weights are cast once, not at every step, and pictures flow in 16 bits: processors with such
  instructions multiply two to four times as fast. What comes out is float32 again.
- A small 1×1 convolution, as in the receptive field of a neuron, is a matrix product: TensorFlow computes that at once,
  but has its threads compute a convolution however small.
- A model that computes in 16 bits by its own choice (mixed precision) is computed in float32, by its own live weights:
  gradients of 16 bits are no explanation.
- A layer that is not known here is called as it is, in its own precision.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.compute.derived_weights import DerivedWeights
from nbfeatviz.networks.compute.folding import (
    folded,
    folds,
    full_dtype,
    is_plain_linear,
    is_plain_norm,
    keras_kind,
    nothing_switched_on,
    scale_and_shift,
)
from nbfeatviz.networks.graph.calls import Call, Graph, computed
from nbfeatviz.networks.graph.layer_clone import layer_clone

_log = logging.getLogger(__name__)

SMALL_PRODUCT = 1_000_000
"""Up to so many multiplications a 1×1 convolution is computed as a matrix product."""

# Layers without weights, whose `call` computes in the type that it is given.
WEIGHTLESS = {
    "Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum",
    "Concatenate", "ZeroPadding2D", "Cropping2D", "UpSampling2D", "MaxPooling2D", "AveragePooling2D",
    "GlobalMaxPooling2D", "GlobalAveragePooling2D", "Flatten", "Reshape", "Permute", "Dropout", "SpatialDropout2D",
    "GaussianNoise", "GaussianDropout",
}  # fmt: skip

# Keras's layers without layers inside, which compute in float32 where their policy says so.
SINGLE = {
    "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
    "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Dense", "EinsumDense", "PReLU", "BatchNormalization",
    "LayerNormalization", "GroupNormalization", "UnitNormalization", "RMSNormalization", "Normalization", "Rescaling",
    "Resizing", "CenterCrop", "Identity", "LayerScale", "Dot",
}  # fmt: skip
_HALVES = ("float16", "bfloat16")

Operation = Callable[[Any], Any]


class FastPath:
    """How the calls below some targets are computed.

    Args:
        graph: of the network.
        derived: made of its weights.
        targets: indices of calls.
        precision: "float32", or "bfloat16".

    Attributes:
        carried: indices of convolutions that the norm behind them computes too.
        in_16_bits: the kinds of layers that compute in 16 bits by the model's choice and stay so, with their numbers;
            "" where there are none.
    """

    def __init__(
        self, graph: Graph, derived: DerivedWeights, targets: Sequence[int], precision: str = "float32"
    ) -> None:
        self._dtype = "bfloat16" if precision == "bfloat16" and reducible(graph) else None
        self._folds = folds(graph, targets)
        self.carried = {convolution.index for convolution in self._folds.values()}
        self._linear: dict[int, Operation] = {}
        self._direct: set[int] = set()
        self._widened: dict[int, Any] = {}
        unknown: Counter[str] = Counter()
        halved: Counter[str] = Counter()
        for index in graph.ancestors(targets):
            call = graph.calls[index]
            if index in self._folds:
                layer = self._folds[index].operation
                weights = derived.of(folded, layer, call.operation, dtype=self._dtype)
                self._linear[index] = self._affine(layer, weights, derived)
            elif index in self.carried or keras_kind(call.operation) == "InputLayer":
                continue
            elif is_plain_norm(call):
                self._linear[index] = _scaled(derived.of(_norm_weights, call.operation, dtype=self._dtype))
            elif is_plain_linear(call):
                layer = call.operation
                weights = (
                    _own(layer, derived) if self._dtype is None else derived.of(_weights, layer, dtype=self._dtype)
                )
                self._linear[index] = self._affine(layer, weights, derived)
            elif keras_kind(call.operation) in WEIGHTLESS and nothing_switched_on(call):
                self._direct.add(index)
            elif getattr(call.operation, "compute_dtype", None) not in _HALVES:
                unknown[call.kind] += 1
            elif (wide := _in_float32(call.operation)) is not None:
                self._widened[index] = wide
            else:
                halved[call.kind] += 1
        self.in_16_bits = _counted(halved)
        if unknown:
            _log.info("layers that are computed as they stand: %s", _counted(unknown))

    def given(self, inputs: Any) -> Any:
        """The network's input as it flows on."""
        return inputs if self._dtype is None else tf.cast(inputs, self._dtype)

    def linear(self, call: Call, inputs: Any) -> Any:
        """A convolution, dense layer or norm without its activation; None for any other call."""
        operation = self._linear.get(call.index)
        return None if operation is None else operation(inputs)

    def other(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What any other call computes; None where the layer itself is to be called."""
        if call.index in self._direct:
            return call.operation.call(*args)
        if call.index in self._widened:
            return computed(call, args, kwargs, self._widened[call.index])
        if self._dtype is None:
            return None
        wide_args, wide_kwargs = keras.tree.map_structure(_widened, (args, kwargs))
        return keras.tree.map_structure(self.narrowed, computed(call, wide_args, wide_kwargs))

    def narrowed(self, value: Any) -> Any:
        """A value as it flows on."""
        narrows = self._dtype is not None and tf.is_tensor(value) and value.dtype == tf.float32
        return tf.cast(value, self._dtype) if narrows else value

    def _affine(self, layer: Any, weights: tuple[Any, ...], derived: DerivedWeights) -> Operation:
        kernel, *bias = weights
        multiplied = _OPERATIONS[keras_kind(layer)]
        dtype = self._dtype or full_dtype(layer)
        depthwise = None
        if keras_kind(layer) == "SeparableConv2D":  # what comes before its kernel
            depthwise = derived.of(_depthwise_weights, layer, dtype=dtype)[0]

        def affine(inputs: Any) -> Any:
            found = multiplied(layer, tf.cast(inputs, dtype), tf.cast(kernel, dtype), depthwise)
            return tf.nn.bias_add(found, tf.cast(bias[0], dtype)) if bias else found

        return affine


def _widened(value: Any) -> Any:
    return tf.cast(value, tf.float32) if tf.is_tensor(value) and value.dtype == tf.bfloat16 else value


def reducible(graph: Graph) -> bool:
    """Whether all of a network computes in float32, so that there is something to reduce."""
    return all(getattr(call.operation, "compute_dtype", "float32") == "float32" for call in graph.calls)


def _in_float32(layer: Any) -> Any:
    """A clone of a layer of Keras's own, with its live weights, that computes in float32; None if it is not known."""
    policies = keras.dtype_policies
    if keras_kind(layer) not in SINGLE or isinstance(layer.dtype_policy, policies.DTypePolicyMap):
        return None
    if getattr(layer, "quantization_mode", None) is not None:
        return None
    clone = layer_clone(layer)
    clone.dtype_policy = keras.DTypePolicy("float32")
    return clone


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{kind} ({count}×)" for kind, count in kinds.items())


def _variables(layer: Any) -> tuple[Any, ...]:
    """A layer's kernel and bias."""
    kernel = layer.pointwise_kernel if keras_kind(layer) == "SeparableConv2D" else layer.kernel
    return (kernel, layer.bias) if layer.use_bias else (kernel,)


def _own(layer: Any, derived: DerivedWeights) -> tuple[Any, ...]:
    return tuple(map(derived.live, _variables(layer)))


def _weights(layer: Any) -> tuple[np.ndarray, ...]:
    return tuple(map(np.asarray, _variables(layer)))


def _depthwise_weights(layer: Any) -> tuple[np.ndarray, ...]:
    return (np.asarray(layer.depthwise_kernel),)


def _norm_weights(norm: Any) -> tuple[np.ndarray, ...]:
    return tuple(value.astype(full_dtype(norm)) for value in scale_and_shift(norm))


def _scaled(weights: tuple[Any, ...]) -> Operation:
    scale, shift = weights
    return lambda inputs: tf.cast(inputs, scale.dtype) * scale + shift


def _options(layer: Any) -> dict[str, Any]:
    return {"strides": layer.strides, "padding": layer.padding, "dilation_rate": layer.dilation_rate}


def _convolved(layer: Any, inputs: Any, kernel: Any, _: Any) -> Any:
    if layer.groups > 1 or max(layer.dilation_rate) > 1:  # what TensorFlow's own operation cannot do everywhere
        return keras.ops.conv(inputs, kernel, data_format="channels_last", **_options(layer))
    if tuple(kernel.shape[:2]) == (1, 1) and max(layer.strides) == 1 and _is_small(inputs, kernel):
        pixels = tf.matmul(tf.reshape(inputs, [-1, kernel.shape[2]]), tf.reshape(kernel, kernel.shape[2:]))
        return tf.reshape(pixels, [*inputs.shape[:3], kernel.shape[3]])
    return tf.nn.conv2d(inputs, kernel, layer.strides, layer.padding.upper())


def _is_small(inputs: Any, kernel: Any) -> bool:
    """Whether a 1×1 convolution takes less time than it takes to wake the threads for it."""
    return inputs.shape.is_fully_defined() and inputs.shape.num_elements() * kernel.shape[3] <= SMALL_PRODUCT


def _depthwise(layer: Any, inputs: Any, kernel: Any, _: Any) -> Any:
    return keras.ops.depthwise_conv(inputs, kernel, data_format="channels_last", **_options(layer))


def _separable(layer: Any, inputs: Any, kernel: Any, depthwise: Any) -> Any:
    return keras.ops.separable_conv(inputs, depthwise, kernel, data_format="channels_last", **_options(layer))


def _transposed(layer: Any, inputs: Any, kernel: Any, _: Any) -> Any:
    options = {**_options(layer), "output_padding": layer.output_padding}
    return keras.ops.conv_transpose(inputs, kernel, data_format="channels_last", **options)


def _multiplied(layer: Any, inputs: Any, kernel: Any, _: Any) -> Any:
    return keras.ops.matmul(inputs, kernel)


_OPERATIONS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "Conv2D": _convolved,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Conv2DTranspose": _transposed,
    "Dense": _multiplied,
}
