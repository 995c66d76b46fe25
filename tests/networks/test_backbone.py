"""The part of a network that is computed: values before an activation, and gradients that pass a ReLU."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.compute.rectifiers import Passing
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.network import Network

PICTURES = np.random.default_rng(2).random((2, 6, 6, 3), dtype=np.float32)


def _network(outputs, inputs: keras.KerasTensor) -> Network:
    size, channels = (inputs.shape[1], inputs.shape[2]), inputs.shape[3]
    return Network(keras.Model(inputs, outputs), InputContract.of_range(size, channels, -1, 1), name="tiny")


def _input() -> keras.KerasTensor:
    return keras.Input((6, 6, 3))


@pytest.mark.parametrize(
    "make",
    [
        lambda **settings: layers.Conv2D(4, 3, **settings),
        lambda **settings: layers.DepthwiseConv2D(3, **settings),
        lambda **settings: layers.SeparableConv2D(4, 3, **settings),
        lambda **settings: layers.Conv2DTranspose(4, 3, **settings),
        lambda **settings: layers.Dense(4, **settings),
    ],
    ids=["conv", "depthwise", "separable", "transpose", "dense"],
)
@pytest.mark.parametrize("activation", ["relu", "relu6", "tanh", "silu"])
def test_before_a_fused_activation_is_the_linear_twin(make, activation: str):
    x = _input()
    layer = make(activation=activation, name="layer")
    network = _network(layers.GlobalAveragePooling2D()(layer(x)), x)
    twin = make(activation="linear")
    twin.build((None, 6, 6, 3))
    twin.set_weights(layer.get_weights())
    before, after = Tap("layer", pre_activation=True), Tap("layer")
    values = Backbone(network, [before, after])(tf.constant(PICTURES))
    scaled = PICTURES * 2 - 1
    np.testing.assert_allclose(values[before], twin(scaled), atol=1e-6)
    np.testing.assert_array_equal(values[after], layer(scaled))
    assert np.asarray(values[before]).min() < 0


@pytest.mark.parametrize(
    "make",
    [
        layers.ReLU,
        lambda name: layers.ReLU(6.0, name=name),
        lambda name: layers.Activation("gelu", name=name),
        layers.LeakyReLU,
        layers.PReLU,
        layers.Softmax,
    ],
)
def test_before_an_activation_layer_is_its_input(make):
    x = _input()
    y = layers.Conv2D(4, 3, name="conv")(x)
    network = _network(make(name="act")(y), x)
    before = Tap("act", pre_activation=True)
    values = Backbone(network, [before, Tap("conv")])(tf.constant(PICTURES))
    np.testing.assert_array_equal(values[before], values[Tap("conv")])


def test_before_any_other_layer_is_the_layer_itself():
    x = _input()
    network = _network(layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(x)), x)
    taps = [Tap(path, pre_activation=pre) for path in ("bn", "conv") for pre in (True, False)]
    values = Backbone(network, taps)(tf.constant(PICTURES))
    for path in ("bn", "conv"):
        np.testing.assert_array_equal(values[Tap(path, True)], values[Tap(path)])


@keras.saving.register_keras_serializable("nbfeatviz-tests")
class _Squeeze(layers.Layer):
    """A block of one's own, with an `activation` in its middle."""

    def __init__(self, activation="relu", **settings) -> None:
        super().__init__(**settings)
        self.activation = keras.activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs) - 1.0


@keras.saving.register_keras_serializable("nbfeatviz-tests")
class _Doubled(layers.Conv2D):
    """A convolution of one's own that goes on behind its activation."""

    def call(self, inputs):
        return 2 * super().call(inputs) - 1


@pytest.mark.parametrize("make", [_Squeeze, lambda name: _Doubled(3, 1, activation="relu", name=name)])
def test_a_layer_of_ones_own_is_computed_by_its_own_call(make):
    x = _input()
    own = make(name="own")
    network = _network(own(x), x)
    for tap in (Tap("own"), Tap("own", pre_activation=True)):
        for passing in (None, Passing(tf.constant(True))):
            value = Backbone(network, [tap])(tf.constant(PICTURES), passing)[tap]
            np.testing.assert_array_equal(value, own(PICTURES * 2 - 1))


def _dead(make) -> Network:
    """A ReLU that is shut everywhere: its input is the (negative) picture minus one."""
    x = _input()
    return _network(make(x), x)


