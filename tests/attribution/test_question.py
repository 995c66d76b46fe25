"""A picture and a target become a question, or a sentence about what is wrong with them."""

import keras
import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.question import asked
from nbfeatviz.images import as_picture, fitted
from tests.attribution.conftest import network_of


def test_the_picture_is_fitted_by_centre_crop(pooled):
    wide = np.random.default_rng(1).random((24, 60, 3), dtype=np.float32)
    question = asked(pooled, wide, 0)
    np.testing.assert_array_equal(question.picture, fitted(as_picture(wide, 3), (12, 12)))
    assert question.picture.dtype == np.float32
    np.testing.assert_array_equal(asked(pooled, Image.new("L", (30, 12), 255), 0).picture, 1)


def test_without_a_target_it_is_the_predicted_class(pooled, image):
    index, name, _ = pooled.predict(image)[0]
    question = asked(pooled, image)
    assert (question.class_index, question.label) == (index, name)


def test_a_class_by_name_or_index_or_objective_is_the_same(pooled, image):
    forms = [asked(pooled, image, target) for target in (1, np.int64(1), "Bee", objectives.class_logit("bee"))]
    assert {(form.structure, form.values, form.weights, form.class_index) for form in forms} == {
        (forms[0].structure, ((1,),), (1.0,), 1)
    }


@pytest.mark.parametrize(
    "target",
    [
        objectives.class_logit(1) - objectives.class_logit(2),
        objectives.channel("conv2", 1),
        objectives.class_logit(1) * 2,
    ],
)
def test_other_objectives_are_no_single_class(pooled, image, target):
    question = asked(pooled, image, target)
    assert question.class_index is None
    assert question.weights == target.weights
    assert question.label == repr(target)


@pytest.mark.parametrize(
    ("target", "kind", "says"),
    [
        ("bea", ValueError, "no class 'bea'.*nearest: 'bee'"),
        (3, ValueError, "class 3 is out of range.*0 to 2"),
        (True, TypeError, "class index, a class name or an objective, not True"),
        (1.5, TypeError, "not 1.5 .float."),
        (objectives.channel("conv9", 0), ValueError, "no layer 'conv9'"),
        (objectives.channel("conv2", 6), ValueError, "unit 6 is out of range"),
    ],
)
def test_wrong_targets(pooled, image, target, kind, says):
    with pytest.raises(kind, match=says):
        nv.saliency(pooled, image, target)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda image: np.where(image > 0.5, np.nan, image), "NaN"),
        (lambda image: image * 255, "divide it by 255"),
        (lambda image: np.repeat(image, 2, axis=2), "6 channels"),
        (lambda image: image[:0], "empty"),
        (lambda image: b"no picture", "not an image"),
        (lambda image: "nowhere.png", "no file 'nowhere.png'"),
    ],
)
def test_wrong_images(pooled, image, spoil, says):
    for function in (nv.saliency, nv.grad_cam, nv.occlusion, lambda *a: nv.activations(*a, "conv1")):
        with pytest.raises(ValueError, match=says):
            function(pooled, spoil(image))


def test_what_is_no_network(image):
    with pytest.raises(TypeError, match=r"'lite' is not a Network: nbfeatviz.load"):
        nv.saliency("lite", image)


def test_a_network_without_classes_needs_a_target(image):
    picture = keras.Input((12, 12, 3))
    network = network_of(picture, keras.layers.Conv2D(2, 3, name="last")(picture))
    with pytest.raises(ValueError, match="does not classify.*objectives.channel"):
        nv.saliency(network, image)
    assert nv.saliency(network, image, objectives.channel("last", 1)).shape == (12, 12, 3)


def test_a_network_with_several_inputs_is_refused_by_name():
    left, right = (keras.Input((8, 8, 3), name=name) for name in ("left", "right"))
    model = keras.Model([left, right], keras.layers.Flatten()(left + right), name="two")
    with pytest.raises(ValueError, match="'two' has 2 inputs .'left', 'right'.; one picture input is needed"):
        nv.load(model, input_range=(0, 1))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_network_of_16_bits_is_explained_in_32(half):
    def make(dtype):
        keras.utils.set_random_seed(3)
        base = keras.Sequential(
            [keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3, activation="relu", dtype=dtype, name="conv")],
            name="base",
        )
        picture = keras.Input((8, 8, 3))
        pooled = keras.layers.GlobalAveragePooling2D(dtype=dtype)(base(picture))
        return keras.Model(picture, keras.layers.Dense(3, dtype="float32", name="head")(pooled), name="mixed")

    full, mixed = make("float32"), make(f"mixed_{half}")
    mixed.set_weights(full.get_weights())
    before = [array.copy() for array in mixed.get_weights()]
    expected, network = nv.load(full, input_range=(0, 1)), nv.load(mixed, input_range=(0, 1))
    image = np.random.default_rng(0).random((8, 8, 3), dtype=np.float32)
    for function in (nv.saliency, nv.grad_cam, nv.occlusion):
        np.testing.assert_allclose(function(network, image, 1), function(expected, image, 1), rtol=1e-5, atol=1e-7)
    assert all(np.array_equal(one, other) for one, other in zip(before, mixed.get_weights(), strict=True))
    assert network.model is mixed
    assert network.call("base/conv").operation.compute_dtype == half
