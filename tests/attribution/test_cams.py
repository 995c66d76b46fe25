"""Class activation maps follow their formulas, at any layer that has rows and columns, and at no other."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.partial import resized
from nbfeatviz.attribution.spatial import default_layer
from tests.attribution.conftest import logits_of, make_pooled, network_of

GRADIENT_CAMS = [nv.grad_cam, nv.grad_cam_plus_plus, nv.layer_cam]


def _by_hand(network, image, layer, index):
    """Output and gradient of a layer, by splitting the Keras model there."""
    at = network.model.get_layer(layer).output
    below = keras.Model(network.model.inputs[0], at)
    head = network.model.get_layer("head")
    above = keras.Model(at, head.input)
    outputs = below(network.contract.apply(image[None]))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        value = (tf.matmul(above(outputs), head.kernel) + head.bias)[:, index]
    return outputs.numpy()[0], tape.gradient(value, outputs).numpy()[0]


@pytest.mark.parametrize("layer", ["conv1", "conv2", "act2"])
def test_each_is_its_formula(pooled, image, layer):
    a, g = _by_hand(pooled, image, layer, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        alpha = np.nan_to_num(g**2 / (2 * g**2 + a.sum(axis=(0, 1)) * g**3))
    formulas = {
        nv.grad_cam: (a * g.mean(axis=(0, 1))).sum(axis=-1),
        nv.grad_cam_plus_plus: (a * (alpha * np.maximum(g, 0)).sum(axis=(0, 1))).sum(axis=-1),
        nv.layer_cam: (a * np.maximum(g, 0)).sum(axis=-1),
    }
    for function, expected in formulas.items():
        found = function(pooled, image, 1, layer=layer, resize=False)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-5)
        full = function(pooled, image, 1, layer=layer)
        np.testing.assert_array_equal(full, resized(found, (12, 12)))


def test_grad_cam_is_the_positive_part_of_cam_over_the_positions(pooled, image):
    for target in (0, 1, 2):
        plain = nv.cam(pooled, image, target, resize=False)
        assert plain.shape == (6, 6)
        found = nv.grad_cam(pooled, image, target, layer="act2", resize=False)
        np.testing.assert_allclose(found, np.maximum(plain, 0) / 36, rtol=1e-4, atol=1e-7)


def test_the_mean_of_cam_and_the_bias_are_the_logit(image):
    network = make_pooled()
    network.model.get_layer("head").bias.assign([1.0, 2.0, 3.0])
    logits = logits_of(network.model, network.contract.apply(image[None])).numpy()[0]
    for target, bias in ((0, 1), (2, 3)):
        np.testing.assert_allclose(
            nv.cam(network, image, target, resize=False).mean() + bias, logits[target], rtol=1e-4
        )
    difference = objectives.class_logit(0) - 2 * objectives.class_logit(2)
    expected = nv.cam(network, image, 0) - 2 * nv.cam(network, image, 2)
    np.testing.assert_allclose(nv.cam(network, image, difference), expected, rtol=1e-4, atol=1e-6)


def test_layer_cam_is_grad_cam_under_constant_positive_gradients(image):
    """Behind the pooled layer every weight is positive, so each channel's gradient is one positive constant."""
    network = make_pooled()
    kernel = network.model.get_layer("head").kernel
    kernel.assign(np.abs(kernel))
    for resize in (False, True):
        one, two = (f(network, image, 1, layer="act2", resize=resize) for f in (nv.layer_cam, nv.grad_cam))
        assert one.max() > 0
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_guided_grad_cam_is_the_product(pooled, image):
    expected = (
        nv.saliency(pooled, image, 1, gradient="guided") * nv.grad_cam(pooled, image, 1, layer="conv2")[..., None]
    )
    assert expected.any()
    np.testing.assert_allclose(nv.guided_grad_cam(pooled, image, 1, layer="conv2"), expected, rtol=1e-5)


def test_a_unit_as_target_is_explained_below_its_layer(pooled, image):
    unit = objectives.channel("conv2", 3)
    kernel = np.asarray(pooled.model.get_layer("conv2").kernel)
    assert default_layer(pooled, "conv2") == "conv1"
    found = nv.grad_cam(pooled, image, unit, resize=False)
    assert found.shape == (12, 12)
    np.testing.assert_array_equal(found, nv.grad_cam(pooled, image, unit, layer="conv1", resize=False))
    assert kernel.shape == (3, 3, 4, 6)
    with pytest.raises(ValueError, match="'act2' does not feed 'conv2'.*on the way"):
        nv.grad_cam(pooled, image, unit, layer="act2")


