"""Recipes are plain data: printed, replaced, written as JSON, checked, and moved without compiling."""

import json

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe import Recipe
from tests.synthesis.conftest import make_network

UNIT = objectives.channel("conv2", 1)


@pytest.mark.parametrize("name", list(recipes.ALL))
def test_a_recipe_goes_through_json_and_its_text(name):
    recipe = recipes.get(name)
    text = recipe.to_json()
    assert json.loads(text)["name"] == name
    assert Recipe.from_json(text) == recipe
    assert eval(repr(recipe), vars(recipes)) == recipe
    assert recipe.reference


def test_a_changed_recipe_goes_through_json():
    recipe = recipes.get("lucid").replace(
        steps=np.int64(3),
        transforms=(recipes.Crops(box=recipes.Ramp(0.9, 0.2)), recipes.Roll(0.1)),
        regularizers=(recipes.TotalVariation(0.5), recipes.PreSigmoid()),
        step_rule=recipes.Nadam(),
    )
    assert Recipe.from_json(recipe.to_json()) == recipe


def change(**changes):
    data = json.loads(recipes.get("lucid").to_json())
    for path, value in changes.items():
        *way, last = path.split("__")
        place = data
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        if value is None:
            del place[int(last) if last.isdigit() else last]
        else:
            place[int(last) if last.isdigit() else last] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("nonsense", ValueError, "not the JSON of a recipe"),
        ("[1]", ValueError, "an object with name, steps"),
        (change(step=3), ValueError, "recipe: Recipe has no setting 'step'; nearest: 'steps'"),
        (change(steps=None), ValueError, "recipe: Recipe needs 'steps'"),
        (change(steps=0), ValueError, "recipe: steps 0 is out of range: give a whole number from 1"),
        (change(steps=1.5), TypeError, "recipe: steps is a whole number, not 1.5"),
        (change(name=7), TypeError, "recipe: name is a text, not 7"),
        (change(keep_best="no"), TypeError, "recipe: keep_best is True or False, not 'no'"),
        (change(parameterization__decorrelate="no"), TypeError, "Fourier: decorrelate is True or False, not 'no'"),
        (change(transforms__2__low=1.5), ValueError, "Scale: low 1.5 is above high 1.1"),
        (change(step_size=-1), ValueError, "step_size -1 is out of range"),
        (change(step_size="big"), TypeError, "step_size is a number, not 'big'"),
        (change(transforms__0__kind="Padd"), ValueError, r"transforms\[0\]: there is no kind 'Padd'; nearest: 'Pad'"),
        (change(transforms__0__valu=1), ValueError, r"transforms\[0\]: Pad has no setting 'valu'; nearest: 'value'"),
        (change(transforms__0__value=3), ValueError, "Pad: value 3 is out of range: give a number from 0 to 1"),
        (change(transforms__0__value="a"), TypeError, "Pad: value is a number, not 'a'"),
        (change(transforms__1__reach=None), ValueError, r"recipe.transforms\[1\]: Jitter needs 'reach'"),
        (change(transforms__0__kind="Adam"), ValueError, "Adam has no setting 'value'"),
        (change(step_rule__kind="Adams"), ValueError, "recipe.step_rule: there is no kind 'Adams'; nearest: 'Adam'"),
        (change(step_rule__beta1=1.5), ValueError, "Adam: beta1 1.5 is out of range"),
        (change(parameterization={"kind": "Adam"}), TypeError, "parameterization takes Pixels, .*; not Adam"),
        (change(transforms={"kind": "Pad"}), TypeError, "transforms is a tuple of parts"),
        (change(regularizers=[{"kind": "LpNorm", "p": 0.5}]), ValueError, "LpNorm: p 0.5 is out of range"),
        (change(regularizers=[{"kind": "LpNorm", "weight": {"kind": "Ramp", "start": 1, "end": -2}}]), ValueError,
         "LpNorm: weight -2 is out of range"),
        (change(regularizers=[{"kind": "LpNorm", "weight": {"kind": "Ramp", "start": 1, "end": 2, "hold": 1.0}}]),
         ValueError, "LpNorm: weight: hold 1.0 is out of range"),
        (change(after=[{"kind": "Clip"}]), ValueError, "change stored pixels, and Fourier has none"),
    ],
)  # fmt: skip
def test_json_that_is_wrong_is_refused_in_a_sentence(text, kind, says):
    with pytest.raises(kind, match=says):
        Recipe.from_json(text)


