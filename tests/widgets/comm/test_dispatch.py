"""What the page may say: each message does what it says, and nothing malformed raises or changes a setting."""

from __future__ import annotations

import copy
import io
import json
import threading
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from nbfeatviz.encoding import encode_png
from nbfeatviz.widgets.canvas import messages as canvas_messages
from nbfeatviz.widgets.errors import LONGEST_SENTENCE
from nbfeatviz.widgets.network_switcher import Choice
from nbfeatviz.widgets.tabs.features import messages as features
from nbfeatviz.widgets.tabs.optimize import messages as optimize
from nbfeatviz.widgets.tabs.photo import messages as photo
from tests.synthesis.conftest import make_one_layer
from tests.widgets.conftest import dispatch

NAN, INFINITY = float("nan"), float("inf")


@pytest.fixture
def explorer(make_panel, monkeypatch):
    explorer = make_panel(layer="conv2")
    explorer.sent = []  # what goes to the page, of both parts that speak
    for part in (explorer.panel.layout.live, explorer.panel.layout.controls):
        monkeypatch.setattr(part, "send", lambda content, buffers=(): explorer.sent.append((content, [*buffers])))
    return explorer


@pytest.fixture
def at_once(monkeypatch):
    """Files are made in this thread."""

    class Now:
        def __init__(self, target: Any, **more: Any) -> None:
            self.start = target

    monkeypatch.setattr(canvas_messages.threading, "Thread", Now)


def put(explorer: Any, name: str, value: Any) -> None:
    dispatch(explorer, {"kind": "set", "name": name, "value": value})


def sent(explorer: Any, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
    return [(content, buffers) for content, buffers in explorer.sent if content["kind"] == kind]


VALUES = [None, True, -1, 10**30, 1e400, NAN, -INFINITY, 2.5, "", "x", "<script>", b"x", [], [1], {}, {"a": []}]
KEYS = ["sequence", "name", "value", "step", "format", "x", "y", "rows", "cols"]
KEYS += ["fit", "target", "group", "unit", "text", "class", "against", "layer", "kinds"]
KINDS = [*optimize.HANDLERS, *photo.HANDLERS, *features.HANDLERS, "unknown", "", None, 7, [], {}, ("set",)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("run", "step")], ids=repr)
def test_nothing_malformed_raises_or_changes_a_setting(explorer, at_once, kind: Any):
    before = copy.deepcopy(explorer.panel.layout.controls.settings)
    dispatch(explorer, {"kind": kind})
    for value in VALUES:
        for others in VALUES:
            content = {"kind": kind, **dict.fromkeys(KEYS, others), "value": value, "step": value}
            dispatch(explorer, content)
    assert explorer.panel.layout.controls.settings == before
    assert explorer.state == "idle"


@pytest.mark.parametrize("content", [None, 7, "run", [], ["run"], b"run", NAN, True, {}], ids=repr)
def test_what_is_no_message_is_ignored(explorer, content: Any):
    dispatch(explorer, content)
    assert explorer.sent == []
    assert explorer.panel.layout.live.status["error"] == ""


NAMES = ["layer", "unit", "objective", "recipe", "steps", "step_size", "seed", "row", "col", "keep", "start", "network"]
GOOD = {("steps", None), ("step_size", None), ("row", None), ("col", None), ("keep", True), ("step_size", 2.5)}
GOOD |= {("step_size", 10**30), ("step_size", True)}


@pytest.mark.parametrize("name", [*NAMES, "pre_activation", "colour", "__class__", "network_"])
def test_a_wrong_value_is_said_refused_and_changes_nothing(explorer, name: str):
    for value in VALUES:
        if any(name == key and value is good for key, good in GOOD) or (name, value) == ("pre_activation", True):
            continue
        if name == "step_size" and isinstance(value, int | float) and 0 < value < INFINITY and value is not True:
            continue  # absurd, but a step size
        before = copy.deepcopy(explorer.panel.layout.controls.settings)
        put(explorer, name, value)
        assert explorer.panel.layout.controls.settings == before, value
        assert explorer.panel.layout.live.status["error"], value
        assert sent(explorer, "refused"), value
        explorer.sent.clear()


