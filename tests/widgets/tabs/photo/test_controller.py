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
from nbfeatviz.widgets.execution.chunked_task import Result
from nbfeatviz.widgets.execution.worker import SameThread
from nbfeatviz.widgets.network_switcher import Choice
from nbfeatviz.widgets.photo_input.photo_source import MOST_BYTES
from nbfeatviz.widgets.tabs.photo import comparisons
from nbfeatviz.widgets.tabs.photo import results as results
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import dispatch, error, wait

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
        explorer = make_panel(network, **settings)
        explorer.sent, explorer.files = [], []
        monkeypatch.setattr(
            explorer.panel.layout.tabs, "send", lambda content, buffers=(): explorer.sent.append((content, [*buffers]))
        )
        monkeypatch.setattr(explorer.panel, "deliver", lambda *file: explorer.files.append(file))
        return explorer

    return made


@pytest.fixture
def explorer(make, net):
    return make(net, layer="conv2")


def sent(explorer: Any, kind: str, tab: str | None = None) -> list[tuple[dict[str, Any], list[bytes]]]:
    return [entry for entry in explorer.sent if entry[0]["kind"] == kind and tab in (None, entry[0]["tab"])]


def saved(explorer: Any) -> np.ndarray:
    explorer.panel.photo.save_raw()
    return np.load(io.BytesIO(explorer.files[-1][2]))


# The photo


def test_a_photo_is_shown_and_predicted(explorer, net):
    explorer.panel.photo.receive("cat.png", encode_png(PHOTO))
    assert explorer.panel.layout.tabs.photo["name"] == "cat.png"
    assert np.abs(decode(explorer.panel.layout.tabs.seen) - explorer.panel.photo.picture).max() < 0.003
    assert explorer.panel.layout.tabs.predictions == [list(one) for one in net.predict(explorer.panel.photo.picture)]
    assert explorer.panel.layout.tabs.settings["target"]["label"] == explorer.panel.layout.tabs.predictions[0][1]
    assert explorer.panel.layout.tabs.progress["state"] == "done"


def test_a_sample_comes_with_its_credit(explorer):
    explorer.panel.photo.sample("coffee")
    assert explorer.panel.layout.tabs.photo["credit"] == nv.samples.get("coffee").credit
    with pytest.raises(ValueError, match="nearest: 'coffee'"):
        explorer.panel.photo.sample("coffe")


def test_a_photo_that_is_none_leaves_the_one_before(explorer):
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    before = explorer.panel.photo.photo, explorer.panel.layout.tabs.photo
    explorer.panel.photo.receive("b.jpg", encode_jpeg(PHOTO)[:200])
    assert "not an image" in error(explorer)
    with pytest.raises(ValueError, match="9,000,001 bytes; at most 9,000,000"):
        explorer.panel.photo.receive("c.jpg", bytes(MOST_BYTES + 1))
    assert (explorer.panel.photo.photo, explorer.panel.layout.tabs.photo) == before


def test_removing_clears_every_tab(explorer):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.remove()
    assert (explorer.panel.photo.photo, explorer.panel.photo.picture, explorer.panel.layout.tabs.photo) == (
        None,
        None,
        {},
    )
    assert {content["tab"] for content, _ in sent(explorer, "cleared")} >= {"saliency", "compare", "activations"}
    assert explorer.panel.photo._cache.bytes == 0
    with pytest.raises(ValueError, match="there is no photo"):
        explorer.panel.photo.save_raw()
    explorer.sent.clear()
    explorer.panel.photo.ask()
    explorer.panel.photo.restore()
    assert explorer.sent == []


def test_another_crop_is_another_question_and_the_first_is_kept(explorer):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    first = saved(explorer)
    explorer.panel.photo.fit(centre=(0.5, 0.0))
    assert explorer.panel.layout.tabs.photo["box"][1] == 0
    assert not np.array_equal(saved(explorer), first)
    held = explorer.panel.photo._cache.bytes
    explorer.panel.photo.fit(centre=(0.5, 0.5))
    assert np.array_equal(saved(explorer), first)
    assert explorer.panel.photo._cache.bytes == held
    explorer.panel.photo.fit(fit="squash")
    explorer.panel.photo.receive("b.png", encode_png(PHOTO[:, ::-1]))
    assert explorer.panel.layout.tabs.photo["fit"] == "squash"  # the person's choice, not the photo's


