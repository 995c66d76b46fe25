"""PhotoDesk: one photo, one question at a time, and nothing lost whatever happens in between."""

from __future__ import annotations

import gc
import io
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.partial import Partial
from nbfeatviz.encoding import decode, encode_jpeg, encode_png
from nbfeatviz.widgets.comm.dispatch import dispatch
from nbfeatviz.widgets.execution.chunked_task import Result
from nbfeatviz.widgets.execution.worker import SameThread
from nbfeatviz.widgets.network_switcher import Choice
from nbfeatviz.widgets.photo_input.photo_source import MOST_BYTES
from nbfeatviz.widgets.tabs.photo import comparisons
from nbfeatviz.widgets.tabs.photo import results as results
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import error, wait

PHOTO = np.random.default_rng(3).random((20, 30, 3), dtype=np.float32)
SEEN = nv.read_image(PHOTO, size=(16, 16))


@pytest.fixture(scope="module")
def grey():
    """Another network: grey, smaller, of two classes, with other layers."""
    picture = keras.Input((8, 8, 1), name="grey")
    x = keras.layers.Conv2D(2, 3, activation="relu", name="first")(picture)
    x = keras.layers.Dense(2, activation="softmax", name="head")(keras.layers.Flatten()(x))
    return nv.load(keras.Model(picture, x, name="grey"), input_range=(0, 1), class_names=("no", "yes"))


@pytest.fixture(scope="module")
def headless():
    """It ends in a map, so there are no classes."""
    picture = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(picture)
    return nv.load(keras.Model(picture, keras.layers.Conv2D(5, 3, name="last")(x), name="headless"), input_range=(0, 1))


@pytest.fixture
def make(make_panel, monkeypatch):
    """Makes panels whose photo page is `panel.sent`."""

    def made(network: Any, **settings: Any) -> Any:
        panel = make_panel(network, **settings)
        panel.sent, panel.files = [], []
        monkeypatch.setattr(panel.tabs, "send", lambda content, buffers=(): panel.sent.append((content, [*buffers])))
        monkeypatch.setattr(panel.photo_controller, "_deliver", lambda *file: panel.files.append(file))
        return panel

    return made


@pytest.fixture
def panel(make, net):
    return make(net, layer="conv2")


def sent(panel: Any, kind: str, tab: str | None = None) -> list[tuple[dict[str, Any], list[bytes]]]:
    return [entry for entry in panel.sent if entry[0]["kind"] == kind and tab in (None, entry[0]["tab"])]


def saved(panel: Any) -> np.ndarray:
    panel.photo_controller.save_raw()
    return np.load(io.BytesIO(panel.files[-1][2]))


# The photo


def test_a_photo_is_shown_and_predicted(panel, net):
    panel.photo_controller.receive("cat.png", encode_png(PHOTO))
    assert panel.tabs.photo["name"] == "cat.png"
    assert np.abs(decode(panel.tabs.seen) - panel.photo_controller.picture).max() < 0.003
    assert panel.tabs.predictions == [list(one) for one in net.predict(panel.photo_controller.picture)]
    assert panel.tabs.settings["target"]["label"] == panel.tabs.predictions[0][1]
    assert panel.tabs.progress["state"] == "done"


def test_a_sample_comes_with_its_credit(panel):
    panel.photo_controller.sample("coffee")
    assert panel.tabs.photo["credit"] == nv.samples.get("coffee").credit
    with pytest.raises(ValueError, match="nearest: 'coffee'"):
        panel.photo_controller.sample("coffe")


def test_a_photo_that_is_none_leaves_the_one_before(panel):
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    before = panel.photo_controller.photo, panel.tabs.photo
    panel.photo_controller.receive("b.jpg", encode_jpeg(PHOTO)[:200])
    assert "not an image" in error(panel)
    with pytest.raises(ValueError, match="9,000,001 bytes; at most 9,000,000"):
        panel.photo_controller.receive("c.jpg", bytes(MOST_BYTES + 1))
    assert (panel.photo_controller.photo, panel.tabs.photo) == before


