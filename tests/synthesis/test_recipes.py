"""The recipes are what was published: the tutorial's update against NumPy, Lucid's settings against the paper."""

import dataclasses

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.transforms import Jitter, Pad, Rotate, Scale
from tests.synthesis.conftest import make_one_layer


class Tutorial:
    """Pedersen's loop for one unit of a 3×3 convolution with softplus, in float64, gradient by hand."""

    def __init__(self, kernel, bias):
        self.kernel, self.bias = kernel.astype(np.float64), float(bias)

    def loss_and_gradient(self, image):
        """Of the mean of softplus(conv(image / 127.5 - 1)), by the image in 0..255."""
        x = image / 127.5 - 1
        rows, cols = image.shape[0] - 2, image.shape[1] - 2
        before = np.array(
            [[(x[r : r + 3, c : c + 3] * self.kernel).sum() + self.bias for c in range(cols)] for r in range(rows)]
        )
        upstream = 1 / (1 + np.exp(-before)) / before.size
        gradient = np.zeros_like(x)
        for r in range(rows):
            for c in range(cols):
                gradient[r : r + 3, c : c + 3] += upstream[r, c] * self.kernel
        return np.logaddexp(0, before).mean(), gradient / 127.5

    def run(self, image, steps):
        for _ in range(steps):
            loss, gradient = self.loss_and_gradient(image)
            step_size = 1.0 / (gradient.std() + 1e-8)
            yield image, loss, gradient, step_size
            image = np.clip(image + step_size * gradient, 0.0, 255.0)
        yield image, None, None, None


@pytest.fixture(scope="module")
def softplus():
    keras.utils.set_random_seed(11)
    return make_one_layer(keras.layers.Conv2D(2, 3, activation="softplus", name="conv"), (9, 11), input_range=(-1, 1))


@pytest.mark.parametrize("begin", ["noise", "near the bounds"])
def test_tutorial13_is_the_tutorials_loop(softplus, begin):
    kernel, bias = softplus.model.get_layer("conv").get_weights()
    objective = objectives.channel("conv", 1)
    if begin == "noise":
        start = None
        image = np.random.default_rng(5).random((9, 11, 3)) + 128
    else:
        start = (np.random.default_rng(6).random((9, 11, 3)) > 0.5).astype(np.float32)
        image = start * 255.0
    ascent = nv.ascend(softplus, objective, recipe="tutorial13", steps=12, seed=5, start=start)
    reference = Tutorial(kernel[..., 1], bias[1]).run(image, 12)
    clipped = 0
    for step, (image, loss, gradient, step_size) in zip(ascent, reference, strict=False):
        # float32 against float64 over 12 steps: a hundredth of a grey level at most
        np.testing.assert_allclose(step.image * 255, image, atol=0.01)
        assert step.loss == pytest.approx(loss, rel=1e-4)
        assert step.gradient_min == pytest.approx(gradient.min(), rel=1e-3)
        assert step.gradient_max == pytest.approx(gradient.max(), rel=1e-3)
        assert step.step_size == pytest.approx(step_size, rel=1e-3)
        clipped += int(((image + step_size * gradient < 0) | (image + step_size * gradient > 255)).sum())
    np.testing.assert_allclose(ascent.picture() * 255, next(reference)[0], atol=0.01)
    assert (clipped > 0) == (begin != "noise")


def test_each_of_its_updates_has_a_standard_deviation_of_one(net):
    ascent = nv.ascend(net, objectives.channel("conv2", 1), recipe="tutorial13", steps=6)
    images = [step.image.astype(np.float64) * 255 for step in ascent]
    for before, after in zip(images, images[1:], strict=False):
        assert after.min() > 0
        assert after.max() < 255  # so nothing was clipped
        assert (after - before).std() == pytest.approx(1, abs=1e-3)  # float32 near 128 resolves 1e-5


def test_the_loss_of_an_early_convolution_rises_in_every_step(lite0):
    steps = list(nv.ascend(lite0, objectives.channel("stem_conv", 1), recipe="tutorial13"))
    assert len(steps) == 30
    assert (np.diff([step.loss for step in steps]) > 0).all()
    assert steps[0].image.shape == (224, 224, 3)


def test_the_default_is_this_projects_own():
    assert recipes.DEFAULT is recipes.get("default")
    assert next(iter(recipes.ALL)) == "default"