@pytest.mark.parametrize(
    "changes", [{"fit": "stretch"}, {"fit": []}, {"centre": (0.5, 1.01)}, {"centre": (float("nan"), 0)}]
)
def test_a_fit_that_is_none_is_a_sentence(explorer, changes: dict[str, Any]):
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    before = explorer.panel.layout.tabs.photo
    with pytest.raises(ValueError, match="unknown|outside the photo"):
        explorer.panel.photo.fit(**changes)
    assert explorer.panel.layout.tabs.photo == before


def test_five_hundred_photos_hold_no_more_memory_than_one(explorer, monkeypatch):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    one, number = explorer.panel.photo._cache.bytes, explorer.panel.layout.tabs.photo["number"]
    first = weakref.ref(explorer.panel.photo.picture)
    monkeypatch.setattr(explorer.panel.layout.tabs, "send", lambda *_: None)
    monkeypatch.setattr(explorer.panel.photo, "_predict", lambda *_: iter(()))
    monkeypatch.setattr(results, "saliency", lambda view, *_: iter([view.cache.put(view.key("x"), Result(), one)]))
    data = encode_png(PHOTO)
    for _ in range(500):
        explorer.panel.photo.receive("b.png", data)
    assert explorer.panel.layout.tabs.photo["number"] == number + 500
    assert explorer.panel.photo._cache.bytes <= one
    gc.collect()
    assert first() is None


def test_an_array_that_its_owner_changes_stays_the_photo_it_was(explorer, grey):
    given = PHOTO.copy()
    explorer.image = given
    given[:] = np.nan
    explorer.panel.networks.offered["grey"] = Choice(lambda: grey)
    explorer.change("network", "grey")
    assert np.array_equal(explorer.panel.photo.picture, nv.read_image(PHOTO, channels=1, size=(8, 8)))


# Answers and what is saved


TABS = {
    "saliency": lambda net: nv.saliency(net, SEEN, None),
    "grad-cam": lambda net: nv.grad_cam(net, SEEN, None),
    "occlusion": lambda net: nv.occlusion(net, SEEN, None),
    "activations": lambda net: nv.activations(net, SEEN, "conv2"),
}


@pytest.mark.parametrize("tab", TABS)
def test_what_is_saved_is_what_the_headless_function_gives(explorer, net, tab: str):
    explorer.panel.photo.take(explorer.panel.photo.read(PHOTO, "my/../cat.x.png"))
    explorer.panel.photo.open(tab)
    assert error(explorer) == ""
    np.testing.assert_allclose(saved(explorer), TABS[tab](net), rtol=1e-3, atol=1e-6)
    name, mime, _ = explorer.files[-1]
    assert (name, mime) == (f"cat.x-{tab}.npy", "application/octet-stream")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "x" * 10_000, "../../a/b", "\ud800", ""])
def test_hostile_names_are_text_and_no_path(explorer, name: str):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive(name, encode_png(PHOTO))
    assert explorer.panel.photo.photo is not None
    explorer.panel.layout.tabs.photo["name"].encode("utf-8")
    explorer.panel.photo.save_raw()
    assert not set(explorer.files[-1][0]) & set("/\\<>\ud800")
    assert len(explorer.files[-1][0]) < 120


def test_while_a_map_fills_in_there_is_none_to_save(explorer, monkeypatch):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    values = np.zeros((2, 2), np.float32)
    unfinished = results.map_result(Partial(1, 2, values), values, False, "")
    monkeypatch.setattr(results, "saliency", lambda *_: iter([unfinished]))
    explorer.panel.photo.option("saliency", "method", "guided")
    with pytest.raises(ValueError, match="no finished map"):
        explorer.panel.photo.save_raw()


def test_the_map_of_the_photo_before_is_not_saved_under_the_name_of_the_next(explorer):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.open("optimize")
    explorer.panel.photo.receive("b.png", encode_png(1 - PHOTO))
    with explorer.panel.photo._lock:
        assert explorer.panel.photo._store._raw == {}