def test_removing_clears_every_tab(panel):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.remove()
    assert (panel.photo_controller.photo, panel.photo_controller.picture, panel.tabs.photo) == (None, None, {})
    assert {content["tab"] for content, _ in sent(panel, "cleared")} >= {"saliency", "compare", "activations"}
    assert panel.photo_controller._cache.bytes == 0
    with pytest.raises(ValueError, match="there is no photo"):
        panel.photo_controller.save_raw()
    panel.sent.clear()
    panel.photo_controller.ask()
    panel.photo_controller.restore()
    assert panel.sent == []


def test_another_crop_is_another_question_and_the_first_is_kept(panel):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    first = saved(panel)
    panel.photo_controller.fit(centre=(0.5, 0.0))
    assert panel.tabs.photo["box"][1] == 0
    assert not np.array_equal(saved(panel), first)
    held = panel.photo_controller._cache.bytes
    panel.photo_controller.fit(centre=(0.5, 0.5))
    assert np.array_equal(saved(panel), first)
    assert panel.photo_controller._cache.bytes == held
    panel.photo_controller.fit(fit="squash")
    panel.photo_controller.receive("b.png", encode_png(PHOTO[:, ::-1]))
    assert panel.tabs.photo["fit"] == "squash"  # the person's choice, not the photo's


@pytest.mark.parametrize(
    "changes", [{"fit": "stretch"}, {"fit": []}, {"centre": (0.5, 1.01)}, {"centre": (float("nan"), 0)}]
)
def test_a_fit_that_is_none_is_a_sentence(panel, changes: dict[str, Any]):
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    before = panel.tabs.photo
    with pytest.raises(ValueError, match="unknown|outside the photo"):
        panel.photo_controller.fit(**changes)
    assert panel.tabs.photo == before


def test_five_hundred_photos_hold_no_more_memory_than_one(panel, monkeypatch):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    one, number = panel.photo_controller._cache.bytes, panel.tabs.photo["number"]
    first = weakref.ref(panel.photo_controller.picture)
    monkeypatch.setattr(panel.tabs, "send", lambda *_: None)
    monkeypatch.setattr(panel.photo_controller, "_predict", lambda *_: iter(()))
    monkeypatch.setattr(results, "saliency", lambda view, *_: iter([view.cache.put(view.key("x"), Result(), one)]))
    data = encode_png(PHOTO)
    for _ in range(500):
        panel.photo_controller.receive("b.png", data)
    assert panel.tabs.photo["number"] == number + 500
    assert panel.photo_controller._cache.bytes <= one
    gc.collect()
    assert first() is None


def test_an_array_that_its_owner_changes_stays_the_photo_it_was(panel, grey):
    given = PHOTO.copy()
    panel.image = given
    given[:] = np.nan
    panel._network_switcher.offered["grey"] = Choice(lambda: grey)
    panel.change("network", "grey")
    assert np.array_equal(panel.photo_controller.picture, nv.read_image(PHOTO, channels=1, size=(8, 8)))


# Answers and what is saved


TABS = {
    "saliency": lambda net: nv.saliency(net, SEEN, None),
    "grad-cam": lambda net: nv.grad_cam(net, SEEN, None),
    "occlusion": lambda net: nv.occlusion(net, SEEN, None),
    "activations": lambda net: nv.activations(net, SEEN, "conv2"),
}


@pytest.mark.parametrize("tab", TABS)
def test_what_is_saved_is_what_the_headless_function_gives(panel, net, tab: str):
    panel.photo_controller.take(panel.photo_controller.read(PHOTO, "my/../cat.x.png"))
    panel.photo_controller.open(tab)
    assert error(panel) == ""
    np.testing.assert_allclose(saved(panel), TABS[tab](net), rtol=1e-3, atol=1e-6)
    name, mime, _ = panel.files[-1]
    assert (name, mime) == (f"cat.x-{tab}.npy", "application/octet-stream")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "x" * 10_000, "../../a/b", "\ud800", ""])
def test_hostile_names_are_text_and_no_path(panel, name: str):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive(name, encode_png(PHOTO))
    assert panel.photo_controller.photo is not None
    panel.tabs.photo["name"].encode("utf-8")
    panel.photo_controller.save_raw()
    assert not set(panel.files[-1][0]) & set("/\\<>\ud800")
    assert len(panel.files[-1][0]) < 120


