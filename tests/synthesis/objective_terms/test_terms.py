"""Objectives beyond single units: their formulas in NumPy on what Keras gives, batches, and what is refused."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.objectives import (
    caricature,
    channel,
    class_logit,
    class_probability,
    content,
    deep_dream,
    direction,
    diversity,
    function,
    interpolation,
    neuron,
    others,
    style,
)
from tests.synthesis.conftest import make_network, make_one_layer, output_of

CLOSE = {"rtol": 2e-5, "atol": 1e-6}
RANDOM = np.random.default_rng(5)
IMAGE = RANDOM.random((16, 16, 3)).astype(np.float32)
PHOTO = RANDOM.random((16, 16, 3)).astype(np.float32)


def loss_of(network, objective, start=IMAGE, **settings):
    return next(nv.ascend(network, objective, recipe="tutorial13", start=start, **settings)).loss


def test_a_direction_is_the_mean_of_the_projection(net):
    a, v = output_of(net, "conv2", IMAGE), np.array([0.5, -1.0, 2.0, 0.0, 0.3])
    dot = a @ v
    assert loss_of(net, direction("conv2", v)) == pytest.approx(dot.mean(), rel=1e-4)
    cosine = np.maximum(0.1, dot / np.linalg.norm(a, axis=-1) / np.linalg.norm(v))
    for power in (1.0, 2.0, 4.0):
        expected = (dot * cosine**power).mean()
        assert loss_of(net, direction("conv2", v, cossim_pow=power)) == pytest.approx(expected, rel=1e-4)
    assert loss_of(net, direction("conv2", np.eye(5)[3])) == pytest.approx(loss_of(net, channel("conv2", 3)), rel=1e-5)
    logits = output_of(net, "flat", IMAGE) @ np.asarray(net.model.get_layer("head").kernel)
    assert loss_of(net, direction("head", [1, 0, -1])) == pytest.approx(logits[0] - logits[2], rel=1e-3)


def test_deep_dream_is_the_mean_square(net):
    np.testing.assert_allclose(loss_of(net, deep_dream("conv2")), (output_of(net, "conv2", IMAGE) ** 2).mean(), **CLOSE)


def test_content_is_zero_where_the_pictures_agree(net):
    a, p = output_of(net, "conv2", IMAGE), output_of(net, "conv2", PHOTO)
    np.testing.assert_allclose(loss_of(net, content("conv2", PHOTO)), -((a - p) ** 2).mean() / (p**2).mean(), **CLOSE)
    assert loss_of(net, content("conv2", PHOTO), start=PHOTO) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("power", [0, 2])
def test_a_caricature_goes_along_the_photos_activations(net, power):
    a, p = (output_of(net, "conv2", image).astype(np.float64) for image in (IMAGE, PHOTO))
    norm = np.sqrt((p**2).sum())
    expected = (a * p).sum() / norm**2 * max(0.1, (a * p).sum() / norm) ** power
    np.testing.assert_allclose(loss_of(net, caricature("conv2", PHOTO, power=power)), expected, **CLOSE)
    assert loss_of(net, caricature("conv2", PHOTO), start=PHOTO) == pytest.approx(1, abs=1e-5)


def test_a_caricature_of_the_very_opposite_still_has_a_tenth():
    linear = make_one_layer(keras.layers.Conv2D(2, 3, name="linear"), (16, 16), input_range=(-1, 1))
    value = loss_of(linear, caricature("linear", PHOTO, power=2), 1 - PHOTO)
    assert value == pytest.approx(-1 * 0.1**2, rel=1e-3)


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_style_compares_statistics_of_layers(net, statistic):
    def of(image, layer):
        a = output_of(net, layer, image).astype(np.float64)
        flat = a.reshape(-1, a.shape[-1])
        if statistic == "gram":
            return flat.T @ flat / len(flat)
        return np.concatenate([flat.mean(0), flat.std(0)])

    expected = 0.0
    for layer in ("conv1", "conv2"):
        found, wanted = of(IMAGE, layer), of(PHOTO, layer)
        expected -= ((found - wanted) ** 2).mean() / (wanted**2).mean()
    objective = style(["conv1", "conv2"], PHOTO, statistic=statistic)
    np.testing.assert_allclose(loss_of(net, objective), expected, rtol=1e-4)
    # where things are in the photo does not matter to a layer of single positions: mirrored is the same style
    one_by_one = style("conv1", PHOTO, statistic=statistic)
    assert loss_of(net, one_by_one, start=PHOTO) == pytest.approx(0, abs=1e-6)
    assert loss_of(net, objective * 3) == pytest.approx(3 * expected, rel=1e-4)


def test_the_code_tells_the_photo_of_the_style_from_that_of_the_content(net):
    objective = content("conv2", PHOTO) + style("conv1", PHOTO[::-1])
    run = nv.maximize(net, objective, recipe="tutorial13", steps=2)
    given = {"nv": nv, "objectives": objectives, "net": net, "photo": PHOTO, "style_photo": PHOTO[::-1]}
    assert np.array_equal(eval(run.settings.code(), given).image, run.image)


def test_a_photo_of_any_size_is_fitted(net):
    for shape in ((40, 60, 3), (9, 8), (20, 20, 4)):
        photo = RANDOM.random(shape).astype(np.float32)
        step = next(nv.ascend(net, content("conv2", photo) + style("conv1", photo), start=IMAGE))
        assert np.isfinite(step.loss)
    larger = next(nv.ascend(net, content("conv2", PHOTO), size=(24, 20), recipe="tutorial13"))
    assert np.isfinite(larger.loss)


def test_reconstruction_comes_near_the_photo(net):
    start = next(nv.ascend(net, content("conv1", PHOTO), seed=1)).loss
    run = nv.maximize(
        net, content("conv1", PHOTO), recipe=recipes.get("lucid").replace(transforms=()), steps=150, seed=1
    )
    assert run.steps[-1].loss > start / 10


def test_others_are_the_mean_of_the_others_that_are_up(net):
    means = output_of(net, "conv2", IMAGE).mean((0, 1))
    assert (means < 0).any()
    for unit in range(5):
        expected = np.maximum(np.delete(means, unit), 0).mean()
        np.testing.assert_allclose(loss_of(net, others("conv2", unit)), expected, **CLOSE)


def test_keeping_the_others_down_is_selective(net):
    ends = {}
    for weight in (0.0, 3.0):
        objective = channel("conv2", 0) - weight * others("conv2", 0)
        image = nv.maximize(net, objective, recipe="tutorial13", steps=60).image
        means = output_of(net, "conv2", image).mean((0, 1))
        ends[weight] = np.maximum(np.delete(means, 0), 0).mean()
    assert ends[0.0] > 0.05
    assert ends[3.0] < 0.1 * ends[0.0]


def test_diversity_is_the_mean_cosine_of_gram_matrices(net):
    run = nv.ascend(net, diversity("conv2"), recipe="lucid", seed=[1, 2, 3])
    step = next(run)
    plain = recipes.get("lucid").replace(transforms=())
    step = next(nv.ascend(net, diversity("conv2"), recipe=plain, seed=[1, 2, 3]))
    grams = []
    for image in step.image:
        flat = output_of(net, "conv2", image).reshape(-1, 5)
        gram = (flat.T @ flat).ravel()
        grams.append(gram / np.linalg.norm(gram))
    cosines = np.array(grams) @ np.array(grams).T
    np.testing.assert_allclose(step.loss, (cosines.sum(1) - 1) / 2, rtol=1e-4)


def test_subtracted_diversity_makes_pictures_differ(net):
    plain = recipes.get("lucid").replace(transforms=())
    ends = {}
    for weight in (0.0, 3.0):
        objective = channel("conv2", 1) - weight * diversity("relu2")
        ends[weight] = nv.ascend(net, objective, recipe=plain, steps=60, seed=[1, 2, 3])
        list(ends[weight])
    alike = [
        next(nv.ascend(net, diversity("relu2"), recipe=plain, seed=[1, 2, 3], start=run.visualization())).loss.mean()
        for run in ends.values()
    ]
    assert alike[1] < alike[0] - 0.01


def test_interpolation_is_a_batch_from_one_to_the_other(net):
    batch = interpolation(channel("conv2", 1), channel("conv2", 3), 4)
    step = next(nv.ascend(net, batch, recipe="tutorial13", start=IMAGE))
    one, two = loss_of(net, channel("conv2", 1)), loss_of(net, channel("conv2", 3))
    np.testing.assert_allclose(step.loss, [one, (2 * one + two) / 3, (one + 2 * two) / 3, two], **CLOSE)
    with pytest.raises(TypeError, match="'a' is not an objective"):
        interpolation(channel("a", 1), "a", 3)
    for wrong in (1, 0, 2.0, True, "3"):
        with pytest.raises(ValueError, match="at least 2"):
            interpolation(channel("a", 1), channel("a", 2), wrong)


def test_a_probability_is_the_softmax(net):
    probabilities = {index: p for index, _, p in net.predict(IMAGE, top=3)}
    for index in range(3):
        assert loss_of(net, class_probability(index)) == pytest.approx(probabilities[index], rel=1e-4)


def contrast(a, b):
    return tf.reduce_mean(a[..., 0]) - 2.0 * tf.reduce_max(b)


def test_any_function_of_activations(net):
    a, b = output_of(net, "conv1", IMAGE), output_of(net, "conv2", IMAGE)
    expected = a[..., 0].mean() - 2 * b.max()
    objective = function(contrast, "conv1", "conv2")
    np.testing.assert_allclose(loss_of(net, objective), expected, rtol=1e-4)
    np.testing.assert_allclose(
        loss_of(net, 2 * objective - channel("conv1", 0)), 2 * expected - a[..., 0].mean(), rtol=1e-4
    )
    batch = next(nv.ascend(net, [objective, objective * 0.5], recipe="tutorial13", start=IMAGE))
    np.testing.assert_allclose(batch.loss, [expected, expected / 2], rtol=1e-4)
    assert repr(objective) == "objectives.function(contrast, 'conv1', 'conv2')"

    def branching(x):
        if tf.reduce_mean(x) > 1e9:
            return tf.constant(0.0)
        return tf.reduce_sum(x)

    assert loss_of(net, function(branching, "conv1")) == pytest.approx(a.sum(), rel=1e-4)


def broken(a):
    return tf.reduce_mean(a) / math.sqrt(-1)


def lost(a):
    """Only as TensorFlow rewrites it does it come to its error."""
    if tf.reduce_mean(a) > 1e9:
        a = a / 2
    return {}["weight"] * tf.reduce_mean(a)


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: function(lost, "conv1"), ValueError, ["lost raised KeyError", "weight"]),
        (lambda: function(broken, "conv1"), ValueError, ["broken raised ValueError", "math domain", "in broken"]),
        (lambda: function(lambda a: undefined, "conv1"), ValueError, ["NameError", "undefined"]),  # noqa: F821
        (lambda: function(lambda a: tf.reduce_mean(a, axis=0), "conv1"), ValueError, ["shape (16, 4)", "one number"]),
        (lambda: function(lambda a: None, "conv1"), ValueError, ["returned None", "one number"]),
        (lambda: function(lambda a: 3.0, "conv1"), ValueError, ["<lambda> returned", "does not change", "no gradient"]),
        (lambda: function(lambda a: tf.reduce_max(a) > 1, "conv1"), ValueError, ["tensor of type bool"]),
        (lambda: function(lambda a: "high", "conv1"), ValueError, ["tensor of type string"]),
        (lambda: function(lambda a: tf.argmax(a[0, 0]), "conv1"), ValueError, ["index has no gradient"]),
        (lambda: function(lambda a, b: a, "conv1"), ValueError, ["TypeError", "positional argument"]),
        (lambda: function("mean", "conv1"), TypeError, ["'mean' cannot be called"]),
        (lambda: function(contrast), ValueError, ["at least one layer"]),
        (lambda: function(contrast, "conv1", "conv9"), ValueError, ["'conv9'", "nearest"]),
        (lambda: direction("conv2", [1, 2]), ValueError, ["5 numbers, not 2"]),
        (lambda: direction("conv2", [0, 0]), ValueError, ["not all 0"]),
        (lambda: direction("conv2", [1, float("nan")]), ValueError, ["finite"]),
        (lambda: direction("conv2", "ab"), TypeError, ["one number a unit"]),
        (lambda: direction("conv2", np.ones(5), cossim_pow=-1), ValueError, ["cossim_pow -1"]),
        (lambda: direction("conv2", np.ones(5), cossim_pow="2"), TypeError, ["cossim_pow is a number"]),
        (lambda: direction("block9", np.ones(5)), ValueError, ["'block9'"]),
        (lambda: deep_dream("mixed4"), ValueError, ["'mixed4'"]),
        (lambda: deep_dream("picture"), ValueError, ["Choose a layer after the input"]),
        (lambda: content("mixed4", PHOTO), ValueError, ["'mixed4'"]),
        (lambda: content("conv1", "nowhere.jpg"), ValueError, ["no file", "nowhere.jpg"]),
        (lambda: content("conv1", np.zeros((4, 4, 9))), ValueError, ["9 channels"]),
        (lambda: caricature("mixed4", PHOTO), ValueError, ["'mixed4'"]),
        (lambda: caricature("conv1", PHOTO, power=-1), ValueError, ["power -1", "0 to 100"]),
        (lambda: caricature("conv1", PHOTO, power="2"), TypeError, ["power is a number"]),
        (lambda: style([], PHOTO), ValueError, ["at least one layer"]),
        (lambda: style(["conv1", "mixed4"], PHOTO), ValueError, ["'mixed4'"]),
        (lambda: style("head", PHOTO), ValueError, ["'head' has no positions"]),
        (lambda: style(None, PHOTO), TypeError, ["layers are paths, strings, not None"]),
        (lambda: style("conv1", PHOTO, statistic="grams"), ValueError, ["'grams'", "'gram' or 'moments'"]),
        (lambda: others("conv2", 5), ValueError, ["unit 5", "0 to 4"]),
        (lambda: diversity("conv2"), ValueError, ["several pictures", "list of seeds"]),
        (lambda: class_probability(3), ValueError, ["class 3", "0 to 2"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_a_sentence(net, make, kind, says):
    with pytest.raises(kind) as caught:
        nv.ascend(net, make())
    for words in says:
        assert words in str(caught.value)


def test_a_function_that_gives_nan_ends_the_run_in_a_sentence(net):
    with pytest.raises(nv.NotFiniteError, match="step 0: the loss is not finite .loss nan"):
        next(nv.ascend(net, function(lambda a: tf.math.log(-1.0 - tf.reduce_mean(a) ** 2), "conv1")))


def faulty(a):
    return tf.math.log(-1.0 - tf.reduce_mean(a) ** 2)


def test_what_is_not_finite_names_the_functions_of_ones_own(net):
    with pytest.raises(nv.NotFiniteError, match="Look first at what your own faulty gave"):
        next(nv.ascend(net, channel("conv2", 1) + function(faulty, "conv1")))

    def endless(pixels):
        return tf.reduce_sum(pixels) / 0.0

    recipe = nv.recipes.get("tutorial13").replace(regularizers=(endless,))
    with pytest.raises(nv.NotFiniteError, match="Look first at what your own endless gave"):
        next(nv.ascend(net, channel("conv2", 1), recipe=recipe))


def test_a_crop_has_no_content(net):
    with pytest.raises(ValueError, match="diversity compares whole pictures"):
        nv.ascend(net, channel("conv2", 1) - diversity("conv2"), recipe="maco", seed=[1, 2])


def test_sums_of_all_kinds_keep_their_algebra(net):
    parts = [
        direction("conv2", np.arange(5.0)),
        deep_dream("conv1"),
        content("conv2", PHOTO),
        caricature("conv2", PHOTO),
        style("conv1", PHOTO),
        others("conv2", 1),
        function(contrast, "conv1", "conv2"),
        class_logit(1),
        neuron("conv2", 1, 2, 3),
    ]
    singles = [loss_of(net, part) for part in parts]
    total = sum((0.5 * part for part in parts[1:]), start=2 * parts[0])
    before = [repr(part) for part in parts]
    np.testing.assert_allclose(loss_of(net, total), 2 * singles[0] + 0.5 * sum(singles[1:]), rtol=1e-3)
    assert [repr(part) for part in parts] == before


@pytest.mark.parametrize(
    "objective",
    [direction("a", [0.1, 1 / 3]), direction("a", [1, 2], cossim_pow=2, pre_activation=True), deep_dream("a/b"),
     others("a", 3), diversity("a", pre_activation=True), class_probability("cow"), content("a", "photo.jpg"),
     caricature("a", "photo.jpg"), caricature("a", "photo.jpg", power=1.5, pre_activation=True),
     style(["a", "b"], "photo.jpg", statistic="moments") - 0.1 * deep_dream("a")],
    ids=repr,
)  # fmt: skip
def test_its_text_makes_it_again(objective):
    assert eval(repr(objective), {"objectives": objectives}) == objective


def test_weights_and_units_of_any_term_compile_nothing():
    network = make_network()
    entry = network.model.get_layer("entry")
    words = [content("conv2", PHOTO), style("conv1", PHOTO)]

    def traces(objective):
        before = entry.seen
        list(nv.ascend(network, objective, recipe="tutorial13", steps=1))
        return entry.seen - before

    traces(words[0] + words[1])  # the photo's own activations are computed too
    assert traces(words[0] * 0.3 - words[1] * 7) == 0
    assert traces(direction("conv2", np.ones(5))) == 1
    assert traces(0.5 * direction("conv2", np.arange(5))) == 0
    assert traces(others("conv2", 1)) == 1
    assert traces(others("conv2", 3)) == 0
    traces(function(contrast, "conv1", "conv2"))
    assert traces(-2 * function(contrast, "conv1", "conv2")) == 0


def test_attribution_takes_them_as_targets(net):
    v = np.array([0.5, -1.0, 2.0, 0.0, 0.3])
    by_direction = nv.saliency(net, IMAGE, direction("conv2", v))
    by_units = sum(v[k] * nv.saliency(net, IMAGE, channel("conv2", k)) for k in range(5))
    np.testing.assert_allclose(by_direction, by_units, atol=1e-5)
    assert np.abs(nv.saliency(net, IMAGE, function(contrast, "conv1", "conv2"))).max() > 0
    assert np.abs(nv.saliency(net, IMAGE, content("conv1", PHOTO) - others("conv2", 1))).max() > 0


@pytest.mark.parametrize("recipe", ["lucid", "tutorial13", "maco", "keras-vis"])
def test_a_batch_of_seeds_is_the_single_runs(net, recipe):
    recipe = recipes.get(recipe)
    if recipe.name == "maco":
        recipe = recipe.replace(transforms=(recipes.Crops(3, 0.5),))
    seeds = [3, 1, 8]
    batch = nv.ascend(net, channel("conv2", 1), recipe=recipe, steps=4, seed=seeds)
    losses = [step.loss for step in batch]
    for place, seed in enumerate(seeds):
        single = nv.maximize(net, channel("conv2", 1), recipe=recipe, steps=4, seed=seed)
        np.testing.assert_allclose(
            [loss[place] for loss in losses], [n.loss for n in single.steps], rtol=2e-3, atol=1e-4
        )
        np.testing.assert_allclose(batch.picture()[place], single.image, atol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"seed": []}, "at least one"), ({"seed": [1, -1]}, "seed -1"), ({"seed": [1, 2.5]}, "whole number, not 2.5"),
     ({"seed": [1, 2, 3], "objective": [channel("conv2", 0)] * 2}, "3 seeds do not suit 2 objectives")],
)  # fmt: skip
def test_wrong_seeds(net, arguments, says):
    with pytest.raises((ValueError, TypeError), match=says):
        nv.ascend(net, **{"objective": channel("conv2", 1), **arguments})


def whole_and_cropped(network, objective, monkeypatch, **settings):
    cropped = nv.maximize(network, objective, **settings)
    used = nv.ascend(network, objective, **settings)._plan.field
    monkeypatch.setattr("nbfeatviz.synthesis.run.run_plan.field_crop", lambda *_: None)
    whole = nv.maximize(network, objective, **settings)
    monkeypatch.undo()
    return cropped, whole, used


def deep_network(size):
    keras.utils.set_random_seed(2)
    picture = keras.Input((*size, 3))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(picture)
    y = keras.layers.Conv2D(4, 3, padding="same", activation="relu", dilation_rate=2)(x)
    x = keras.layers.Add()([x, y])
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    x = keras.layers.Conv2D(3, 4, strides=1, padding="valid", name="deep")(x)
    return nv.load(keras.Model(picture, x), input_range=(-1, 1))


@pytest.mark.parametrize("size", [(64, 96), (61, 75), (62, 67)], ids=str)
@pytest.mark.parametrize("place", [(None, None), (0, 0), (5, 9), (0, 7), (-1, -1)])
@pytest.mark.parametrize("recipe", ["tutorial13", "lucid"])
def test_a_neuron_computed_on_its_field_alone_is_the_same(size, place, recipe, monkeypatch):
    network = deep_network(size)
    shape = network.layers["deep"].output_shape
    row, col = (length - 1 if where == -1 else where for where, length in zip(place, shape, strict=False))
    cropped, whole, used = whole_and_cropped(
        network, neuron("deep", 1, row, col), monkeypatch, recipe=recipe, steps=6, seed=2
    )
    assert used is not None
    assert used.size[0] * used.size[1] < 0.8 * size[0] * size[1]
    np.testing.assert_allclose([n.loss for n in cropped.steps], [n.loss for n in whole.steps], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(cropped.image, whole.image, atol=2e-3)
    assert next(nv.ascend(network, neuron("deep", 1, row, col), recipe=recipe, seed=2)).loss == pytest.approx(
        whole.steps[0].loss, rel=1e-5, abs=1e-6
    )


@pytest.mark.parametrize("place", [(None, None), (0, 0), (25, 24), (12, 0), (3, 24)])
@pytest.mark.parametrize("rows", [(1, 0), (0, 3), (2, 2)], ids=str)
def test_a_neuron_above_layers_that_cut_edges_off_is_the_same(rows, place, monkeypatch):
    keras.utils.set_random_seed(3)
    picture = keras.Input((28 + sum(rows), 31, 3))
    x = keras.layers.ZeroPadding2D(((2, 1), (0, 1)))(picture)
    x = keras.layers.Cropping2D((rows, (2, 2)))(x)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = keras.layers.Cropping2D(((3, 0), (0, 2)))(x)
    x = keras.layers.Conv2D(2, 3, padding="same", name="deep")(x)
    network = nv.load(keras.Model(picture, x), input_range=(-1, 1))
    objective = neuron("deep", 1, *place)
    cropped, whole, used = whole_and_cropped(network, objective, monkeypatch, recipe="tutorial13", steps=3, seed=2)
    assert used is not None
    np.testing.assert_allclose([n.loss for n in cropped.steps], [n.loss for n in whole.steps], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(cropped.image, whole.image, atol=2e-3)


def test_neurons_of_one_field_size_share_a_trace():
    network = deep_network((64, 96))
    list(nv.ascend(network, neuron("deep", 1, 6, 8), steps=1))
    other = nv.ascend(network, neuron("deep", 2, 5, 9), steps=1)
    assert other.compiled
    assert not nv.ascend(network, neuron("deep", 2, 0, 0), steps=1).compiled  # its field is cut by the edge


def test_no_crop_where_something_else_is_seen(lite0):
    assert nv.ascend(lite0, neuron("stem_conv", 1))._plan.field.size < (20, 20)
    assert nv.ascend(lite0, neuron("stem_conv", 1) + channel("stem_conv", 1))._plan.field is None
    network = deep_network((64, 96))
    assert nv.ascend(network, neuron("deep", 1))._plan.field is not None
    assert nv.ascend(network, neuron("deep", 1), recipe="maco")._plan.field is None
    assert nv.ascend(make_network(), neuron("conv1", 1))._plan.field is None  # behind a layer of unknown reach