def test_every_answer_has_a_later_number_than_the_one_before(explorer):
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "activations", "saliency"):
        explorer.panel.photo.open(tab)
    numbers = [content["id"] for content, _ in explorer.sent if "id" in content]
    assert numbers == sorted(numbers)
    assert [content["tab"] for content, _ in explorer.sent if "id" in content] == [
        "saliency",
        "grad-cam",
        "activations",
        "saliency",
    ]


def test_going_back_computes_nothing(explorer, net, monkeypatch):
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "occlusion", "activations"):
        explorer.panel.photo.open(tab)
    explorer.sent.clear()
    for name in ("at_layer", "outputs_of", "residual"):
        monkeypatch.setattr(results, name, lambda *_, **__: pytest.fail("computed again"))
    monkeypatch.setattr(results, "METHODS", {name: _NotAgain(name) for name in results.METHODS})
    monkeypatch.setattr(type(net), "predict_batch", lambda *_: pytest.fail("predicted again"))
    for tab in ("activations", "grad-cam", "occlusion", "saliency"):
        explorer.panel.photo.open(tab)
    explorer.panel.photo.option("saliency", "display", "signed")
    assert error(explorer) == ""
    assert len(sent(explorer, "map")) == 4
    assert len(sent(explorer, "grid")) == 1


