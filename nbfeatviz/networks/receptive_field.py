"""The receptive field of a layer: which part of the picture one neuron can see at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import keras
from nbfeatviz.networks.compute.folding import keras_kind
from nbfeatviz.networks.graph.calls import Call, Graph
from nbfeatviz.networks.network import Network


@dataclass(frozen=True)
class _Axis:
    """Output position i, of `length`, sees input positions from step * i + low to step * i + high, inclusive.

    The length is followed layer by layer, because a nested model may leave its own size open; None where a
    layer is not understood.
    """

    step: float
    low: float
    high: float
    length: int | None

    @property
    def whole(self) -> bool:
        """Whether every position sees everything."""
        return math.isinf(self.high)


_WHOLE = _Axis(0.0, -math.inf, math.inf, None)
_SLACK = 1e-6  # steps such as 1/3 are not exact


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
    first = 0 if math.isinf(start) else min(max(math.ceil(start - _SLACK), 0), length - 1)
    last = length - 1 if math.isinf(end) else max(min(math.floor(end + _SLACK), length - 1), first)
    return first, last + 1


def receptive_field(network: Network, layer: str) -> ReceptiveField:
    """The receptive field of a layer of any Functional or Sequential network, nested models included.

    Args:
        network: the network.
        layer: path of the layer.

    Raises:
        ValueError: no such layer.
        TypeError: no Network.
    """
    if not isinstance(network, Network):
        raise TypeError(f"{network!r} is not a Network: nbfeatviz.load(...) makes one.")
    target = network.call(layer)
    image = network.contract.size
    axes = _axes(network.graph, target.index, image)
    size = tuple(
        length if axis.whole else int(math.floor(axis.high + _SLACK) - math.ceil(axis.low - _SLACK)) + 1
        for axis, length in zip(axes, image, strict=True)
    )
    return ReceptiveField((size[0], size[1]), (axes[0].step, axes[1].step), image, axes)


@dataclass(frozen=True)
class FieldCrop:
    """The part of a picture that some neurons can see, placed so that computing it alone gives them the same values.

    Attributes:
        corner: (top, left).
        size: (height, width).
        positions: (row, col) of each neuron in the layers computed from that part.
    """

    corner: tuple[int, int]
    size: tuple[int, int]
    positions: tuple[tuple[int, int], ...]


def field_crop(
    network: Network, neurons: list[tuple[str, int | None, int | None]], image: tuple[int, int]
) -> FieldCrop | None:
    """The crop for neurons (layer, row, col), None being the middle; None where there is no smaller one that is exact.

    What a neuron depends on lies in its field at every layer below it, so that what is padded at the crop's edges never
    reaches it. The crop begins on the grid of all strides, and differs from the picture's length by whole
    steps of it, so that "same" padding falls where it fell. What the layers below cut off at their edges is added to
    it, so that every position that the neuron takes is still there.

    Args:
        network: the network.
        neurons: layers by path, with positions.
        image: (height, width) of the picture.
    """
    found: list[tuple[tuple[_Axis, _Axis], tuple[int, int]]] = []
    below: tuple[list[_Axis], list[_Axis]] = ([], [])
    grid = [1, 1]
    for layer, row, col in neurons:
        fields = _fields(network.graph, network.call(layer).index, image)
        for side in (0, 1):
            for axes in fields.values():
                step = axes[side].step
                if axes[side].whole or axes[side].length is None or step < 1 or abs(step - round(step)) > _SLACK:
                    return None
                grid[side] = math.lcm(grid[side], round(step))
                below[side].append(axes[side])
        axes = fields[network.call(layer).index]
        middle = tuple((axis.length or 0) // 2 for axis in axes)
        found.append((axes, (middle[0] if row is None else row, middle[1] if col is None else col)))
    spans = []
    for side in (0, 1):
        boxes = [_span(axes[side], place[side], image[side]) for axes, place in found]
        start = _cut_before(below[side], min(first for first, _ in boxes)) // grid[side] * grid[side]
        needed = _cut_after(below[side], max(last for _, last in boxes), image[side]) - start
        length = needed + (image[side] - start - needed) % grid[side]
        if any((axis.length or 0) - (image[side] - length) / axis.step < 1 for axis in below[side]):
            return None  # a layer would have nothing left
        spans.append((start, length))
    (top, height), (left, width) = spans
    if height * width > 0.8 * image[0] * image[1]:
        return None
    positions = tuple(
        (place[0] - top // round(axes[0].step), place[1] - left // round(axes[1].step)) for axes, place in found
    )
    return FieldCrop((top, left), (height, width), positions)


def _cut_before(axes: list[_Axis], first: int) -> int:
    """Where a crop begins that leaves layers all positions that see from pixel `first` on."""
    return max(first - max(0, *(math.ceil(axis.low - _SLACK) for axis in axes)), 0)


def _cut_after(axes: list[_Axis], end: int, image: int) -> int:
    """Where a crop ends, exclusive, that leaves layers all positions that see up to pixel `end`, exclusive."""
    unseen = (image - 1 - (axis.step * ((axis.length or 1) - 1) + axis.high) for axis in axes)  # by their last position
    return min(end + max(0, *(math.ceil(pixels - _SLACK) for pixels in unseen)), image)


def _axes(graph: Graph, target: int, image: tuple[int, int]) -> tuple[_Axis, _Axis]:
    return _fields(graph, target, image)[target]


def _fields(graph: Graph, target: int, image: tuple[int, int]) -> dict[int, tuple[_Axis, _Axis]]:
    """The fields of a call and of all calls below it."""
    fields: dict[int, tuple[_Axis, _Axis]] = {}
    for index in graph.ancestors([target]):
        call = graph.calls[index]
        if index in graph.held:
            fields[index] = (_WHOLE, _WHOLE)
            continue
        if not call.inputs:
            fields[index] = (_Axis(1, 0, 0, image[0]), _Axis(1, 0, 0, image[1]))
            continue
        merged = [_merged([fields[source][side] for source in call.inputs]) for side in (0, 1)]
        rank = len(graph.calls[call.inputs[0]].shape or ())
        moved = [_through(call, merged[side], side, rank) for side in (0, 1)]
        fields[index] = (moved[0], moved[1])
    return fields


def _merged(axes: list[_Axis]) -> _Axis:
    """Where branches meet a neuron sees what any of them sees; branches of unlike stride see everything."""
    if any(axis.whole for axis in axes) or len({(axis.step, axis.length) for axis in axes}) > 1:
        return _WHOLE
    return _Axis(axes[0].step, min(axis.low for axis in axes), max(axis.high for axis in axes), axes[0].length)


def _through(call: Call, axis: _Axis, side: int, rank: int) -> _Axis:
    """The field after one layer, along one side (0: rows, 1: columns); `rank` of its input without the batch."""
    layer, kind = call.operation, keras_kind(call.operation)
    if axis.whole or axis.length is None or not _channels_last(layer, rank):
        return _WHOLE
    if kind in _POINTWISE:
        return axis
    if kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D"):
        kernel = getattr(layer, "kernel_size", None) or layer.pool_size
        stride, dilation = layer.strides[side], getattr(layer, "dilation_rate", (1, 1))
        reach = (kernel[side] - 1) * dilation[side]
        if layer.padding == "valid":
            return _windowed(axis, stride, 0, reach, (axis.length - reach - 1) // stride + 1)
        # TensorFlow's "same": what is padded before the first pixel depends on the input's length.
        length = math.ceil(axis.length / stride)
        pad = max((length - 1) * stride + reach + 1 - axis.length, 0) // 2
        return _windowed(axis, stride, -pad, reach - pad, length)
    if kind == "Conv2DTranspose" and layer.output_padding is None:
        stride, reach = layer.strides[side], (layer.kernel_size[side] - 1) * layer.dilation_rate[side]
        same = layer.padding == "same"
        pad = max(reach + 1 - stride, 0) // 2 if same else 0
        length = axis.length * stride + (0 if same else max(reach + 1 - stride, 0))
        return _windowed(axis, 1 / stride, (pad - reach) / stride, pad / stride, length)
    if kind == "UpSampling2D":
        factor = layer.size[side]
        slack = {"nearest": 0, "bilinear": 1}.get(layer.interpolation, 5)
        return _windowed(axis, 1 / factor, -(factor - 1) / factor - slack, slack, axis.length * factor)
    if kind == "ZeroPadding2D":
        before, after = layer.padding[side]
        return _windowed(axis, 1, -before, -before, axis.length + before + after)
    if kind == "Cropping2D":
        before, after = layer.cropping[side]
        return _windowed(axis, 1, before, before, axis.length - before - after)
    return _WHOLE


def _channels_last(layer: Any, rank: int) -> bool:
    """Whether a layer leaves rows and columns where they are: a picture, and no other axis than the last is mixed."""
    axis = getattr(layer, "axis", -1)
    # Batch normalization applies constants, whichever its axis.
    mixes = not isinstance(layer, keras.layers.BatchNormalization) and axis not in (-1, 3, [-1], [3], (-1,), (3,))
    return rank == 3 and not mixes and getattr(layer, "data_format", None) != "channels_first"


def _windowed(axis: _Axis, stride: float, first: float, last: float, length: int) -> _Axis:
    """Output i, of `length`, takes the inputs from stride * i + first to stride * i + last."""
    return _Axis(axis.step * stride, axis.low + axis.step * first, axis.high + axis.step * last, length)


_POINTWISE = {
    "InputLayer", "BatchNormalization", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Dropout",
    "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Rescaling", "Normalization", "Add", "Subtract",
    "Multiply", "Divide", "Average", "Maximum", "Minimum", "Concatenate", "Relu", "Relu6", "Silu", "Gelu", "Sigmoid",
    "Tanh", "LayerScale", "StochasticDepth", "ActivityRegularization", "TrueDivide", "HardSwish", "HardSigmoid",
    "LayerNormalization", "Identity", "Dense",
}  # fmt: skip
