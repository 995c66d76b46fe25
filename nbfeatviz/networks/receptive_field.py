"""The receptive field of a layer: which part of the picture one neuron can see at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nbfeatviz.networks.graph import Call, Graph
from nbfeatviz.networks.network import Network


@dataclass(frozen=True)
class _Axis:
    """Output position i sees input positions from step * i + low to step * i + high, inclusive."""

    step: float
    low: float
    high: float


_WHOLE = _Axis(0.0, -math.inf, math.inf)


@dataclass(frozen=True)
class ReceptiveField:
    """The theoretical receptive field of a layer's neurons, in pixels of the network's input.

    Attributes:
        size: (height, width) of one field, before clipping to the image; the image's size where a neuron
            sees all of it.
        stride: (rows, columns) from one neuron's field to the next; 0 where all see the same.
        image: (height, width) of the input.
    """

    size: tuple[int, int]
    stride: tuple[float, float]
    image: tuple[int, int]
    _axes: tuple[_Axis, _Axis]

    def box(self, row: int, col: int) -> tuple[int, int, int, int]:
        """(top, left, bottom, right) of the field of the neuron at (row, col), clipped to the image.

        Bottom and right are exclusive, as in slices.
        """
        (top, bottom), (left, right) = (
            _span(axis, position, length)
            for axis, position, length in zip(self._axes, (row, col), self.image, strict=True)
        )
        return top, left, bottom, right

    def nearest(self, y: float, x: float) -> tuple[int, int]:
        """(row, col) of the neuron whose field is centred nearest to a point in pixels; may lie outside the layer."""
        row, col = (
            round((point - 0.5 - (axis.low + axis.high) / 2) / axis.step) if axis.step else 0
            for axis, point in zip(self._axes, (y, x), strict=True)
        )
        return row, col


def _span(axis: _Axis, position: int, length: int) -> tuple[int, int]:
    start, end = axis.step * position + axis.low, axis.step * position + axis.high
    first = 0 if math.isinf(start) else min(max(math.ceil(start), 0), length - 1)
    last = length - 1 if math.isinf(end) else max(min(math.floor(end), length - 1), first)
    return first, last + 1


def receptive_field(network: Network, layer: str) -> ReceptiveField:
    """The receptive field of a layer of any Functional or Sequential network, nested models included.

    Args:
        network: the network.
        layer: path of the layer.

    Raises:
        ValueError: no such layer.
    """
    target = network.call(layer)
    image = network.contract.size
    axes = _axes(network.graph, target.index, image)
    size = tuple(
        length if math.isinf(axis.high) else int(math.floor(axis.high) - math.ceil(axis.low)) + 1
        for axis, length in zip(axes, image, strict=True)
    )
    return ReceptiveField((size[0], size[1]), (axes[0].step, axes[1].step), image, axes)


def _axes(graph: Graph, target: int, image: tuple[int, int]) -> tuple[_Axis, _Axis]:
    fields: dict[int, tuple[_Axis, _Axis]] = {}
    for index in graph.ancestors([target]):
        call = graph.calls[index]
        if not call.inputs:
            fields[index] = (_Axis(1, 0, 0), _Axis(1, 0, 0))
            continue
        before = graph.calls[call.inputs[0]].shape if call.inputs[0] else (*image, None)
        merged = [_merged([fields[source][axis] for source in call.inputs]) for axis in (0, 1)]
        moved = [_through(call, merged[axis], axis, before) for axis in (0, 1)]
        fields[index] = (moved[0], moved[1])
    return fields[target]


def _merged(axes: list[_Axis]) -> _Axis:
    """Where branches meet a neuron sees what any of them sees; branches of unlike stride see everything."""
    finite = [axis for axis in axes if axis != _WHOLE]
    if len(finite) < len(axes) or len({axis.step for axis in finite}) > 1:
        return _WHOLE
    return _Axis(axes[0].step, min(axis.low for axis in axes), max(axis.high for axis in axes))


def _through(call: Call, axis: _Axis, side: int, before: Any) -> _Axis:
    """The field after one layer, along one side (0: rows, 1: columns)."""
    layer, kind = call.operation, call.kind
    if axis == _WHOLE or kind in _POINTWISE:
        return axis
    if kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D"):
        kernel = getattr(layer, "kernel_size", None) or layer.pool_size
        dilation = getattr(layer, "dilation_rate", (1, 1))
        reach = (kernel[side] - 1) * dilation[side]
        pad = _same_padding(before, side, layer.strides[side], reach) if layer.padding == "same" else 0
        return _windowed(axis, layer.strides[side], -pad, reach - pad)
    if kind == "Conv2DTranspose":
        stride, reach = layer.strides[side], layer.kernel_size[side] - 1
        pad = max(reach + 1 - stride, 0) // 2 if layer.padding == "same" else 0
        return _windowed(axis, 1 / stride, (pad - reach) / stride, pad / stride)
    if kind == "UpSampling2D":
        factor = layer.size[side]
        slack = 0 if layer.interpolation == "nearest" else 1
        return _windowed(axis, 1 / factor, -(factor - 1) / factor - slack, slack)
    if kind == "ZeroPadding2D":
        return _windowed(axis, 1, -layer.padding[side][0], -layer.padding[side][0])
    if kind == "Cropping2D":
        return _windowed(axis, 1, layer.cropping[side][0], layer.cropping[side][0])
    return _WHOLE


def _windowed(axis: _Axis, stride: float, first: float, last: float) -> _Axis:
    """Output i takes the inputs from stride * i + first to stride * i + last."""
    return _Axis(axis.step * stride, axis.low + axis.step * first, axis.high + axis.step * last)


def _same_padding(before: Any, side: int, stride: int, reach: int) -> int:
    """TensorFlow's "same": what is padded before the first pixel depends on the input's length."""
    length = before[side] if before is not None and before[side] is not None else stride
    total = max((math.ceil(length / stride) - 1) * stride + reach + 1 - length, 0)
    return total // 2


_POINTWISE = {
    "InputLayer", "BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Dropout",
    "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Rescaling", "Normalization", "Add", "Subtract",
    "Multiply", "Divide", "Average", "Maximum", "Minimum", "Concatenate", "Relu", "Relu6", "Silu", "Gelu", "Sigmoid",
    "Tanh", "LayerScale", "StochasticDepth", "ActivityRegularization", "TrueDivide", "HardSwish", "HardSigmoid",
    "LayerNormalization", "Identity",
}  # fmt: skip
