"""The theoretical receptive field against the gradient of random positive networks.

Where every weight is positive nothing cancels: the gradient of one neuron is not zero exactly where it looks.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.network import Network

POSITIVE = keras.initializers.RandomUniform(0.5, 1.0, seed=0)
Build = Callable[[keras.KerasTensor], keras.KerasTensor]


def _conv(size, **settings) -> layers.Conv2D:
    return layers.Conv2D(2, size, kernel_initializer=POSITIVE, **settings)


def _depthwise(size, **settings) -> layers.DepthwiseConv2D:
    return layers.DepthwiseConv2D(size, depthwise_initializer=POSITIVE, **settings)


def _transposed(size, **settings) -> layers.Conv2DTranspose:
    return layers.Conv2DTranspose(2, size, kernel_initializer=POSITIVE, **settings)


def _stack(*parts: layers.Layer) -> Build:
    def build(x: keras.KerasTensor) -> keras.KerasTensor:
        for part in parts:
            x = part(x)
        return x

    return build


def _branches(x: keras.KerasTensor) -> keras.KerasTensor:
    x = _conv(3, strides=2, padding="same")(x)
    return layers.Concatenate()([_conv(1)(x), _conv(5, padding="same")(x), layers.AveragePooling2D(3, 1, "same")(x)])


def _residual(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Add()([x, _depthwise(3, padding="same")(x * 2 + 1)])


def _nested_of_open_size(x: keras.KerasTensor) -> keras.KerasTensor:
    start = keras.Input((None, None, 3))
    y = _conv(3, strides=2, padding="same")(_conv(3, strides=2, padding="same")(start))
    return keras.Model(start, _conv(3, strides=2, padding="same")(y))(x)


TIGHT: dict[str, Callable[[], Build]] = {
    "conv valid": lambda: _stack(_conv(3)),
    "conv same": lambda: _stack(_conv(5, padding="same")),
    "conv of unlike sides": lambda: _stack(_conv((1, 4), padding="same"), _conv((3, 1))),
    "conv strided valid": lambda: _stack(_conv(3, strides=2), _conv(3, strides=2)),
    "conv strided same": lambda: _stack(_conv(3, strides=2, padding="same"), _conv(3, strides=2, padding="same")),
    "depthwise strided": lambda: _stack(_depthwise(5, strides=2, padding="same"), _conv(1)),
    "pooling": lambda: _stack(layers.AveragePooling2D(2), _conv(3)),
    "pooling same": lambda: _stack(layers.AveragePooling2D(3, 2, "same"), layers.AveragePooling2D(3, 2, "same")),
    "padding and valid": lambda: _stack(layers.ZeroPadding2D(((0, 1), (2, 3))), _conv(3, strides=2)),
    "cropping": lambda: _stack(layers.Cropping2D(((1, 2), (3, 0))), _conv(3)),
    "pointwise": lambda: _stack(
        _conv(3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Rescaling(2.0),
        layers.Dense(2, kernel_initializer=POSITIVE),
        layers.Dropout(0.5),
    ),
    "branches": lambda: _branches,
    "residual": lambda: _residual,
    "nested of open size": lambda: _nested_of_open_size,
    "transposed": lambda: _stack(_transposed(3, padding="same")),
    "transposed strided": lambda: _stack(_transposed(4, strides=2, padding="same")),
    "transposed valid": lambda: _stack(_transposed(3, strides=2)),
    "upsampling by 2": lambda: _stack(layers.UpSampling2D(2)),
    "upsampling by 3": lambda: _stack(layers.UpSampling2D(3)),
    "upsampling by 5": lambda: _stack(layers.UpSampling2D(5)),
    "upsampling by 7": lambda: _stack(layers.UpSampling2D(7)),
}
OUTSIDE: dict[str, Callable[[], Build]] = TIGHT | {
    "conv dilated": lambda: _stack(_conv(3, dilation_rate=2), _conv(3, dilation_rate=3, padding="same")),
    "max pooling": lambda: _stack(_conv(3), layers.MaxPooling2D(3, 2, "same")),
    "transposed with output padding": lambda: _stack(_transposed(3, strides=2, padding="same", output_padding=1)),
    "down and up": lambda: _stack(
        _conv(3, strides=2, padding="same"), _transposed(2, strides=2), _conv(3, padding="same")
    ),
    "bilinear upsampling": lambda: _stack(_conv(3), layers.UpSampling2D(2, interpolation="bilinear"), _conv(3)),
    "bicubic upsampling": lambda: _stack(layers.UpSampling2D(2, interpolation="bicubic")),
    "branches of unlike strides": lambda: (
        lambda x: layers.Concatenate()([_conv(3, strides=2, padding="same")(x), layers.Cropping2D(((0, 7), (0, 5)))(x)])
    ),
    "side by side": lambda: lambda x: layers.Concatenate(axis=2)([_conv(3)(x), _conv(3)(x)]),
    "layer normalization of the whole": lambda: _stack(_conv(3), layers.LayerNormalization(axis=[1, 2, 3])),
    "softmax over rows": lambda: _stack(_conv(3), layers.Softmax(axis=1)),
    "squeeze and excite": lambda: lambda x: layers.Multiply()([x, layers.GlobalAveragePooling2D(keepdims=True)(x)]),
    "a map of one position": lambda: lambda x: layers.Add()([_conv(1)(x), _conv((15, 11))(x)]),
    "transposed axes": lambda: _stack(layers.Permute((2, 1, 3)), _conv(3)),
    "slices": lambda: lambda x: _conv(3)(x)[:, 2:, 1:],
}


def _tiny(build: Build, size: tuple[int, int] = (15, 11), fixed: bool = True) -> Network:
    # Odd sides: there "same" pads otherwise than on even ones. A Softmax in it is no head.
    x = keras.Input((*size, 3) if fixed else (None, None, 3))
    model = keras.Model(x, layers.Identity(name="seen")(build(x)))
    return Network(model, InputContract.of_range(size, 3, 0, 1), name="tiny")


def _seen(network: Network) -> list[tuple[int, int, np.ndarray]]:
    """(row, column, and the pixels at which that neuron has a gradient) for at most 250 neurons."""
    output = network.graph.output.call
    picture = np.random.default_rng(0).random((1, *network.contract.size, 3), dtype=np.float32)
    rows, columns = network.graph.evaluate(tf.constant(picture), [output])[output].shape[1:3]
    places = np.array(list(np.ndindex(rows, columns)))
    places = places[:: -(-len(places) // 250)]
    pictures = tf.constant(np.repeat(picture, len(places), axis=0))  # each picture for one neuron
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        values = network.graph.evaluate(pictures, [output])[output] ** 2
        neurons = tf.gather_nd(values, np.column_stack([np.arange(len(places)), places]))
    gradient = tape.gradient(neurons, pictures).numpy()
    return [(int(row), int(col), np.abs(g).sum(axis=-1) > 0) for (row, col), g in zip(places, gradient, strict=True)]


def _boxes(network: Network) -> list[tuple[tuple[int, int, int, int], np.ndarray]]:
    field = nv.receptive_field(network, "seen")
    return [(field.box(row, col), seen) for row, col, seen in _seen(network)]


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_dilated_transposed_convolution_sees_what_one_with_zeros_in_its_kernel_sees(padding: str):
    """Not every processor computes it: TensorFlow has no dilated one for most."""
    dilated, filled = (
        nv.receptive_field(_tiny(_stack(_transposed(size, dilation_rate=rate, padding=padding))), "seen")
        for size, rate in ((3, 2), (5, 1))
    )
    assert dilated.size == filled.size == (5, 5)
    assert [dilated.box(row, 4) for row in range(15)] == [filled.box(row, 4) for row in range(15)]


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_gradient_is_exactly_zero_outside_the_box(name: str):
    network = _tiny(OUTSIDE[name]())
    for (top, left, bottom, right), seen in _boxes(network):
        outside = seen.copy()
        outside[top:bottom, left:right] = False
        assert not outside.any()


@pytest.mark.parametrize("name", TIGHT)
def test_the_box_is_no_larger_than_the_gradient(name: str):
    network = _tiny(TIGHT[name]())
    checked = 0
    for box, seen in _boxes(network):
        if seen.any():
            rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
            assert box == (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
            checked += 1
    assert checked > 3


@pytest.mark.parametrize("size", [(15, 11), (16, 13), (9, 14)])
def test_a_model_of_open_size_has_the_field_of_the_size_it_is_used_at(size: tuple[int, int]):
    def build(x: keras.KerasTensor) -> keras.KerasTensor:
        for _ in range(3):
            x = _conv(3, strides=2, padding="same")(x)
        return x

    opened, fixed = _tiny(build, size, fixed=False), _tiny(build, size)
    boxes = [box for box, _ in _boxes(fixed)]
    assert [box for box, _ in _boxes(opened)] == boxes


def test_known_sizes_and_strides():
    network = _tiny(_stack(_conv(3), layers.MaxPooling2D(2), _conv((5, 3)), layers.MaxPooling2D(2)), (40, 40))
    field = nv.receptive_field(network, "seen")
    # Rows: 3, then 2 of stride 1, then 5 and 2 of stride 2: 3 + 1 + 4·2 + 2.
    assert (field.size, field.stride, field.image) == ((14, 10), (4, 4), (40, 40))
    assert field.box(1, 2) == (4, 8, 18, 18)


@pytest.mark.parametrize("make", [lambda: layers.GlobalAveragePooling2D(), lambda: layers.Flatten()])
def test_behind_a_head_a_neuron_sees_everything(make):
    network = _tiny(_stack(_conv(3), make()))
    field = nv.receptive_field(network, "seen")
    assert (field.size, field.stride, field.box(0, 0)) == ((15, 11), (0, 0), (0, 0, 15, 11))


def test_boxes_are_clipped_to_the_image_and_never_empty():
    network = _tiny(_stack(layers.ZeroPadding2D(4), _conv(3)))
    field = nv.receptive_field(network, "seen")
    for row, col in np.ndindex(21, 17):
        top, left, bottom, right = field.box(row, col)
        assert 0 <= top < bottom <= 15
        assert 0 <= left < right <= 11


def test_the_nearest_neuron_of_its_own_centre_is_itself():
    network = _tiny(_stack(_conv(3, strides=2, padding="same"), _conv(3, strides=2)), (41, 33))
    field = nv.receptive_field(network, "seen")
    for row, col in [(1, 2), (4, 3), (6, 5)]:
        top, left, bottom, right = field.box(row, col)
        assert field.nearest((top + bottom) / 2, (left + right) / 2) == (row, col)


def test_an_unknown_layer_is_a_sentence():
    with pytest.raises(ValueError, match="no layer 'sen' in this network; nearest: 'seen'"):
        nv.receptive_field(_tiny(_stack(_conv(3))), "sen")
    with pytest.raises(TypeError, match="'tiny' is not a Network"):
        nv.receptive_field("tiny", "seen")
