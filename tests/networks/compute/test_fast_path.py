"""The quick way in half the bits, and what it does not know. (That it is exact in whole ones: test_folding.)"""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.compute import fast_path

layers = keras.layers


class Own(layers.Layer):
    """A layer that computes in the type of its own weight."""

    def build(self, shape):
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        return tf.sin(inputs * self.factor.value)


def everything(dtype=None):
    """A network with each kind of layer that the quick way knows, and some that it does not."""
    keras.utils.set_random_seed(3)
    more = {} if dtype is None else {"dtype": dtype}
    x = inputs = keras.Input((20, 20, 3), name="picture", **more)
    x = layers.ZeroPadding2D(1, **more)(x)
    x = layers.Conv2D(8, 3, name="conv", **more)(x)
    x = layers.ReLU(6.0, name="relu6", **more)(layers.BatchNormalization(name="norm", **more)(x))
    x = layers.LayerNormalization(name="own_norm", **more)(x)
    x = Own(name="own", **more)(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise", **more)(x)
    x = layers.BatchNormalization(name="alone", **more)(x)
    y = layers.SeparableConv2D(8, 3, padding="same", name="separable", **more)(x)
    x = layers.Concatenate(name="both", **more)([layers.Add(**more)([x, y]), layers.Multiply(**more)([x, y])])
    x = layers.MaxPooling2D(2, **more)(x)
    x = layers.Conv2DTranspose(6, 3, strides=2, activation="sigmoid", name="transposed", **more)(x)
    x = layers.AveragePooling2D(2, **more)(x)
    x = keras.ops.exp(-x)
    x = layers.Dropout(0.5, **more)(layers.GlobalAveragePooling2D(name="pooled", **more)(x))
    x = layers.Dense(4, name="head", **more)(layers.Flatten(**more)(x))
    return nv.load(keras.Model(inputs, x, name="everything"), input_range=(0, 1))


@pytest.fixture(scope="module")
def net():
    return everything()


def computed(net, tap, **how):
    """The value at a tap, and the gradient of its projection on fixed numbers."""
    backbone = Backbone(net, [tap], **how)

    @tf.function
    def run(given):
        with tf.GradientTape() as tape:
            tape.watch(given)
            value = backbone(given)[tap]
            total = tf.reduce_sum(value * tf.random.stateless_normal(value.shape[1:], [1, 2], dtype=value.dtype))
        return value, tape.gradient(total, given)

    height, width = net.contract.size
    pictures = np.random.default_rng(0).random((2, height, width, 3)).astype(np.float32)
    return [value.numpy() for value in run(tf.constant(pictures))]


def cosine(one, other):
    return float(np.vdot(one, other) / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("path", ["conv", "norm", "relu6", "own", "depthwise", "alone", "both", "transposed", "head"])
@pytest.mark.parametrize("raw", [False, True])
def test_half_the_bits_give_nearly_the_same(net, path, raw):
    """bfloat16 has 8 bits: a value is off by 0.4 % a layer at most, and errors of many add up to noise."""
    tap = Tap(path, raw)
    plain, quick = computed(net, tap), computed(net, tap, fast=True, precision="bfloat16")
    assert quick[0].dtype == np.float32
    assert not np.array_equal(plain[0], quick[0])
    assert np.abs(quick[0] - plain[0]).mean() < 0.03 * np.abs(plain[0]).mean() + 0.003 * np.abs(plain[0]).max()
    assert cosine(quick[1], plain[1]) > 0.98


@pytest.mark.parametrize("path", ["conv", "both", "transposed", "head"])
def test_whole_bits_give_the_same_for_every_kind_of_layer(net, path):
    for one, other in zip(computed(net, Tap(path)), computed(net, Tap(path), fast=True), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5 * np.abs(one).max())


@pytest.mark.parametrize("strides", [1, 2])
def test_a_small_pointwise_convolution_is_a_matrix_product_and_gives_the_same(strides, monkeypatch):
    keras.utils.set_random_seed(4)
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(16, 1, strides=strides, activation="relu", name="pointwise")(inputs)
    net, tap = nv.load(keras.Model(inputs, x), input_range=(0, 1)), Tap("pointwise")

    def kinds(batch):
        backbone = Backbone(net, [tap], fast=True)
        traced = tf.function(lambda x: backbone(x)[tap]).get_concrete_function(tf.TensorSpec((batch, 12, 12, 3)))
        return {node.type for node in traced.graph.get_operations()} & {"MatMul", "Conv2D"}

    assert kinds(1) == ({"MatMul"} if strides == 1 else {"Conv2D"})
    assert kinds(None) == {"Conv2D"}  # how many pictures there will be is not known
    small = computed(net, tap, fast=True)
    monkeypatch.setattr(fast_path, "SMALL_PRODUCT", 0)
    assert kinds(1) == {"Conv2D"}
    for one, other in zip(small, computed(net, tap, fast=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * np.abs(other).max())  # three products are added


def test_weights_are_cast_once(net):
    Backbone(net, [Tap("head")], fast=True, precision="bfloat16")
    before = [id(variable) for one in net.derived._derived.values() for variable in one.variables]
    backbone = Backbone(net, [Tap("head")], fast=True, precision="bfloat16")
    assert before == [id(variable) for one in net.derived._derived.values() for variable in one.variables]
    traced = tf.function(backbone).get_concrete_function(tf.TensorSpec((1, 20, 20, 3)))
    casts = [node for node in traced.graph.get_operations() if node.type == "Cast"]
    kinds = [(node.inputs[0].dtype.name, len(node.inputs[0].shape)) for node in casts]
    assert ("float32", 4) in kinds  # the pictures are cast
    assert all(node.inputs[0].op.type != "ReadVariableOp" for node in casts)


def test_what_it_does_not_know_is_said(net, caplog):
    with caplog.at_level(logging.INFO, "nbfeatviz"):
        Backbone(net, [Tap("head")], fast=True)
    assert "LayerNormalization (1×)" in caplog.text
    assert "Own (1×)" in caplog.text
    assert "Conv2D" not in caplog.text


def test_a_network_of_another_precision_keeps_it():
    net = everything("float64")
    tap = Tap("head")
    before = [value.dtype for value in computed(net, tap)]
    exact, quick = computed(net, tap), computed(net, tap, fast=True, precision="bfloat16")
    assert [value.dtype for value in quick] == before
    np.testing.assert_allclose(quick[0], exact[0], rtol=1e-9)
