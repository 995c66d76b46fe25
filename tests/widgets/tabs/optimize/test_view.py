"""PanelSettings: what can be set, and the sentence for each value that cannot; the controls show what there is."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import ipycanvas
import numpy as np
import pytest

from nbfeatviz.synthesis import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.natural_prior import weight_of
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.settings import recipe_values
from nbfeatviz.widgets.settings.panel_settings import PanelSettings
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView
from tests.synthesis.conftest import make_network


@pytest.fixture
def settings() -> PanelSettings:
    return PanelSettings(layer="conv2", unit=4)


WRONG: list[tuple[str, Any, str]] = [
    ("layer", "conv3", "no layer 'conv3'.*nearest: 'conv2'"),
    ("layer", 7, "named by its path"),
    ("layer", "picture", "cannot be maximized"),
    ("unit", 5, "0 to 4"),
    ("unit", -1, "unit -1 must be a whole number"),
    ("unit", True, "must be a whole number"),
    ("unit", 1.0, "must be a whole number"),
    ("unit", None, "must be a whole number"),
    ("unit", 2**31, "to 2,147,483,647"),
    ("unit", "wasp", "no class 'wasp'"),
    ("objective", "neurons", "objective 'neurons' is unknown"),
    ("objective", None, "unknown"),
    ("recipe", "tutorial12", "nearest: 'tutorial13'"),
    ("recipe", 13, "a recipe is a name"),
    ("steps", 0, "steps 0 must be a whole number from 1"),
    ("steps", -3, "whole number from 1"),
    ("steps", "many", "whole number from 1"),
    ("steps", 2.5, "whole number from 1"),
    ("step_size", 0, "number above 0"),
    ("step_size", float("nan"), "number above 0"),
    ("step_size", float("inf"), "number above 0"),
    ("step_size", "big", "number above 0"),
    ("seed", -1, "seed -1 must be"),
    ("seed", None, "seed None must be"),
    ("row", 8, "row 8 is out of range: 'conv2' has rows 0 to 7"),
    ("col", 10**9, "col 1000000000 is out of range"),
    ("pre_activation", 1, "True or False"),
    ("keep", "yes", "True or False"),
    ("natural", 1.5, "natural 1.5 must be a number from 0 to 1"),
    ("natural", True, "natural True must be"),
    ("natural", float("nan"), "natural nan must be"),
    ("natural", "half", "natural 'half' must be"),
    ("start", "picture", "'noise', 'image' or 'photo'"),
    ("colour", "red", "no setting 'colour'"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_what_cannot_be_set_is_refused_in_a_sentence(net, settings, name: str, value: Any, sentence: str):
    before = dataclasses.asdict(settings)
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        settings.changed(net, name, value)
    assert str(caught.value).endswith(".")
    assert dataclasses.asdict(settings) == before


RIGHT: list[tuple[str, Any]] = [
    ("layer", "conv1"), ("unit", 0), ("objective", "neuron"), ("recipe", "tutorial13"), ("steps", 1), ("steps", None),
    ("step_size", 0.5), ("step_size", None), ("seed", 2**31 - 1), ("row", 7), ("col", None), ("pre_activation", False),
    ("keep", False), ("start", "image"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_what_can_be_set_is_set_and_the_old_settings_stay(net, settings, name: str, value: Any):
    changed = settings.changed(net, name, value)
    assert getattr(changed, name) == value
    assert settings == PanelSettings(layer="conv2", unit=4)


def test_numbers_of_numpy_are_numbers(net, settings):
    unit = settings.changed(net, "unit", np.int64(3)).unit
    assert (unit, type(unit)) == (3, int)


def test_a_unit_that_the_next_layer_lacks_moves_to_the_last(net, settings):
    assert settings.changed(net, "layer", "conv1").unit == 3
    assert settings.changed(net, "objective", "class").unit == 2


def test_a_layer_without_positions_has_channels_only(net, settings):
    neuron = dataclasses.replace(settings, objective="neuron", row=1, col=2)
    assert (neuron.changed(net, "layer", "conv1").row, neuron.changed(net, "layer", "conv1").col) == (None, None)
    assert neuron.changed(net, "layer", "flat").objective == "channel"
    with pytest.raises(ValueError, match="'flat' has no positions"):
        dataclasses.replace(settings, layer="flat").changed(net, "objective", "neuron")


def test_a_class_is_found_by_its_name(net, settings):
    by_class = settings.changed(net, "objective", "class")
    assert by_class.changed(net, "unit", "BEE").unit == 1
    with pytest.raises(ValueError, match="nearest: 'bee'"):
        by_class.changed(net, "unit", "beee")


def test_the_objective_that_is_set(net, settings):
    assert settings.target(net) == objectives.channel("conv2", 4, pre_activation=True)
    neuron = dataclasses.replace(settings, objective="neuron", row=1, pre_activation=False)
    assert neuron.target(net) == objectives.neuron("conv2", 4, 1, None)
    assert dataclasses.replace(settings, objective="class").target(net) == objectives.class_logit(4)


@pytest.fixture
def tab() -> OptimizeView:
    commands = Commands()
    return OptimizeView(live=LiveCanvas(canvas=ipycanvas.Canvas(), commands=commands), commands=commands)


ALL = frozenset({"network", *vars(PanelSettings())})


def test_the_controls_know_what_there_is_to_choose(tab: OptimizeView, net, settings):
    tab.show(settings, net, ALL)
    tab.show_networks("tiny", ["tiny", "mnist-cnn"])
    natural = weight_of(recipes.get(settings.recipe).regularizers)
    assert tab.settings == {**dataclasses.asdict(settings), "terms": [], "natural": natural}
    facts = tab.facts
    assert (facts["network"], facts["networks"], facts["ready"]) == ("tiny", ["tiny", "mnist-cnn"], True)
    assert (facts["units"], facts["positions"], facts["classes"]) == (5, True, ["ant", "bee", "cow"])
    assert facts["unit_names"] == []
    assert [recipe["name"] for recipe in facts["recipes"]] == list(recipes.ALL)
    tab.show(dataclasses.replace(settings, layer="head", unit=0), net, frozenset({"layer", "unit"}))
    assert (tab.facts["unit_names"], tab.facts["positions"]) == (["ant", "bee", "cow"], False)


def test_the_controls_before_a_network(tab: OptimizeView):
    tab.show(PanelSettings(), None, ALL)
    assert not tab.facts["ready"]
    assert "units" not in tab.facts


def test_a_tick_of_the_slider_sends_the_unit_alone(tab: OptimizeView, net, settings, monkeypatch):
    tab.show(settings, net, ALL)
    facts, looked = tab.facts, []
    monkeypatch.setattr(recipe_values, "as_page", lambda recipe: looked.append(recipe))
    moved = dataclasses.replace(settings, unit=2)
    assert moved.differing(settings) == {"unit"}
    tab.show(moved, net, moved.differing(settings))
    assert tab.settings["unit"] == 2
    assert tab.facts is facts, "nothing of them is sent"
    assert looked == [], "no row of the recipe is made anew"


def test_names_are_data(tab: OptimizeView, settings):
    names = ("<script>alert(1)</script>", "b&amp;", '"c"')
    tab.show(settings, make_network(names=names), ALL)
    tab.show_networks("<img src=x onerror=alert(1)>", ["<b>"])
    assert tuple(tab.facts["classes"]) == names
    assert tab.facts["network"] == "<img src=x onerror=alert(1)>"
    assert json.loads(json.dumps(tab.facts)) == tab.facts


def test_natural_is_the_weight_of_the_prior_of_any_recipe(tab: OptimizeView, net, settings):
    plain = settings.changed(net, "recipe", "lucid")
    held = plain.changed(net, "natural", 0.25)
    assert held.recipe.regularizers == (recipes.NaturalPrior(0.25),)
    tab.show(held, net, ALL)
    assert (tab.settings["natural"], tab.settings["recipe"]) == (0.25, "lucid")
    assert tab.facts["recipe"]["changed"]
    assert held.changed(net, "natural", 0.75).recipe.regularizers == (recipes.NaturalPrior(0.75),)
    free = held.changed(net, "natural", 0)
    assert free.recipe.regularizers == (recipes.NaturalPrior(0.0),), "at 0 it stays, so that nothing compiles anew"
    assert plain.changed(net, "natural", 0).recipe == "lucid"
    default = settings.changed(net, "recipe", "default")
    own = weight_of(recipes.DEFAULT.regularizers)
    assert default.changed(net, "natural", 0.9).changed(net, "natural", own).recipe == "default"