def test_while_a_map_fills_in_there_is_none_to_save(panel, monkeypatch):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    values = np.zeros((2, 2), np.float32)
    unfinished = results.map_result(Partial(1, 2, values), values, False, "")
    monkeypatch.setattr(results, "saliency", lambda *_: iter([unfinished]))
    panel.photo_controller.option("saliency", "method", "guided")
    with pytest.raises(ValueError, match="no finished map"):
        panel.photo_controller.save_raw()


def test_the_map_of_the_photo_before_is_not_saved_under_the_name_of_the_next(panel):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.open("optimize")
    panel.photo_controller.receive("b.png", encode_png(1 - PHOTO))
    with panel.photo_controller._lock:
        assert panel.photo_controller._store._raw == {}


def test_every_answer_has_a_later_number_than_the_one_before(panel):
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "activations", "saliency"):
        panel.photo_controller.open(tab)
    numbers = [content["id"] for content, _ in panel.sent if "id" in content]
    assert numbers == sorted(numbers)
    assert [content["tab"] for content, _ in panel.sent if "id" in content] == [
        "saliency",
        "grad-cam",
        "activations",
        "saliency",
    ]


def test_going_back_computes_nothing(panel, net, monkeypatch):
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "occlusion", "activations"):
        panel.photo_controller.open(tab)
    panel.sent.clear()
    for name in ("at_layer", "outputs_of", "residual"):
        monkeypatch.setattr(results, name, lambda *_, **__: pytest.fail("computed again"))
    monkeypatch.setattr(results, "METHODS", {name: _NotAgain(name) for name in results.METHODS})
    monkeypatch.setattr(type(net), "predict_batch", lambda *_: pytest.fail("predicted again"))
    for tab in ("activations", "grad-cam", "occlusion", "saliency"):
        panel.photo_controller.open(tab)
    panel.photo_controller.option("saliency", "display", "signed")
    assert error(panel) == ""
    assert len(sent(panel, "map")) == 4
    assert len(sent(panel, "grid")) == 1


