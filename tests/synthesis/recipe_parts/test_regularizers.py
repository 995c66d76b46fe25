"""Penalties against NumPy, subtracted inside the gradient; the user's own functions."""

import traceback

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.regularizers import CentreBias, LpNorm, PreSigmoid, TotalVariation, penalty_of

PIXELS = np.random.default_rng(2).uniform(0, 255, (2, 7, 9, 3))
UNIT = objectives.channel("conv2", 1)


def penalty(regularizer, pixels=PIXELS, logits=None):
    return penalty_of(regularizer, tf.constant(pixels, tf.float32), logits).numpy()


@pytest.mark.parametrize("p", [1.0, 2.0, 6.0, 12.0])
def test_the_norm_of_the_values(p):
    expected = [3 * np.linalg.norm(one.ravel(), p) / one.size for one in PIXELS]
    np.testing.assert_allclose(penalty(LpNorm(3.0, p)), expected, rtol=1e-5)


@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_total_variation(beta):
    down, right = PIXELS[:, 1:, :-1] - PIXELS[:, :-1, :-1], PIXELS[:, :-1, 1:] - PIXELS[:, :-1, :-1]
    expected = 2 * ((down**2 + right**2) ** (beta / 2)).sum((1, 2, 3)) / PIXELS[0].size
    np.testing.assert_allclose(penalty(TotalVariation(2.0, beta)), expected, rtol=1e-5)
    assert penalty(TotalVariation(2.0, beta), np.full((1, 4, 4, 3), 9.0)) == pytest.approx(0, abs=1e-5)


def test_before_the_sigmoid_only_what_is_beyond_the_limit_costs():
    logits = tf.constant([[[[-4.0, 1.0]], [[2.0, 3.0]]]])
    assert penalty(PreSigmoid(2.0, 2.5), logits=logits) == pytest.approx([2 * (1.5**2 + 0.5**2) / 4])
    with pytest.raises(ValueError, match="PreSigmoid needs a parameterization with a sigmoid"):
        penalty(PreSigmoid())


