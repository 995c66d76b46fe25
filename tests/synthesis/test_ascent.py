"""Runs: what a step says, when a run is the same as another, what is compiled, and how it ends."""

import gc
import tracemalloc

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from tests.synthesis.conftest import Applied, make_network, make_one_layer

UNIT = objectives.channel("conv2", 1)
RECIPES = ["lucid", "tutorial13"]


def images_of(ascent):
    return [step.image for step in ascent]


@pytest.fixture
def photo():
    return np.random.default_rng(8).random((16, 16, 3)).astype(np.float32)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_holds_the_picture_before_its_update(net, recipe):
    run = nv.maximize(net, UNIT, recipe=recipe, steps=3, seed=2)
    longer = list(nv.ascend(net, UNIT, recipe=recipe, steps=5, seed=2))
    assert [step.index for step in longer] == [0, 1, 2, 3, 4]
    assert np.array_equal(run.image, longer[3].image)
    assert [numbers.loss for numbers in run.steps] == [step.loss for step in longer[:3]]
    assert not np.array_equal(longer[2].image, longer[3].image)
    for step in longer:
        assert step.image.shape == (16, 16, 3)
        assert step.image.dtype == np.float32
        assert 0 <= step.image.min() <= step.image.max() <= 1
        assert step.gradient_min < 0 < step.gradient_max
        assert all(type(value) is float for value in (step.loss, step.gradient_min, step.gradient_max, step.step_size))


def test_the_first_picture_is_the_start(net, photo):
    noise = next(nv.ascend(net, UNIT, recipe="tutorial13", seed=6)).image
    np.testing.assert_allclose(noise * 255, 128 + np.random.default_rng(6).random((16, 16, 3)), atol=2e-5)
    given = next(nv.ascend(net, UNIT, recipe="tutorial13", start=photo)).image
    np.testing.assert_allclose(given, photo, atol=1e-6)
    fourier = next(nv.ascend(net, UNIT, recipe="lucid", start=photo)).image
    np.testing.assert_allclose(fourier, np.clip(photo, 1 / 510, 1 - 1 / 510), atol=1e-5)


def test_a_given_picture_is_fitted_to_the_size(net):
    photo = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    step = next(nv.ascend(net, UNIT, recipe="tutorial13", start=photo, size=(12, 20)))
    assert step.image.shape == (12, 20, 3)
    assert step.image.std() > 0.1


def test_the_figures_are_those_of_the_picture(net, photo):
    """Measured by the difference quotient of the loss, by a change of one pixel of one grey level."""
    run = nv.ascend(net, UNIT, recipe="tutorial13", start=photo * 0.8 + 0.1)
    first = next(run)
    update = run.picture() - first.image
    factors = []
    for place in (np.unravel_index(update.argmax(), update.shape), np.unravel_index(update.argmin(), update.shape)):
        losses = []
        for sign in (1, -1):
            changed = first.image.copy()
            changed[place] += sign * 4 / 255
            losses.append(next(nv.ascend(net, UNIT, recipe="tutorial13", start=changed)).loss)
        factors.append((losses[0] - losses[1]) / 8)
    # the network is piecewise linear, so the quotient is the gradient up to a kink and float32's last digits
    assert first.gradient_max == pytest.approx(factors[0], rel=0.05)
    assert first.gradient_min == pytest.approx(factors[1], rel=0.05)
    np.testing.assert_allclose(update.max() * 255, first.gradient_max * first.step_size, rtol=1e-3)


def test_predictions_are_a_pass_of_their_own(net):
    for every, expected in ((None, [False] * 5), (1, [True] * 5), (2, [True, False, True, False, True])):
        steps = list(nv.ascend(net, UNIT, recipe="tutorial13", steps=5, predict_every=every))
        assert [step.prediction is not None for step in steps] == expected
    for step in nv.ascend(net, objectives.class_logit(2), recipe="tutorial13", steps=4, predict_every=1):
        index, name, score = step.prediction
        assert step.prediction == net.predict(step.image, top=1)[0]
        assert name == ("ant", "bee", "cow")[index]
        assert 1 / 3 <= score <= 1


