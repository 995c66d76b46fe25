"""Networks of which everything is known, the two that are embedded, and pictures for them."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv

CLASSES = ("ant", "bee", "cow")


def network_of(picture, outputs, input_range=(0, 1), **options):
    return nv.load(keras.Model(picture, outputs), input_range=input_range, **options)


def make_pooled(activation="relu", head="softmax", size=12):
    """conv1 - conv2 - relu2, with that activation - pooled - dropped - a head of 3 classes."""
    keras.utils.set_random_seed(3)
    picture = keras.Input((size, size, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, padding="same", activation=activation, name="conv1")(picture)
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same", name="conv2")(x)
    x = keras.layers.Activation(activation, name="act2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    x = keras.layers.Dropout(0.5, name="dropped")(x)
    x = keras.layers.Dense(3, activation=head, name="head")(x)
    return network_of(picture, x, (-1, 1), class_names=CLASSES)


def logits_of(model, inputs):
    """The logits of a model that ends in the dense layer `head`, with a softmax or without: written out."""
    head = model.get_layer("head")
    below = keras.Model(model.inputs[0], head.input)
    return keras.ops.matmul(below(inputs, training=False), head.kernel) + head.bias


def make_linear(size=4, channels=3):
    """Every output is a weighted sum of the pixels."""
    keras.utils.set_random_seed(5)
    picture = keras.Input((size, size, channels))
    outputs = keras.layers.Dense(3, bias_initializer="ones", name="head")(keras.layers.Flatten()(picture))
    return network_of(picture, outputs)


@pytest.fixture(scope="session")
def pooled():
    return make_pooled()


@pytest.fixture(scope="session")
def linear():
    return make_linear()


@pytest.fixture(scope="session")
def image():
    return np.random.default_rng(4).random((12, 12, 3), dtype=np.float32)


@pytest.fixture(scope="session")
def lite0():
    return nv.load()


@pytest.fixture(scope="session")
def digits():
    return nv.load("mnist-cnn")


@pytest.fixture(scope="session")
def seven():
    """A seven, as MNIST's are: white on black."""
    picture = np.zeros((28, 28, 1), np.float32)
    picture[6:9, 7:21] = 1
    for row in range(9, 23):
        picture[row, 19 - (row - 9) // 2 - 1 : 19 - (row - 9) // 2 + 2] = 1
    return picture


@pytest.fixture(scope="session")
def coffee():
    return nv.samples.get("coffee").path