def test_the_gradient_of_the_soft_limits_is_that_of_their_formula():
    """Of a batch, each picture with a weight of its own, on both sides of both limits."""
    logits = tf.constant(np.linspace(-4, 4, 2 * 3 * 5 * 3).reshape(2, 3, 5, 3), tf.float32)
    weights = tf.constant([1.0, -3.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        found = tf.reduce_sum(weights * PreSigmoid(2.0, 2.5).penalty(None, logits))
        formula = 2.0 * tf.reduce_mean(tf.nn.relu(tf.abs(logits) - 2.5) ** 2, axis=[1, 2, 3])
        wanted = tf.reduce_sum(weights * formula)
    gradient = tape.gradient(found, logits)
    assert np.any(gradient)
    np.testing.assert_allclose(gradient, tape.gradient(wanted, logits), rtol=1e-5, atol=1e-8)  # float32


def test_the_bias_to_the_centre_costs_more_the_farther_out():
    costs = []
    for place in range(5):
        pixels = np.zeros((1, 9, 9, 1))
        pixels[0, 4, 4 + place] = 1.0
        costs.append(penalty(CentreBias(), pixels)[0])
    assert (np.diff(costs) > 0).all()


def test_a_penalty_is_subtracted_and_pulls(net):
    plain = recipes.get("lucid").replace(transforms=())
    ends = {}
    for weight in (0.0, 300.0):
        recipe = plain.replace(regularizers=(TotalVariation(weight),))
        run = nv.maximize(net, UNIT, recipe=recipe, steps=30)
        ends[weight] = abs(np.diff(run.image, axis=1)).mean()
        assert run.steps[0].loss == nv.maximize(net, UNIT, recipe=plain, steps=1).steps[0].loss  # without the penalty
    assert ends[300.0] < 0.6 * ends[0.0]
    free = nv.maximize(net, UNIT, recipe=plain, steps=30).image
    idle = nv.maximize(net, UNIT, recipe=plain.replace(regularizers=(TotalVariation(0.0),)), steps=30).image
    np.testing.assert_allclose(idle, free, atol=1e-4)


def test_functions_of_ones_own(net):
    def grey(pixels):
        return 50 * tf.reduce_mean((pixels - 0.5) ** 2, axis=[1, 2, 3])

    def greyer(pixels):
        return 50 * tf.reduce_mean((pixels - 0.5) ** 2)

    def half(pictures):
        return pictures[:, ::2, ::2]

    def shaken(pictures, seed):
        return pictures + 0.01 * tf.random.stateless_normal(pictures.shape, seed)

    def back(pixels):
        return pixels * 0.5

    lucid = recipes.get("lucid").replace(transforms=(shaken, recipes.Jitter(0.1), half))
    free = nv.maximize(net, UNIT, recipe=lucid, steps=20)
    first, second = (
        nv.maximize(net, UNIT, recipe=lucid.replace(regularizers=(own,)), steps=20) for own in (grey, greyer)
    )
    assert first.image.std() < 0.7 * free.image.std()
    np.testing.assert_allclose(first.image, second.image, atol=1e-4)
    fading = recipes.get("tutorial13").replace(after=(back,))
    assert nv.maximize(net, UNIT, recipe=fading, steps=3).image.mean() == pytest.approx(0.5 / 8, abs=0.02)


NO_GRADIENT = "returned a number that does not change with the pixels .*can be differentiated"


@pytest.mark.parametrize(
    ("slot", "function", "says"),
    [
        ("regularizers", lambda pixels: 1.0, f"regularizer '<lambda>' {NO_GRADIENT}"),
        (
            "regularizers",
            lambda pixels: tf.reduce_mean(tf.cast(pixels > 0.5, tf.float32)),
            f"regularizer '<lambda>' {NO_GRADIENT}",
        ),
        (
            "regularizers",
            lambda pixels: tf.reduce_mean(tf.raw_ops.AdjustHue(images=pixels, delta=0.1)),
            "regularizer '<lambda>' has no gradient: .*AdjustHue",
        ),
        (
            "regularizers",
            lambda pixels: tf.reduce_sum(tf.cast(pixels, tf.int32)),
            "regularizer '<lambda>' returned a tensor of type int32: float32 is needed",
        ),
        ("regularizers", lambda pixels: "low", "regularizer '<lambda>' returned 'low': float32 is needed"),
        ("regularizers", lambda pixels: pixels[..., 0], "regularizer '<lambda>' returned .*one number a picture"),
        ("transforms", lambda pictures: pictures[..., :1], "transform '<lambda>' turned pictures .*channels must stay"),
        ("regularizers", lambda pixels: None, "regularizer '<lambda>' returned None"),
        ("transforms", lambda pictures: None, "transform '<lambda>' returned None"),
        ("transforms", lambda pictures: pictures[0], "transform '<lambda>' turned pictures"),
    ],
)
def test_functions_of_ones_own_that_are_wrong(net, slot, function, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        nv.maximize(net, UNIT, recipe=recipes.get("lucid").replace(**{slot: (function,)}), steps=1)


def missing(pixels):
    """What a dictionary raises is no ValueError."""
    return {}["weight"] * tf.reduce_mean(pixels)


def unlike(pixels):
    return tf.reduce_mean(pixels @ tf.zeros([2, 2, 2]))


def branching(pixels):
    """Only as TensorFlow rewrites it can it look at a tensor."""
    if tf.reduce_mean(pixels) > 2:
        pixels = pixels / 2
    return missing(pixels)


@pytest.mark.parametrize(
    ("slot", "what"), [("regularizers", "regularizer"), ("after", "change"), ("transforms", "transform")]
)
@pytest.mark.parametrize(
    ("function", "says", "ends"),
    [
        (missing, "'missing' raised KeyError: 'weight'", "missing"),
        (unlike, "'unlike' raised ValueError: Dimensions must be equal, but are 3 and 2", None),
        (branching, "'branching' raised KeyError: 'weight'", None),
        (lambda: 1.0, "'<lambda>' raised TypeError: .*takes 0 positional arguments but 1 was given", None),
    ],
)
def test_what_a_function_of_ones_own_raises_is_said_with_its_name_and_its_traceback(
    net, slot, what, function, says, ends
):
    recipe = recipes.get("tutorial13" if slot == "after" else "lucid").replace(**{slot: (function,)})
    with pytest.raises(ValueError, match=f"^{what} {says}") as caught:
        nv.maximize(net, UNIT, recipe=recipe, steps=1)
    assert "{{" not in str(caught.value)
    frames = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert type(caught.value.__cause__).__name__ in str(caught.value)
    if ends:
        assert (frames[-1].name, frames[-1].filename) == (ends, __file__)


def test_a_penalty_may_branch_on_what_it_sees(net):
    def only_bright(pixels):
        if tf.reduce_mean(pixels) > 0.2:
            return 50 * tf.reduce_mean((pixels - 0.5) ** 2)
        return tf.reduce_mean(pixels)

    recipe = recipes.get("lucid").replace(regularizers=(only_bright,))
    assert nv.maximize(net, UNIT, recipe=recipe, steps=2).image.shape == (16, 16, 3)
