"""PhotoView: what the page is shown, in messages that any kernel can send."""

from __future__ import annotations

import base64
import json
from typing import Any

import ipycanvas
import matplotlib
import numpy as np
import pytest

from nbfeatviz.encoding import decode
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.photo_input.photo import Photo
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView
from nbfeatviz.widgets.tabs.photo.settings import PhotoSettings
from nbfeatviz.widgets.tabs.photo.view import COLOUR_MAPS, PhotoView
from tests.synthesis.conftest import make_network


@pytest.fixture
def tabs():
    commands = Commands()
    live = LiveCanvas(canvas=ipycanvas.Canvas(), commands=commands)
    controls = OptimizeView(live=live, commands=commands)
    tabs = PhotoView(live=live, commands=commands, controls=controls)
    yield tabs
    for part in (tabs, controls, live, commands):
        part.close()


def photo_for(channels: int, number: int = 1) -> Photo:
    return Photo(np.random.default_rng(0).random((20, 40, channels), dtype=np.float32), channels, number=number)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_photo_and_what_is_seen_of_it(tabs, channels: int):
    network, photo = make_network(channels=channels), photo_for(channels)
    picture = photo.seen(network)
    tabs.show_photo(photo, picture, network)
    assert np.abs(decode(tabs.seen) - picture).max() < 0.003
    assert decode(tabs.preview).shape[:2] == (20, 40)
    assert (tabs.photo["size"], tabs.photo["seen"], tabs.photo["box"]) == ((20, 40), (16, 16), (0, 0.25, 1, 0.75))
    tabs.show_photo(None, None, None)
    assert (tabs.photo, tabs.preview, tabs.seen, tabs.predictions) == ({}, b"", b"", [])


def test_the_preview_is_sent_once_a_photo(tabs, monkeypatch):
    network, photo, sent = make_network(), photo_for(3), []
    tabs.observe(lambda change: sent.append(change["name"]), ["preview", "seen"])
    for other in (photo, photo.fitted_otherwise(fit="squash"), photo.fitted_otherwise(centre=(0, 0))):
        tabs.show_photo(other, other.seen(network), network)
    assert sent.count("preview") == 1
    assert sent.count("seen") == 3
    other = Photo(1 - photo.source, 3, number=2)
    tabs.show_photo(other, other.seen(network), network)
    assert sent.count("preview") == 2


def test_settings_and_facts_are_set_only_where_they_changed(tabs):
    network, sent = make_network(), []
    tabs.observe(lambda change: sent.append(change["name"]), ["settings", "facts", "tab"])
    for _ in range(3):
        tabs.show_settings(PhotoSettings(), "ant", network, "conv1")
    assert sorted(sent) == ["facts", "settings"]
    tabs.show_settings(PhotoSettings(tab="compare"), "ant", network, "conv2")
    assert sorted(sent) == ["facts", "facts", "settings", "tab"]
    assert tabs.facts["layer_shape"] == [8, 8, 5]


@pytest.mark.parametrize("layer", ["conv1", "no such layer"])
def test_all_that_is_shown_is_json(tabs, layer: str):
    network = make_network()
    tabs.show_settings(PhotoSettings(cam_layer="conv1"), "<b>", network, layer)
    photo = photo_for(3)
    tabs.show_photo(photo, photo.seen(network), network)
    tabs.show_progress("saliency", "busy", 1, 3, "…")
    for name in ("photo", "settings", "facts", "progress"):
        assert json.loads(json.dumps(getattr(tabs, name), allow_nan=False))


def test_without_a_network_it_is_not_ready(tabs):
    tabs.show_settings(PhotoSettings(), "", None, "")
    assert tabs.facts["ready"] is False


def test_the_colour_maps_are_those_of_matplotlib(tabs):
    tabs.show_settings(PhotoSettings(), "", None, "")
    for name in COLOUR_MAPS:
        colours: Any = np.frombuffer(base64.b64decode(tabs.facts["maps"][name]), np.uint8).reshape(256, 3)
        assert np.abs(colours / 255 - matplotlib.colormaps[name](np.arange(256))[:, :3]).max() < 0.005


def test_what_can_be_chosen_can_be_chosen(tabs):
    network = make_network()
    tabs.show_settings(PhotoSettings(), "", network, "conv1")
    groups = {"saliency": ("saliency", "method"), "cam": ("cam", "method"), "displays": ("saliency", "display")}
    groups |= {"fills": ("occlusion", "fill"), "methods": ("compare", "sanity")}
    for fact, (group, name) in groups.items():
        for value, title in tabs.facts[fact]:
            PhotoSettings().changed(network, group, name, value)
            assert title
    assert tabs.facts["samples"][0]["credit"]
