"""A run that the network never answers says so at its end, with the unit and its value, and no other run does."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.run.batch_run import BatchRun, Case
from nbfeatviz.synthesis.run.step_function import step_function
from tests.synthesis.conftest import make_network

TOTAL_VARIATION = recipes.get("tutorial13").replace(regularizers=(recipes.TotalVariation(weight=1.0),))


def said(function, *arguments, **options):
    """What a function gives, and its warnings, which point at this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function(*arguments, **options)
    assert [one.filename for one in caught] == [__file__] * len(caught)
    return found, [str(one.message) for one in caught]


@pytest.fixture(scope="module")
def half_dead():
    """Units 2 and 3 of conv1 are shut for good, whatever the picture; 0 and 1 are open for any."""
    network = make_network()
    conv = network.model.get_layer("conv1")
    conv.set_weights([conv.kernel.numpy(), np.array([100, 100, -100, -100], np.float32)])
    return network


DEAD, ALIVE = objectives.channel("conv1", 2), objectives.channel("conv1", 1)


@pytest.mark.parametrize("recipe", ["default", "tutorial13", "lucid", "keras-vis", TOTAL_VARIATION])
def test_a_dead_unit_is_said_and_one_that_is_alive_is_not(half_dead, recipe):
    found, sentences = said(nv.maximize, half_dead, DEAD, recipe=recipe, steps=5)
    (sentence,) = sentences
    assert sentence.startswith(
        "objectives.channel('conv1', 2) is 0 and no gradient led anywhere in 5 steps: the unit is"
    )
    assert "pre_activation=True" in sentence
    assert [step.loss for step in found.steps] == [0] * 5
    assert said(nv.maximize, half_dead, ALIVE, recipe=recipe, steps=5)[1] == []


def test_before_its_activation_the_same_unit_is_alive(half_dead):
    unit = objectives.channel("conv1", 2, pre_activation=True)
    assert said(nv.maximize, half_dead, unit, recipe="tutorial13", steps=3)[1] == []


def test_a_penalty_has_a_gradient_of_its_own_which_is_no_answer(half_dead):
    start = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    found, (sentence,) = said(nv.maximize, half_dead, DEAD, recipe=TOTAL_VARIATION, steps=3, start=start)
    assert all(step.gradient_max > step.gradient_min for step in found.steps), "the reported gradient is the whole one"
    assert "no gradient led anywhere in 3 steps" in sentence


def test_one_step_with_passed_gradients_tells_nothing_yet(half_dead):
    assert recipes.get("default").passed_gradients > 0
    assert said(nv.maximize, half_dead, DEAD, steps=1)[1] == []


def test_a_unit_that_passed_gradients_bring_to_life_is_answered():
    network = make_network()
    conv = network.model.get_layer("conv1")
    kernel = np.zeros_like(conv.kernel)
    kernel[1, 1] = 1  # the sum of a pixel's channels, in -1..1 each: shut until some are bright
    conv.set_weights([kernel, np.full(4, -0.7, np.float32)])
    start = np.full((16, 16, 3), 0.6, np.float32)
    unit = objectives.channel("conv1", 0)
    plain = recipes.get("tutorial13").replace(step_size=30.0)
    assert len(said(nv.maximize, network, unit, recipe=plain, start=start, steps=20)[1]) == 1
    found, sentences = said(
        nv.maximize, network, unit, recipe=recipes.get("lucid").replace(transforms=()), start=start, steps=60
    )
    assert found.steps[-1].loss > 0
    assert sentences == []