class _NotAgain:
    signed = True

    def __init__(self, name: str) -> None:
        self.title = name

    def start(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("computed again")


def test_targets_by_name_and_misspelt(panel, net):
    panel.photo_controller.open("saliency")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.target({"kind": "class", "class": "cow"})
    np.testing.assert_allclose(saved(panel), nv.saliency(net, panel.photo_controller.picture, 2), rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="nearest: 'bee'"):
        panel.photo_controller.target({"kind": "class", "class": "bea"})
    assert panel.tabs.settings["target"]["label"] == "cow"
    panel.photo_controller.target({"kind": "difference", "class": "bee", "against": "cow"})
    logit = nv.objectives.class_logit
    expected = nv.saliency(net, panel.photo_controller.picture, logit(1) - logit(2))
    np.testing.assert_allclose(saved(panel), expected, rtol=1e-3, atol=1e-6)
    assert "bee rather than cow" in sent(panel, "map")[-1][0]["title"]


def test_a_unit_below_is_asked_about_at_the_layer_before_it(panel):
    panel.photo_controller.open("grad-cam")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.target({"kind": "unit", "layer": "conv2", "unit": 3})
    assert error(panel) == ""
    assert panel.photo_controller.layer == panel.tree.selected == "conv1"
    assert "conv1" in sent(panel, "map")[-1][0]["title"]


def test_a_map_at_a_dense_layer_is_a_sentence_and_the_way_back_works(panel):
    panel.photo_controller.open("grad-cam")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.option("cam", "layer", "head")
    assert "'head' (Dense) has no spatial extent" in error(panel)
    assert panel.tabs.progress["state"] == "error"
    panel.photo_controller.option("cam", "layer", "conv1")
    assert panel.tabs.progress["state"] == "done"
    panel.photo_controller.option("cam", "method", "cam")
    assert "use grad_cam" in error(panel)


def test_a_network_without_classes(make, headless):
    panel = make(headless, layer="first")
    panel.image = PHOTO
    for tab in ("activations", "compare", "optimize"):
        panel.photo_controller.open(tab)
        assert error(panel) == "", tab
    assert sent(panel, "grid")
    panel.photo_controller.open("saliency")
    assert error(panel) == ""  # a unit of the output is asked about
    assert panel.tabs.settings["target"]["kind"] == "unit"
    panel.photo_controller.target({"kind": "unit", "layer": "last", "unit": 4})
    np.testing.assert_allclose(
        saved(panel), nv.saliency(headless, SEEN, nv.objectives.channel("last", 4)), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_rgba_networks(make, channels: int):
    network = make_network(channels=channels)
    panel = make(network, layer="conv1")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "occlusion", "activations"):
        panel.photo_controller.open(tab)
        assert error(panel) == ""
    panel.photo_controller.open("saliency")
    expected = nv.saliency(network, nv.read_image(encode_png(PHOTO), channels=channels))
    np.testing.assert_allclose(saved(panel), expected, rtol=1e-3, atol=1e-6)
    panel.change("start", "photo")
    panel.run()
    assert panel.image.shape == (16, 16, channels)


def test_a_network_with_several_inputs_is_refused_in_a_sentence():
    first, second = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    model = keras.Model([first, second], keras.layers.Conv2D(2, 3)(keras.layers.Add()([first, second])))
    with pytest.raises(ValueError, match="input"):
        nv.FeatureExplorer(model, worker=SameThread())


# Another network


def test_to_another_network_and_back_the_photo_stays(panel, net):
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.open("grad-cam")
    first = saved(panel)
    panel.photo_controller.option("cam", "layer", "conv1")
    panel.photo_controller.target({"kind": "difference", "class": 2, "against": 0})
    panel.change("network", "mnist-cnn")
    assert error(panel) == ""
    assert panel.photo_controller.picture.shape == (28, 28, 1)
    assert panel.tree.selected in panel.network.layers
    assert panel.tabs.photo["name"] == "a.png"
    assert len(panel.tabs.predictions) == 5
    panel.change("network", "tiny")
    panel.photo_controller.option("cam", "layer", None)
    panel.photo_controller.target({"kind": "predicted"})
    assert error(panel) == ""
    np.testing.assert_array_equal(panel.photo_controller.picture, nv.read_image(encode_png(PHOTO), size=(16, 16)))
    np.testing.assert_allclose(saved(panel), first, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tab", ["optimize", "saliency", "grad-cam", "activations", "compare"])
def test_a_class_that_the_other_network_has_not_is_no_target_of_it(make, net, grey, tab: str):
    panel = make({"tiny": net, "grey": grey}, layer="conv2")
    panel.photo_controller.open(tab)
    panel.image = PHOTO
    panel.photo_controller.target({"kind": "class", "class": "cow"})
    panel.photo_controller.option("cam", "layer", "relu2")
    panel.change("network", "grey")
    assert error(panel) == ""
    assert panel.network is grey
    assert panel.tree.selected == "first"
    assert panel.tabs.settings["target"]["kind"] == "predicted"
    assert panel.tabs.settings["target"]["label"] in ("no", "yes")
    panel.change("network", "tiny")
    assert error(panel) == ""
    assert panel.photo_controller.picture.shape == (16, 16, 3)


def test_a_photo_that_another_network_cannot_have_waits_for_one_that_can(make, net, grey, tmp_path):
    panel = make({"tiny": net, "grey": grey}, layer="conv2")
    (tmp_path / "a.png").write_bytes(encode_png(PHOTO))
    panel.photo_controller.open("saliency")
    panel.image = tmp_path / "a.png"
    (tmp_path / "a.png").unlink()
    panel.change("network", "grey")  # it would have to be read again
    assert "no file" in error(panel)
    assert panel.network is grey
    assert (panel.photo_controller.picture, panel.tabs.photo, panel.tabs.predictions) == (None, {}, [])
    panel.sent.clear()
    panel.photo_controller.open("activations")
    panel.photo_controller.restore()
    with pytest.raises(ValueError, match="no file"):
        panel.photo_controller.fit(centre=(0.1, 0.1))
    with pytest.raises(ValueError, match="no photo to ask about"):
        panel.photo_controller.compare()
    assert panel.photo_controller.picture is None
    assert panel.sent == []
    panel.change("network", "tiny")
    assert panel.tabs.photo["name"] == "a.png"
    assert panel.photo_controller.picture.shape == (16, 16, 3)


def test_a_photo_that_was_read_for_another_network_is_read_again(make, net, grey):
    panel = make({"tiny": net, "grey": grey}, layer="conv2")
    photo = panel.photo_controller.read(PHOTO, "a")
    panel.change("network", "grey")
    panel.photo_controller.take(photo)
    assert panel.photo_controller.picture.shape == (8, 8, 1)
    assert len(panel.tabs.predictions) == 2


# From photo to unit


def test_likes_starts_the_channel_and_the_neuron(panel, monkeypatch):
    panel.photo_controller.open("activations")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    with pytest.raises(ValueError, match="no channel is open"):
        panel.photo_controller.likes()
    assert panel.photo_controller.tab == "activations"
    panel.photo_controller.channels.open("conv2", 3)
    panel.photo_controller.likes()
    assert (panel.photo_controller.tab, panel.objective, panel.layer, panel.unit) == ("optimize", "channel", "conv2", 3)
    assert panel.image is not None
    panel.photo_controller.open("activations")
    panel.photo_controller.channels.open("conv2", 4)
    panel.photo_controller.channels.position(0.99, 0.3)
    panel.photo_controller.likes()
    settings = panel.controls.settings
    assert (settings["objective"], settings["unit"], settings["row"], settings["col"]) == ("neuron", 4, 7, 2)


def test_another_layer_closes_the_channel(panel):
    panel.photo_controller.open("activations")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.channels.open("conv2", 3)
    panel.change("layer", "conv1")
    with pytest.raises(ValueError, match="no channel is open"):
        panel.photo_controller.likes()
    panel.sent.clear()
    panel.photo_controller.restore()
    assert [content["layer"] for content, _ in sent(panel, "grid")] == ["conv1"]
    assert not sent(panel, "channel")


# A page that comes back


@pytest.mark.parametrize("tab", ["saliency", "grad-cam", "occlusion"])
def test_a_reload_shows_the_map_again(panel, tab: str):
    panel.photo_controller.open(tab)
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    before = sent(panel, "map")[-1]
    panel.sent.clear()
    panel.photo_controller.restore()
    content, buffers = sent(panel, "map")[-1]
    assert buffers == before[1]
    assert {**content, "id": 0} == {**before[0], "id": 0}


def test_a_reload_shows_the_large_view_again(panel):
    panel.photo_controller.open("activations")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.channels.open("conv2", 3)
    panel.photo_controller.channels.position(0.5, 0.5)
    panel.sent.clear()
    panel.photo_controller.restore()
    kinds = [content["kind"] for content, _ in panel.sent]
    assert kinds == ["grid", "channel", "field"]


def test_a_reload_shows_what_was_compared_again_and_computes_nothing(panel, monkeypatch):
    panel.photo_controller.open("compare")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.option("compare", "methods", ["gradient", "grad-cam"])
    panel.photo_controller.compare()
    panel.photo_controller.randomize()
    before = [(content, buffers) for content, buffers in panel.sent if content["kind"] != "cleared"]
    assert len(sent(panel, "compared")) == 2
    assert len(sent(panel, "stage")) > 1
    panel.sent.clear()
    panel.photo_controller.restore()
    assert panel.sent == before
    panel.photo_controller.target({"kind": "class", "class": 0})  # another question
    panel.sent.clear()
    panel.photo_controller.restore()
    assert panel.sent == []


def test_a_second_view_and_other_choices_do_not_end_a_comparison(panel, monkeypatch):
    panel.photo_controller.open("compare")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))

    def compared(*_: Any) -> Iterator[Result]:
        for n, act in enumerate((panel.photo_controller.restore, lambda: panel.photo_controller.open("compare"), None)):
            yield Result({"kind": "compared", "method": str(n)})
            if act is not None:
                act()
                panel.photo_controller.option("compare", "methods", ["gradient"])

    monkeypatch.setattr(comparisons, "compared", compared)
    panel.sent.clear()
    panel.photo_controller.compare()
    assert [content["method"] for content, _ in sent(panel, "compared")] == ["0", "0", "1", "2"]
    assert panel.tabs.progress["state"] == "done"