def test_an_incomplete_message_is_said(explorer):
    dispatch(explorer, {"kind": "set", "name": "unit"})
    assert explorer.panel.layout.live.status["error"] == "the page sent 'set' without 'value'."


def test_a_setting_is_set_and_takes_the_error_away(explorer):
    put(explorer, "unit", 99)
    assert "unit 99" in explorer.panel.layout.live.status["error"]
    put(explorer, "unit", 4)
    assert explorer.panel.layout.live.status["error"] == ""
    assert (explorer.unit, explorer.panel.layout.controls.settings["unit"]) == (4, 4)


def test_a_layer_of_a_funny_name_is_named_in_the_error_as_it_is(explorer):
    put(explorer, "layer", "<script>alert(1)</script>")
    assert "'<script>alert(1)</script>'" in explorer.panel.layout.live.status["error"]


def test_the_buttons(explorer):
    dispatch(explorer, {"kind": "run"})
    assert explorer.image.shape == (16, 16, 3)
    assert explorer.state == "idle"
    assert sent(explorer, "begin")
    dispatch(explorer, {"kind": "code"})
    assert "nv.maximize(" in sent(explorer, "code")[0][0]["text"]
    dispatch(explorer, {"kind": "replay", "step": 1})
    assert sent(explorer, "replay")[0][1] == [explorer.panel.layout.live.frames.encoded(1)]
    dispatch(explorer, {"kind": "hello"})
    assert sent(explorer, "restore")[0][0]["replay"] == 3
    dispatch(explorer, {"kind": "reset"})
    assert explorer.image is None
    assert explorer.panel.layout.live.still == b""


def test_code_before_a_picture_is_a_sentence(explorer):
    dispatch(explorer, {"kind": "code"})
    assert explorer.panel.layout.live.status["error"] == "there is no picture to reproduce yet: press Run first."


@pytest.mark.parametrize(("kind", "frames"), [("png", 1), ("gif", 4), ("webp", 4)])
def test_files_are_delivered(explorer, at_once, kind: str, frames: int):
    dispatch(explorer, {"kind": "run"})
    dispatch(explorer, {"kind": "save", "format": kind})
    content, buffers = sent(explorer, "file")[0]
    assert (content["name"], content["mime"]) == (f"tiny-conv2-0.{kind}", f"image/{kind}")
    with Image.open(io.BytesIO(buffers[0])) as image:
        assert image.size == (16, 16)
        assert 1 < getattr(image, "n_frames", 1) <= frames or frames == 1


def test_saving_in_mid_run_saves_what_is_shown(explorer, at_once, net):
    explorer.change("display", "as it is")
    dispatch(explorer, {"kind": "run"})
    still, taken = explorer.panel.layout.live.still, []

    def save(content: Any, buffers: Any = ()) -> None:
        if content["kind"] == "file":
            taken.append(buffers[0])

    explorer.panel.layout.live.send = save
    explorer.observe(lambda _: dispatch(explorer, {"kind": "save", "format": "png"}), "loss")
    explorer.unit = 3
    dispatch(explorer, {"kind": "run"})
    first = np.asarray(Image.open(io.BytesIO(taken[0])))
    assert np.abs(first.astype(int) - 128).max() < 10  # the noise that a run starts with, not the picture before
    assert taken[0] != still


def test_an_error_while_saving_is_said(explorer, at_once, monkeypatch):
    def fail(kind: str) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr(explorer.panel.optimize, "save_file", fail)
    dispatch(explorer, {"kind": "save", "format": "gif"})
    assert explorer.panel.layout.live.status["error"] == "MemoryError: too large"


def test_saving_does_not_hold_the_shell(explorer, monkeypatch):
    saving, release = threading.Event(), threading.Event()
    monkeypatch.setattr(
        explorer.panel.optimize, "save_file", lambda kind: (saving.set(), release.wait(10), ("a", "b", b""))[2]
    )
    dispatch(explorer, {"kind": "save", "format": "gif"})
    assert saving.wait(5)
    assert not sent(explorer, "file")
    release.set()


