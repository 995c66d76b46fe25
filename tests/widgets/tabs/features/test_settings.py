"""SheetSettings: what can be set, the sentence for what cannot, and the pictures that a sheet holds."""

from __future__ import annotations

from typing import Any

import pytest

from nbfeatviz.synthesis import objectives, recipes
from nbfeatviz.widgets.tabs.features.settings import FeaturesSettings
from nbfeatviz.widgets.tabs.optimize.view import PanelSettings

WRONG = [
    ("what", "all", "'units', 'seeds', 'steps', 'recipes', 'objectives'"),
    ("what", [], "unknown"),
    ("look", "nice", "'each', 'together', 'plain'"),
    ("first", 5, "unit 5 is not there: this layer has units 0 to 4"),
    ("first", -1, "units 0 to 4"),
    ("first", 1.5, "units 0 to 4"),
    ("count", 0, "from 1 to 64"),
    ("count", True, "from 1 to 64"),
    ("count", 65, "from 1 to 64"),
    ("units", "1, two", "'two' is no unit: give numbers and ranges"),
    ("units", "1-", "'1-' is no unit"),
    ("units", "3-1", "'3-1' holds no unit"),
    ("units", "0-99999999999", "'0-99999999999' holds no unit, or more than the 64"),
    ("units", "1, 7", "unit 7 is not there"),
    ("units", ",", "1 to 64 units, not 0"),
    ("units", 3, "units are a list"),
    ("recipes", [], "at least one"),
    ("recipes", "lucid", "a list of names"),
    ("recipes", ["lucit"], "nearest: 'lucid'"),
    ("step_counts", "", "step counts are a list such as"),
    ("step_counts", None, "step counts are a list such as"),
    ("step_counts", "16, many", "'many' is no number of steps"),
    ("step_counts", "16, 0", "0 is no number of steps: give whole numbers from 1"),
    ("step_counts", [2.5], "2.5 is no number of steps"),
    ("objectives", [], "at least one of 'set', 'alone', 'held', 'neuron'"),
    ("objectives", ["best"], "at least one of"),
    ("show_size", 0, "from 1 to 10,000"),
    ("show_size", "all", "whole number of pixels"),
    ("show_size", True, "whole number of pixels"),
    ("colour", "red", "no setting 'colour'"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_what_cannot_be_set_is_refused_in_a_sentence(name: str, value: Any, sentence: str):
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        FeaturesSettings().changed(name, value, 5)
    assert str(caught.value).endswith(".")


RIGHT = [
    ("units", "3, 0 2-4", (3, 0, 2, 4)),
    ("units", [1, 1, 2], (1, 2)),
    ("units", "", None),
    ("units", None, None),
    ("recipes", ["tutorial13", "lucid"], ("lucid", "tutorial13")),
    ("step_counts", "64 16, 64", (16, 64)),
    ("objectives", ["held", "alone"], ("alone", "held")),
    ("show_size", 100, 100),
    ("show_size", None, None),
    ("count", 16, 16),
    ("look", "plain", "plain"),
]


@pytest.mark.parametrize(("name", "value", "kept"), RIGHT)
def test_what_can_be_set(name: str, value: Any, kept: Any):
    assert getattr(FeaturesSettings().changed(name, value, 5), name) == kept


def test_another_layer_may_lack_the_units():
    settings = FeaturesSettings(first=4, units=(1, 4))
    assert settings.fitting(5) == settings
    assert settings.fitting(3) == FeaturesSettings()


PANEL = PanelSettings(layer="conv2", unit=3, seed=7, recipe="tutorial13")


def test_units(net):
    cells = FeaturesSettings(first=2).cells(net, PANEL)
    assert [cell.title for cell in cells] == ["unit 2", "unit 3", "unit 4"]  # there are five
    assert cells[2].case.objective == objectives.channel("conv2", 4, pre_activation=True)
    assert (cells[2].settings.unit, cells[2].settings.start, cells[2].settings.seed) == (4, "image", 7)
    assert [cell.settings.unit for cell in FeaturesSettings(units=(4, 1)).cells(net, PANEL)] == [4, 1]


def test_seeds_and_recipes(net):
    seeds = FeaturesSettings(what="seeds", count=3).cells(net, PANEL)
    assert [(cell.title, cell.case.seed) for cell in seeds] == [("seed 7", 7), ("seed 8", 8), ("seed 9", 9)]
    assert len({cell.case.objective for cell in seeds}) == 1
    several = FeaturesSettings(what="recipes", recipes=("lucid", "maco")).cells(net, PANEL)
    assert [cell.case.recipe for cell in several] == ["lucid", "maco"]
    assert [recipes.get(cell.settings.recipe).name for cell in several] == ["lucid", "maco"]


def test_step_counts(net):
    cells = FeaturesSettings(what="steps", step_counts=(1, 8)).cells(net, PANEL)
    assert [(cell.title, cell.case.steps, cell.case.seed) for cell in cells] == [("1 step", 1, 7), ("8 steps", 8, 7)]
    assert cells[0].settings.steps is None, "to go on takes as many steps as the panel is set to"


def test_objectives(net):
    term = {"kind": "channel", "layer": None, "unit": 0, "weight": 0.5}
    explorer = PANEL.changed(net, "terms", [term])
    cells = FeaturesSettings(what="objectives", objectives=("set", "alone", "held", "neuron")).cells(net, explorer)
    pre = {"pre_activation": True}
    unit = objectives.channel("conv2", 3, **pre)
    assert [cell.case.objective for cell in cells] == [
        unit + 0.5 * objectives.channel("conv2", 0, **pre),
        unit,
        unit - objectives.others("conv2", 3, **pre),
        objectives.neuron("conv2", 3, **pre),
    ]
    assert [cell.title for cell in cells] == [
        "as in Optimize",
        "the unit alone",
        "others held down",
        "one neuron of it",
    ]
    assert all(cell.settings.target(net) == cell.case.objective for cell in cells)
    with pytest.raises(ValueError, match="a class has no neuron"):
        FeaturesSettings(what="objectives", objectives=("neuron",)).cells(net, PanelSettings("conv2", "class"))


def test_classes_and_neurons(net):
    classes = FeaturesSettings().cells(net, PanelSettings(layer="conv2", objective="class"))
    assert [cell.title for cell in classes] == ["class 0", "class 1", "class 2", "class 3", "class 4"][: net.classes]
    neurons = FeaturesSettings(count=2).cells(net, PanelSettings(layer="conv2", objective="neuron", row=1, col=2))
    assert neurons[1].case.objective == objectives.neuron("conv2", 1, 1, 2, pre_activation=True)