def test_lucid_is_the_published_set():
    lucid = recipes.get("lucid")
    assert (lucid.steps, lucid.step_size, lucid.passed_gradients) == (512, 0.05, 16)
    form, rule = lucid.parameterization, lucid.step_rule
    assert (form.deviation, form.decay, form.decorrelate) == (0.01, 1.0, True)
    assert (rule.beta1, rule.beta2, rule.epsilon) == (0.9, 0.999, 1e-8)
    pad, jitter, scale, rotate, again = lucid.transforms
    assert pad == Pad(0.5)
    assert scale == Scale(0.9, 1.1)
    assert rotate == Rotate(10.0, still=0.5)
    assert jitter == Jitter(8 / 224)
    assert again == Jitter(4 / 224)


def test_lucids_first_step_is_adams(net):
    recipe = recipes.get("lucid").replace(transforms=())
    form = recipe.parameterization
    end = nv.maximize(net, objectives.channel("conv2", 1), recipe=recipe, steps=1, seed=9)
    moved = abs(end.variables - form.initial(np.random.default_rng(9), (16, 16, 3)))
    assert moved.max() <= 0.05 + 1e-6
    assert (moved > 0.0499).mean() > 0.9  # the imaginary parts of real waves have no gradient


def test_lucid_raises_a_unit_far_above_the_noise(net):
    run = nv.maximize(net, objectives.channel("conv2", 1), recipe="lucid", steps=64)
    losses = [numbers.loss for numbers in run.steps]
    assert np.mean(losses[-8:]) > losses[0] + 0.5


def test_a_dead_unit_comes_back_while_gradients_are_passed():
    keras.utils.set_random_seed(1)
    layer = keras.layers.Conv2D(
        1, 3, activation="relu", bias_initializer=keras.initializers.Constant(-0.4), name="conv"
    )
    network = make_one_layer(layer, input_range=(-1, 1))
    lucid = recipes.get("lucid")
    ends = {}
    for passed in (0, 16):
        run = nv.maximize(
            network, objectives.channel("conv", 0), recipe=lucid.replace(passed_gradients=passed), steps=24
        )
        assert run.steps[0].loss == 0  # dead at the start
        ends[passed] = run.steps[-1].loss
    assert ends[0] == 0
    assert ends[16] > 0.01


def test_tutorial13_has_the_tutorials_counts():
    assert recipes.get("tutorial13").steps == 30
    assert recipes.get("tutorial13").passed_gradients == 0
    assert recipes.get("tutorial13").transforms == ()


def test_a_recipe_is_immutable_and_replaced():
    lucid = recipes.get("lucid")
    with pytest.raises(dataclasses.FrozenInstanceError):
        lucid.steps = 3
    assert lucid.replace(steps=3).steps == 3
    assert recipes.get("lucid").steps == 512
    assert recipes.get(lucid) is lucid
    with pytest.raises(ValueError, match="no setting 'step'.*nearest: 'steps'"):
        lucid.replace(step=3)


def test_only_what_is_compiled_is_structure():
    lucid = recipes.get("lucid")
    assert lucid.replace(steps=3, step_size=1.0, passed_gradients=2, name="mine").structure == lucid.structure
    for change in (
        {"transforms": ()},
        {"passed_gradients": 0},
        {"parameterization": recipes.TUTORIAL13.parameterization},
    ):
        assert lucid.replace(**change).structure != lucid.structure


def test_the_recipes_are_listed_with_their_references():
    for text in (repr(nv.recipes), repr(recipes.ALL)):
        plain = " ".join(text.split())
        for name, recipe in recipes.ALL.items():
            assert f"{name} {recipe.reference}" in plain
        assert max(map(len, text.splitlines())) <= 120
    with pytest.raises(TypeError):
        recipes.ALL["mine"] = recipes.LUCID


@pytest.mark.parametrize("name", ["Lucid", "tutorial", "tutorial-13", "mnist"])
def test_an_unknown_recipe_is_answered_with_the_nearest_and_all(net, name):
    with pytest.raises(ValueError, match=f"no recipe '{name}'.*'lucid', 'tutorial13'"):
        nv.ascend(net, objectives.channel("conv2", 1), recipe=name)
    with pytest.raises(ValueError, match="nearest: 'tutorial13'"):
        recipes.get("tutorial")


@pytest.mark.parametrize("wrong", [None, 13, {"steps": 3}])
def test_a_recipe_of_another_type_is_refused(net, wrong):
    with pytest.raises(TypeError, match="a recipe is a name or a Recipe, not"):
        nv.ascend(net, objectives.channel("conv2", 1), recipe=wrong)