@pytest.mark.parametrize("understood", [True, False])
def test_a_click_chooses_the_neuron_that_sees_it_best(explorer, understood: bool):
    if understood:  # the other network has a layer of unknown reach, so each of its neurons may see everything
        layer = keras.layers.Conv2D(2, 3, strides=2, padding="same", name="conv2")
        network = make_one_layer(layer, size=(16, 16))
        explorer.panel.networks.offered["one"] = Choice(lambda: network)
        explorer.change("network", "one")
        explorer.layer = "conv2"
    dispatch(explorer, {"kind": "pick", "x": 0.5, "y": 0.5})
    assert explorer.panel.layout.controls.settings["row"] is None  # no neuron is chosen
    put(explorer, "objective", "neuron")
    dispatch(explorer, {"kind": "pick", "y": 0.99, "x": 0.01})
    assert (explorer.panel.layout.controls.settings["row"], explorer.panel.layout.controls.settings["col"]) == (7, 0)
    top, left, bottom, right = explorer.panel.layout.live.overlay["box"]
    assert (bottom, left) == (16, 0)
    assert (top > 8 > right) == understood


def test_arrow_keys_move_the_neuron_and_stop_at_the_border(explorer):
    dispatch(explorer, {"kind": "move", "rows": 1, "cols": 0})
    assert explorer.panel.layout.controls.settings["row"] is None
    put(explorer, "objective", "neuron")
    dispatch(explorer, {"kind": "move", "rows": 1, "cols": -1})
    assert explorer.panel.layout.live.overlay["neuron"] == (5, 3)
    dispatch(explorer, {"kind": "move", "rows": 1000, "cols": -1000})
    assert explorer.panel.layout.live.overlay["neuron"] == (7, 0)


def test_positions_that_are_no_numbers_leave_the_neuron(explorer):
    put(explorer, "objective", "neuron")
    put(explorer, "row", 2)
    for value in (NAN, INFINITY, None, "x", []):
        dispatch(explorer, {"kind": "pick", "y": value, "x": 0.5})
        dispatch(explorer, {"kind": "move", "rows": value, "cols": 0})
    assert (explorer.panel.layout.controls.settings["row"], explorer.panel.layout.controls.settings["col"]) == (2, None)


def test_while_a_network_is_loading_settings_are_refused_at_once(explorer, monkeypatch):
    before = copy.deepcopy(explorer.panel.layout.controls.settings)
    explorer.panel.networks._ready.clear()
    put(explorer, "unit", 1)
    dispatch(explorer, {"kind": "move", "rows": 1, "cols": 1})
    dispatch(explorer, {"kind": "pick", "y": 0.1, "x": 0.1})
    explorer.panel.networks._ready.set()
    assert explorer.panel.layout.controls.settings == before
    assert explorer.panel.layout.live.status["error"] == "the network is still loading: try again in a moment."


def test_when_the_last_view_is_gone_the_frames_are_given_back(explorer):
    dispatch(explorer, {"kind": "run"})
    assert len(explorer.panel.layout.live.frames) == 3
    dispatch(explorer, {"kind": "gone"})
    assert len(explorer.panel.layout.live.frames) == 0
    assert explorer.panel.layout.live.still


def test_an_acknowledgement_is_heard(explorer):
    explorer.run()
    dispatch(explorer, {"kind": "ack", "sequence": 1})
    assert explorer.panel.layout.live._flow._acknowledged >= 1


# The photo tabs


PHOTO = np.random.default_rng(3).random((20, 30, 3), dtype=np.float32)


@pytest.fixture
def photo_panel(explorer):
    dispatch(explorer, {"kind": "photo", "name": "a.png"}, [memoryview(encode_png(PHOTO))])
    assert explorer.panel.layout.tabs.photo["name"] == "a.png"
    return explorer


def state_of(explorer: Any) -> Any:
    tabs = explorer.panel.layout.tabs
    return copy.deepcopy(
        [tabs.photo, tabs.settings, tabs.seen, tabs.predictions, tabs.tab, explorer.panel.layout.controls.settings]
    )