def test_predictions_change_nothing(net):
    quiet = nv.maximize(net, UNIT, steps=4)
    assert np.array_equal(nv.maximize(net, UNIT, steps=4, predict_every=1).image, quiet.image)


def test_steps_none_is_the_recipes_count(net):
    assert nv.ascend(net, UNIT).steps == 256
    assert len(list(nv.ascend(net, UNIT, recipe="tutorial13"))) == 30
    assert len(list(nv.ascend(net, UNIT, recipe=recipes.get("tutorial13").replace(steps=3)))) == 3


@pytest.mark.parametrize("recipe", list(recipes.ALL))
def test_the_same_seed_gives_the_same_bits(net, recipe):
    first, second = (images_of(nv.ascend(net, UNIT, recipe=recipe, steps=6, seed=3)) for _ in range(2))
    assert all(np.array_equal(one, two) for one, two in zip(first, second, strict=True))
    other = images_of(nv.ascend(net, UNIT, recipe=recipe, steps=6, seed=4))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_the_same_seed_gives_the_same_bits_in_a_fresh_network():
    pictures = [nv.maximize(make_network(), UNIT, steps=4, seed=3).image for _ in range(2)]
    assert np.array_equal(*pictures)


def test_the_embedded_network_repeats_to_the_bit(lite0):
    unit = objectives.channel("stem_conv", 3)
    runs = [nv.maximize(lite0, unit, recipe="tutorial13", steps=3, seed=1).image for _ in range(2)]
    assert np.array_equal(*runs)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_retarget_is_a_fresh_run_from_the_picture_so_far(net, recipe):
    other = objectives.channel("conv2", 3) - 0.5 * objectives.class_logit(0)
    ascent = nv.ascend(net, UNIT, recipe=recipe, seed=1)
    for _ in range(3):
        next(ascent)
    before = nv.maximize(net, UNIT, recipe=recipe, seed=1, steps=3)
    ascent.retarget(other, steps=4)
    steps = list(ascent)
    fresh = nv.maximize(net, other, recipe=recipe, seed=1, steps=4, start=before)
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert np.array_equal(steps[0].image, before.image)
    assert np.array_equal(ascent.picture(), fresh.image)
    assert [step.numbers for step in steps] == list(fresh.steps)


def test_a_retarget_can_change_the_recipe_and_begin_anew(net):
    ascent = nv.ascend(net, UNIT, recipe="tutorial13", steps=2)
    list(ascent)
    picture = ascent.picture()
    ascent.retarget(recipe="lucid")
    assert ascent.steps == 512
    np.testing.assert_allclose(next(ascent).image, picture, atol=1e-5)  # a picture's spectrum, in float32
    ascent.retarget(seed=5, steps=3, keep=False)
    assert np.array_equal(images_of(ascent)[-1], images_of(nv.ascend(net, UNIT, recipe="lucid", seed=5, steps=3))[-1])


def test_a_retarget_before_the_first_step_keeps_the_start(net, photo):
    ascent = nv.ascend(net, UNIT, recipe="tutorial13", start=photo)
    ascent.retarget(objectives.channel("conv2", 2))
    np.testing.assert_allclose(next(ascent).image, photo, atol=1e-6)


def test_a_retarget_to_several_makes_a_batch(net):
    ascent = nv.ascend(net, UNIT, recipe="tutorial13", steps=2)
    picture = list(ascent) and ascent.picture()
    ascent.retarget([UNIT, objectives.channel("conv2", 2)])
    step = next(ascent)
    assert np.array_equal(step.image, [picture, picture])
    assert step.loss.shape == (2,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"objective": objectives.channel("conv2", 9)},
        {"recipe": "nope"},
        {"steps": 0},
        {"step_size": -1.0},
        {"seed": -1},
    ],
    ids=str,
)
def test_a_refused_retarget_leaves_the_run_as_it_was(net, wrong):
    ascent, untouched = (nv.ascend(net, UNIT, recipe="tutorial13", steps=4, seed=1) for _ in range(2))
    next(ascent)
    with pytest.raises(ValueError, match=r"\S"):
        ascent.retarget(**wrong)
    assert np.array_equal(images_of(ascent)[-1], images_of(untouched)[-1])
    assert ascent.done == 4


