"""The activation that a layer of Keras was given (string, function, object or lambda), and its value before that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbfeatviz.engine import keras
from nbfeatviz.networks.graph.calls import Call, computed
from nbfeatviz.networks.graph.layer_clone import layer_clone

# Layers that apply their `activation` last: what it is before is their value with a linear activation.
_ACTIVATED = (
    "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D",
    "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D", "Dense", "EinsumDense",
)  # fmt: skip
_RECTIFIERS = ("ReLU", "LeakyReLU", "PReLU")
_OPERATIONS = ("relu", "relu6", "leakyrelu", "leaky_relu")
_OTHER_KINDS = {
    "Celu", "ELU", "Elu", "Gelu", "HardSigmoid", "HardSilu", "HardTanh", "HardShrink", "LogSigmoid", "LogSoftmax",
    "Mish", "Selu", "Sigmoid", "Silu", "SoftShrink", "Softmax", "Softplus", "Softsign", "SparsePlus", "Squareplus",
    "Tanh", "TanhShrink", "Threshold",
}  # fmt: skip


def fused_activation(call: Call) -> Any:
    """The activation inside a convolution or dense layer, or None; a layer of your own keeps its call as it is."""
    layer = call.operation
    if not is_one_of(layer, _ACTIVATED) or layer.activation in (None, keras.activations.linear):
        return None
    caller = next(kind for kind in type(layer).__mro__ if "call" in vars(kind))
    return layer.activation if caller.__module__.split(".")[0] == "keras" else None


def before_activation(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a layer with a `fused_activation` computes before it, with its own live weights.

    Args:
        call: use of the layer.
        args: positional arguments with tensors.
        kwargs: keyword arguments with tensors.
    """
    return computed(call, args, kwargs, layer_clone(call.operation, activation=keras.activations.linear))


def is_activation(call: Call) -> bool:
    """Whether a call is an activation by itself: a layer or operation of Keras's that takes one tensor."""
    if len(call.inputs) != 1 or type(call.operation).__module__.partition(".")[0] != "keras":
        return False
    if isinstance(call.operation, keras.layers.Layer):
        return is_one_of(call.operation, ("Activation", *_RECTIFIERS, "ELU", "Softmax"))
    return call.kind.lower() in _OPERATIONS or call.kind in _OTHER_KINDS


def activation_of(call: Call) -> Any:
    """What a call applies last as an activation: a function, a layer or an operation; None where it applies none."""
    layer = call.operation
    activation = layer.activation if isinstance(layer, keras.layers.Activation) else fused_activation(call)
    if activation is not None:
        return None if activation is keras.activations.linear else activation
    is_operation = not isinstance(layer, keras.layers.Layer) and call.kind.lower() in _OPERATIONS
    return layer if is_operation or is_one_of(layer, _RECTIFIERS) or call.kind in _OTHER_KINDS else None


def is_one_of(layer: Any, kinds: Sequence[str]) -> bool:
    """Whether it is a layer of one of these classes of Keras, or of a class made from one."""
    return isinstance(layer, tuple(getattr(keras.layers, kind) for kind in kinds))


def name_of(activation: Any) -> str:
    """The name of an activation: that of a function, the kind of a layer or operation."""
    return getattr(activation, "__name__", None) or type(activation).__name__.lower()


def name_of_known(activation: Any) -> str:
    """The name of an activation of Keras's or TensorFlow's own; "" for anybody else's, whatever its name says."""
    module = getattr(activation, "__module__", None) or type(activation).__module__
    return name_of(activation) if str(module).partition(".")[0] in ("keras", "tensorflow") else ""