def _sequential():
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((12, 12, 3)), layers.Conv2D(4, 3, name="a"), layers.MaxPooling2D(name="b"), layers.Flatten(),
         layers.Dense(3)]
    )  # fmt: skip
    return nv.load(model, input_range=(0, 1)), "b"


def _nested():
    inner = keras.Input((None, None, 3))
    base = keras.Model(inner, keras.layers.ReLU(name="last")(keras.layers.Conv2D(4, 3)(inner)), name="base")
    picture = keras.Input((12, 12, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(picture))
    return network_of(picture, keras.layers.Dense(3)(x)), "base/last"


def _branches():
    picture = keras.Input((12, 12, 3))
    ends = [keras.layers.Conv2D(2, size, padding="same", name=f"size{size}")(picture) for size in (1, 3)]
    x = keras.layers.Concatenate(name="joined")(ends)
    x = keras.layers.GlobalMaxPooling2D(keepdims=True)(x)
    return network_of(picture, keras.layers.Dense(3)(keras.layers.Flatten()(x))), "joined"


def _squeezed():
    """One position at the end: a channel's gate is no place in the picture."""
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, name="wide")(picture)
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid")(keras.layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = keras.layers.Multiply(name="gated")([x, gate])
    x = keras.layers.Conv2D(3, 10, name="point")(x)
    return network_of(picture, keras.layers.Flatten()(x)), "gated"


@pytest.mark.parametrize("make", [_sequential, _nested, _branches, _squeezed])
def test_the_default_is_the_last_layer_with_positions_before_the_head(make, image):
    network, expected = make()
    assert default_layer(network) == expected
    for function in GRADIENT_CAMS:
        np.testing.assert_array_equal(function(network, image, 1), function(network, image, 1, layer=expected))
    assert nv.grad_cam(network, image, 1).shape == (12, 12)


def test_every_layer_of_a_nested_model_can_be_chosen(image):
    network, _ = _nested()
    for path in ("base/conv2d", "base/last"):
        assert nv.grad_cam(network, image, 0, layer=path, resize=False).shape == (10, 10)


@pytest.mark.parametrize("function", [*GRADIENT_CAMS, nv.score_cam, nv.guided_grad_cam])
@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("head", r"'head' \(Dense\) has no spatial extent: its output is 3, .* as 'act2' has"),
        ("pooled", r"'pooled' \(GlobalAveragePooling2D\) has no spatial extent: its output is 6"),
        ("picture", r"'picture' \(InputLayer\)"),
        ("conv9", "no layer 'conv9' in this network; nearest"),
    ],
)
def test_a_layer_that_does_not_do(pooled, image, function, layer, says):
    with pytest.raises(ValueError, match=says):
        function(pooled, image, 1, layer=layer)


def test_a_network_without_such_a_layer(linear):
    with pytest.raises(ValueError, match="no layer before 'head' has rows and columns.*gradient method or occlusion"):
        nv.grad_cam(linear, np.zeros((4, 4, 3)), 0)


def test_plain_cam_needs_its_head(pooled, image):
    network, _ = _sequential()
    with pytest.raises(ValueError, match="global average pooling and one dense layer.*'b' .MaxPooling2D.*use grad_cam"):
        nv.cam(network, image, 0)
    with pytest.raises(ValueError, match="the layer that is pooled, 'act2', not 'conv1': use grad_cam there"):
        nv.cam(pooled, image, 0, layer="conv1")
    with pytest.raises(ValueError, match=r"explains classes, not objectives.channel\('conv1', 0\)"):
        nv.cam(pooled, image, objectives.channel("conv1", 0))


def test_plain_cam_knows_a_head_of_a_convolution(image):
    """MobileNet's head is a 1×1 convolution on the pooled values."""
    picture = keras.Input((12, 12, 3))
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(keras.layers.Conv2D(4, 3, activation="relu")(picture))
    x = keras.layers.Conv2D(3, 1, name="head")(keras.layers.Dropout(0.1)(x))
    x = keras.layers.Activation("softmax")(keras.layers.Reshape((3,))(x))
    network = network_of(picture, x)
    logits = keras.Model(picture, x._keras_history.operation.input)(image[None]).numpy()[0]  # what enters the softmax
    np.testing.assert_allclose(nv.cam(network, image, 1, resize=False).mean(), logits[1], rtol=1e-4)
