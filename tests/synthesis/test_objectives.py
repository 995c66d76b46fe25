"""What is measured, how objectives are combined, and what is said about those that cannot be."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis.objectives import channel, class_logit, neuron
from tests.synthesis.conftest import Applied, make_network, make_one_layer, output_of

# A compiled convolution and an eager one may add in another order: float32 keeps 7 digits, 1e-5 leaves two of them.
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


def first_step(network, objective, **settings):
    return next(nv.ascend(network, objective, recipe="tutorial13", **settings))


def loss_of(network, objective, **settings):
    return first_step(network, objective, **settings).loss


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(3).random((16, 16, 3)).astype(np.float32)


@pytest.mark.parametrize(("layer", "unit"), [("conv1", 0), ("conv1", 3), ("conv2", 4), ("relu2", 1), ("flat", 99)])
def test_a_channel_is_the_mean_of_what_keras_gives(net, image, layer, unit):
    expected = output_of(net, layer, image)[..., unit].mean()
    np.testing.assert_allclose(loss_of(net, channel(layer, unit), start=image), expected, **CLOSE)


def test_before_a_fused_activation_is_the_bare_convolution(net, image):
    layer = net.model.get_layer("conv1")
    raw = tf.nn.conv2d(net.contract.apply(image)[None], layer.kernel, 1, "SAME") + layer.bias
    assert (np.asarray(raw) < 0).any()  # or there would be no difference to see
    for unit in range(4):
        expected = np.asarray(raw)[0, ..., unit].mean()
        np.testing.assert_allclose(
            loss_of(net, channel("conv1", unit, pre_activation=True), start=image), expected, **CLOSE
        )


def test_before_an_activation_layer_is_its_input(net, image):
    expected = output_of(net, "conv2", image)
    before = loss_of(net, channel("relu2", 2, pre_activation=True), start=image)
    np.testing.assert_allclose(before, expected[..., 2].mean(), **CLOSE)
    placed = loss_of(net, neuron("relu2", 2, 1, 6, pre_activation=True), start=image)
    np.testing.assert_allclose(placed, expected[1, 6, 2], **CLOSE)


def test_a_neuron_is_one_position_and_by_default_the_centre(net, image):
    output = output_of(net, "conv2", image)
    np.testing.assert_allclose(loss_of(net, neuron("conv2", 3), start=image), output[4, 4, 3], **CLOSE)
    np.testing.assert_allclose(loss_of(net, neuron("conv2", 3, 0, 7), start=image), output[0, 7, 3], **CLOSE)
    np.testing.assert_allclose(loss_of(net, neuron("conv2", 0, 7, 0), start=image), output[7, 0, 0], **CLOSE)


def test_the_centre_of_an_odd_and_unequal_layer_is_the_half_rounded_down(open_net):
    image = np.random.default_rng(4).random((13, 22, 3)).astype(np.float32)
    output = output_of(open_net, "conv2", image)
    assert output.shape == (7, 11, 5)
    measured = loss_of(open_net, neuron("conv2", 1), start=image, size=(13, 22))
    np.testing.assert_allclose(measured, output[3, 5, 1], **CLOSE)


@pytest.mark.parametrize(("layer", "row", "col"), [("conv1", 8, 8), ("conv2", 4, 4), ("conv2", 0, 7)])
def test_nothing_outside_the_receptive_field_of_a_neuron_moves(net, layer, row, col):
    ascent = nv.ascend(net, neuron(layer, 1, row, col, pre_activation=True), recipe="tutorial13", steps=3)
    start = next(ascent).image
    list(ascent)
    moved = (ascent.picture() != start).any(axis=-1)
    top, left, bottom, right = nv.receptive_field(net, layer).box(row, col)
    inside = moved[top:bottom, left:right]
    assert inside.any()
    assert moved.sum() == inside.sum()  # exactly zero elsewhere: not one bit of those pixels differs


def test_a_logit_is_taken_before_the_softmax(net, image):
    head = net.model.get_layer("head")
    logits = output_of(net, "flat", image) @ np.asarray(head.kernel) + np.asarray(head.bias)
    measured = [loss_of(net, class_logit(index), start=image) for index in range(3)]
    np.testing.assert_allclose(measured, logits, rtol=1e-4, atol=1e-5)
    probabilities = {index: p for index, _, p in net.predict(image, top=3)}
    np.testing.assert_allclose(
        np.exp(measured) / np.exp(measured).sum(), [probabilities[k] for k in range(3)], rtol=1e-4
    )


def test_a_class_can_be_named(net, image):
    assert loss_of(net, class_logit("Bee"), start=image) == loss_of(net, class_logit(1), start=image)


def test_a_sum_is_the_weighted_sum_of_its_parts(net, image):
    one, two, three = channel("conv1", 1), neuron("conv2", 2, 3, 5), class_logit(2)
    parts = [loss_of(net, part, start=image) for part in (one, two, three)]
    combined = 2 * (one - two * 0.25) + three * 3 - one
    expected = parts[0] - 0.5 * parts[1] + 3 * parts[2]
    np.testing.assert_allclose(loss_of(net, combined, start=image), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(loss_of(net, -one, start=image), -parts[0], **CLOSE)


def test_operators_leave_their_operands_alone():
    one, two = channel("conv1", 1), channel("conv2", 2)
    before = repr(one), repr(two)
    for result in (one + two, one - two, one * 3, 3 * one, -one):
        assert result is not one
        assert result is not two
    assert (repr(one), repr(two)) == before
    assert (one, two) == (channel("conv1", 1), channel("conv2", 2))


@pytest.mark.parametrize(
    "objective",
    [
        channel("a/b", 3),
        channel("a", 3, pre_activation=True),
        neuron("it's", 0),
        neuron("a", 1, 2, None, pre_activation=True),
        neuron("a", np.int64(1), np.int64(2), 3),
        class_logit("bald eagle"),
        class_logit(np.int64(5)),
        -channel("a", 1),
        channel("a", 1) * (1 / 3),
        -0.1 * channel("a", 1) - (0.1 + 0.2) * neuron("b", 2) + 1e-7 * class_logit(3),
        1234567.0 * channel("a", 1) - class_logit("x"),
    ],
    ids=repr,
)
def test_its_text_makes_it_again(objective):
    assert eval(repr(objective), {"objectives": objectives}) == objective


def test_only_numbers_scale_and_only_objectives_add():
    for wrong in ("2", None, True, channel("a", 1)):
        with pytest.raises(TypeError):
            channel("a", 1) * wrong
    for wrong in (1, "a", None):
        with pytest.raises(TypeError):
            channel("a", 1) + wrong
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            channel("a", 1) * wrong


@pytest.mark.parametrize(
    ("objective", "kind", "says"),
    [
        (channel("conv9", 0), ValueError, ["'conv9'", "nearest", "'conv1'"]),
        (channel(3, 0), TypeError, ["3 (int)", "path"]),
        (channel("picture", 0), ValueError, ["'picture'", "Choose a layer after the input"]),
        (channel("conv1", 4), ValueError, ["unit 4", "0 to 3"]),
        (channel("conv1", -1), ValueError, ["unit -1", "0 to 3"]),
        (channel("conv1", 1.0), TypeError, ["unit", "1.0 (float)"]),
        (channel("conv1", "1"), TypeError, ["unit", "'1' (str)"]),
        (channel("conv1", True), TypeError, ["unit", "True (bool)"]),
        (neuron("conv2", 5), ValueError, ["unit 5", "0 to 4"]),
        (neuron("conv2", 0, 8, 0), ValueError, ["row 8", "0 to 7"]),
        (neuron("conv2", 0, 0, 8), ValueError, ["col 8", "0 to 7"]),
        (neuron("conv2", 0, -1, 0), ValueError, ["row -1", "0 to 7"]),
        (neuron("conv2", 0, 0, 2**40), ValueError, ["col 1099511627776", "0 to 7"]),
        (neuron("conv2", 0, 1.5, 0), TypeError, ["row", "1.5 (float)"]),
        (neuron("head", 1), ValueError, ["'head'", "no positions", "channel('head', 1)"]),
        (class_logit(3), ValueError, ["class 3", "0 to 2"]),
        (class_logit(-1), ValueError, ["class -1", "0 to 2"]),
        (class_logit("bees"), ValueError, ["'bees'", "'bee'"]),
        (class_logit(1.5), TypeError, ["1.5 (float)"]),
        (channel("conv1", 0) + channel("conv1", 7), ValueError, ["unit 7"]),
    ],
    ids=lambda value: repr(value) if isinstance(value, objectives.Objective) else "",
)
def test_what_a_network_does_not_have_is_said_at_once(net, objective, kind, says):
    with pytest.raises(kind) as caught:
        nv.ascend(net, objective)
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize(("size", "last"), [((32, 48), (15, 23)), ((6, 10), (2, 4))])
@pytest.mark.parametrize("network", ["net", "open_net"])
def test_positions_are_those_at_the_size_of_the_picture(network, size, last, request):
    network = request.getfixturevalue(network)
    image = np.random.default_rng(5).random((*size, 3)).astype(np.float32)
    measured = loss_of(network, neuron("conv2", 1, *last), start=image, size=size)
    kernel, bias = network.model.get_layer("conv2").get_weights()
    first = network.model.get_layer("conv1")(network.contract.apply(image)[None])
    expected = np.asarray(tf.nn.conv2d(first, kernel, 2, "SAME") + bias)[0, *last, 1]
    np.testing.assert_allclose(measured, expected, **CLOSE)
    with pytest.raises(ValueError, match=f"row {last[0] + 1} is out of range.*0 to {last[0]}"):
        nv.ascend(network, neuron("conv2", 1, last[0] + 1, 0), size=size)


def test_positions_of_a_network_of_open_size_are_known(open_net):
    with pytest.raises(ValueError, match="row 500 is out of range.*0 to 111"):
        nv.ascend(open_net, neuron("conv2", 1, 500, 0))


@pytest.mark.parametrize(
    "function",
    [tf.round, tf.stop_gradient, lambda x: tf.one_hot(tf.argmax(x, axis=-1), 3), lambda x: tf.cast(x * 9, tf.int32)],
    ids=["round", "stop_gradient", "argmax", "integers"],
)
def test_a_layer_without_a_gradient_path_is_named(function):
    broken = make_one_layer(Applied(function, name="broken"))
    sentence = "^'broken' has no gradient path to the picture: it is cut inside 'broken' \\(Applied\\), by"
    with pytest.raises(ValueError, match=sentence):
        first_step(broken, channel("broken", 0))


def test_a_sum_goes_on_where_one_term_has_a_path():
    picture = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(picture)
    network = nv.load(keras.Model(picture, Applied(tf.stop_gradient, name="cut")(x)), input_range=(0, 1))
    step = first_step(network, channel("conv", 0) + channel("cut", 1))
    assert step.gradient_max > step.gradient_min


def test_the_model_is_left_as_it_was():
    network = make_network()
    before = [np.array(weight) for weight in network.model.get_weights()], network.model.to_json()
    list(nv.ascend(network, class_logit(1) + channel("conv1", 0, pre_activation=True), steps=2))
    assert all(np.array_equal(old, new) for old, new in zip(before[0], network.model.get_weights(), strict=True))
    assert network.model.to_json() == before[1]