def test_going_on_from_the_last_result_is_one_long_run(net):
    """The tutorial's rule has no memory and no chance in it: 2 + 3 steps are 5."""
    first = nv.maximize(net, UNIT, recipe="tutorial13", steps=2)
    second = nv.maximize(net, UNIT, recipe="tutorial13", steps=3, start=first)
    assert np.array_equal(second.image, nv.maximize(net, UNIT, recipe="tutorial13", steps=5).image)


def test_a_result_of_another_size_or_form_is_gone_on_from_as_a_picture(net):
    first = nv.maximize(net, UNIT, recipe="tutorial13", steps=2)
    larger = next(nv.ascend(net, UNIT, recipe="tutorial13", start=first, size=24))
    assert larger.image.shape == (24, 24, 3)
    fourier = next(nv.ascend(net, UNIT, recipe="lucid", start=first))
    np.testing.assert_allclose(fourier.image, first.image, atol=1e-5)


def test_nothing_but_another_structure_compiles_anew():
    network = make_network()
    entry = network.model.get_layer("entry")
    settings = {"steps": 2, "size": 16}
    first = objectives.channel("conv2", 0) + 2.0 * objectives.neuron("conv1", 1, 3, 4)

    def traces(objective, recipe="lucid", **changes):
        before = entry.seen
        list(nv.ascend(network, objective, recipe=recipe, **{**settings, **changes}))
        return entry.seen - before

    assert traces(first) == 1
    assert traces(first) == 0
    assert traces(objectives.channel("conv2", 4) - 0.1 * objectives.neuron("conv1", 3, 15, 0)) == 0
    assert traces(objectives.channel("conv2", 4) + objectives.neuron("conv1", 3)) == 0
    assert traces(first, seed=77) == 0
    assert traces(first, step_size=0.9) == 0
    assert traces(first, step_size=1) == 0
    assert traces(first, steps=5) == 0
    assert traces(first, start=np.full((16, 16, 3), 0.5)) == 0
    assert traces(first, recipe=recipes.get("lucid").replace(step_size=0.3, steps=9, passed_gradients=3)) == 0
    assert traces(objectives.class_logit(0)) == 1
    assert traces(objectives.class_logit("cow")) == 0
    assert traces(objectives.channel("conv2", 0)) == 1
    assert traces(objectives.channel("conv2", 0), recipe="tutorial13") == 1
    assert traces(objectives.channel("conv2", 0), size=20) == 1
    assert traces(objectives.channel("conv2", 3), size=20) == 0
    assert traces(objectives.channel("conv2", 3, pre_activation=True)) == 1
    assert traces(first) == 0


def test_a_retarget_compiles_nothing_and_says_so():
    network = make_network()
    entry = network.model.get_layer("entry")
    ascent = nv.ascend(network, UNIT, steps=9)
    assert not ascent.compiled
    next(ascent)
    assert ascent.compiled
    before = entry.seen
    for unit in range(5):
        ascent.retarget(objectives.channel("conv2", unit), seed=unit, step_size=0.01 * (unit + 1))
        assert ascent.compiled
        next(ascent)
    assert entry.seen == before


def test_what_lies_behind_the_layer_is_not_computed():
    network = make_network()
    behind = network.model.get_layer("behind")
    before = behind.seen
    list(nv.ascend(network, UNIT + objectives.channel("conv1", 0), steps=2))
    assert behind.seen == before
    list(nv.ascend(network, objectives.class_logit(0), steps=1))
    assert behind.seen == before + 1