def test_what_was_compared_on_another_photo_is_not_shown_again(panel):
    panel.photo_controller.open("compare")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.option("compare", "methods", ["gradient"])
    panel.photo_controller.compare()
    panel.photo_controller.receive("b.png", encode_png(1 - PHOTO))
    panel.sent.clear()
    panel.photo_controller.restore()
    assert panel.sent == []


# In the background


class Slow:
    """An answer in many pieces, of which each says `act` where it is told to."""

    def __init__(self, count: int = 10**6) -> None:
        self.begun, self.photos, self.count = threading.Event(), [], count

    def __call__(self, view: Any, *_: Any) -> Iterator[Result]:
        self.photos.append(view.photo)
        self.begun.set()
        for n in range(self.count):
            time.sleep(0.001)
            yield Result({"kind": "map", "photo": view.photo, "n": n}, done=n + 1, total=self.count)


@pytest.fixture
def slow(monkeypatch):
    slow = Slow()
    monkeypatch.setattr(results, "occluded", slow)
    return slow


@pytest.fixture
def busy(make, net, slow):
    """A panel that is in the middle of a long answer."""
    panel = make(net, background=True, layer="conv1")
    panel.photo_controller.open("occlusion")
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    assert slow.begun.wait(20)
    wait(lambda: len(sent(panel, "map")) > 3)
    return panel


