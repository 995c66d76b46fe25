"""A picture as a sum of all resolutions, written down again in NumPy without the library's code."""

import math

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.multi_resolution import MultiResolution, enlarging

SHAPES = [(12, 16, 3), (9, 5, 1), (7, 7, 4), (1, 1, 3), (2, 3, 3)]


def cubic(distance):
    """Keys' kernel with a = -3/4."""
    d, a = abs(distance), -0.75
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


def enlarged(plane, height, width):
    """Bicubic, by loops over pixels and their 16 neighbours; beyond the edge lies the edge."""
    rows, cols, channels = plane.shape
    made = np.zeros((height, width, channels))
    for row in range(height):
        for col in range(width):
            y, x = (row + 0.5) * rows / height - 0.5, (col + 0.5) * cols / width - 0.5
            for near in range(math.floor(y) - 1, math.floor(y) + 3):
                for beside in range(math.floor(x) - 1, math.floor(x) + 3):
                    weight = cubic(y - near) * cubic(x - beside)
                    made[row, col] += weight * plane[min(max(near, 0), rows - 1), min(max(beside, 0), cols - 1)]
    return made


def reference(variables, shape, planes):
    """(tanh of the sum + 1) / 2, in float64."""
    total, begin = np.zeros(shape), 0
    for rows, cols in MultiResolution(planes).sizes(shape):
        end = begin + rows * cols * shape[2]
        total += enlarged(variables[begin:end].astype(np.float64).reshape(rows, cols, shape[2]), *shape[:2])
        begin = end
    assert begin == len(variables)
    return (np.tanh(total) + 1) / 2


def some_variables(shape, planes, seed=0):
    begun = MultiResolution(planes).initial(np.random.default_rng(0), shape)
    return np.random.default_rng(seed).normal(0, 0.3, begun.shape).astype(np.float32)


def test_the_published_planes():
    sides = [rows for rows, _ in MultiResolution(84).sizes((336, 336, 3))]
    assert len(sides) == 84
    assert sides[:4] == [1, 5, 9, 13]
    assert sides[-1] == 336  # published are steps of exactly 4, to 333, which cannot make every picture


def test_planes_have_the_proportions_of_the_picture():
    assert MultiResolution(5).sizes((12, 16, 3)) == [(1, 1), (4, 5), (6, 8), (9, 12), (12, 16)]
    assert MultiResolution(100).sizes((2, 3, 3)) == [(1, 1), (1, 2), (2, 3)]  # no two of a size


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("planes", [1, 3, 6])
def test_a_picture_is_the_squashed_sum_of_its_enlarged_planes(shape, planes):
    variables = some_variables(shape, planes)
    picture = MultiResolution(planes).picture(variables[None], shape).numpy()[0]
    np.testing.assert_allclose(picture, reference(variables, shape, planes), atol=1e-5)


def test_enlarging_keeps_what_is_even():
    np.testing.assert_allclose(enlarging(5, 13).sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(enlarging(7, 7), np.eye(7), atol=1e-7)


def test_planes_may_start_as_noise():
    variables = MultiResolution(4, deviation=0.1).initial(np.random.default_rng(3), (40, 40, 3))
    assert variables.std() == pytest.approx(0.1, rel=0.05)  # 9,000 draws
    assert abs(variables.mean()) < 0.005


def test_it_starts_grey():
    variables = MultiResolution(4).initial(np.random.default_rng(3), (6, 8, 3))
    assert (MultiResolution(4).picture(variables[None], (6, 8, 3)).numpy() == 0.5).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_picture_has_planes(shape):
    target = np.random.default_rng(2).uniform(1 / 255, 254 / 255, shape).astype(np.float32)
    form = MultiResolution(4)
    np.testing.assert_allclose(form.picture(form.from_picture(target)[None], shape).numpy()[0], target, atol=2e-6)
    black = form.picture(form.from_picture(np.zeros(shape, np.float32))[None], shape).numpy()
    np.testing.assert_allclose(black, 1 / 510, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6, 3), (5, 3, 1)], ids=str)
def test_its_gradient_is_the_difference_quotient(shape):
    variables = some_variables(shape, 3)
    weights = np.random.default_rng(5).normal(size=shape)
    x, form = tf.constant(variables[None]), MultiResolution(3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(form.picture(x, shape) * weights.astype(np.float32))
    gradient = tape.gradient(total, x).numpy()[0]
    for place in range(len(variables)):
        step = np.zeros(len(variables))
        step[place] = 1e-5
        there, back = (reference(variables + sign * step, shape, 3) for sign in (1, -1))
        assert gradient[place] == pytest.approx(((there - back) * weights).sum() / 2e-5, abs=2e-4)


def test_a_run_moves_coarse_planes_most(net):
    recipe = recipes.get("direct-ascent").replace(transforms=())
    run = nv.maximize(net, objectives.class_logit("bee"), recipe=recipe, steps=4)
    coarse, fine = abs(run.variables[:3]).mean(), abs(run.variables[-16 * 16 * 3 :]).mean()
    assert coarse > 4 * fine > 0
    assert run.steps[-1].loss > run.steps[0].loss


def test_every_step_has_the_same_length(net):
    run = nv.ascend(net, objectives.channel("conv2", 1), recipe="direct-ascent", steps=2, seed=1)
    before = run.visualization().variables
    next(run)
    assert np.linalg.norm(run.visualization().variables - before) == pytest.approx(1.5, rel=1e-4)


def test_it_is_restored_from_json():
    recipe = recipes.get("direct-ascent").replace(parameterization=MultiResolution(7, 0.02))
    assert recipes.Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(ValueError, match="MultiResolution: planes 0 is out of range"):
        recipe.replace(parameterization=MultiResolution(0))


def test_the_same_seed_gives_the_same_picture(net):
    first, again, other = (
        nv.maximize(net, objectives.class_logit("bee"), recipe="direct-ascent", steps=3, seed=seed).image
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)  # grey at first, it is seen with other noise


def test_a_run_goes_on_from_its_planes(net):
    objective, settings = objectives.class_logit("bee"), {"recipe": "direct-ascent", "seed": 2}
    first = nv.maximize(net, objective, steps=2, **settings)
    step = next(nv.ascend(net, objective, start=first, **settings))
    np.testing.assert_allclose(step.image, first.image, atol=1e-7)
