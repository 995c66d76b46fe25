"""What the Invert and Style tabs are set to: good defaults for any network, and sentences for what is not possible."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.widgets.tabs.invert_style_dream.settings import DEFAULTS, content_layer, style_layers
from tests.synthesis.conftest import make_one_layer

PHOTO = np.full((16, 16, 3), 0.5, np.float32)
INVERT, STYLE = DEFAULTS["invert"], DEFAULTS["style"]


def test_style_is_read_at_each_size_of_the_grids_and_content_in_their_middle():
    lite = nv.load("efficientnet-lite0")
    layers = style_layers(lite)
    sizes = [lite.layers[layer].output_shape[0] for layer in layers]
    assert sizes == [112, 56, 28, 14, 7]
    assert {lite.layers[layer].kind for layer in layers} == {"Conv2D"}
    assert content_layer(lite) == "block3b_add"
    assert lite.layers[content_layer(lite)].output_shape[0] == 28


def test_a_network_without_convolutions_or_positions():
    pooled = make_one_layer(keras.layers.AveragePooling2D(2, name="pool"))
    assert (style_layers(pooled), content_layer(pooled)) == (("pool",), "pool")
    picture = keras.Input((4, 4, 3))
    flat = nv.load(keras.Model(picture, keras.layers.Dense(3)(keras.layers.Flatten()(picture))), input_range=(0, 1))
    with pytest.raises(ValueError, match="no layer with positions"):
        style_layers(flat)


def test_the_objectives_are_those_of_the_package(net):
    assert INVERT.objective(net, "conv2", PHOTO) == objectives.content("conv2", PHOTO)
    made = dataclasses.replace(STYLE, content_weight=2, style_weight=3, statistic="moments", style_layers=("conv1",))
    expected = 2 * objectives.content("conv2", PHOTO) + 3 * objectives.style("conv1", PHOTO, statistic="moments")
    assert made.objective(net, "head", PHOTO, PHOTO) == expected, "the panel's layer is not its content's"
    assert STYLE.layers_of_style(net) == ("conv1", "conv2")


WRONG = [
    (INVERT, "layer", "conv1", "no setting 'layer'"),
    (INVERT, "style_weight", 1, "no setting 'style_weight'"),
    (INVERT, "kind", "style", "no setting 'kind'"),
    (INVERT, ["steps"], 1, "no setting"),
    (INVERT, "steps", 0, "from 1 to"),
    (INVERT, "seed", True, "whole number"),
    (INVERT, "step_size", 0, "above 0"),
    (INVERT, "recipe", "inversoin", "'inversion'"),
    (INVERT, "start", "cat", "'noise', 'photo' or 'image'"),
    (STYLE, "content_weight", -1, "content weight -1 must be a number from 0"),
    (STYLE, "style_weight", float("nan"), "style weight nan"),
    (STYLE, "style_weight", "10", "style weight '10'"),
    (STYLE, "statistic", "grams", "'gram' or 'moments'"),
    (STYLE, "style_layers", [], "at least one layer"),
    (STYLE, "style_layers", "conv1", "a list of their names"),
    (STYLE, "style_layers", ["conv1", "conv9"], "'conv9'"),
    (STYLE, "style_layers", ["head"], "has no positions"),
    (STYLE, "layer", "flat", "has no positions"),
    (STYLE, "layer", 3, "not by 3"),
]


@pytest.mark.parametrize(("settings", "name", "value", "words"), WRONG, ids=lambda value: str(value)[:20])
def test_what_is_wrong_is_refused_in_words(net, settings, name, value, words):
    with pytest.raises((ValueError, TypeError), match=words):
        settings.changed(net, name, value)


def test_not_both_weights_are_nothing(net):
    none = STYLE.changed(net, "content_weight", 0)
    with pytest.raises(ValueError, match="cannot both weigh 0"):
        none.changed(net, "style_weight", 0)


def test_values_are_kept_as_they_are_meant(net):
    assert STYLE.changed(net, "style_layers", ["conv2", "conv1", "conv2"]).style_layers == ("conv2", "conv1")
    assert STYLE.changed(net, "style_weight", 3).style_weight == 3.0
    assert STYLE.changed(net, "steps", None).steps is None


def test_another_network_keeps_the_layers_that_it_has_too(net):
    own = STYLE.changed(net, "style_layers", ["conv1"]).changed(net, "layer", "relu2").changed(net, "style_weight", 7)
    assert own.fitting(net) == own
    other = make_one_layer(keras.layers.Conv2D(4, 3, name="conv1"))
    assert own.fitting(other) == dataclasses.replace(own, layer=None)
    stranger = own.fitting(make_one_layer(keras.layers.Conv2D(4, 3, name="first")))
    assert (stranger.style_layers, stranger.layer, stranger.style_weight) == (None, None, 7)