def answered(panel: Any, tab: str) -> None:
    wait(lambda: panel.photo_controller._store._raw.get(tab) is not None and not panel.photo_controller._task.busy)


def quiet(panel: Any) -> None:
    """Nothing more is sent of the occlusion tab."""
    count = len(sent(panel, "map", "occlusion"))
    time.sleep(0.05)
    assert len(sent(panel, "map", "occlusion")) == count


def test_cancel_in_mid_computation(busy):
    busy.photo_controller.cancel()
    assert busy.tabs.progress["state"] == "cancelled"
    quiet(busy)
    assert busy.tabs.progress["state"] == "cancelled"


def test_removing_the_photo_in_mid_computation(busy):
    busy.photo_controller.remove()
    last = busy.sent[-1][0]
    quiet(busy)
    assert busy.sent[-1][0] is last
    assert last["kind"] == "cleared"
    assert busy.photo_controller._store._raw == {}
    assert (busy.tabs.progress["state"], error(busy)) == ("idle", "")


def test_replacing_the_photo_in_mid_computation(busy, slow):
    busy.photo_controller.receive("b.png", encode_png(1 - PHOTO))
    wait(lambda: len(slow.photos) == 2)
    wait(lambda: sent(busy, "map")[-1][0]["photo"] == slow.photos[1])
    number = sent(busy, "map")[-1][0]["id"]
    assert all(content["id"] < number for content, _ in sent(busy, "map") if content["photo"] == slow.photos[0])
    assert busy.tabs.photo["name"] == "b.png"


def test_switching_the_network_in_mid_computation(busy, grey, slow):
    busy._network_switcher.offered["grey"] = Choice(lambda: grey)
    dispatch(busy, {"kind": "set", "name": "network", "value": "grey"})
    wait(lambda: busy.network is grey and len(slow.photos) == 2)
    busy.photo_controller.open("saliency")
    wait(lambda: sent(busy, "map", "saliency") and busy.tabs.progress["state"] == "done")
    assert error(busy) == ""
    assert busy.photo_controller.picture.shape == (8, 8, 1)


def test_another_tab_ends_what_is_computed(busy):
    busy.photo_controller.open("saliency")
    wait(lambda: busy.tabs.progress == {"tab": "saliency", "state": "done", "done": 0, "total": 0, "text": ""})
    quiet(busy)
    assert error(busy) == ""


def test_a_photo_removed_before_it_was_read_does_not_come_back(make, net, monkeypatch):
    panel = make(net, background=True, layer="conv1")
    begun, release = threading.Event(), threading.Event()
    panel._worker.submit(lambda: (begun.set(), release.wait(10)))
    assert begun.wait(5)
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    panel.photo_controller.receive("b.png", encode_png(PHOTO))
    panel.photo_controller.remove()
    done = threading.Event()
    release.set()
    panel._worker.submit(done.set)
    assert done.wait(10)
    assert panel.photo_controller.photo is None
    panel.photo_controller.receive("c.png", encode_png(PHOTO))
    wait(lambda: panel.tabs.photo.get("name") == "c.png")
    assert panel.tabs.photo["number"] == 1


