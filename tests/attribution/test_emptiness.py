"""A map that says nothing says why, with the value; one that is not finite raises, with the layer to blame."""

from __future__ import annotations

import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.emptiness import silence
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import make_linear, make_pooled, network_of
from tests.synthesis.conftest import Applied


def said(function, *arguments, **options):
    """What a function gives, and the one warning that it gives with it, which points at this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function(*arguments, **options)
    assert [one.filename for one in caught] == [__file__] * len(caught)
    assert len(caught) <= 1
    return found, str(caught[0].message) if caught else ""


def number(sentence, before):
    """The number in a sentence after these words."""
    found = re.search(re.escape(before) + r"(-?[\d.]+(?:e[+-]\d+)?)", sentence)
    assert found, sentence
    return float(found[1].rstrip("."))


@pytest.fixture
def negative():
    """Every weight of the head is negative, so that every gradient at the layer before it is."""
    network = make_pooled()
    head = network.model.get_layer("head")
    head.kernel.assign(-np.abs(head.kernel) - 0.1)
    return network


@pytest.fixture
def dead():
    """All ReLUs of act2 are shut."""
    network = make_pooled()
    network.model.get_layer("conv2").bias.assign([-1000.0] * 6)
    network.model.get_layer("head").bias.assign([1.0, 2.0, 3.0])
    return network


def at_act2(network, image, index):
    """Output and gradient there, written out."""
    model = network.model
    below = keras.Model(model.inputs[0], model.get_layer("act2").output)
    outputs = below(network.contract.apply(image[None])).numpy()[0]
    return outputs, np.broadcast_to(model.get_layer("head").kernel.numpy()[:, index] / 36, outputs.shape)


@pytest.mark.parametrize("function", [nv.grad_cam, nv.grad_cam_plus_plus, nv.layer_cam])
def test_a_cam_whose_gradients_are_all_negative_says_so_with_its_largest_value(negative, image, function):
    found, sentence = said(function, negative, image, "bee", layer="act2")
    assert not found.any()
    outputs, gradients = at_act2(negative, image, 1)
    assert "of 'bee' at 'act2' is 0 everywhere: the weighted sum of its channels is nowhere positive" in sentence
    assert "the layer speaks against 'bee'" in sentence
    assert number(sentence, "gradients from ") == pytest.approx(gradients.min(), rel=0.01)
    if function is nv.grad_cam:
        before = (outputs * gradients).sum(axis=-1)
        assert number(sentence, "positive (from ") == pytest.approx(before.min(), rel=0.01)
        assert number(sentence.split("positive (from ")[1], " to ") == pytest.approx(before.max(), rel=0.01)


def test_guided_grad_cam_says_which_of_both_is_empty(negative, image):
    found, sentence = said(nv.guided_grad_cam, negative, image, 1)
    assert not found.any()
    assert sentence.startswith("Guided Grad-CAM of 'bee' says nothing: the guided gradient of 'bee' (whose value is ")
    assert "where the plain gradient is not" in sentence


def test_score_cam_says_what_its_sum_is_before_the_relu(pooled, image):
    target = objectives.class_logit(1) - objectives.class_logit(2)
    found, sentence = said(nv.score_cam, pooled, image, target, resize=False)
    assert not found.any()
    whole = (
        "Score-CAM of objectives.class_logit(1) - objectives.class_logit(2) at 'act2' is 0 everywhere: before its ReLU"
    )
    assert sentence.startswith(whole)
    black = nv.occlusion(pooled, image, target, patch=12, fill="black", resize=False)[0, 0]
    logits = np.log([share for _, _, share in sorted(pooled.predict(image))])
    assert number(sentence, "than a black picture (") == pytest.approx(logits[1] - logits[2] - black, rel=0.01)


def test_maps_that_say_something_warn_of_nothing(pooled, image):
    kernel = pooled.model.get_layer("head").kernel.numpy()
    index = int(kernel.sum(axis=0).argmax())
    for name, method in METHODS.items():
        question = asked(pooled, image, index)
        if name == "score-cam":
            continue  # no channel of this network shows the class
        *_, last = method.start(question)
        assert np.ptp(last.map) > 0, name
        assert last.empty is None, name
    assert said(nv.saliency, pooled, image, 0)[1] == said(nv.occlusion, pooled, image, 0)[1] == ""


SAYS = {
    nv.saliency: "the gradient of 'cow' (whose value is 3) is 0 at every pixel: it gets no further than 'act2'",
    nv.smooth_grad: "the mean gradient over 50 noisy copies of 'cow' (whose value is 3) is 0 at every pixel: it gets",
    nv.var_grad: "VarGrad of 'cow' says nothing: the gradient is 0 in all 50 noisy copies: it gets no further than",
    nv.integrated_gradients: "the gradient all the way from the baseline of 'cow' (whose value is 3) is 0 at every",
    nv.gradient_times_input: "the gradient of 'cow' (whose value is 3) is 0 at every pixel: it gets no further than",
    nv.grad_cam: "Grad-CAM of 'cow' at 'act2' is 0 everywhere: the layer is silent, all its outputs are 0 on this",
    nv.layer_cam: "LayerCAM of 'cow' at 'act2' is 0 everywhere: the layer is silent",
    nv.cam: "the CAM of 'cow' at 'act2' is 0 everywhere: the layer is silent",
    nv.score_cam: "Score-CAM of 'cow' at 'act2' is 0 everywhere: all its outputs are 0 on this photo",
    nv.occlusion: "occlusion of 'cow' (whose value is 3) says nothing: none of the ",
}


@pytest.mark.parametrize("function", SAYS)
def test_behind_units_that_are_all_dead_each_says_where_it_ends(dead, image, function):
    found, sentence = said(function, dead, image, "cow")
    assert np.abs(found).max() <= 1e-6
    assert sentence.startswith(SAYS[function])


def test_the_layer_where_a_gradient_ends_is_said_with_its_silence(dead, image):
    _, sentence = said(nv.saliency, dead, image, 0)
    assert "no further than 'act2' (Activation), all of whose outputs are 0 on this photo" in sentence
    _, sentence = said(nv.grad_cam, dead, image, 0, layer="conv1")
    assert "there the gradient of the value (1) is 0, it gets no further than 'act2' (Activation)" in sentence


def test_a_map_that_is_the_same_everywhere_points_at_none(image):
    picture = keras.Input((12, 12, 3))
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(picture)
    network = network_of(picture, keras.layers.Dense(2, kernel_initializer="ones", name="head")(mean))
    found, sentence = said(nv.saliency, network, image, 1)
    np.testing.assert_allclose(found, 1 / 144, rtol=1e-5)
    assert sentence.startswith("the gradient of 'class 1' (whose value is ")
    assert number(sentence, "whose value is ") == pytest.approx(image.mean(axis=(0, 1)).sum(), rel=1e-3)
    assert "is 0.00694, 0.00694, 0.00694 at every place: it points at none." in sentence


def test_what_is_empty_because_of_the_picture_or_the_settings_says_so(image):
    linear, grey = make_linear(size=4), np.full((4, 4, 3), 0.5, np.float32)
    black = np.zeros((4, 4, 3), np.float32)
    assert "because the picture is black" in said(nv.gradient_times_input, linear, black, 1)[1]
    assert "the picture is the baseline" in said(nv.integrated_gradients, linear, black, 1)[1]
    assert "the picture is covered by what it shows" in said(nv.occlusion, linear, grey, 1, patch=1)[1]
    assert "one patch of 4 pixels covers the whole picture" in said(nv.occlusion, linear, black, 1, patch=4)[1]
    assert "the picture is 0.5 everywhere, and noise is a share" in said(nv.var_grad, linear, grey, 1)[1]
    assert "as noise is 0" in said(nv.var_grad, linear, image[:4, :4], 1, noise=0)[1]
    assert "one sample has no variance" in said(nv.var_grad, linear, image[:4, :4], 1, samples=1)[1]
    largest = np.abs(nv.saliency(linear, grey, 1)).max()
    sentence = said(nv.var_grad, linear, image[:4, :4], 1)[1]
    assert "linear around this photo" in sentence
    assert number(sentence, "copies (up to ") == pytest.approx(largest, rel=0.01)


def test_a_silent_layer_warns_with_its_value(dead, pooled, image):
    found, sentence = said(nv.activations, dead, image, "act2")
    assert not found.any()
    assert sentence == "'act2' is silent on this photo: all its 6×6×6 outputs are 0."
    assert (
        said(nv.activations, dead, image, "pooled")[1] == "'pooled' is silent on this photo: all its 6 outputs are 0."
    )
    assert said(nv.activations, pooled, image, "act2")[1] == ""
    dead.model.get_layer("conv1").set_weights([np.zeros((3, 3, 3, 4)), np.arange(1.0, 5.0)])
    sentence = said(nv.activations, dead, image, "conv1")[1]
    assert sentence.startswith(
        "each channel of 'conv1' (12×12×4) has one value at all places on this photo (from 1 to 4)"
    )
    assert silence("head", np.array([0.7], np.float32)) is None, "one unit alone is no constant"


def test_a_map_without_an_order_has_areas_that_say_nothing(pooled, image):
    _, sentence = said(nv.deletion_insertion, pooled, image, np.full((12, 12), 2.0), 1)
    assert sentence.startswith("the attribution is the same everywhere (2), so its pixels have no order")
    assert said(nv.deletion_insertion, pooled, image, image, 1)[1] == ""


def test_a_randomization_check_of_nothing_says_so(dead, image):
    stages, sentence = said(nv.randomization_check, dead, image, "cow", stages=2)
    assert len(stages) == 2
    assert sentence.startswith("the gradient of 'cow' (whose value is 3) is 0 at every pixel")


EVERY = [nv.saliency, nv.gradient_times_input, nv.smooth_grad, nv.var_grad, nv.integrated_gradients, nv.grad_cam]
EVERY += [nv.grad_cam_plus_plus, nv.layer_cam, nv.guided_grad_cam, nv.score_cam, nv.occlusion, nv.cam]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("layer", ["conv1", "head"])
@pytest.mark.parametrize("function", EVERY)
def test_one_broken_weight_raises_and_is_named(image, function, layer, value):
    network = make_pooled()
    kernel = network.model.get_layer(layer).kernel
    broken = kernel.numpy()
    broken.flat[5] = value
    kernel.assign(broken)
    target = 5 % 3 if layer == "head" else 1
    with pytest.raises(nv.NotFiniteError, match="is not finite") as caught:
        function(network, image, target)
    assert f"the weights of {layer!r} are not (kernel: 1 of {broken.size:,} values" in str(caught.value)
    assert f"{network.class_name(target)!r}" in str(caught.value) or function in (nv.cam, nv.score_cam)


def test_an_output_that_is_not_finite_is_named_where_all_weights_are(image):
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(picture)
    x = Applied(lambda inputs: tf.math.log(inputs * 0 - 1), name="logarithm")(x)
    network = network_of(picture, keras.layers.Dense(2, name="head")(keras.layers.GlobalAveragePooling2D()(x)))
    sentence = "'logarithm' \\(Applied\\) gives NaN or infinity for this photo, at 200 of 200 values, the first layer"
    for function in (nv.saliency, nv.occlusion, nv.grad_cam):
        with pytest.raises(nv.NotFiniteError, match=sentence):
            function(network, image, 1)
    with pytest.raises(nv.NotFiniteError, match=sentence):
        nv.activations(network, image, "logarithm")
    assert np.isfinite(nv.activations(network, image, "conv")).all(), "below it all is well"


def test_a_gradient_that_is_not_finite_is_said_to_come_about_there():
    picture = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(Applied(tf.sqrt, name="root")(picture))
    network = network_of(picture, keras.layers.Dense(2, name="head")(x))
    with pytest.raises(nv.NotFiniteError, match="all weights and what every layer gives for this photo are"):
        nv.saliency(network, np.zeros((8, 8, 3), np.float32), 1)


def test_a_value_that_is_not_finite_raises_though_its_gradient_is(image):
    picture = keras.Input((12, 12, 3))
    x = keras.layers.GlobalAveragePooling2D()(Applied(lambda inputs: inputs + np.nan, name="added")(picture))
    network = network_of(picture, keras.layers.Dense(2, name="head")(x))
    for function in (nv.saliency, nv.smooth_grad):
        with pytest.raises(
            nv.NotFiniteError, match="value of 'class 1' is not finite .*: all weights are, but"
        ) as caught:
            function(network, image, 1)
        assert "'added' (Applied) gives NaN" in str(caught.value)


def test_pieces_on_the_way_raise_too(image):
    network = make_pooled()
    network.model.get_layer("conv1").bias.assign([np.nan] * 4)
    question = asked(network, image, 1)
    with pytest.raises(nv.NotFiniteError):
        next(iter(METHODS["occlusion"].start(question)))


CUTS = [
    (tf.stop_gradient, "stop_gradient"),
    (tf.round, "round"),
    (lambda inputs: tf.cast(tf.cast(inputs * 9, tf.int32), tf.float32), "integers"),
    (lambda inputs: tf.one_hot(tf.argmax(inputs, axis=-1), 2), "argmax"),
]


@pytest.mark.parametrize("function", [cut for cut, _ in CUTS], ids=[name for _, name in CUTS])
def test_what_cuts_the_gradient_is_named(image, function):
    picture = keras.Input((12, 12, 3))
    x = Applied(function, name="cut")(keras.layers.Conv2D(2, 3, name="conv")(picture))
    x = keras.layers.ReLU(name="relu")(x)
    network = network_of(picture, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling2D()(x)))
    ends = "it is cut inside 'cut' \\(Applied\\), by tf.stop_gradient or an operation that has no gradient"
    for method in (nv.saliency, nv.integrated_gradients, nv.smooth_grad):
        with pytest.raises(ValueError, match=f"^'head' has no gradient path to the picture: {ends}"):
            method(network, image, 1)
    with pytest.raises(ValueError, match=f"^'head' has no gradient path to 'conv': {ends}"):
        nv.grad_cam(network, image, 1, layer="conv")
    assert np.isfinite(nv.occlusion(network, image, 1)).all(), "which needs no gradient"


def test_an_operation_whose_gradient_nobody_knows_is_a_sentence(image):
    picture = keras.Input((12, 12, 3))
    x = Applied(lambda inputs: tf.image.adjust_hue(inputs, 0.1), name="hue")(picture)
    network = network_of(picture, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling2D()(x)))
    with pytest.raises(ValueError, match="'head' has no gradient path to the picture: TensorFlow knows no gradient of"):
        nv.saliency(network, image, 1)


def test_a_unit_before_its_activation_ends_in_its_own_layer(dead, image):
    dead.model.get_layer("conv1").set_weights([np.zeros((3, 3, 3, 4)), np.full(4, 2.0)])
    _, sentence = said(nv.saliency, dead, image, objectives.channel("conv1", 1, pre_activation=True))
    assert "(whose value is 2) is 0 at every pixel: it gets no further than 'conv1' (Conv2D). Ask" in sentence