class _NotAgain:
    signed = True

    def __init__(self, name: str) -> None:
        self.title = name

    def start(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("computed again")


def test_targets_by_name_and_misspelt(explorer, net):
    explorer.panel.photo.open("saliency")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.target({"kind": "class", "class": "cow"})
    np.testing.assert_allclose(saved(explorer), nv.saliency(net, explorer.panel.photo.picture, 2), rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="nearest: 'bee'"):
        explorer.panel.photo.target({"kind": "class", "class": "bea"})
    assert explorer.panel.layout.tabs.settings["target"]["label"] == "cow"
    explorer.panel.photo.target({"kind": "difference", "class": "bee", "against": "cow"})
    logit = nv.objectives.class_logit
    expected = nv.saliency(net, explorer.panel.photo.picture, logit(1) - logit(2))
    np.testing.assert_allclose(saved(explorer), expected, rtol=1e-3, atol=1e-6)
    assert "bee rather than cow" in sent(explorer, "map")[-1][0]["title"]


def test_a_unit_below_is_asked_about_at_the_layer_before_it(explorer):
    explorer.panel.photo.open("grad-cam")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.target({"kind": "unit", "layer": "conv2", "unit": 3})
    assert error(explorer) == ""
    assert explorer.panel.photo.layer == explorer.panel.layout.tree.selected == "conv1"
    assert "conv1" in sent(explorer, "map")[-1][0]["title"]


def test_a_map_at_a_dense_layer_is_a_sentence_and_the_way_back_works(explorer):
    explorer.panel.photo.open("grad-cam")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.option("cam", "layer", "head")
    assert "'head' (Dense) has no spatial extent" in error(explorer)
    assert explorer.panel.layout.tabs.progress["state"] == "error"
    explorer.panel.photo.option("cam", "layer", "conv1")
    assert explorer.panel.layout.tabs.progress["state"] == "done"
    explorer.panel.photo.option("cam", "method", "cam")
    assert "use grad_cam" in error(explorer)


def test_a_network_without_classes(make, headless):
    explorer = make(headless, layer="first")
    explorer.image = PHOTO
    for tab in ("activations", "compare", "optimize"):
        explorer.panel.photo.open(tab)
        assert error(explorer) == "", tab
    assert sent(explorer, "grid")
    explorer.panel.photo.open("saliency")
    assert error(explorer) == ""  # a unit of the output is asked about
    assert explorer.panel.layout.tabs.settings["target"]["kind"] == "unit"
    explorer.panel.photo.target({"kind": "unit", "layer": "last", "unit": 4})
    np.testing.assert_allclose(
        saved(explorer), nv.saliency(headless, SEEN, nv.objectives.channel("last", 4)), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_rgba_networks(make, channels: int):
    network = make_network(channels=channels)
    explorer = make(network, layer="conv1")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    for tab in ("saliency", "grad-cam", "occlusion", "activations"):
        explorer.panel.photo.open(tab)
        assert error(explorer) == ""
    explorer.panel.photo.open("saliency")
    expected = nv.saliency(network, nv.read_image(encode_png(PHOTO), channels=channels))
    np.testing.assert_allclose(saved(explorer), expected, rtol=1e-3, atol=1e-6)
    explorer.change("start", "photo")
    explorer.run()
    assert explorer.image.shape == (16, 16, channels)


def test_a_network_with_several_inputs_is_refused_in_a_sentence():
    first, second = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    model = keras.Model([first, second], keras.layers.Conv2D(2, 3)(keras.layers.Add()([first, second])))
    with pytest.raises(ValueError, match="input"):
        nv.FeatureExplorer(model, worker=SameThread())


# Another network


def test_to_another_network_and_back_the_photo_stays(explorer, net):
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.open("grad-cam")
    first = saved(explorer)
    explorer.panel.photo.option("cam", "layer", "conv1")
    explorer.panel.photo.target({"kind": "difference", "class": 2, "against": 0})
    explorer.change("network", "mnist-cnn")
    assert error(explorer) == ""
    assert explorer.panel.photo.picture.shape == (28, 28, 1)
    assert explorer.panel.layout.tree.selected in explorer.network.layers
    assert explorer.panel.layout.tabs.photo["name"] == "a.png"
    assert len(explorer.panel.layout.tabs.predictions) == 5
    explorer.change("network", "tiny")
    explorer.panel.photo.option("cam", "layer", None)
    explorer.panel.photo.target({"kind": "predicted"})
    assert error(explorer) == ""
    np.testing.assert_array_equal(explorer.panel.photo.picture, nv.read_image(encode_png(PHOTO), size=(16, 16)))
    np.testing.assert_allclose(saved(explorer), first, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("tab", ["optimize", "saliency", "grad-cam", "activations", "compare"])
def test_a_class_that_the_other_network_has_not_is_no_target_of_it(make, net, grey, tab: str):
    explorer = make({"tiny": net, "grey": grey}, layer="conv2")
    explorer.panel.photo.open(tab)
    explorer.image = PHOTO
    explorer.panel.photo.target({"kind": "class", "class": "cow"})
    explorer.panel.photo.option("cam", "layer", "relu2")
    explorer.change("network", "grey")
    assert error(explorer) == ""
    assert explorer.network is grey
    assert explorer.panel.layout.tree.selected == "first"
    assert explorer.panel.layout.tabs.settings["target"]["kind"] == "predicted"
    assert explorer.panel.layout.tabs.settings["target"]["label"] in ("no", "yes")
    explorer.change("network", "tiny")
    assert error(explorer) == ""
    assert explorer.panel.photo.picture.shape == (16, 16, 3)


def test_a_photo_that_another_network_cannot_have_waits_for_one_that_can(make, net, grey, tmp_path):
    explorer = make({"tiny": net, "grey": grey}, layer="conv2")
    (tmp_path / "a.png").write_bytes(encode_png(PHOTO))
    explorer.panel.photo.open("saliency")
    explorer.image = tmp_path / "a.png"
    (tmp_path / "a.png").unlink()
    explorer.change("network", "grey")  # it would have to be read again
    assert "no file" in error(explorer)
    assert explorer.network is grey
    assert (explorer.panel.photo.picture, explorer.panel.layout.tabs.photo, explorer.panel.layout.tabs.predictions) == (
        None,
        {},
        [],
    )
    explorer.sent.clear()
    explorer.panel.photo.open("activations")
    explorer.panel.photo.restore()
    with pytest.raises(ValueError, match="no file"):
        explorer.panel.photo.fit(centre=(0.1, 0.1))
    with pytest.raises(ValueError, match="no photo to ask about"):
        explorer.panel.photo.compare()
    assert explorer.panel.photo.picture is None
    assert explorer.sent == []
    explorer.change("network", "tiny")
    assert explorer.panel.layout.tabs.photo["name"] == "a.png"
    assert explorer.panel.photo.picture.shape == (16, 16, 3)


def test_a_photo_that_was_read_for_another_network_is_read_again(make, net, grey):
    explorer = make({"tiny": net, "grey": grey}, layer="conv2")
    photo = explorer.panel.photo.read(PHOTO, "a")
    explorer.change("network", "grey")
    explorer.panel.photo.take(photo)
    assert explorer.panel.photo.picture.shape == (8, 8, 1)
    assert len(explorer.panel.layout.tabs.predictions) == 2


# From photo to unit


def test_likes_starts_the_channel_and_the_neuron(explorer, monkeypatch):
    explorer.panel.photo.open("activations")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    with pytest.raises(ValueError, match="no channel is open"):
        explorer.panel.photo.likes()
    assert explorer.panel.photo.tab == "activations"
    explorer.panel.photo.channels.open("conv2", 3)
    explorer.panel.photo.likes()
    assert (explorer.panel.photo.tab, explorer.objective, explorer.layer, explorer.unit) == (
        "optimize",
        "channel",
        "conv2",
        3,
    )
    assert explorer.image is not None
    explorer.panel.photo.open("activations")
    explorer.panel.photo.channels.open("conv2", 4)
    explorer.panel.photo.channels.position(0.99, 0.3)
    explorer.panel.photo.likes()
    settings = explorer.panel.layout.controls.settings
    assert (settings["objective"], settings["unit"], settings["row"], settings["col"]) == ("neuron", 4, 7, 2)


def test_another_layer_closes_the_channel(explorer):
    explorer.panel.photo.open("activations")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.channels.open("conv2", 3)
    explorer.change("layer", "conv1")
    with pytest.raises(ValueError, match="no channel is open"):
        explorer.panel.photo.likes()
    explorer.sent.clear()
    explorer.panel.photo.restore()
    assert [content["layer"] for content, _ in sent(explorer, "grid")] == ["conv1"]
    assert not sent(explorer, "channel")


# A page that comes back


@pytest.mark.parametrize("tab", ["saliency", "grad-cam", "occlusion"])
def test_a_reload_shows_the_map_again(explorer, tab: str):
    explorer.panel.photo.open(tab)
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    before = sent(explorer, "map")[-1]
    explorer.sent.clear()
    explorer.panel.photo.restore()
    content, buffers = sent(explorer, "map")[-1]
    assert buffers == before[1]
    assert {**content, "id": 0} == {**before[0], "id": 0}


def test_a_reload_shows_the_large_view_again(explorer):
    explorer.panel.photo.open("activations")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.channels.open("conv2", 3)
    explorer.panel.photo.channels.position(0.5, 0.5)
    explorer.sent.clear()
    explorer.panel.photo.restore()
    kinds = [content["kind"] for content, _ in explorer.sent]
    assert kinds == ["grid", "channel", "field"]


def test_a_reload_shows_what_was_compared_again_and_computes_nothing(explorer, monkeypatch):
    explorer.panel.photo.open("compare")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.option("compare", "methods", ["gradient", "grad-cam"])
    explorer.panel.photo.compare()
    explorer.panel.photo.randomize()
    before = [(content, buffers) for content, buffers in explorer.sent if content["kind"] != "cleared"]
    assert len(sent(explorer, "compared")) == 2
    assert len(sent(explorer, "stage")) > 1
    explorer.sent.clear()
    explorer.panel.photo.restore()
    assert explorer.sent == before
    explorer.panel.photo.target({"kind": "class", "class": 0})  # another question
    explorer.sent.clear()
    explorer.panel.photo.restore()
    assert explorer.sent == []


def test_a_second_view_and_other_choices_do_not_end_a_comparison(explorer, monkeypatch):
    explorer.panel.photo.open("compare")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))

    def compared(*_: Any) -> Iterator[Result]:
        for n, act in enumerate((explorer.panel.photo.restore, lambda: explorer.panel.photo.open("compare"), None)):
            yield Result({"kind": "compared", "method": str(n)})
            if act is not None:
                act()
                explorer.panel.photo.option("compare", "methods", ["gradient"])

    monkeypatch.setattr(comparisons, "compared", compared)
    explorer.sent.clear()
    explorer.panel.photo.compare()
    assert [content["method"] for content, _ in sent(explorer, "compared")] == ["0", "0", "1", "2"]
    assert explorer.panel.layout.tabs.progress["state"] == "done"


def test_what_was_compared_on_another_photo_is_not_shown_again(explorer):
    explorer.panel.photo.open("compare")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.option("compare", "methods", ["gradient"])
    explorer.panel.photo.compare()
    explorer.panel.photo.receive("b.png", encode_png(1 - PHOTO))
    explorer.sent.clear()
    explorer.panel.photo.restore()
    assert explorer.sent == []


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
    explorer = make(net, background=True, layer="conv1")
    explorer.panel.photo.open("occlusion")
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    assert slow.begun.wait(20)
    wait(lambda: len(sent(explorer, "map")) > 3)
    return explorer


def answered(explorer: Any, tab: str) -> None:
    wait(lambda: explorer.panel.photo._store._raw.get(tab) is not None and not explorer.panel.photo._task.busy)


def quiet(explorer: Any) -> None:
    """Nothing more is sent of the occlusion tab."""
    count = len(sent(explorer, "map", "occlusion"))
    time.sleep(0.05)
    assert len(sent(explorer, "map", "occlusion")) == count


def test_cancel_in_mid_computation(busy):
    busy.panel.photo.cancel()
    assert busy.panel.layout.tabs.progress["state"] == "cancelled"
    quiet(busy)
    assert busy.panel.layout.tabs.progress["state"] == "cancelled"


def test_removing_the_photo_in_mid_computation(busy):
    busy.panel.photo.remove()
    last = busy.sent[-1][0]
    quiet(busy)
    assert busy.sent[-1][0] is last
    assert last["kind"] == "cleared"
    assert busy.panel.photo._store._raw == {}
    assert (busy.panel.layout.tabs.progress["state"], error(busy)) == ("idle", "")


def test_replacing_the_photo_in_mid_computation(busy, slow):
    busy.panel.photo.receive("b.png", encode_png(1 - PHOTO))
    wait(lambda: len(slow.photos) == 2)
    wait(lambda: sent(busy, "map")[-1][0]["photo"] == slow.photos[1])
    number = sent(busy, "map")[-1][0]["id"]
    assert all(content["id"] < number for content, _ in sent(busy, "map") if content["photo"] == slow.photos[0])
    assert busy.panel.layout.tabs.photo["name"] == "b.png"


def test_switching_the_network_in_mid_computation(busy, grey, slow):
    busy.panel.networks.offered["grey"] = Choice(lambda: grey)
    dispatch(busy, {"kind": "set", "name": "network", "value": "grey"})
    wait(lambda: busy.network is grey and len(slow.photos) == 2)
    busy.panel.photo.open("saliency")
    wait(lambda: sent(busy, "map", "saliency") and busy.panel.layout.tabs.progress["state"] == "done")
    assert error(busy) == ""
    assert busy.panel.photo.picture.shape == (8, 8, 1)


def test_another_tab_ends_what_is_computed(busy):
    busy.panel.photo.open("saliency")
    wait(
        lambda: (
            busy.panel.layout.tabs.progress == {"tab": "saliency", "state": "done", "done": 0, "total": 0, "text": ""}
        )
    )
    quiet(busy)
    assert error(busy) == ""


def test_a_photo_removed_before_it_was_read_does_not_come_back(make, net, monkeypatch):
    explorer = make(net, background=True, layer="conv1")
    begun, release = threading.Event(), threading.Event()
    explorer.panel._worker.submit(lambda: (begun.set(), release.wait(10)))
    assert begun.wait(5)
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    explorer.panel.photo.receive("b.png", encode_png(PHOTO))
    explorer.panel.photo.remove()
    done = threading.Event()
    release.set()
    explorer.panel._worker.submit(done.set)
    assert done.wait(10)
    assert explorer.panel.photo.photo is None
    explorer.panel.photo.receive("c.png", encode_png(PHOTO))
    wait(lambda: explorer.panel.layout.tabs.photo.get("name") == "c.png")
    assert explorer.panel.layout.tabs.photo["number"] == 1


def test_a_photo_removed_while_it_is_read_does_not_come_back(explorer, monkeypatch):
    read = explorer.panel.photo.read

    def slowly(*given: Any) -> Any:
        photo = read(*given)
        explorer.panel.photo.remove()
        return photo

    monkeypatch.setattr(explorer.panel.photo, "read", slowly)
    explorer.panel.photo.receive("a.png", encode_png(PHOTO))
    assert explorer.panel.photo.photo is None


def test_a_saliency_map_of_a_first_unit_ends_well_with_a_thread(make, net):
    explorer = make(net, background=True, layer="conv1")
    explorer.panel.photo.target({"kind": "unit", "layer": "entry", "unit": 0})
    explorer.panel.photo.open("saliency")
    explorer.image = PHOTO
    wait(lambda: explorer.panel.layout.tabs.progress.get("state") in ("done", "error"))
    assert (explorer.panel.layout.tabs.progress["state"], error(explorer)) == ("done", "")


def test_a_run_goes_on_to_the_same_picture_while_questions_are_answered(make, net):
    explorer = make(net, background=True, layer="conv1", steps=10**5)
    explorer.image = PHOTO
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    for tab in ("saliency", "activations", "grad-cam"):
        explorer.panel.photo.open(tab)
        wait(lambda: sent(explorer, "map" if tab != "activations" else "grid", tab))  # noqa: B023
    assert explorer.panel.optimize.runner.busy
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    alone = make(net, layer="conv1", steps=explorer.panel.optimize.runner.settings.steps)
    alone.run()
    assert np.array_equal(explorer.image, alone.image)
    assert error(explorer) == ""


def test_while_a_run_is_paused_questions_are_answered(make, net):
    explorer = make(net, background=True, layer="conv1", steps=10**5)
    explorer.image = PHOTO
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    explorer.pause()
    wait(lambda: explorer.state == "paused")
    count = len(explorer.panel.layout.live.frames)
    explorer.panel.photo.open("occlusion")
    wait(
        lambda: (
            explorer.panel.layout.tabs.progress
            == {"tab": "occlusion", "state": "done", "done": 0, "total": 0, "text": ""}
        )
    )
    assert sent(explorer, "map", "occlusion")[-1][0]["final"]
    assert (explorer.state, len(explorer.panel.layout.live.frames)) == ("paused", count)
    explorer.resume()
    wait(lambda: len(explorer.panel.layout.live.frames) > count)
    explorer.stop()


def test_an_observer_that_fails_ends_neither_the_answer_nor_the_run(make, net):
    explorer = make(net, background=True, layer="conv1", steps=40)

    def fail(change: Any) -> None:
        raise RuntimeError("observer")

    explorer.panel.layout.tabs.observe(fail, "progress")
    explorer.run()
    explorer.panel.photo.open("saliency")
    explorer.image = PHOTO
    wait(lambda: sent(explorer, "map", "saliency") and explorer.state == "idle")
    assert "observer" in error(explorer)
    assert len(explorer.panel.layout.live.frames) == 40


def test_after_close_nothing_is_left(net):
    before = set(threading.enumerate())
    explorer = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    explorer.panel.photo.open("saliency")
    explorer.image = PHOTO
    answered(explorer, "saliency")
    explorer.panel.photo.open("activations")
    answered(explorer, "activations")
    kept = [
        explorer.panel.photo.picture,
        explorer.panel.photo._store._raw["activations"],
        explorer.panel.photo.photo,
        explorer.panel.photo,
    ]
    references = [weakref.ref(one) for one in kept]
    del kept
    explorer.close()
    wait(lambda: not {thread for thread in set(threading.enumerate()) - before if thread.is_alive()})
    del explorer
    gc.collect()
    assert [reference() for reference in references] == [None] * 4


def test_a_closed_desk_takes_no_photo(explorer, monkeypatch):
    photo = explorer.panel.photo.read(PHOTO, "a")
    explorer.close()
    explorer.panel.photo.take(photo)
    assert explorer.panel.photo.photo is None
    with pytest.raises(ValueError, match="still loading|closed"):
        explorer.panel.photo.read(PHOTO, "b")