def test_a_photo_removed_while_it_is_read_does_not_come_back(panel, monkeypatch):
    read = panel.photo_controller.read

    def slowly(*given: Any) -> Any:
        photo = read(*given)
        panel.photo_controller.remove()
        return photo

    monkeypatch.setattr(panel.photo_controller, "read", slowly)
    panel.photo_controller.receive("a.png", encode_png(PHOTO))
    assert panel.photo_controller.photo is None


def test_a_saliency_map_of_a_first_unit_ends_well_with_a_thread(make, net):
    panel = make(net, background=True, layer="conv1")
    panel.photo_controller.target({"kind": "unit", "layer": "entry", "unit": 0})
    panel.photo_controller.open("saliency")
    panel.image = PHOTO
    wait(lambda: panel.tabs.progress.get("state") in ("done", "error"))
    assert (panel.tabs.progress["state"], error(panel)) == ("done", "")


def test_a_run_goes_on_to_the_same_picture_while_questions_are_answered(make, net):
    panel = make(net, background=True, layer="conv1", steps=10**5)
    panel.image = PHOTO
    panel.run()
    wait(lambda: len(panel.live.frames) > 2)
    for tab in ("saliency", "activations", "grad-cam"):
        panel.photo_controller.open(tab)
        wait(lambda: sent(panel, "map" if tab != "activations" else "grid", tab))  # noqa: B023
    assert panel._runner.busy
    panel.stop()
    wait(lambda: panel.state == "idle")
    alone = make(net, layer="conv1", steps=panel._runner.settings.steps)
    alone.run()
    assert np.array_equal(panel.image, alone.image)
    assert error(panel) == ""


def test_while_a_run_is_paused_questions_are_answered(make, net):
    panel = make(net, background=True, layer="conv1", steps=10**5)
    panel.image = PHOTO
    panel.run()
    wait(lambda: len(panel.live.frames) > 2)
    panel.pause()
    wait(lambda: panel.state == "paused")
    count = len(panel.live.frames)
    panel.photo_controller.open("occlusion")
    wait(lambda: panel.tabs.progress == {"tab": "occlusion", "state": "done", "done": 0, "total": 0, "text": ""})
    assert sent(panel, "map", "occlusion")[-1][0]["final"]
    assert (panel.state, len(panel.live.frames)) == ("paused", count)
    panel.resume()
    wait(lambda: len(panel.live.frames) > count)
    panel.stop()


def test_an_observer_that_fails_ends_neither_the_answer_nor_the_run(make, net):
    panel = make(net, background=True, layer="conv1", steps=40)

    def fail(change: Any) -> None:
        raise RuntimeError("observer")

    panel.tabs.observe(fail, "progress")
    panel.run()
    panel.photo_controller.open("saliency")
    panel.image = PHOTO
    wait(lambda: sent(panel, "map", "saliency") and panel.state == "idle")
    assert "observer" in error(panel)
    assert len(panel.live.frames) == 40


def test_after_close_nothing_is_left(net):
    before = set(threading.enumerate())
    panel = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    panel.photo_controller.open("saliency")
    panel.image = PHOTO
    answered(panel, "saliency")
    panel.photo_controller.open("activations")
    answered(panel, "activations")
    kept = [
        panel.photo_controller.picture,
        panel.photo_controller._store._raw["activations"],
        panel.photo_controller.photo,
        panel.photo_controller,
    ]
    references = [weakref.ref(one) for one in kept]
    del kept
    panel.close()
    wait(lambda: not {thread for thread in set(threading.enumerate()) - before if thread.is_alive()})
    del panel
    gc.collect()
    assert [reference() for reference in references] == [None] * 4


def test_a_closed_desk_takes_no_photo(panel, monkeypatch):
    photo = panel.photo_controller.read(PHOTO, "a")
    panel.close()
    panel.photo_controller.take(photo)
    assert panel.photo_controller.photo is None
    with pytest.raises(ValueError, match="still loading|closed"):
        panel.photo_controller.read(PHOTO, "b")