PHOTO_KINDS = [*photo.HANDLERS, *features.HANDLERS]


@pytest.mark.parametrize("kind", [kind for kind in PHOTO_KINDS if kind != "photo-remove"])
@pytest.mark.parametrize("tab", ["saliency", "activations", "compare"])
def test_nothing_malformed_raises_or_loses_the_photo(photo_panel, kind: str, tab: str):
    dispatch(photo_panel, {"kind": "tab", "name": tab})
    dispatch(photo_panel, {"kind": "option", "group": "compare", "name": "methods", "value": ["gradient"]})
    before = state_of(photo_panel)
    for value in [*VALUES, [[]], {"kind": []}, {"kind": "class"}, {"kind": "unit", "layer": [], "unit": {}}]:
        for others in ("compare", None, "<script>", [], "x" * 10_000, "\ud800"):
            for buffers in ([], [b""], [memoryview(b"no image")], [b"x", b"y"]):
                content = {**dict.fromkeys(KEYS, value), "name": others, "kind": kind}
                if (kind, value) == ("photo-crop", True) or (kind, others) == ("tab", "compare"):
                    continue
                dispatch(photo_panel, content, buffers)
                json.dumps(photo_panel.panel.layout.live.status, ensure_ascii=False).encode("utf-8")
    assert state_of(photo_panel) == before
    assert photo_panel.state == "idle"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "tab"}, "the page sent 'tab' without 'name'."),
        ({"kind": "tab", "name": "magic"}, "there is no tab 'magic'"),
        ({"kind": "photo", "name": "a"}, "without its bytes"),
        ({"kind": "photo-sample", "name": "coffe"}, "nearest: 'coffee'"),
        ({"kind": "photo-fit", "fit": "stretch"}, "'crop' or 'squash'"),
        ({"kind": "photo-crop", "y": 0.5, "x": 2}, "outside the photo"),
        ({"kind": "photo-crop", "y": NAN, "x": 0.5}, "which is no number"),
        ({"kind": "target", "target": {"kind": "class"}}, "the page sent 'target' without 'class'."),
        ({"kind": "target", "target": {"kind": "class", "class": "beee"}}, "nearest: 'bee'"),
        ({"kind": "option", "group": "occlusion", "name": "patch", "value": 99}, "from 1 to 16"),
        ({"kind": "channel", "unit": 99}, "has channels 0 to 4"),
        ({"kind": "position", "rows": "1", "cols": 0}, "'position' with rows '1', which is no number"),
        ({"kind": "likes"}, "no channel is open"),
        ({"kind": "npy"}, "no finished map"),
        ({"kind": "photo-error", "text": "too large"}, "too large"),
    ],
)
def test_what_is_wrong_is_said_and_the_next_good_message_takes_it_away(photo_panel, content: Any, sentence: str):
    dispatch(photo_panel, content)
    assert sentence in photo_panel.panel.layout.live.status["error"]
    dispatch(photo_panel, {"kind": "tab", "name": "saliency"})
    assert photo_panel.panel.layout.live.status["error"] == ""


@pytest.mark.parametrize("kind", ["compute", "sanity", "channel"])
def test_without_a_photo_there_is_nothing_to_ask(explorer, kind: str):
    dispatch(explorer, {"kind": kind, "unit": 0})
    assert "no photo to ask about" in explorer.panel.layout.live.status["error"]
    for quiet in ("photo-remove", "photo-hello", "cancel"):
        dispatch(explorer, {"kind": quiet})
        assert explorer.panel.layout.live.status["error"] == (
            "" if quiet != "photo-hello" else explorer.panel.layout.live.status["error"]
        )


def test_too_many_bytes_and_garbage_leave_the_photo(photo_panel):
    for data, sentence in (
        (bytes(9_000_001), "at most 9,000,000"),
        (b"", "it is empty"),
        (b"GIF89a" * 9, "not an image"),
    ):
        dispatch(photo_panel, {"kind": "photo", "name": "b.png"}, [data])
        assert sentence in photo_panel.panel.layout.live.status["error"]
    assert photo_panel.panel.layout.tabs.photo["name"] == "a.png"


