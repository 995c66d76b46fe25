"""Further terms: what they are as an objective, the sentence for each that cannot be, and moving them in mid-run."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.synthesis import objectives
from nbfeatviz.widgets.settings.term_settings import TermSettings
from nbfeatviz.widgets.tabs.optimize.view import PanelSettings
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import dispatch, wait

B = {"kind": "channel", "layer": None, "unit": 1, "weight": 0.5}
OTHERS = {"kind": "others", "layer": None, "unit": None, "weight": -1}


@pytest.fixture
def settings() -> PanelSettings:
    return PanelSettings(layer="conv2", unit=4)


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv2")


def with_terms(net, settings: PanelSettings, *terms: Any, **more: Any) -> PanelSettings:
    for name, value in more.items():
        settings = settings.changed(net, name, value)
    return settings.changed(net, "terms", list(terms))


def test_terms_add_up(net, settings):
    pre = {"pre_activation": True}
    first = objectives.channel("conv2", 4, **pre)
    assert settings.changed(net, "weight", 2.0).target(net) == first, "alone it has no weight"
    both = with_terms(net, settings, B)
    assert both.target(net) == first + 0.5 * objectives.channel("conv2", 1, **pre)
    assert both.changed(net, "weight", 2.0).target(net) == 2 * first + 0.5 * objectives.channel("conv2", 1, **pre)
    elsewhere = {"kind": "class", "layer": None, "unit": "bee", "weight": -2}
    three = with_terms(net, settings, {**B, "layer": "conv1"}, elsewhere)
    assert three.target(net) == (first + 0.5 * objectives.channel("conv1", 1, **pre) - 2.0 * objectives.class_logit(1))


def test_the_others_follow_the_chosen_unit_and_layer(net, settings):
    held = with_terms(net, settings, OTHERS)
    assert held.changed(net, "unit", 2).target(net) == objectives.channel(
        "conv2", 2, pre_activation=True
    ) - objectives.others("conv2", 2, pre_activation=True)
    assert held.changed(net, "layer", "conv1").target(net).terms[1][1].layer == "conv1"
    by_class = held.changed(net, "objective", "class").changed(net, "unit", 2)
    assert by_class.target(net) == objectives.class_logit(2) - objectives.others("head", 2)
    by_class.target(net).resolved(net)


def test_a_neuron_stands_where_the_chosen_one_does(net, settings):
    placed = settings.changed(net, "objective", "neuron").changed(net, "row", 2)
    terms = (
        with_terms(net, placed, {**B, "kind": "neuron"}, {**B, "kind": "neuron", "layer": "conv1"}).target(net).terms
    )
    assert [(term.layer, term.row) for _, term in terms] == [("conv2", 2), ("conv2", 2), ("conv1", None)]


def test_a_term_moves_to_what_is_there(net, settings):
    """As the first one does."""
    both = with_terms(net, settings, {**B, "unit": 4}, {**B, "kind": "neuron"})
    narrower = both.changed(net, "layer", "conv1").terms
    assert (narrower[0].unit, narrower[1].kind) == (3, "neuron")
    flat = both.changed(net, "layer", "head").terms
    assert (flat[0].unit, flat[1].kind) == (2, "channel")
    other = make_network(names=None)
    elsewhere = dataclasses.replace(settings, terms=(TermSettings(layer="gone", unit=1),))
    assert elsewhere.changed(other, "layer", "conv1").terms == (TermSettings(unit=1),)


WRONG: list[tuple[Any, str]] = [
    ([{**B, "kind": "chanel"}], "kind 'chanel' of a term is unknown"),
    ([{**B, "layer": "conv3"}], "no layer 'conv3'.*nearest: 'conv2'"),
    ([{**B, "layer": 3}], "named by its path"),
    ([{**B, "unit": 5}], "unit 5 is out of range: 'conv2' has units 0 to 4"),
    ([{**B, "unit": -1}], "unit -1 of a term must be a whole number"),
    ([{**B, "unit": 1.5}], "unit 1.5 of a term must be a whole number"),
    ([{**B, "unit": True}], "unit True of a term must be a whole number"),
    ([{**B, "kind": "class", "unit": "wasp"}], "no class 'wasp'"),
    ([{**B, "kind": "class", "unit": 3}], "class 3 is out of range"),
    ([{**B, "kind": "neuron", "layer": "head"}], "no positions"),
    ([{**B, "weight": "much"}], "weight 'much' must be a number"),
    ([{**B, "weight": float("nan")}], "weight nan must be a number"),
    ([{**B, "weight": None}], "weight None must be a number"),
    ([{**B, "weight": 1e6}], "from -1000 to 1000"),
    ([{**B, "colour": 1}], "a term has kind, layer, unit, weight"),
    ([7], "a term has kind"),
    ([B, B, B], "at most 3 terms, not 4"),
    ("channel", "further terms are a list"),
]


@pytest.mark.parametrize(("terms", "sentence"), WRONG)
def test_what_cannot_be_is_refused_and_nothing_is_lost(net, settings, terms: Any, sentence: str):
    both = with_terms(net, settings, B)
    with pytest.raises((ValueError, TypeError), match=sentence) as caught:
        both.changed(net, "terms", terms)
    assert str(caught.value).endswith(".")
    assert both.terms == (TermSettings(**B),)


def test_the_page_hears_of_a_refusal(make, monkeypatch):
    explorer, sent = make(terms=[B]), []
    monkeypatch.setattr(explorer.panel.layout.controls, "send", sent.append)
    dispatch(explorer, {"kind": "set", "name": "terms", "value": [{**B, "unit": 99}]})
    assert "unit 99 is out of range" in explorer.panel.layout.live.status["error"]
    assert (sent, explorer.panel.layout.controls.settings["terms"]) == ([{"kind": "refused"}], [B])


def test_a_run_with_terms_is_that_of_maximize(make, net):
    explorer = make(unit=2, terms=[B, OTHERS], weight=0.25)
    explorer.run()
    pre = {"pre_activation": True}
    objective = (
        0.25 * objectives.channel("conv2", 2, **pre)
        + 0.5 * objectives.channel("conv2", 1, **pre)
        - objectives.others("conv2", 2, **pre)
    )
    assert np.array_equal(explorer.image, nv.maximize(net, objective, recipe="tutorial13", steps=3).image)
    assert "0.5 * objectives.channel('conv2', 1" in explorer.code()
    explorer.panel.features.run()
    assert explorer.panel.layout.live.status["error"] == ""  # every unit of the sheet is added to the same terms


def test_weights_and_units_move_in_mid_run_without_a_retrace(make, steps_made):
    net = make_network()
    explorer = make(net, background=True, steps=1_000_000, terms=[B, OTHERS])
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    compiled = len(steps_made)
    assert compiled, "the run's own"
    for k in range(20):
        moved = {**B, "weight": k / 10 - 1, "unit": k % 5}
        dispatch(explorer, {"kind": "set", "name": "terms", "value": [moved, {**OTHERS, "weight": -k / 10}]})
        dispatch(explorer, {"kind": "set", "name": "weight", "value": 1 + k / 10})
        frames = len(explorer.panel.layout.live.frames)
        wait(lambda frames=frames: len(explorer.panel.layout.live.frames) > frames + 1)
    wanted = explorer.panel.settings.target(net)
    wait(lambda: explorer.panel.optimize.runner.settings.objective == wanted)
    assert len(steps_made) == compiled
    assert explorer.state == "running"
    assert explorer.panel.layout.live.status["error"] == ""
    explorer.stop()
    wait(lambda: explorer.state == "idle")


def test_what_is_asked_for_from_a_photo_is_one_unit(make):
    explorer = make(terms=[B], weight=2.0)
    explorer.maximize("conv1", 1)
    assert (explorer.panel.settings.terms, explorer.panel.settings.weight) == ((), 1.0)
