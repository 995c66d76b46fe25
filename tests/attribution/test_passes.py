"""One trace serves every class, picture and batch size, and every layer of a network."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution import passes
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import make_pooled, network_of


def _traces(network):
    return {key: function.experimental_get_tracing_count() for key, function in network._compiled.items()}


def test_another_class_picture_or_count_traces_nothing(image):
    network = make_pooled()
    everything = [
        nv.saliency,
        lambda *a: nv.saliency(*a, gradient="guided"),
        lambda *a: nv.smooth_grad(*a, samples=70),
        lambda *a: nv.integrated_gradients(*a, steps=67),
        *(lambda *a, path=path: nv.grad_cam(*a, layer=path) for path in ("conv1", "conv2", "act2")),
        nv.layer_cam,
        nv.score_cam,
        nv.cam,
        lambda *a: nv.occlusion(*a, patch=3, stride=1),
        lambda *a: nv.deletion_insertion(*a[:2], np.ones((12, 12)), a[2]),
        lambda *a: nv.activations(*a[:2], "conv1"),
        lambda *a: nv.activations(*a[:2], "pooled"),
    ]  # fmt: skip
    for function in everything:
        function(network, image, 0)
    before = _traces(network)
    assert sorted(key[0] for key in before) == [
        "attribution gradient", "attribution gradient", "attribution layers", "attribution outputs",
        "attribution value",
    ]  # fmt: skip
    assert set(before.values()) == {1}
    for function in everything:
        function(network, 1 - image, 2)
        function(network, image[::-1], "bee")
    assert _traces(network) == before


def test_another_unit_of_a_layer_traces_nothing(image):
    network = make_pooled()
    for unit in range(3):
        nv.saliency(network, image, objectives.channel("conv2", unit))
        nv.saliency(network, image, 0.5 * objectives.class_logit(unit) - objectives.class_logit(1))
    assert set(_traces(network).values()) == {1}
    assert len(_traces(network)) == 2


def test_batches_give_what_single_pictures_give(pooled):
    pictures = np.random.default_rng(1).random((5, 12, 12, 3), dtype=np.float32)
    question = asked(pooled, pictures[0], 1)
    values, gradients = passes.gradients_of(question, pictures)
    for picture, value, gradient in zip(pictures, values, gradients, strict=True):
        one = passes.gradients_of(question, picture[None])
        np.testing.assert_allclose(value, one[0][0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(gradient, one[1][0], rtol=1e-4, atol=1e-6)


def test_too_many_values_are_not_held_together(image, monkeypatch):
    network = make_pooled()
    question = asked(network, image, 1)
    assert passes.shared_layers(question) == ("conv1", "conv2", "act2")
    together = nv.grad_cam(network, image, 1), nv.activations(network, image, "conv1")
    monkeypatch.setattr(passes, "LARGEST_SHARED", 500)  # conv1 alone gives 576 values
    assert passes.shared_layers(question) == ()
    np.testing.assert_allclose(nv.grad_cam(network, image, 1), together[0], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(nv.activations(network, image, "conv1"), together[1], rtol=1e-5, atol=1e-7)
    layers = {key[2] for key in network._compiled if key[0] == "attribution layers"}
    assert layers == {("conv1", "conv2", "act2"), ("act2",)}


def test_a_network_of_open_size_is_read_layer_by_layer(image):
    picture = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="relu", name="conv")(picture))
    network = network_of(picture, keras.layers.Dense(3)(x), size=12)
    assert passes.shared_layers(asked(network, image, 1)) == ()
    assert nv.grad_cam(network, image, 1, resize=False).shape == (10, 10)
    assert nv.activations(network, image, "conv").shape == (10, 10, 4)


def test_half_precision_gives_float32(image):
    half = keras.DTypePolicy("mixed_float16")
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", dtype=half, name="conv")(picture)
    x = keras.layers.Dense(3, dtype="float32")(keras.layers.GlobalAveragePooling2D(dtype=half)(x))
    network = network_of(picture, x)
    for function in (nv.saliency, nv.grad_cam, nv.occlusion, lambda *a: nv.saliency(*a, gradient="guided")):
        found = function(network, image, 1)
        assert found.dtype == np.float32
        assert np.isfinite(found).all()
    assert nv.activations(network, image, "conv").dtype == np.float32


def test_names_of_every_kind_are_computed(image):
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="<b>é ü")(picture)
    network = network_of(picture, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D(name="a b")(x)))
    assert nv.grad_cam(network, image, 1, layer="<b>é ü", resize=False).shape == (10, 10)
    assert nv.saliency(network, image, 1, gradient="guided").shape == (12, 12, 3)


def test_a_finite_difference_agrees():
    """Of a copy in float64, at every pixel of a tiny network."""
    network = make_pooled("tanh")
    picture = np.random.default_rng(5).random((12, 12, 3))
    copy = keras.models.clone_model(
        network.model, clone_function=lambda layer: layer.from_config({**layer.get_config(), "dtype": "float64"})
    )
    copy.set_weights(network.model.get_weights())
    from nbfeatviz.networks.graph.reader import read_graph

    graph, step = read_graph(copy), 1e-5
    below = next(call.index for call in graph.calls if call.path == "dropped")
    kernel, bias = (value.value for value in copy.get_layer("head").weights)  # the logits are before its softmax
    moved = picture + step * np.eye(432).reshape(432, 12, 12, 3)
    sides = [
        graph.evaluate(keras.ops.convert_to_tensor(side * 2 - 1, "float64"), [below])[below] @ kernel + bias
        for side in (moved, 2 * picture - moved)
    ]
    assert sides[0].dtype == "float64"
    expected = ((sides[0] - sides[1]).numpy()[:, 1] / (2 * step)).reshape(12, 12, 3)
    found = nv.saliency(network, picture, 1)
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("layer", ["conv1", "head"])
def test_a_pass_says_whether_it_is_compiled(image, layer):
    network = make_pooled()
    compute = passes.outputs_pass(network, layer)
    assert not compute.compiled
    eager = passes.outputs_of(network, image, layer, eager=True)
    assert not compute.compiled
    compute.prepare()
    assert compute.compiled
    np.testing.assert_allclose(passes.outputs_of(network, image, layer, eager=True), eager, rtol=1e-5, atol=1e-6)


def test_one_pass_gives_the_gradient_at_the_picture_as_at_every_layer(image):
    network = make_pooled()
    question = asked(network, image, 1)
    expected = passes.gradients_of(question, image[None])
    fresh = asked(make_pooled(), image, 1)
    shared = passes.shared_pass(fresh)
    assert shared is not None
    shared.prepare()
    found = passes.gradients_of(fresh, image[None], eager=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)  # float32, the same sums in another order
    assert not passes.gradient_pass(fresh).compiled


def _normed():
    """Convolution, batch norm with statistics of its own, ReLU, head."""
    random = np.random.default_rng(3)
    picture = keras.Input((8, 8, 3))
    norm = keras.layers.BatchNormalization(name="norm")
    value = keras.layers.ReLU()(norm(keras.layers.Conv2D(6, 3, name="conv")(picture)))
    model = keras.Model(picture, keras.layers.Dense(4, name="head")(keras.layers.Flatten()(value)))
    norm.set_weights([random.uniform(0.5, 2, 6) for _ in range(4)])
    return model, nv.load(model, input_range=(0, 1))


def _plain_gradient(model, pictures, index):
    """As it is written without this package."""
    pictures = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        value = model(pictures, training=False)[:, index]
    return value.numpy(), tape.gradient(value, pictures).numpy()


def test_folded_batch_norms_change_nothing_but_the_rounding():
    model, network = _normed()
    pictures = np.random.default_rng(4).random((5, 8, 8, 3), np.float32)
    question = asked(network, pictures[0], 2)
    value, gradient = _plain_gradient(model, pictures, 2)
    np.testing.assert_allclose(passes.gradients_of(question, pictures)[1], gradient, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(passes.values_of(question, pictures)[0], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layer", ["conv", "norm", "head"])
def test_a_question_is_answered_with_the_weights_that_the_network_has_then(layer):
    model, network = _normed()
    picture = np.random.default_rng(5).random((8, 8, 3), np.float32)
    before = nv.saliency(network, picture, 1)
    changed = model.get_layer(layer)
    changed.set_weights([2.5 * value for value in changed.get_weights()])
    after = nv.saliency(network, picture, 1)
    assert np.abs(after - before).max() > 1e-3
    np.testing.assert_allclose(after, _plain_gradient(model, picture[None], 1)[1][0], rtol=1e-4, atol=1e-6)
