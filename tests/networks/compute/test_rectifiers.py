"""ReLU-like units are found wherever they hide, and guided and rectified gradients follow their rules there."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.compute.rectifiers import with_relu_gradient
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.network import Network

RANDOM = np.random.default_rng(6)
PICTURES = RANDOM.random((2, 4, 4, 3), dtype=np.float32)
UPSTREAM = RANDOM.standard_normal((2, 4, 4, 3)).astype(np.float32)


def _network(make, size=4) -> Network:
    """The picture, scaled to -9..9, through what `make` gives."""
    picture = keras.Input((size, size, 3))
    return Network(keras.Model(picture, make(picture)), InputContract.of_range((size, size), 3, -9, 9), name="tiny")


def _identity_conv(**settings):
    return layers.DepthwiseConv2D(1, depthwise_initializer="ones", name="unit", **settings)


def _identity_dense(**settings):
    return layers.Dense(3, kernel_initializer="identity", name="unit", **settings)


def _nested(x):
    inner = keras.Input((4, 4, 3))
    return keras.Model(inner, layers.ReLU(name="unit")(inner), name="inside")(x)


OPEN, SIX, LEAKY = (0.0, np.inf), (0.0, 6.0), 0.25
UNITS = {
    "ReLU": (layers.ReLU(), OPEN, 0),
    "ReLU6": (layers.ReLU(6.0), SIX, 0),
    "ReLU with a slope": (layers.ReLU(negative_slope=LEAKY), OPEN, LEAKY),
    "LeakyReLU": (layers.LeakyReLU(LEAKY), OPEN, LEAKY),
    "PReLU": (layers.PReLU(alpha_initializer=keras.initializers.Constant(LEAKY)), OPEN, LEAKY),
    "Activation relu": (layers.Activation("relu", name="<any name>"), OPEN, 0),
    "Activation relu6": (layers.Activation("relu6"), SIX, 0),
    "Activation leaky_relu": (layers.Activation("leaky_relu"), OPEN, 0.2),
    "ops.relu": (keras.ops.relu, OPEN, 0),
    "ops.relu6": (keras.ops.relu6, SIX, 0),
    "ops.leaky_relu": (lambda x: keras.ops.leaky_relu(x, LEAKY), OPEN, LEAKY),
    "fused in a convolution": (_identity_conv(activation="relu"), OPEN, 0),
    "fused relu6": (_identity_conv(activation="relu6"), SIX, 0),
    "fused in a dense layer": (_identity_dense(activation="leaky_relu"), OPEN, 0.2),
    "a layer fused in a layer": (_identity_dense(activation=layers.LeakyReLU(LEAKY)), OPEN, LEAKY),
    "by keyword": (lambda x: layers.ReLU()(inputs=x), OPEN, 0),
    "nested": (_nested, OPEN, 0),
}


def _gradient(network: Network, relu: str | None) -> np.ndarray:
    """The gradient at the scaled picture, of the output times UPSTREAM."""
    tap = Tap(network.head_layer.path)
    backbone = Backbone(network, [tap])

    @tf.function
    def gradient(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            total = tf.reduce_sum(backbone(pictures, relu=relu)[tap] * UPSTREAM)
        return tape.gradient(total, pictures)

    return gradient(tf.constant(PICTURES)).numpy() / 18


@pytest.mark.parametrize("name", UNITS)
def test_gates(name):
    make, (low, high), slope = UNITS[name]
    network = _network(make)
    scaled = PICTURES * 18 - 9
    derivative = np.where(scaled <= low, slope, np.where(scaled >= high, 0, 1))
    positive = np.maximum(UPSTREAM, 0)
    np.testing.assert_allclose(_gradient(network, None), UPSTREAM * derivative, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(_gradient(network, "guided"), positive * derivative, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(_gradient(network, "rectified"), positive, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", UNITS)
def test_values_are_what_they_were(name):
    network = _network(UNITS[name][0])
    tap = Tap(network.head_layer.path)
    backbone = Backbone(network, [tap])
    plain, *others = (backbone(tf.constant(PICTURES), relu=relu)[tap] for relu in (None, "guided", "rectified"))
    for other in others:
        np.testing.assert_array_equal(other, plain)


def test_the_gates_of_the_papers_figure():
    x = tf.constant([5.0, 0.0, -5.0, 10.0])

    def gradient(relu, sign):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = with_relu_gradient(relu, x, tf.nn.relu(x))
            value = tf.reduce_sum(sign * y**2)
        return tape.gradient(value, x).numpy()

    np.testing.assert_array_equal(gradient("guided", -1.0), [0, 0, 0, 0])
    np.testing.assert_array_equal(gradient("guided", 1.0), [10, 0, 0, 20])
    np.testing.assert_array_equal(gradient("rectified", 1.0), [10, 0, 0, 20])
    np.testing.assert_array_equal(gradient("rectified", -1.0), [0, 0, 0, 0])


def test_rectified_asks_not_whether_the_unit_is_open():
    x = tf.constant([-1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(with_relu_gradient("rectified", x, tf.nn.relu(x)) * tf.constant([3.0, -4.0]))
    np.testing.assert_array_equal(tape.gradient(value, x), [3, 0])


def _checked(make, relu="guided", tap=None):
    network = _network(make)
    return Backbone(network, [tap or Tap(network.head_layer.path)]).check_relu(relu)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda x: layers.Activation("swish")(x), r"silu \(1×\)"),
        (lambda x: layers.Conv2D(2, 1, activation="gelu")(layers.Conv2D(2, 1, activation="gelu")(x)), r"gelu \(2×\)"),
        (lambda x: layers.ELU()(keras.ops.silu(x)), r"silu \(1×\), elu \(1×\)"),
        (lambda x: layers.Conv2D(2, 1)(layers.Activation("linear")(x)), "all linear"),
    ],
)
def test_without_such_units_the_activations_are_named(make, named):
    for relu in ("guided", "rectified"):
        with pytest.raises(ValueError, match=f"{relu} gradients change.*{named}.*gradient='vanilla'"):
            _checked(make, relu)


def test_others_besides_are_named():
    def make(x):
        return layers.Conv2D(2, 1, activation="sigmoid")(layers.Activation("tanh")(layers.ReLU()(x)) * 2.0)

    assert _checked(make).endswith("these other activations keep their own gradient: tanh (1×).")
    assert _checked(layers.ReLU()) is None


def test_what_is_behind_the_target_counts_for_nothing():
    def make(x):
        return layers.Activation("gelu", name="late")(layers.Conv2D(2, 1, activation="relu", name="unit")(x))

    assert _checked(make, tap=Tap("unit")) is None
    assert _checked(make, tap=Tap("late", pre_activation=True)) is None
    assert "gelu" in _checked(make, tap=Tap("late"))
    with pytest.raises(ValueError, match="all linear"):
        _checked(make, tap=Tap("unit", pre_activation=True))


def test_the_users_layer_is_untouched():
    network = _network(UNITS["fused in a convolution"][0])
    layer = network.model.get_layer("unit")
    before = dict(layer.__dict__)
    _gradient(network, "guided")
    assert layer.activation is keras.activations.relu
    assert all(layer.__dict__[name] is value for name, value in before.items() if name != "_called")