def test_random_scale_and_rotation_suit_a_head_that_flattens(net):
    images = images_of(nv.ascend(net, objectives.class_logit(1), recipe="lucid", steps=12))
    assert {image.shape for image in images} == {(16, 16, 3)}


def test_500_runs_leave_nothing_behind():
    network = make_network(size=(6, 6))
    entry = network.model.get_layer("entry")

    def run(number):
        unit = objectives.channel("conv2", number % 5) * (1 + number)
        nv.maximize(network, unit, recipe=RECIPES[number % 2], steps=1, seed=number, step_size=0.01 + number / 1000)

    for number in range(20):
        run(number)
    gc.collect()
    traced, objects, resident = entry.seen, len(gc.get_objects()), psutil.Process().memory_info().rss
    tracemalloc.start()
    try:
        for number in range(250):
            run(number)
        gc.collect()
        halfway = tracemalloc.get_traced_memory()[0]
        for number in range(250, 500):
            run(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - halfway
    finally:
        tracemalloc.stop()
    assert entry.seen == traced
    # One picture kept a run would be 250 * 432 bytes and 500 objects. TensorFlow caches every number that it was ever
    # given, 60 to 120 bytes a run here, and the interpreter's own caches come and go.
    assert grown < 60_000
    assert len(gc.get_objects()) - objects < 400
    # what TensorFlow holds is outside Python's count; the allocator's own slack is a few megabytes
    assert psutil.Process().memory_info().rss - resident < 40_000_000


def failing_when(function, **settings):
    """A network of one layer, and a run on it."""
    network = make_one_layer(Applied(function, name="layer"))
    return nv.ascend(network, objectives.channel("layer", 0), **settings)


def bursting(x):
    """The identity until the picture's mean passes 0.6, then NaN."""
    return x + tf.where(tf.reduce_mean(x) > 0.6, float("nan"), 0.0)


def test_nan_ends_the_run_and_names_the_step():
    network = make_one_layer(Applied(bursting, name="layer"))
    unit = objectives.channel("layer", 0) + objectives.channel("layer", 1) + objectives.channel("layer", 2)
    recipe = recipes.get("lucid").replace(transforms=())
    ascent = nv.ascend(network, unit, recipe=recipe, steps=50)
    good = []
    with pytest.raises(nv.NotFiniteError) as caught:
        good.extend(ascent)
    assert 2 < len(good) < 40
    assert f"step {len(good)}: the loss is not finite" in str(caught.value)
    assert "smaller step_size" in str(caught.value)
    assert np.isfinite([step.loss for step in good]).all()
    assert np.isfinite(ascent.picture()).all()
    assert list(ascent) == []  # it has ended

    with pytest.raises(nv.NotFiniteError) as caught:
        nv.maximize(network, unit, recipe=recipe, steps=50)
    kept = caught.value.visualization
    assert np.array_equal(kept.image, ascent.picture())
    assert len(kept.steps) == len(kept.frames) == kept.settings.steps == len(good)
    assert np.array_equal(nv.maximize(network, unit, recipe=recipe, steps=len(good)).image, kept.image)
    ascent.retarget(keep=False, steps=2)  # and can be begun anew
    assert len(list(ascent)) == 2


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda x: tf.math.log(x - 2), "loss is not finite .loss nan"),
        (lambda x: x * 1e38 * 1e38, "loss is not finite .loss inf"),
        (lambda x: tf.sqrt(x * 0) + x, "gradient is not finite .loss 0.[0-9]+, gradient nan"),
        (lambda x: x * tf.range(1.0, 9.0)[:, None, None] * 1e30, "gradient is not finite"),
    ],
    ids=["loss NaN", "loss infinite", "gradient NaN", "gradient overflows in its deviation"],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_the_first_step_can_fail(function, what):
    ascent = failing_when(function, recipe="tutorial13", steps=3)
    with pytest.raises(nv.NotFiniteError, match=f"^step 0: the {what}"):
        next(ascent)
    assert isinstance(nv.NotFiniteError("x"), ValueError)
    assert np.isfinite(ascent.picture()).all()
    assert 0.5 <= ascent.picture().min() <= ascent.picture().max() <= 129 / 255


