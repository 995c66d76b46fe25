"""Networks small enough to know everything about, and one that is embedded."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv


@keras.saving.register_keras_serializable("nbfeatviz-tests")
class Counting(keras.layers.Layer):
    """The identity. `seen` counts how often it is called: once a trace, as the step is compiled."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = 0

    def call(self, inputs):
        self.seen += 1
        return tf.identity(inputs)


@keras.saving.register_keras_serializable("nbfeatviz-tests")
class Applied(keras.layers.Layer):
    """Some function of TensorFlow."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, inputs):
        return self.function(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {"name": self.name}


def make_network(size=(16, 16), channels=3, flatten=True, activation="softmax", names=("ant", "bee", "cow")):
    """conv1 (4 units, fused ReLU) - conv2 (5 units, stride 2) - relu2 - flat or pooled - a head of 3 classes."""
    keras.utils.set_random_seed(7)
    picture = keras.Input((*size, channels), name="picture")
    x = Counting(name="entry")(picture)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x)
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same", name="conv2")(x)
    x = keras.layers.ReLU(name="relu2")(x)
    x = Counting(name="behind")(x)
    x = keras.layers.Flatten(name="flat")(x) if flatten else keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    x = keras.layers.Dense(3, activation=activation, name="head")(x)
    return nv.load(keras.Model(picture, x, name="tiny"), input_range=(-1, 1), class_names=names)


def make_one_layer(layer, size=(8, 8), channels=3, input_range=(0, 1)):
    """A network of that layer alone."""
    picture = keras.Input((*size, channels), name="picture")
    return nv.load(keras.Model(picture, layer(picture), name="one"), input_range=input_range)


def output_of(network, layer, image):
    """What Keras gives for that layer, without anything of this project but the input's scaling."""
    model = keras.Model(network.model.inputs[0], network.model.get_layer(layer).output)
    return np.asarray(model(network.contract.apply(np.asarray(image, np.float32)[None])))[0]


@pytest.fixture(scope="session")
def net():
    return make_network()


@pytest.fixture(scope="session")
def open_net():
    """It leaves the size of its pictures open."""
    return make_network(size=(None, None), flatten=False)


@pytest.fixture(scope="session")
def lite0():
    return nv.load()
