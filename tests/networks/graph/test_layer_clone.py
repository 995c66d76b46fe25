"""Clones share weights, differ in one thing, and let a layer with any name run in a graph."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks.graph.layer_clone import callable_in_graph, layer_clone


def test_a_clone_shares_weights_and_leaves_the_layer_alone():
    layer = keras.layers.Dense(3, activation="relu", name="dense")
    layer.build((None, 4))
    other = layer_clone(layer, activation=keras.activations.linear)
    assert layer.activation is keras.activations.relu
    layer.set_weights([np.full((4, 3), -2.0), np.zeros(3)])
    inputs = tf.ones((1, 4))
    np.testing.assert_array_equal(other(inputs), np.full((1, 3), -8.0))
    np.testing.assert_array_equal(layer(inputs), np.zeros((1, 3)))


def test_only_a_name_that_tensorflow_refuses_makes_a_layer_clone():
    plain, odd = keras.layers.ReLU(name="block1_relu"), keras.layers.ReLU(name="<b>é")
    assert callable_in_graph(plain) is plain
    assert callable_in_graph(odd) is not odd
    assert odd.name == "<b>é"


@pytest.mark.parametrize("pre_activation", [False, True])
def test_a_network_with_such_names_runs(pre_activation):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(2, 3, activation="relu", name="<script>x"),
            keras.layers.GlobalAveragePooling2D(name="a b"),
            keras.layers.Dense(2),
        ]
    )
    net = nv.load(model, input_range=(0, 1))
    unit = objectives.channel("<script>x", 1, pre_activation=pre_activation)
    assert len(nv.maximize(net, unit, steps=2, predict_every=1).steps) == 2


def test_half_precision_keeps_its_casts_before_a_fused_activation():
    with keras.device("cpu"):
        half = keras.DTypePolicy("mixed_float16")
        inputs = keras.Input((8, 8, 3))
        hidden = keras.layers.Conv2D(2, 3, activation="relu", dtype=half, name="conv")(inputs)
        outputs = keras.layers.GlobalAveragePooling2D(dtype="float32")(hidden)
        net = nv.load(keras.Model(inputs, outputs), input_range=(0, 1))
    run = nv.maximize(net, objectives.channel("conv", 1, pre_activation=True), steps=2)
    assert np.isfinite([step.loss for step in run.steps]).all()