@pytest.mark.parametrize(
    "text", ["x" * 10_000, "\ud800", "<img src=x onerror=alert(1)>"], ids=["long", "surrogate", "markup"]
)
def test_what_is_repeated_in_a_sentence_can_be_sent_and_read(photo_panel, text: str):
    for content in (
        {"kind": "tab", "name": text},
        {"kind": "photo-error", "text": text},
        {"kind": "target", "target": text},
    ):
        dispatch(photo_panel, content)
        error = photo_panel.panel.layout.live.status["error"]
        assert 0 < len(error) <= LONGEST_SENTENCE + 2
        assert error.encode("utf-8")


def test_a_panel_of_photo_tabs_from_page_to_page(photo_panel, net, monkeypatch):
    shown: list[Any] = []
    monkeypatch.setattr(photo_panel.panel.layout.tabs, "send", lambda content, buffers=(): shown.append(content))
    for content in (
        {"kind": "tab", "name": "activations"},
        {"kind": "channel", "unit": 3},
        {"kind": "position", "y": 0.5, "x": 0.25},
        {"kind": "position", "rows": 1, "cols": 0},
    ):
        dispatch(photo_panel, content)
        assert photo_panel.panel.layout.live.status["error"] == ""
    assert [content["kind"] for content in shown] == ["grid", "channel", "field", "field"]
    assert (shown[-1]["row"], shown[-1]["col"]) == (5, 2)
    dispatch(photo_panel, {"kind": "npy"})
    content, buffers = sent(photo_panel, "file")[0]
    assert content["name"] == "a-activations.npy"
    assert np.load(io.BytesIO(buffers[0])).shape == (8, 8, 5)
    dispatch(photo_panel, {"kind": "likes"})
    assert (photo_panel.objective, photo_panel.unit) == ("neuron", 3)
    assert photo_panel.panel.layout.tabs.tab == "optimize"
    dispatch(photo_panel, {"kind": "photo-remove"})
    assert photo_panel.panel.layout.tabs.photo == {}


def test_the_tree_chooses_the_layer_of_the_open_tab(photo_panel):
    dispatch(photo_panel, {"kind": "tab", "name": "grad-cam"})
    put(photo_panel, "layer", "conv1")
    assert photo_panel.panel.layout.tabs.settings["cam"]["layer"] == photo_panel.panel.layout.tree.selected == "conv1"
    assert photo_panel.layer == "conv2"
    for wrong in ("conv3", [], 7):
        put(photo_panel, "layer", wrong)
        assert photo_panel.panel.layout.live.status["error"]
        assert photo_panel.panel.layout.tabs.settings["cam"]["layer"] == "conv1"
    assert len(sent(photo_panel, "refused")) == 3
    dispatch(photo_panel, {"kind": "tab", "name": "optimize"})
    assert photo_panel.panel.layout.tree.selected == "conv2"


def test_likes_does_not_wait_for_a_network(photo_panel):
    dispatch(photo_panel, {"kind": "tab", "name": "activations"})
    dispatch(photo_panel, {"kind": "channel", "unit": 1})
    photo_panel.panel.networks._ready.clear()
    dispatch(photo_panel, {"kind": "likes"})
    photo_panel.panel.networks._ready.set()
    assert photo_panel.panel.layout.live.status["error"] == "the network is still loading: try again in a moment."
    assert photo_panel.panel.layout.tabs.tab == "activations"


def test_an_error_of_ours_is_said_too(photo_panel, monkeypatch):
    def fail() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(photo_panel.panel.photo, "compare", fail)
    dispatch(photo_panel, {"kind": "compute"})
    assert photo_panel.panel.layout.live.status["error"] == "RuntimeError: a bug"


def test_a_large_view_that_was_closed_is_not_opened_again(photo_panel):
    dispatch(photo_panel, {"kind": "tab", "name": "activations"})
    dispatch(photo_panel, {"kind": "channel", "unit": 1})
    assert photo_panel.panel.photo.channels.again() is not None
    dispatch(photo_panel, {"kind": "channels"})
    assert photo_panel.panel.photo.channels.again() is None