@pytest.mark.parametrize(
    ("changes", "kind", "says"),
    [
        ({"transforms": (recipes.Scale(0.9, float("nan")),)}, ValueError, "Scale: high nan is out of range"),
        ({"transforms": (recipes.Jitter,)}, TypeError, "transforms takes Pad, Views, .* or a function; not"),
        ({"transforms": recipes.Jitter(0.1)}, TypeError, "a tuple of parts"),
        ({"step_rule": None}, TypeError, "step_rule takes Plain"),
        ({"passed_gradients": -1}, ValueError, "passed_gradients -1 is out of range"),
        ({"window": recipes.Window(0.1)}, ValueError, "Fourier has none"),
        ({"gradient": (lambda g: g,)}, TypeError, "gradient takes UnitDeviation"),
        (
            {"parameterization": recipes.Pixels(), "regularizers": (recipes.PreSigmoid(),)},
            ValueError,
            "PreSigmoid needs a parameterization with a sigmoid, and Pixels has none",
        ),
    ],
)
def test_a_wrong_part_is_refused_in_a_sentence(changes, kind, says):
    with pytest.raises(kind, match=says):
        recipes.get("lucid").replace(**changes)


def test_a_function_of_ones_own_is_no_json():
    def calm(pixels):
        return tf.reduce_mean(pixels)

    recipe = recipes.get("lucid").replace(regularizers=(calm,))
    with pytest.raises(ValueError, match="'calm' is a function of your own"):
        recipe.to_json()


def test_numbers_that_shape_nothing_compile_nothing():
    network = make_network()
    entry = network.model.get_layer("entry")
    r = recipes
    full = r.get("lucid").replace(
        regularizers=(r.LpNorm(0.1), r.TotalVariation(0.2), r.CentreBias(0.1), r.PreSigmoid(0.3)),
        transforms=(r.Pad(0.5), r.Jitter(0.1), r.Scale(0.9, 1.1), r.Rotate(5.0), r.Roll(0.1)),
    )

    def traces(recipe):
        before = entry.seen
        list(nv.ascend(network, UNIT, recipe=recipe, steps=2))
        return entry.seen - before

    assert traces(full) == 1
    other = full.replace(
        regularizers=(
            r.LpNorm(2.0, p=3.0),
            r.TotalVariation(r.Ramp(0, 1), beta=1.0),
            r.CentreBias(2),
            r.PreSigmoid(1, 1),
        ),
        transforms=(r.Pad(0.1), r.Jitter(0.3), r.Scale(0.5, r.Ramp(1, 2)), r.Rotate(50.0, 0.1), r.Roll(0.0)),
    )
    assert traces(other) == 0
    assert traces(full.replace(regularizers=full.regularizers[1:])) == 1
    yosinski = r.get("yosinski-3")
    assert traces(yosinski) == 1
    assert traces(yosinski.replace(after=(r.Decay(0.5), yosinski.after[1]), step_size=3.0)) == 0
    assert traces(r.get("yosinski-1")) == 1
    assert traces(r.get("yosinski-1").replace(step_rule=r.Progress(1e8))) == 0


def test_a_ramp_is_the_number_at_every_step(net):
    def loss(weight, steps=5):
        recipe = recipes.get("lucid").replace(
            transforms=(), regularizers=(recipes.TotalVariation(weight),), step_rule=recipes.Plain(), step_size=1e-9
        )
        return recipe, nv.ascend(net, UNIT, recipe=recipe, steps=steps)

    ramp, run = loss(recipes.Ramp(1.0, 3.0))
    assert [ramp.numbers(index, 5)[0] for index in range(5)] == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert [recipes.Ramp(0, 4, reached=False).at(index, 4) for index in range(4)] == [0, 1, 2, 3]
    suited = recipes.Ramp(2, 0, reached=False, suits=64)
    assert [suited.at(0, steps) for steps in (1, 4, 16, 64, 256, 1024)] == [4, 4, 4, 2, 1, 1]
    held = recipes.Ramp(4, 0, hold=0.5)
    assert [held.at(index, 5) for index in range(5)] == [4, 4, 4, 2, 0]
    # picture and objective stay; what is subtracted grows: the gradient differs as by the fixed weights
    fixed = [next(loss(weight)[1]).gradient_max for weight in (1.0, 1.5, 2.0, 2.5, 3.0)]
    np.testing.assert_allclose([step.gradient_max for step in run], fixed, rtol=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("name", list(recipes.ALL))
def test_every_recipe_runs_with_any_number_of_channels(name, channels):
    import keras

    from tests.synthesis.conftest import make_one_layer

    keras.utils.set_random_seed(3)
    network = make_one_layer(keras.layers.Conv2D(2, 3, name="conv"), channels=channels)
    recipe = recipes.get(name)
    if name == "maco":
        recipe = recipe.replace(transforms=(recipes.Crops(2, recipes.Ramp(0.5, 0.05)),))
    run = nv.maximize(network, objectives.channel("conv", 1), recipe=recipe, steps=10)
    assert run.image.shape[2] == channels
    assert np.isfinite([numbers.loss for numbers in run.steps]).all()
    assert 0 <= run.image.min() <= run.image.max() <= 1
    again = nv.maximize(network, objectives.channel("conv", 1), recipe=recipe, steps=10)
    assert np.array_equal(run.image, again.image)
