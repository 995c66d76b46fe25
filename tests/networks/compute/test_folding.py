"""Folding: the same values and gradients as the plain network, and left alone where it would be wrong."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks.backbone import Backbone, Tap

layers = keras.layers
CONVOLUTIONS = {
    "plain": lambda **more: layers.Conv2D(6, 3, padding="same", **more),
    "without bias": lambda **more: layers.Conv2D(6, 3, use_bias=False, **more),
    "strided": lambda **more: layers.Conv2D(6, 3, strides=(2, 1), padding="same", **more),
    "dilated": lambda **more: layers.Conv2D(6, 3, dilation_rate=(2, 3), **more),
    "grouped": lambda **more: layers.Conv2D(8, 3, groups=4, padding="same", **more),
    "depthwise": lambda **more: layers.DepthwiseConv2D(3, strides=2, **more),
    "depthwise twice": lambda **more: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", **more),
    "depthwise dilated": lambda **more: layers.DepthwiseConv2D(3, dilation_rate=2, **more),
    "separable": lambda **more: layers.SeparableConv2D(5, 3, depth_multiplier=2, **more),
    "transposed": lambda **more: layers.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=1, **more),
    "dense over positions": lambda **more: layers.Dense(5, **more),
}
FAMILIES = {
    "DenseNet121": 64, "EfficientNetB0": 64, "EfficientNetV2B0": 64, "InceptionResNetV2": 96, "InceptionV3": 96,
    "MobileNet": 64, "MobileNetV2": 64, "MobileNetV3Small": 64, "NASNetMobile": 64, "ResNet50": 64, "ResNet50V2": 64,
    "Xception": 96,
}  # fmt: skip


def network(inputs, outputs, seed=0):
    """A network in float64 with random weights and statistics."""
    model = keras.Model(inputs, outputs)
    random = np.random.default_rng(seed)
    for variable in model.variables:
        shape, name = variable.shape, variable.path.rpartition("/")[2]
        if name in ("moving_variance", "gamma"):
            variable.assign(random.uniform(0.5, 2, shape))
        elif name in ("moving_mean", "beta", "bias"):
            variable.assign(random.normal(0, 0.3, shape))
        else:
            fan = int(np.prod(shape[:-1])) or 1
            variable.assign(random.normal(0, np.sqrt(1 / fan), shape))
    return nv.load(model, input_range=(-1, 1))


def small(build, size=12, channels=4):
    with Float64():
        inputs = keras.Input((size, size, channels), name="picture")
        return network(inputs, build(inputs))


class Float64:
    """Inside, Keras makes layers of float64."""

    def __enter__(self):
        self._before = keras.config.floatx(), keras.config.dtype_policy()
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")  # a policy that was asked for before does not follow floatx

    def __exit__(self, *error):
        keras.config.set_floatx(self._before[0])
        keras.config.set_dtype_policy(self._before[1])


def through(net, tap, folded, pictures, dtype=tf.float64, traced=True):
    """A random projection of a tap, its gradient, and how many norms are folded."""
    backbone = Backbone(net, [tap], fast=folded)

    def run(given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = backbone(given)[tap]
            weights = tf.random.stateless_normal(value.shape[1:], [1, 2], dtype=tf.float64)
            total = tf.reduce_sum(tf.cast(value, tf.float64) * weights)
        return value, tape.gradient(total, given)

    value, gradient = (tf.function(run) if traced else run)(tf.constant(pictures, dtype))
    return (
        value.numpy().astype(np.float64),
        gradient.numpy().astype(np.float64),
        len(backbone._fast._folds) if folded else 0,
    )


def compared(net, path, folds, pre_activation=False, traced=True):
    """Values and gradients folded and plain, relative to their own size; and whether so many were folded."""
    height, width = net.contract.size
    pictures = np.random.default_rng(1).random((2, height, width, net.contract.channels))
    plain = through(net, Tap(path, pre_activation), False, pictures, traced=traced)
    fast = through(net, Tap(path, pre_activation), True, pictures, traced=traced)
    assert plain[2] == 0
    assert fast[2] == folds if isinstance(folds, int) else folds(fast[2])
    for one, other in zip(plain[:2], fast[:2], strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("kind", CONVOLUTIONS)
@pytest.mark.parametrize("norm", [{}, {"center": False}, {"scale": False, "epsilon": 0.1}], ids=["", "centre", "scale"])
def test_each_kind_of_convolution(kind, norm):
    def build(x):
        x = layers.BatchNormalization(name="before", **norm)(x)  # none of the convolutions is before it
        x = CONVOLUTIONS[kind](name="conv")(x)
        return layers.ReLU(name="relu")(layers.BatchNormalization(name="norm", **norm)(x))

    net = small(build)
    compared(net, "relu", folds=1)
    compared(net, "norm", folds=1)
    compared(net, "relu", folds=1, pre_activation=True)
    compared(net, "conv", folds=0)  # its raw output stays what it was


def test_a_norm_after_a_dense_layer():
    def build(x):
        x = layers.Dense(7, name="dense")(layers.Flatten()(x))
        return layers.Dense(3, name="head")(layers.BatchNormalization(name="norm")(x))

    compared(small(build), "head", folds=1)


def test_a_convolution_that_is_read_as_well_is_not_folded():
    net = small(lambda x: layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(x)))
    backbone = Backbone(net, [Tap("norm"), Tap("conv")], fast=True)
    assert backbone._fast._folds == {}


def test_a_convolution_with_two_consumers_is_not_folded():
    def build(x):
        x = layers.Conv2D(4, 3, name="conv")(x)
        return layers.Add(name="sum")([layers.BatchNormalization(name="norm")(x), x])

    net = small(build)
    compared(net, "sum", folds=0)
    compared(net, "norm", folds=1)  # the other consumer is not needed here


def test_shared_layers():
    """One convolution under two norms, and one pair used twice."""

    def build(x):
        shared, norm = layers.Conv2D(4, 3, padding="same", name="shared"), layers.BatchNormalization(name="again")
        one, two = (layers.BatchNormalization(name=name)(shared(x)) for name in ("one", "two"))
        twice = norm(shared(norm(shared(x))))
        return layers.Add(name="sum")([one, two, twice])

    compared(small(build), "sum", folds=4)


def test_convolutions_that_are_no_plain_ones_are_left_alone():
    class Mine(layers.Conv2D):
        def call(self, inputs):
            return 2 * super().call(inputs)

    def build(x):
        x = layers.BatchNormalization(name="first")(Mine(4, 3, name="mine")(x))
        x = layers.BatchNormalization(name="second")(layers.Conv2D(4, 3, activation="tanh", name="fused")(x))
        x = layers.BatchNormalization(axis=1, name="rows")(layers.Conv2D(4, 3, name="conv")(x))
        x = layers.Conv2D(4, 1, name="last")(x)
        return layers.BatchNormalization(name="batch")(x, training=True)

    compared(small(build), "rows", folds=0)
    net = small(build)
    compared(net, "batch", folds=0)  # written with training=True, which `predict` overrides: computed as it stands


def test_a_nested_model():
    def build(x):
        inner_input = keras.Input((12, 12, 4))
        inner = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, name="conv")(inner_input))
        return layers.ReLU(name="relu")(keras.Model(inner_input, inner, name="inner")(x))

    compared(small(build), "relu", folds=1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_families_of_keras(family):
    size = FAMILIES[family]
    with Float64():
        options = {"include_preprocessing": False} if "V2B0" in family or "V3Small" in family else {}
        model = getattr(keras.applications, family)(
            weights=None, include_top=False, input_shape=(size, size, 3), **options
        )
        net = network(model.inputs, model.outputs)
    last = net.graph.calls[net.graph.output.call].path
    # hundreds of layers are traced, with their gradients, four times as long as they compute; small networks above are
    compared(net, last, folds=lambda count: count > 10, traced=False)


@pytest.mark.parametrize("family", ["InceptionV3", "MobileNetV2", "ResNet50"])
def test_in_float32_the_gradient_is_as_good_as_the_plain_one(family):
    """Against float64; a ReLU near 0 may shut in one and not in the other, so the mean error counts."""
    size = FAMILIES[family]
    build = getattr(keras.applications, family)
    with Float64():
        exact = build(weights=None, include_top=False, input_shape=(size, size, 3))
        reference = network(exact.inputs, exact.outputs)
    model = build(weights=None, include_top=False, input_shape=(size, size, 3))
    model.set_weights(exact.get_weights())
    net = nv.load(model, input_range=(-1, 1))
    pictures = np.random.default_rng(1).random((4, size, size, 3)).astype(np.float32)
    last = Tap(net.graph.calls[net.graph.output.call].path)
    end = Tap(reference.graph.calls[reference.graph.output.call].path)
    wanted = through(reference, end, False, pictures, traced=False)[1]
    errors = [np.abs(through(net, last, folded, pictures, tf.float32)[1] - wanted).mean() for folded in (False, True)]
    assert errors[1] <= 2 * errors[0]


def test_new_weights_are_used_by_the_next_run():
    def build(x):
        x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, padding="same", name="conv")(x))
        return layers.GlobalAveragePooling2D()(layers.ReLU(name="relu")(x))

    inputs = keras.Input((12, 12, 3))
    net = network(inputs, build(inputs))
    unit = objectives.channel("norm", 1)
    before = nv.maximize(net, unit, steps=3)
    net.model.get_layer("norm").gamma.assign([3.0] * 6)
    net.model.get_layer("conv").kernel.assign(-net.model.get_layer("conv").kernel)
    after = nv.maximize(net, unit, steps=3)
    other = keras.Model(inputs, net.model.output)
    fresh = nv.maximize(nv.load(other, input_range=(-1, 1)), unit, steps=3)
    assert not np.allclose(before.image, after.image, atol=1e-3)
    np.testing.assert_allclose(after.image, fresh.image, atol=1e-6)
