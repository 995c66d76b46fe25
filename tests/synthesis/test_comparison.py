"""The same again, otherwise: cases side by side are the single runs; deep dreams by octaves."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.dream import dream, octave_sizes

UNIT = objectives.channel("conv2", 1)
OTHER = objectives.channel("conv2", 3)


def single(net, objective=UNIT, recipe="tutorial13", steps=4, seed=0):
    return nv.maximize(net, objective, recipe=recipe, steps=steps, seed=seed)


@pytest.mark.parametrize(
    ("lists", "singles"),
    [
        ({"seed": [3, 1, 2]}, [{"seed": 3}, {"seed": 1}, {"seed": 2}]),
        ({"steps": [1, 5, 3]}, [{"steps": 1}, {"steps": 5}, {"steps": 3}]),
        ({"recipe": ["lucid", "tutorial13"]}, [{"recipe": "lucid"}, {"recipe": "tutorial13"}]),
        ({"objective": [UNIT, OTHER]}, [{"objective": UNIT}, {"objective": OTHER}]),
        (
            {"objective": [UNIT, objectives.deep_dream("conv1")], "seed": [4, 5], "steps": [2, 3]},
            [{"seed": 4, "steps": 2}, {"objective": objectives.deep_dream("conv1"), "seed": 5, "steps": 3}],
        ),
        ({"recipe": ["sainburg"] * 2, "steps": [20, 22]}, [{"recipe": "sainburg", "steps": n} for n in (20, 22)]),
        ({}, [{}]),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_each_case_is_the_run_it_would_be_alone(net, lists, singles):
    runs = nv.compare(net, **{"objective": UNIT, "recipe": "tutorial13", "steps": 4, **lists})
    assert len(runs) == len(singles)
    for run, settings in zip(runs, singles, strict=True):
        alone = single(net, **settings)
        np.testing.assert_allclose(run.image, alone.image, atol=1e-3)
        np.testing.assert_allclose([n.loss for n in run.steps], [n.loss for n in alone.steps], rtol=1e-3, atol=1e-4)
        assert run.settings == alone.settings
        again = eval(run.settings.code(), {"nv": nv, "objectives": objectives, "net": net})
        assert np.array_equal(again.image, alone.image)


def test_step_counts_are_one_run_and_seeds_one_batch(net):
    seen = []
    nv.compare(net, UNIT, recipe="tutorial13", steps=[2, 5, 5], seed=[1, 1, 2],
               on_step=lambda places, step: seen.append((places, step.image.shape)))  # fmt: skip
    assert seen == [((0, 1, 2), (2, 16, 16, 3))] * 5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"seed": [1, 2], "steps": [1, 2, 3]}, "3 of steps, 2 of seed"),
        ({"seed": []}, "at least one"),
        ({"steps": []}, "0 of steps"),
        ({"recipe": ["lucid", "lucy"]}, "no recipe 'lucy'; nearest: 'lucid'"),
        ({"objective": [UNIT, objectives.channel("conv9", 1)]}, "'conv9'"),
        ({"steps": [1, 0]}, "steps 0"),
    ],
)
def test_cases_that_do_not_match_are_refused(net, wrong, says):
    with pytest.raises(ValueError, match=says):
        nv.compare(net, **{"objective": UNIT, **wrong})


def test_the_code_of_a_batch_makes_it(net):
    batch = nv.ascend(net, UNIT - 0.1 * objectives.deep_dream("conv1"), recipe="tutorial13", steps=3, seed=[1, 2])
    list(batch)
    again = eval(batch.settings.code(), {"nv": nv, "objectives": objectives, "net": net})
    np.testing.assert_allclose([run.image for run in again], batch.picture(), atol=1e-5)


@pytest.fixture(scope="module")
def dreamer():
    keras.utils.set_random_seed(5)
    picture = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, 5, strides=2, padding="same", activation="relu", name="conv")(picture)
    return nv.load(keras.Model(picture, x), input_range=(-1, 1))


PHOTO = np.clip(np.random.default_rng(1).normal(0.5, 0.2, (56, 80, 3)), 0, 1).astype(np.float32)


def test_octaves_go_from_coarse_to_fine():
    assert octave_sizes((224, 224), 4, 1.4) == [(82, 82), (114, 114), (160, 160), (224, 224)]
    assert octave_sizes((28, 40), 4, 1.4) == [(20, 29), (28, 40)]
    assert octave_sizes((8, 8), 3, 1.4) == [(8, 8)]


def test_a_dream_sees_more_and_keeps_the_photo(dreamer):
    objective = objectives.deep_dream("conv")
    run = nv.deep_dream(dreamer, "conv", PHOTO, octaves=3, steps=4, size=(56, 80))
    assert run.image.shape == (56, 80, 3)
    assert len(run.steps) == len(run.frames) == 12
    assert [numbers.index for numbers in run.steps] == list(range(12))

    def loss(image):
        return next(nv.ascend(dreamer, objective, start=image, size=(56, 80), recipe="tutorial13")).loss

    assert loss(run.image) > 1.1 * loss(PHOTO)
    assert np.corrcoef(run.image.ravel(), PHOTO.ravel())[0, 1] > 0.5
    code = run.settings.code("photo")
    again = eval(code, {"nv": nv, "objectives": objectives, "net": dreamer, "photo": PHOTO})
    assert np.array_equal(again.image, run.image)


def test_the_detail_that_shrinking_loses_comes_back(dreamer):
    """With steps too small to matter the octaves leave the photo as it was, though the first is a third of its size."""
    run = nv.deep_dream(dreamer, "conv", PHOTO, octaves=4, steps=2, step_size=1e-6, size=(56, 80))
    np.testing.assert_allclose(run.image, PHOTO, atol=1e-4)


def test_a_dream_can_begin_with_noise(dreamer):
    objective = objectives.deep_dream("conv")
    run = nv.deep_dream(dreamer, "conv", octaves=2, steps=3, size=(40, 48), seed=4)
    noise = np.random.default_rng(4).random((40, 48, 3)) * 22 + 117
    np.testing.assert_allclose(run.frames[0], noise / 255, atol=0.06)  # of the coarser octave, enlarged
    assert run.frames[0].mean() == pytest.approx(noise.mean() / 255, abs=2e-3)
    assert run.steps[-1].loss > run.steps[0].loss
    assert not np.array_equal(run.image, nv.deep_dream(dreamer, "conv", octaves=2, steps=3, size=(40, 48)).image)
    code = run.settings.code()
    assert "photo" not in code
    again = eval(code, {"nv": nv, "objectives": objectives, "net": dreamer})
    assert np.array_equal(again.image, run.image)
    assert run.settings.objective == objective


def test_a_dream_step_by_step(dreamer):
    steps = list(dream(dreamer, objectives.channel("conv", 1), PHOTO, octaves=2, steps=3, size=(56, 80)))
    assert {step.image.shape for step in steps} == {(56, 80, 3)}
    assert len(steps) == 7
    assert np.isnan(steps[-1].loss)  # the result, which is not measured


def test_only_a_network_is_compared_on():
    with pytest.raises(TypeError, match="'lite0' is not a Network"):
        nv.compare("lite0", UNIT)


@pytest.mark.parametrize(
    ("wrong", "kind", "says"),
    [({"octaves": 0}, ValueError, "octaves 0"), ({"scale": 1.0}, ValueError, "scale 1.0"),
     ({"scale": "2"}, TypeError, "scale is a number"), ({"photo": "none.jpg"}, ValueError, "no file 'none.jpg'"),
     ({"seed": "a"}, TypeError, "seed is a whole number, not 'a'"),
     ({"seed": [1, 2]}, TypeError, "seed is a whole number, not .1, 2."),
     ({"seed": 2**31}, ValueError, "seed 2147483648"),
     ({"target": 3}, TypeError, "path of a layer or one objective, not 3"),
     ({"target": [UNIT, UNIT]}, TypeError, "path of a layer or one objective, not"),
     ({"target": "conv7"}, ValueError, "no layer 'conv7'"), ({"steps": 0}, ValueError, "steps 0")],
)  # fmt: skip
def test_a_dream_that_is_wrong(dreamer, wrong, kind, says):
    with pytest.raises(kind, match=says):
        nv.deep_dream(**{"net": dreamer, "target": "conv", "photo": PHOTO, **wrong})


def test_inversion_reconstructs(net):
    photo = np.random.default_rng(8).random((16, 16, 3)).astype(np.float32)
    recipe = recipes.get("inversion")
    run = nv.maximize(net, objectives.content("conv1", photo), recipe=recipe, steps=100)
    assert run.steps[-1].loss > run.steps[0].loss / 4