def test_a_sheet_a_comparison_a_run_by_hand_and_a_dream(half_dead):
    options = {"recipe": "tutorial13", "steps": 3}
    _, (sentence,) = said(nv.maximize_grid, half_dead, "conv1", range(4), **options)
    assert sentence.startswith(
        "2 of 4 pictures: objectives.channel('conv1', 2) is 0, objectives.channel('conv1', 3) is"
    )
    _, (sentence,) = said(nv.compare, half_dead, [DEAD, ALIVE], **options)
    assert sentence.startswith("1 of 2 pictures: objectives.channel('conv1', 2) is 0 and no gradient led anywhere in")
    steps, (sentence,) = said(lambda: list(nv.ascend(half_dead, DEAD, **options)))
    assert len(steps) == 3
    assert "in 3 steps" in sentence
    _, sentences = said(nv.deep_dream, half_dead, DEAD, steps=2, octaves=1)
    assert len(sentences) == 1
    assert said(nv.deep_dream, half_dead, "conv1", steps=2, octaves=1)[1] == []
    sheet = BatchRun(half_dead, [Case(ALIVE, "tutorial13", steps=2), Case(DEAD, "tutorial13", steps=2)])
    assert sheet.unanswered is None, "nothing is known before the first step"
    _, sentences = said(lambda: list(sheet))
    assert sentences == []
    assert "1 of 2 pictures" in sheet.unanswered


def test_a_picture_that_is_already_what_is_asked_for_is_not_called_dead(half_dead):
    photo = np.random.default_rng(2).integers(0, 2, (16, 16, 3)).astype(np.float32)  # exact in 0..255 too
    same = -1 * objectives.content("conv1", photo)
    _, (sentence,) = said(nv.maximize, half_dead, same, recipe="tutorial13", start=photo, steps=2)
    assert "or the picture is already what is asked for" in sentence
    assert "the unit is dead" not in sentence


def test_a_run_that_is_aimed_at_another_unit_counts_anew(half_dead):
    run = nv.ascend(half_dead, DEAD, recipe="tutorial13", steps=2)
    _, sentences = said(lambda: [next(run), run.retarget(ALIVE), *run])
    assert sentences == []
    assert run.unanswered is None


def _whole_by_hand(network, recipe, picture, unit, weight):
    """The gradient of objective minus penalty by the picture in 0..1 and by its stored pixels, with one tape."""
    conv = network.model.get_layer("conv1")
    pixels = tf.Variable(picture[None] * 255)
    with tf.GradientTape() as tape:
        seen = pixels / 255
        tape.watch(seen)
        value = tf.reduce_mean(conv(network.contract.apply(seen))[..., unit])
        units = seen * 255
        down, right = units[:, 1:, :-1] - units[:, :-1, :-1], units[:, :-1, 1:] - units[:, :-1, :-1]
        penalty = weight * tf.reduce_sum(down**2 + right**2 + 1e-12) / tf.size(units, tf.float32)
        score = value - penalty
    return [gradient.numpy() for gradient in tape.gradient(score, [seen, pixels])]


def test_the_gradient_with_penalties_is_that_of_the_whole(half_dead):
    picture = np.random.default_rng(1).random((16, 16, 3)).astype(np.float32)
    recipe = TOTAL_VARIATION.replace(regularizers=(recipes.TotalVariation(weight=0.01),))
    step = next(nv.ascend(half_dead, ALIVE, recipe=recipe, start=picture, steps=1))
    by_picture, by_pixels = _whole_by_hand(half_dead, recipe, picture, 1, 0.01)
    assert step.gradient_min == pytest.approx(by_picture.min() / 255, rel=1e-4)
    assert step.gradient_max == pytest.approx(by_picture.max() / 255, rel=1e-4)
    run = nv.ascend(half_dead, ALIVE, recipe=recipe, start=picture, steps=1)
    next(run)
    followed = by_pixels[0] / (by_pixels.std() + 1e-8)
    np.testing.assert_allclose(run.picture() * 255, np.clip(picture * 255 + followed, 0, 255), atol=2e-2)


def test_nothing_of_the_network_is_traced_twice(half_dead):
    """Its convolutions once forwards and once backwards, with penalties or without."""
    for recipe in (recipes.get("tutorial13"), TOTAL_VARIATION):
        run = nv.ascend(half_dead, objectives.class_logit(0), recipe=recipe, steps=1)
        (step,) = run.upcoming()
        resolved = objectives.class_logit(0).resolved(half_dead)
        function = step_function(half_dead, resolved.structure, recipe, (16, 16, 3))
        graph = tf.function(function, autograph=False).get_concrete_function(*step.given).graph
        kinds = [operation.type for operation in graph.get_operations()]
        assert kinds.count("Conv2D") == 2
        assert kinds.count("Conv2DBackpropInput") == 2
