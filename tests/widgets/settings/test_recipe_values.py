"""The values of recipes one by one: all are shown, each can be changed, and a wrong one is a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nbfeatviz as nv
from nbfeatviz.synthesis import recipes
from nbfeatviz.widgets.settings import recipe_values
from tests.widgets.conftest import dispatch, error, wait

REACH = "transforms.1.reach"


def blacken(picture: Any, key: Any) -> Any:
    return picture * 0


def numbers_in(plain: Any) -> list[Any]:
    if isinstance(plain, dict):
        return [number for key, value in plain.items() if key != "kind" for number in numbers_in(value)]
    if isinstance(plain, list):
        return [number for value in plain for number in numbers_in(value)]
    return [plain]


@pytest.mark.parametrize("name", list(recipes.ALL))
def test_every_value_of_every_recipe_is_shown_and_can_be_put_back(name: str):
    recipe = recipes.get(name)
    rows = recipe_values.values(recipe)
    data = json.loads(recipe.to_json())
    said = [number for key, value in data.items() if key not in ("name", "reference", "steps", "step_size", "display")
            for number in numbers_in(value)]  # fmt: skip
    shown = [row["value"] for row in rows if row["kind"] != "fixed"]
    optional = [row for row in rows if row.get("optional") and row["value"] is None]
    rest = [one for one in said if one is not None]
    assert sorted(map(repr, rest)) == sorted(map(repr, (one for one in shown if one is not None)))
    assert len({row["path"] for row in rows}) == len(rows)
    assert all(row["name"] == "background" for row in optional)
    for row in rows:
        if row["kind"] != "fixed":
            assert recipe_values.changed(recipe, row["path"], row["value"]) == recipe
    assert not recipe_values.as_page(name)["changed"]


RIGHT = [
    ("lucid", REACH, 0.25, lambda recipe: recipe.transforms[1].reach),
    ("lucid", "parameterization.decorrelate", False, lambda recipe: recipe.parameterization.decorrelate),
    ("lucid", "passed_gradients", 0, lambda recipe: recipe.passed_gradients),
    ("yosinski-1", "parameterization.mean.1", 7, lambda recipe: recipe.parameterization.mean[1]),
    ("yosinski-1", "parameterization.background", 3.5, lambda recipe: recipe.parameterization.background),
    ("multifaceted", "parameterization.background", None, lambda recipe: recipe.parameterization.background),
    ("maco", "transforms.0.box.end", 0.1, lambda recipe: recipe.transforms[0].box.end),
    ("multifaceted", "phases.2.after.1.weight.end", 1, lambda recipe: recipe.phases[2].after[1].weight.end),
    ("multifaceted", "phases.0.window.spread", 0.0, lambda recipe: recipe.phases[0].window.spread),
]


@pytest.mark.parametrize(("name", "path", "value", "read"), RIGHT)
def test_one_value_is_changed_and_nothing_else(name: str, path: str, value: Any, read: Any):
    before = recipes.get(name)
    recipe = recipe_values.changed(before, path, value)
    assert read(recipe) == value
    assert recipe_values.changed(recipe, path, read(before)) == before
    page = recipe_values.as_page(recipe)
    assert page["changed"]
    assert [row["path"] for row in page["values"] if row.get("value") != row["published"]] == [path]


WRONG = [
    (REACH, 3, "transform 2: jitter: reach 3 is out of range: give a number from 0 to 2"),
    (REACH, -0.1, "from 0 to 2"),
    (REACH, float("nan"), "out of range"),
    (REACH, "wide", "is a number, not 'wide'"),
    (REACH, None, "is a number, not None"),
    (REACH, True, "is a number, not True"),
    ("passed_gradients", 2.5, "run: passed gradients is a whole number, not 2.5"),
    ("keep_best", 1, "True or False, not 1"),
    ("transforms.1.raech", 1, "no value 'transforms.1.raech'.*nearest: 'transforms.1.reach'"),
    ("transforms.9.reach", 1, "no value"),
    ("name", "mine", "no value 'name'"),
    (None, 1, "no value None"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), WRONG)
def test_what_is_not_possible_is_a_sentence(path: Any, value: Any, sentence: str):
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        recipe_values.changed(recipes.LUCID, path, value)
    assert str(caught.value).endswith(".")


def test_a_function_of_ones_own_is_shown_and_cannot_be_changed():
    recipe = recipes.LUCID.replace(name="mine", transforms=(blacken,))
    rows = {row["path"]: row for row in recipe_values.values(recipe)}
    assert (rows["transforms.0"]["kind"], rows["transforms.0"]["name"]) == ("fixed", "blacken")
    page = recipe_values.as_page(recipe)
    assert not page["changed"]  # there is nothing published that it could differ from
    assert json.loads(json.dumps(page)) == page


@pytest.fixture
def explorer(make_panel):
    return make_panel(layer="conv2", steps=2, recipe="lucid")


def test_the_page_changes_a_value_and_goes_back(explorer):
    dispatch(explorer, {"kind": "recipe", "path": REACH, "value": 0.25})
    assert error(explorer) == ""
    assert explorer.panel.layout.controls.settings["recipe"] == "lucid"
    assert explorer.panel.layout.controls.facts["recipe"]["changed"]
    assert isinstance(explorer.recipe, recipes.Recipe)
    assert explorer.recipe.transforms[1].reach == 0.25
    explorer.change("step_size", 0.1)
    dispatch(explorer, {"kind": "recipe"})
    assert (explorer.recipe, explorer.panel.layout.controls.facts["recipe"]["changed"]) == ("lucid", False)
    assert explorer.panel.layout.controls.settings["step_size"] is None


def test_a_refused_value_leaves_the_old_one(explorer, monkeypatch):
    sent: list[Any] = []
    monkeypatch.setattr(explorer.panel.layout.controls, "send", sent.append)
    for path, value in ((REACH, 7), ("nowhere", 1), (3, 1)):
        dispatch(explorer, {"kind": "recipe", "path": path, "value": value})
        assert "out of range" in error(explorer) or "no value" in error(explorer)
    assert sent == [{"kind": "refused"}] * 3
    assert explorer.recipe == "lucid"
    dispatch(explorer, {"kind": "recipe", "path": REACH})
    assert "without 'value'" in error(explorer)
    explorer.recipe = recipes.LUCID.replace(name="mine")
    dispatch(explorer, {"kind": "recipe"})
    assert "one of your own" in error(explorer)


def test_the_trait_takes_a_name_or_a_recipe(explorer):
    own = recipes.get("tutorial13").replace(name="mine", step_size=2.0)
    explorer.recipe = own
    assert explorer.recipe is own
    assert explorer.panel.layout.controls.settings["recipe"] == "mine"
    assert [one["name"] for one in explorer.panel.layout.controls.facts["recipes"]] == ["mine", *recipes.ALL]
    explorer.recipe = recipes.LUCID  # which is published, and so goes by its name
    assert explorer.recipe == "lucid"


def test_the_code_makes_the_picture_of_a_changed_recipe_again(explorer, net):
    explorer.panel.optimize.change_recipe(REACH, 0.25)
    explorer.panel.optimize.change_recipe("parameterization.decay", 1.5)
    explorer.run()
    code = explorer.code()
    assert "nv.recipes.get('lucid').replace(" in code
    line = code.partition("result = ")[2].rpartition("\n")[0]
    again = eval(line, {"nv": nv, "objectives": nv.objectives, "net": net})
    assert (again.image == explorer.image).all()
    assert again.settings.recipe == explorer.recipe


def test_a_change_in_mid_run_goes_on_from_the_picture_and_compiles_only_where_it_must(make_panel, net):
    explorer = make_panel(background=True, layer="conv2", recipe="lucid", steps=100_000)
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 3)
    compiled = {key for key in net._compiled if key[0] == "ascend"}

    def now() -> Any:
        """The recipe of the steps that are being done."""
        settings = explorer.panel.optimize.runner.settings
        return None if settings is None else settings.recipe

    explorer.panel.optimize.change_recipe(REACH, 0.3)  # a live number
    wait(lambda: now() is not None and now().transforms[1].reach == 0.3)
    assert explorer.panel.optimize.runner.settings.start.recipe == recipes.LUCID  # from its picture
    assert {key for key in net._compiled if key[0] == "ascend"} == compiled
    explorer.panel.optimize.change_recipe("step_rule.beta1", 0.5)
    wait(lambda: now() is not None and now().step_rule.beta1 == 0.5)
    wait(lambda: explorer.state == "running")
    assert error(explorer) == ""


def test_the_natural_slider_moves_in_mid_run_and_compiles_nothing_more(make_panel, net, steps_made):
    explorer = make_panel(background=True, layer="conv2", recipe="lucid", steps=100_000)
    dispatch(explorer, {"kind": "set", "name": "natural", "value": 0.2})
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 3)
    compiled = len(steps_made)

    def weight() -> Any:
        settings = explorer.panel.optimize.runner.settings
        return None if settings is None else settings.recipe.regularizers[0].weight

    dispatch(explorer, {"kind": "set", "name": "natural", "value": 0.7})
    wait(lambda: weight() == 0.7)
    assert explorer.panel.optimize.runner.settings.start is not None, "from the picture so far"
    assert len(steps_made) == compiled
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    score, distance = explorer.panel.layout.live._numbers[-1][5:]
    assert distance > 0
    assert score < explorer.panel.layout.live._numbers[-1][1]
    assert error(explorer) == ""


def test_every_value_of_every_recipe_says_what_it_means():
    for recipe in recipes.ALL.values():
        for row in recipe_values.values(recipe):
            if row["kind"] != "fixed":
                assert len(row["meaning"]) > 3 and "`" not in row["meaning"], (recipe.name, row["path"])
    pace = {row["path"]: row["meaning"] for row in recipe_values.values(recipes.get("default"))}
    assert (
        pace["step_rule.pace.start"].startswith("Factor of the step size")
        and "first step" in pace["step_rule.pace.start"]
    )
