"""PhotoSettings: what is possible is kept, all else is refused in a sentence that says what would be right."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.widgets.tabs.photo.settings import PhotoSettings, Target
from tests.synthesis.conftest import make_network


@pytest.fixture(scope="module")
def other():
    """It shares one layer's name with `net`, with fewer units; what is `conv2` there has no positions here."""
    picture = keras.Input((8, 8, 1), name="relu2")
    x = keras.layers.Conv2D(2, 3, name="conv1")(picture)
    x = keras.layers.Dense(2, name="conv2")(keras.layers.Flatten()(x))
    return nv.load(keras.Model(picture, x, name="other"), input_range=(0, 1))


def test_a_target_by_index_and_by_name(net):
    assert Target.of(net, {"kind": "class", "class": 1}) == Target("class", 1)
    assert Target.of(net, {"kind": "class", "class": "BEE"}) == Target("class", 1)
    assert Target.of(net, {"kind": "difference", "class": "cow", "against": 0}) == Target("difference", 2, 0)
    assert Target.of(net, {"kind": "unit", "layer": "conv2", "unit": 4}) == Target("unit", layer="conv2", unit=4)
    assert Target.of(net, {"kind": "predicted", "class": "nonsense"}) == Target()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"kind": "class", "class": "beee"}, "nearest: 'bee'"),
        ({"kind": "class", "class": 3}, "classes 0 to 2"),
        ({"kind": "class", "class": -1}, "classes 0 to 2"),
        ({"kind": "difference", "class": 1, "against": "bee"}, "differs from itself in nothing: choose two, not bee"),
        ({"kind": "unit", "layer": "conv2", "unit": 5}, "0 to 4"),
        ({"kind": "unit", "layer": "conv3", "unit": 0}, "nearest: 'conv2'"),
        ({"kind": "unit", "layer": "picture", "unit": 0}, "picture"),
        ({"kind": "neuron"}, "'predicted', 'class', 'unit' or 'difference'"),
        ({}, "is unknown"),
        (None, "is unknown"),
        ([], "is unknown"),
        ({"kind": ["class"]}, "is unknown"),
    ],
)
def test_a_target_that_does_not_exist_is_a_sentence(net, asked: Any, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Target.of(net, asked)


WRONG: list[Any] = [None, True, 2.5, float("nan"), [], {}, b"x"]


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize("kind", ["class", "unit"])
def test_a_target_of_a_wrong_kind_is_a_sentence(net, kind: str, value: Any):
    for asked in (
        {"kind": kind, "class": value, "layer": value, "unit": 0},
        {"kind": "unit", "layer": "conv1", "unit": value},
    ):
        with pytest.raises((ValueError, TypeError)) as caught:
            Target.of(net, asked)
        assert "unhashable" not in str(caught.value)


def test_the_question_of_each_kind(net):
    assert Target().question(2) == 2
    assert Target().question(None) is None
    assert Target("class", 1).question(2) == 1
    assert Target("unit", layer="conv1", unit=3).question(2).resolved(net).values == ((3,),)
    assert Target("difference", 2, 1).question(0).resolved(net).weights == (1.0, -1.0)


def test_labels_are_words(net):
    assert Target().label(net, None) == ""
    assert Target().label(net, 1) == "bee"
    assert Target("class", 2).label(net, 1) == "cow"
    assert Target("difference", 2, 0).label(net, 1) == "cow rather than ant"
    assert Target("unit", layer="conv1", unit=3).label(net, None) == "unit 3 of conv1"
    assert Target("class", 2).label(make_network(names=None), 1) == "class 2"


GOOD = [
    ("saliency", "method", "smooth-grad", "saliency"),
    ("saliency", "display", "signed", "display"),
    ("cam", "method", "layer-cam", "cam"),
    ("cam", "layer", "conv1", "cam_layer"),
    ("cam", "layer", None, "cam_layer"),
    ("occlusion", "patch", 16, "patch"),
    ("occlusion", "patch", None, "patch"),
    ("occlusion", "stride", 1, "stride"),
    ("occlusion", "fill", "blur", "fill"),
    ("compare", "sanity", "grad-cam", "randomized"),
]


@pytest.mark.parametrize(("group", "name", "value", "field"), GOOD)
def test_options_that_are_possible_are_kept(net, group: str, name: str, value: Any, field: str):
    changed = PhotoSettings().changed(net, group, name, value)
    assert getattr(changed, field) == value
    assert dataclasses.replace(changed, **{field: getattr(PhotoSettings(), field)}) == PhotoSettings()


def test_compared_methods_are_each_once_in_their_own_order(net):
    names = ["occlusion", "gradient", "gradient"]
    assert PhotoSettings().changed(net, "compare", "methods", names).compared == ("gradient", "occlusion")
    assert PhotoSettings().changed(net, "compare", "methods", list(METHODS)).compared == tuple(METHODS)


@pytest.mark.parametrize(
    ("group", "name", "value", "sentence"),
    [
        ("saliency", "method", "grad-cam", "it is 'gradient'"),
        ("cam", "method", "gradient", "'cam' or 'guided-grad-cam'"),
        ("cam", "layer", "conv3", "nearest: 'conv2'"),
        ("occlusion", "patch", 0, "whole number of pixels from 1 to 16"),
        ("occlusion", "patch", 17, "from 1 to 16"),
        ("occlusion", "stride", -1, "from 1 to 16"),
        ("occlusion", "fill", "pink", "'mean' or 'blur'"),
        ("compare", "methods", [], "not none"),
        ("compare", "methods", "gradient", "a list of names"),
        ("compare", "methods", ["gradient", "magic", []], "not \\['magic', \\[\\]\\]"),
        ("compare", "sanity", "magic", "is unknown"),
        ("saliency", "colour", 1, "has no option 'colour'"),
        ([], {}, 1, "has no option {}"),
    ],
)
def test_options_that_are_not_are_a_sentence(net, group: Any, name: Any, value: Any, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        PhotoSettings().changed(net, group, name, value)


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_an_option_of_a_wrong_kind_is_a_sentence(net, value: Any):
    for group, name, _, _ in GOOD:
        if value is None and name in ("layer", "patch", "stride"):
            continue
        with pytest.raises((ValueError, TypeError)) as caught:
            PhotoSettings().changed(net, group, name, value)
        assert "unhashable" not in str(caught.value)
        assert "iterable" not in str(caught.value)


def test_with_another_network_what_is_possible_stays(net, other):
    settings = PhotoSettings(
        "grad-cam", Target("class", 1), "smooth-grad", "signed", "layer-cam", "conv1", 9, 5, "mean"
    )
    kept = settings.fitting(other)
    assert kept == dataclasses.replace(settings, patch=None, stride=None)
    assert dataclasses.replace(settings, target=Target("class", 2)).fitting(other).target == Target()
    assert dataclasses.replace(settings, target=Target("difference", 0, 2)).fitting(other).target == Target()


@pytest.mark.parametrize(("layer", "unit"), [("conv1", 3), ("conv3", 0), ("relu2", 0)])
def test_a_unit_that_the_other_network_has_not_is_no_target_of_it(other, layer: str, unit: int):
    assert PhotoSettings(target=Target("unit", layer=layer, unit=unit)).fitting(other).target == Target()


def test_a_layer_without_positions_is_no_layer_for_maps_with_the_other_network(other):
    assert PhotoSettings(cam_layer="conv2").fitting(other).cam_layer is None
    kept = Target("unit", layer="conv2", unit=1)
    assert PhotoSettings(target=kept).fitting(other).target == kept


def test_what_the_page_shows():
    page = PhotoSettings(target=Target("difference", 2, 1), patch=4).as_page("cow rather than bee")
    assert page["target"] == {
        "kind": "difference", "class": 2, "against": 1, "layer": "", "unit": 0, "label": "cow rather than bee"
    }  # fmt: skip
    assert page["occlusion"] == {"patch": 4, "stride": None, "fill": "grey"}
    assert page["compare"]["methods"][0] == "gradient"