def test_a_sheet_in_which_one_picture_fails_is_kept():
    network = make_one_layer(Applied(lambda x: x + tf.constant([0.0, 0.0, float("nan")]), name="layer"))
    with pytest.raises(nv.NotFiniteError, match=r"step 0: the loss is not finite \(loss nan") as caught:
        nv.maximize_grid(network, "layer", range(3), recipe="tutorial13", steps=2)
    assert np.isfinite(caught.value.visualization.image).all()
    assert caught.value.visualization.images.shape == (3, 8, 8, 3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_pictures_of_a_sheet_are_single_runs(net, recipe):
    units = [4, 0, 3]
    sheet = nv.maximize_grid(net, "conv2", units, recipe=recipe, steps=4, seed=2)
    assert sheet.images.shape == (3, 16, 16, 3)
    assert sheet.image.shape == (34, 34, 3)
    for place, unit in enumerate(units):
        single = nv.maximize(net, objectives.channel("conv2", unit), recipe=recipe, steps=4, seed=2)
        # a batch of convolutions may add in another order than one alone
        np.testing.assert_allclose(sheet.images[place], single.image, atol=1e-5)
        top, left = (0, 18 * place) if place < 2 else (18, 0)
        assert np.array_equal(sheet.image[top : top + 16, left : left + 16], sheet.images[place])
        np.testing.assert_allclose(
            [numbers.loss[place] for numbers in sheet.steps], [numbers.loss for numbers in single.steps], rtol=1e-4
        )


def test_a_sheet_takes_any_number_of_units_and_columns(net):
    seen = []
    sheet = nv.maximize_grid(
        net,
        "relu2",
        range(5),
        columns=5,
        recipe="tutorial13",
        steps=2,
        pre_activation=True,
        size=8,
        on_step=seen.append,
    )
    assert sheet.image.shape == (8, 5 * 10 - 2, 3)
    assert [step.image.shape for step in seen] == [(5, 8, 8, 3)] * 2
    single = nv.maximize(
        net, objectives.channel("relu2", 4, pre_activation=True), recipe="tutorial13", steps=2, size=8
    ).image
    np.testing.assert_allclose(sheet.images[4], single, atol=1e-5)


def test_a_sheet_shows_its_pictures_stretched_and_cut_as_the_tutorial_does(net):
    sheet = nv.maximize_grid(
        net, "conv2", [0, 3], recipe="tutorial13", steps=2, columns=2, normalize="each", show_size=10
    )
    assert (sheet.image.shape, sheet.images.shape) == ((10, 22, 3), (2, 16, 16, 3))
    for place in range(2):
        corner = sheet.images[place][:10, :10]
        wanted = (corner - corner.min()) / (corner.max() - corner.min())
        np.testing.assert_allclose(sheet.image[:, 12 * place : 12 * place + 10], wanted, atol=1e-6)
    together = nv.maximize_grid(net, "conv2", [0, 3], recipe="tutorial13", steps=2, normalize="together")
    low, high = together.images.min(), together.images.max()
    np.testing.assert_allclose(together.image[:16, :16], (together.images[0] - low) / (high - low), atol=1e-6)


def test_maximizing_several_gives_a_sheet_that_can_be_seen(net, tmp_path):
    sheet = nv.maximize(net, UNIT, recipe="tutorial13", steps=2, seed=[0, 5, 6])
    assert sheet.image.shape == (2 * 16 + 2, 2 * 16 + 2, 3)
    singles = [nv.maximize(net, UNIT, recipe="tutorial13", steps=2, seed=seed).image for seed in (0, 5, 6)]
    np.testing.assert_allclose(sheet.images, singles, atol=1e-4)
    assert sheet.save(tmp_path / "sheet.png").is_file()
    assert sheet._repr_png_()
    narrow = nv.maximize(net, [UNIT, UNIT], recipe="tutorial13", steps=1, size=(16, 3))  # 3 columns are no 3 channels
    assert narrow.images.shape == (2, 16, 3, 3)


def test_every_step_is_handed_on(net):
    seen = []
    run = nv.maximize(net, UNIT, recipe="tutorial13", steps=3, on_step=seen.append)
    assert [step.numbers for step in seen] == list(run.steps)


def test_a_closed_run_ends(net):
    ascent = nv.ascend(net, UNIT, steps=9)
    next(ascent)
    ascent.close()
    assert list(ascent) == []


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("recipe", RECIPES)
def test_any_number_of_channels(channels, recipe):
    keras.utils.set_random_seed(3)
    network = make_one_layer(keras.layers.Conv2D(2, 3, name="conv"), channels=channels)
    run = nv.maximize(network, objectives.channel("conv", 1), recipe=recipe, steps=4)
    assert run.image.shape == (8, 8, channels)
    assert run.steps[-1].loss > run.steps[0].loss
    again = nv.maximize(network, objectives.channel("conv", 1), recipe=recipe, steps=1, start=run)
    assert np.isfinite(again.image).all()
    grid = nv.maximize_grid(network, "conv", [0, 1], recipe=recipe, steps=1)
    assert grid.image.shape == (8, 18, channels)


WRONG = [
    ({"steps": 0}, ValueError, ["steps 0", "1 to 1,000,000"]),
    ({"steps": -3}, ValueError, ["steps -3", "1 to 1,000,000"]),
    ({"steps": 10**9}, ValueError, ["steps 1000000000", "1 to 1,000,000"]),
    ({"steps": 2.0}, TypeError, ["steps", "whole number", "2.0 (float)"]),
    ({"steps": "9"}, TypeError, ["steps", "whole number", "'9' (str)"]),
    ({"steps": True}, TypeError, ["steps", "True (bool)"]),
    ({"seed": -1}, ValueError, ["seed -1", "0 to 2,147,483,647"]),
    ({"seed": 2**31}, ValueError, ["seed 2147483648", "0 to 2,147,483,647"]),
    ({"seed": 1.5}, TypeError, ["seed", "whole number", "1.5 (float)"]),
    ({"seed": None}, TypeError, ["seed", "whole number", "None"]),
    ({"step_size": 0}, ValueError, ["step_size 0", "above 0"]),
    ({"step_size": -0.1}, ValueError, ["step_size -0.1", "above 0"]),
    ({"step_size": float("nan")}, ValueError, ["step_size nan", "above 0"]),
    ({"step_size": float("inf")}, ValueError, ["step_size inf", "at most 1,000,000"]),
    ({"step_size": 1e38}, ValueError, ["step_size 1e+38", "at most 1,000,000"]),
    ({"step_size": "big"}, TypeError, ["step_size", "number", "'big' (str)"]),
    ({"predict_every": 0}, ValueError, ["predict_every 0", "1 to 1,000,000"]),
    ({"predict_every": "all"}, TypeError, ["predict_every", "'all' (str)"]),
    ({"size": 0}, ValueError, ["size 0", "1 to 4096"]),
    ({"size": (16, -1)}, ValueError, ["size (16, -1)", "1 to 4096"]),
    ({"size": 10**6}, ValueError, ["size 1000000", "1 to 4096"]),
    ({"size": (16, 16, 3)}, ValueError, ["size (16, 16, 3)", "(height, width)"]),
    ({"size": "large"}, ValueError, ["size 'large'", "(height, width)"]),
    ({"size": 16.5}, ValueError, ["size 16.5", "(height, width)"]),
    ({"start": 5}, ValueError, ["(height, width, channels)"]),
    ({"start": object()}, TypeError, ["image"]),
    ({"start": "nowhere.png"}, ValueError, ["'nowhere.png'", "no file"]),
    ({"start": np.zeros((16, 16, 5))}, ValueError, ["5 channels", "takes 3"]),
    ({"start": np.full((16, 16, 3), np.nan)}, ValueError, ["NaN"]),
    ({"start": np.full((16, 16, 3), 200.0)}, ValueError, ["0..1", "255"]),
    ({"objective": "conv2"}, TypeError, ["'conv2'", "not an objective", "objectives.channel(layer, unit)"]),
    ({"objective": None}, TypeError, ["None", "not an objective"]),
    ({"objective": []}, ValueError, ["at least one"]),
    ({"objective": [UNIT, 3]}, TypeError, ["3 is not an objective"]),
    ({"objective": [UNIT, objectives.channel("conv1", 1)]}, ValueError, ["one batch", "units, positions and weights"]),
    ({"objective": [UNIT, objectives.neuron("conv2", 1)]}, ValueError, ["one batch"]),
    ({"net": "efficientnet-lite0"}, TypeError, ["'efficientnet-lite0'", "nbfeatviz.load"]),
]


@pytest.mark.parametrize(
    ("wrong", "kind", "says"), WRONG, ids=lambda value: ", ".join(value) if isinstance(value, dict) else ""
)
def test_what_is_wrong_is_said_at_once(net, wrong, kind, says):
    with pytest.raises(kind) as caught:
        nv.ascend(**{"net": net, "objective": UNIT, **wrong})
    for words in says:
        assert words in str(caught.value)


def test_numbers_of_numpy_are_numbers(net):
    settings = {"steps": np.int64(2), "seed": np.int32(3), "step_size": np.float32(0.5)}
    run = nv.maximize(net, UNIT, **settings)
    assert (run.settings.steps, run.settings.seed, run.settings.step_size) == (2, 3, 0.5)


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [
        ({"units": 3}, TypeError, "units are several whole numbers.* not 3"),
        ({"units": []}, ValueError, "at least one"),
        ({"units": [0, 5]}, ValueError, "unit 5 is out of range.*0 to 4"),
        ({"units": [0, "1"]}, TypeError, "whole number, not '1'"),
        ({"layer": "conv7"}, ValueError, "no layer 'conv7'.*nearest"),
        ({"steps": 0}, ValueError, "steps 0"),
        ({"normalize": "all"}, ValueError, "normalize 'all' is unknown: it is 'each', 'together' or None"),
        ({"show_size": 0}, ValueError, "show_size 0 is out of range"),
        ({"columns": 0}, ValueError, "columns 0 is out of range"),
        ({"columns": 1.5}, TypeError, "columns is a whole number, not 1.5"),
        ({"show_size": "100"}, TypeError, "whole number of pixels, not '100'"),
    ],
    ids=str,
)
def test_a_sheet_says_what_is_wrong(net, wrong, kind, says):
    with pytest.raises(kind, match=says):
        nv.maximize_grid(**{"net": net, "layer": "conv2", "units": [0, 1], **wrong})


def test_a_size_that_a_head_cannot_take_is_said_in_a_sentence(net):
    with pytest.raises(ValueError, match=r"class_logit|'head'") as caught:
        nv.maximize(net, objectives.class_logit(1), size=20, steps=1)
    text = str(caught.value)
    assert "cannot be computed at 20×20 pixels" in text
    assert "'head'" in text
    assert "500" in text  # what it got, 10 * 10 * 5
    assert "size=None" in text
    assert "user code" not in text
    assert "File" not in text
    assert nv.maximize(net, UNIT, size=20, steps=1).image.shape == (20, 20, 3)  # the layers before it can


def test_a_size_below_the_kernel_is_said_in_a_sentence():
    network = make_one_layer(keras.layers.Conv2D(2, 5, name="conv"))
    for objective in (objectives.channel("conv", 1), objectives.neuron("conv", 1, 0, 0)):
        with pytest.raises(ValueError, match=r"cannot be computed at 3×4 pixels: Negative dimension size") as caught:
            nv.maximize(network, objective, size=(3, 4), steps=1)
        assert "{{" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
