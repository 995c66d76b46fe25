"""Gradient methods are what they are named after, on networks that can be worked out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.gradients import smooth_grad_steps
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import logits_of, make_pooled, network_of


def _weights(linear, index):
    return np.asarray(linear.model.get_layer("head").kernel)[:, index].reshape(4, 4, 3)


@pytest.fixture
def small():
    return np.random.default_rng(8).random((4, 4, 3), dtype=np.float32)


def test_the_gradient_of_a_linear_model_is_its_weights(linear, small):
    for index in range(3):
        gradient = nv.saliency(linear, small, index)
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, _weights(linear, index), rtol=1e-6)
        np.testing.assert_allclose(
            nv.gradient_times_input(linear, small, index), _weights(linear, index) * small, rtol=1e-5
        )


def test_it_is_with_respect_to_the_picture_in_0_to_1(small):
    """Also where the network takes another range, in another order of channels."""
    picture = keras.Input((4, 4, 3))
    head = keras.layers.Dense(2, name="head")
    model = keras.Model(picture, head(keras.layers.Flatten()(picture)))
    network = nv.load(model, input_range=(0, 255), channel_order="bgr")
    expected = np.asarray(head.kernel)[:, 1].reshape(4, 4, 3)[..., ::-1] * 255
    np.testing.assert_allclose(nv.saliency(network, small, 1), expected, rtol=1e-5)


def test_a_difference_of_two_classes_is_the_difference_of_their_gradients(pooled, image):
    difference = objectives.class_logit("ant") - objectives.class_logit("cow")
    expected = nv.saliency(pooled, image, "ant") - nv.saliency(pooled, image, "cow")
    np.testing.assert_allclose(nv.saliency(pooled, image, difference), expected, atol=1e-6)


def test_a_class_is_its_logit_also_behind_a_softmax(image):
    softmax, logits = make_pooled(head="softmax"), make_pooled(head=None)
    np.testing.assert_allclose(nv.saliency(softmax, image, 1), nv.saliency(logits, image, 1), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("point", "same"), [((-1, 0), False), ((1, 0), True), ((0, 1), True), ((1, 1), True)])
def test_guided_on_the_net_of_two_units(point, same):
    picture = keras.Input((1, 1, 2))
    hidden, output = keras.layers.Dense(2, activation="relu", use_bias=False), keras.layers.Dense(1, use_bias=False)
    model = keras.Model(picture, keras.layers.Flatten()(output(hidden(picture))))
    hidden.set_weights([np.array([[-1, 1], [-1, 1]])])
    output.set_weights([np.array([[-1], [1]])])
    network = nv.load(model, input_range=(-1, 1))
    seen = (np.array(point, np.float32).reshape(1, 1, 2) + 1) / 2  # the network sees the point itself
    plain, guided = (nv.saliency(network, seen, 0, gradient=kind).ravel() / 2 for kind in ("vanilla", "guided"))
    np.testing.assert_array_equal(plain, [1, 1])
    np.testing.assert_array_equal(guided, [1, 1] if same else [0, 0])


@pytest.mark.parametrize("kind", ["guided", "rectified"])
def test_the_model_is_left_as_it_was(image, kind):
    network = make_pooled()
    weights, text = network.model.get_weights(), network.model.to_json()
    plain, outputs = nv.saliency(network, image, 1), network.model(image[None]).numpy()
    assert (nv.saliency(network, image, 1, gradient=kind) != plain).any()
    assert all(np.array_equal(old, new) for old, new in zip(weights, network.model.get_weights(), strict=True))
    assert network.model.to_json() == text
    np.testing.assert_array_equal(network.model(image[None]), outputs)
    np.testing.assert_array_equal(nv.saliency(network, image, 1), plain)


@pytest.mark.parametrize(("activation", "name"), [("swish", "silu"), ("gelu", "gelu")])
@pytest.mark.parametrize("function", [lambda *a: nv.saliency(*a, gradient="guided"), nv.guided_grad_cam])
def test_without_relu_guided_says_so_and_names_what_there_is(image, activation, name, function):
    with pytest.raises(ValueError, match=rf"guided.*no.*{name} \(2×\)"):
        function(make_pooled(activation), image, 1)


def test_other_activations_besides_are_named_in_a_warning_at_the_persons_line(image):
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="gelu")(keras.layers.Conv2D(4, 3, activation="relu")(picture))
    network = network_of(picture, keras.layers.Dense(3)(keras.layers.Flatten()(x)))
    for function in (lambda *a: nv.saliency(*a, gradient="guided"), nv.guided_grad_cam):
        with pytest.warns(UserWarning, match=r"guided gradients.*keep their own gradient: gelu \(1×\)") as caught:
            function(network, image, 1)
        assert {warning.filename for warning in caught} == {__file__}


def test_guided_reaches_into_nested_models(image):
    """A transfer-learning model gives what the same layers give without nesting."""
    keras.utils.set_random_seed(7)
    inner_picture = keras.Input((12, 12, 3))
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.Conv2D(4, 3, activation="relu6", name="odd name!"),
    ]
    x = inner_picture
    for layer in layers:
        x = layer(x)
    base = keras.Model(inner_picture, x, name="base")
    picture = keras.Input((12, 12, 3))
    head = keras.layers.Dense(3, name="head")
    pool = keras.layers.GlobalAveragePooling2D()
    nested = network_of(picture, head(pool(base(picture))))
    flat = network_of(inner_picture, head(pool(x)))
    for kind in ("vanilla", "guided", "rectified"):
        a, b = (nv.saliency(network, image, 2, gradient=kind) for network in (nested, flat))
        assert a.any()
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("kind", ["vanilla", "guided", "rectified"])
def test_smooth_grad_without_noise_is_the_gradient(pooled, image, kind):
    plain = nv.saliency(pooled, image, 1, gradient=kind)
    smooth = nv.smooth_grad(pooled, image, 1, noise=0, samples=3, gradient=kind)
    np.testing.assert_allclose(smooth, plain, rtol=1e-5, atol=1e-8)
    assert nv.var_grad(pooled, image, 1, noise=0, samples=3, gradient=kind).max() < 1e-10


def test_smooth_grad_and_var_grad_are_mean_and_variance_over_noisy_pictures(pooled, image):
    sigma = 0.3 * (image.max() - image.min())
    noise = np.random.default_rng(5).standard_normal((70, *image.shape), np.float32)
    scaled = tf.constant((image + sigma * noise) * 2 - 1)
    with tf.GradientTape() as tape:
        tape.watch(scaled)
        value = logits_of(pooled.model, scaled)[:, 2]
    gradients = tape.gradient(value, scaled).numpy() * 2
    settings = {"samples": 70, "noise": 0.3, "seed": 5}
    np.testing.assert_allclose(nv.smooth_grad(pooled, image, 2, **settings), gradients.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(nv.var_grad(pooled, image, 2, **settings), gradients.var(axis=0), atol=1e-5)


def test_the_same_seed_gives_the_same_map_and_another_another(pooled, image):
    one, two, other = (nv.smooth_grad(pooled, image, 1, samples=5, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_progress_is_told_and_can_be_left(pooled, image):
    steps = smooth_grad_steps(asked(pooled, image, 1), samples=130)
    first = next(steps)
    assert (first.done, first.total, first.map.shape) == (64, 130, (12, 12, 3))
    assert [partial.done for partial in steps] == [128, 130]
    steps = smooth_grad_steps(asked(pooled, image, 1), samples=130)
    next(steps)
    steps.close()
    assert list(steps) == []


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"samples": 0}, ValueError, "samples 0 is out of range"),
        ({"samples": 2.0}, TypeError, "samples is a whole number, not 2.0"),
        ({"noise": -1}, ValueError, "noise -1"),
        ({"noise": float("nan")}, ValueError, "noise nan"),
        ({"gradient": "guide"}, ValueError, "'guide' is unknown: it is 'vanilla', 'guided' or 'rectified'"),
    ],
)
def test_wrong_settings(pooled, image, settings, kind, says):
    with pytest.raises(kind, match=says):
        nv.smooth_grad(pooled, image, 1, **settings)


def test_a_target_that_the_picture_does_not_reach_is_named(image):
    @keras.saving.register_keras_serializable("nbfeatviz-tests")
    class Cut(keras.layers.Layer):
        def call(self, inputs):
            return tf.stop_gradient(inputs)

    picture = keras.Input((12, 12, 3))
    network = network_of(picture, keras.layers.Flatten(name="flat")(Cut()(picture)))
    for function in (nv.saliency, nv.integrated_gradients):
        with pytest.raises(ValueError, match="'flat' has no gradient path to the picture"):
            function(network, image, 3)