def _shut_layer(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU(name="relu")(x - 1.5)


def _shut_activation(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Activation("relu", name="relu")(x - 1.5)


def _shut_operation(x: keras.KerasTensor) -> keras.KerasTensor:
    return keras.ops.relu(x - 1.5)


def _shut_fused(x: keras.KerasTensor) -> keras.KerasTensor:
    conv = layers.DepthwiseConv2D(
        1, activation="relu", depthwise_initializer="ones", bias_initializer=keras.initializers.Constant(-1.5)
    )
    return conv(x)


def _gradient(
    network: Network, passing: bool | None, weight: np.ndarray, pictures: np.ndarray, xla: bool = False
) -> np.ndarray:
    tap = Tap(network.head_layer.path)
    backbone = Backbone(network, [tap])

    @tf.function
    def gradient(x):
        flag = None if passing is None else Passing(tf.constant(passing), xla)
        return tf.gradients(tf.reduce_sum(backbone(x, flag)[tap] * weight), x)[0]

    return gradient(tf.constant(pictures)).numpy()


SHUT = [_shut_layer, _shut_activation, _shut_operation, _shut_fused]
SIGNS = np.where(np.arange(6) % 2 == 0, 1.0, -1.0).astype(np.float32)[None, :, None, None]


@pytest.mark.parametrize("make", SHUT)
def test_a_shut_relu_blocks_unless_gradients_pass(make):
    network = _dead(make)
    assert not _gradient(network, None, SIGNS, PICTURES * 0.5).any()
    assert not _gradient(network, False, SIGNS, PICTURES * 0.5).any()


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("make", SHUT)
def test_what_passes_a_shut_relu_only_opens_it(make, xla):
    gradient = _gradient(_dead(make), True, SIGNS, PICTURES * 0.5, xla)
    # Upstream is +1 in even rows and -1 in odd ones; the contract doubles. A push down cannot open a unit.
    np.testing.assert_array_equal(gradient, np.broadcast_to(2 * np.maximum(SIGNS, 0), gradient.shape))


@pytest.mark.parametrize("xla", [False, True])
def test_a_saturated_relu6_is_let_down_but_not_pushed_further_up(xla):
    x = _input()
    network = _network(layers.ReLU(6.0)(x + 100.0), x)
    assert not _gradient(network, False, SIGNS, PICTURES).any()
    gradient = _gradient(network, True, SIGNS, PICTURES, xla)
    np.testing.assert_array_equal(gradient, np.broadcast_to(2 * np.minimum(SIGNS, 0), gradient.shape))


@pytest.mark.parametrize("xla", [False, True])
def test_a_picture_that_is_not_wholly_blocked_has_its_ordinary_gradient(xla):
    x = _input()
    network = _network(layers.ReLU()(x), x)
    half = np.where(np.arange(6)[None, None, :, None] < 3, 0.9, 0.1).astype(np.float32)
    pictures = np.concatenate([np.broadcast_to(half, (1, 6, 6, 3)), np.zeros((1, 6, 6, 3), np.float32)])
    gradient = _gradient(network, True, np.ones((1, 1, 1, 1), np.float32), pictures, xla)
    np.testing.assert_array_equal(gradient[0], 2.0 * np.broadcast_to(half[0] > 0.5, (6, 6, 3)))  # half open: as ever
    np.testing.assert_array_equal(gradient[1], 2.0)  # wholly shut: all passes


@pytest.mark.parametrize(
    "make",
    [
        lambda x: layers.LeakyReLU()(x),
        lambda x: layers.ReLU(negative_slope=0.1)(x),
        lambda x: layers.ReLU(threshold=0.3)(x),
        lambda x: layers.Activation("silu")(x),
        lambda x: layers.PReLU(alpha_initializer="ones")(x),
    ],
)
def test_other_activations_keep_their_gradient(make):
    network = _dead(make)
    ordinary = _gradient(network, None, SIGNS, PICTURES)
    np.testing.assert_array_equal(_gradient(network, True, SIGNS, PICTURES), ordinary)


def test_values_are_the_same_whether_gradients_pass_or_not():
    x = _input()
    y = layers.ReLU(6.0)(layers.Conv2D(8, 3, activation="relu")(x) * 20)
    network = _network(layers.Dense(3)(layers.Flatten()(y)), x)
    tap = Tap("dense")
    backbone, passing = Backbone(network, [tap]), Passing(tf.constant(True))
    values = [backbone(tf.constant(PICTURES), given)[tap] for given in (None, passing)]
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(values[0], network.model(PICTURES * 2 - 1), rtol=0, atol=1e-5)


def test_the_users_layers_are_untouched():
    x = _input()
    conv = layers.Conv2D(4, 3, activation="relu", name="conv")
    network = _network(conv(x), x)
    before, state = dict(conv.__dict__), (conv.get_config(), len(conv._inbound_nodes))
    Backbone(network, [Tap("conv", pre_activation=True)])(tf.constant(PICTURES), Passing(tf.constant(True)))
    assert conv.activation is keras.activations.relu
    assert (conv.get_config(), len(conv._inbound_nodes)) == state
    assert dict(conv.__dict__).keys() == before.keys()
    assert all(conv.__dict__[name] is value for name, value in before.items() if name != "_called")


def test_nothing_behind_the_taps_is_computed():
    x = _input()
    y = layers.Conv2D(4, 3, name="conv")(x)

    class Mine(layers.Layer):
        def call(self, inputs):
            seen.append(inputs.shape)
            return inputs

    seen: list = []
    network = _network(Mine(name="late")(y), x)
    seen.clear()
    Backbone(network, [Tap("conv")])(tf.constant(PICTURES))
    assert seen == []
    Backbone(network, [Tap("late")])(tf.constant(PICTURES))
    assert len(seen) == 1


def test_a_tap_that_does_not_exist_is_a_sentence():
    x = _input()
    network = _network(layers.Conv2D(4, 3, name="conv")(x), x)
    with pytest.raises(ValueError, match="no layer 'cnv' in this network; nearest: 'conv'"):
        Backbone(network, [Tap("cnv")])
