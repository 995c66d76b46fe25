"""FeatureExplorer: an ordinary widget with traits and methods that computes nothing and loses nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import io
import sys
import threading
import time
import weakref
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import ipycanvas
import ipywidgets
import numpy as np
import pytest
import traitlets
from ipywidgets.widgets import widget as registry
from PIL import Image

import nbfeatviz as nv
from nbfeatviz.encoding import decode, displayed, encode_png
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.widgets import network_switcher as networks
from nbfeatviz.widgets.execution.worker import SameThread
from nbfeatviz.widgets.network_switcher import Choice
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import wait


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv1")


def settings_of(explorer: nv.FeatureExplorer) -> dict[str, Any]:
    return dict(explorer.panel.layout.controls.settings)


def test_a_run_is_that_of_maximize(make, net):
    explorer = make(unit=2, seed=5)
    assert (explorer.state, explorer.image) == ("idle", None)
    explorer.run()
    unit = nv.objectives.channel("conv1", 2, pre_activation=True)
    result = nv.maximize(net, unit, recipe="tutorial13", steps=3, seed=5)
    assert np.array_equal(explorer.image, result.image)
    assert explorer.loss == result.steps[-1].loss
    assert explorer.state == "idle"
    assert np.abs(decode(explorer.panel.layout.live.still) - displayed(explorer.image, "stretched")).max() < 0.003


def test_the_traits_are_observable(make):
    explorer, seen = make(), Counter()
    explorer.observe(lambda change: seen.update([change["name"]]))
    explorer.run(wait=True)
    explorer.unit = 1
    explorer.layer, explorer.steps, explorer.seed, explorer.objective, explorer.recipe = (
        "conv2",
        4,
        1,
        "neuron",
        "lucid",
    )
    assert {"state", "loss", "image", "unit", "layer", "steps", "seed", "objective", "recipe"} <= set(seen)


def test_the_page_and_python_change_the_same_settings(make):
    explorer = make()
    slider = ipywidgets.IntSlider(max=3)
    link = ipywidgets.link((slider, "value"), (explorer, "unit"))
    slider.value = 3
    assert settings_of(explorer)["unit"] == 3
    explorer.change("unit", 1)  # as the page does
    assert (explorer.unit, slider.value) == (1, 1)
    explorer.layer = "conv2"
    assert explorer.panel.layout.tree.selected == "conv2"
    link.unlink()


def test_what_is_told_cannot_be_set(make):
    explorer = make()
    for name, value in (("state", "running"), ("loss", 1.0)):
        with pytest.raises(traitlets.TraitError, match="read-only"):
            setattr(explorer, name, value)


WRONG = [
    ("layer", "conv3", "nearest: 'conv2', 'conv1'"),
    ("unit", 4, "0 to 3"),
    ("objective", "all", "'channel', 'neuron' or 'class'"),
    ("recipe", "tutorial12", "nearest: 'tutorial13'"),
    ("steps", 0, "steps 0 must be a whole number from 1"),
    ("seed", -1, "seed -1"),
    ("image", np.full((4, 4, 3), 2.0), "divide it by 255"),
    ("image", "missing.png", "no file 'missing.png'"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_a_wrong_value_is_a_sentence_and_nothing_is_lost(make, name: str, value: Any, sentence: str):
    explorer = make()
    explorer.run()
    before = settings_of(explorer), getattr(explorer, name), explorer.panel.layout.live.still, explorer.image
    with pytest.raises(ValueError, match=sentence):
        setattr(explorer, name, value)
    after = settings_of(explorer), getattr(explorer, name), explorer.panel.layout.live.still, explorer.image
    assert after[0] == before[0]
    assert all(now is then or now == then for now, then in zip(after[1:], before[1:], strict=True))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"layer": "conv3"}, "nearest: 'conv2'"), ({"steps": -1}, "steps -1"), ({"colour": 1}, "no setting 'colour'")],
)
def test_a_panel_of_wrong_settings_is_refused_and_leaves_nothing(net, settings: dict[str, Any], sentence: str):
    gc.collect()
    before, threads = len(registry._instances), threading.active_count()
    with pytest.raises(ValueError, match=sentence):
        nv.FeatureExplorer(net, **settings)
    assert len(registry._instances) <= before + 1  # its own layout
    assert threading.active_count() == threads


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_that_cannot_be_shown_are_refused(channels: int):
    with pytest.raises(ValueError, match=f"takes {channels} channels"):
        nv.FeatureExplorer(make_network(channels=channels))


def test_an_unknown_network_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="nearest: 'mnist-cnn'"):
        nv.FeatureExplorer("mnist-cn")


def test_a_network_that_fails_to_load_changes_nothing(make):
    explorer = make()
    explorer.run()
    before = (
        settings_of(explorer),
        explorer.network,
        explorer.panel.layout.live.still,
        dict(explorer.panel.layout.controls.facts),
        list(explorer.panel.layout.tree.rows),
    )

    def fail() -> Any:
        raise RuntimeError("no memory")

    explorer.panel.networks.offered["mnist-cnn"] = Choice(fail)
    explorer.change("network", "mnist-cnn")
    after = (
        settings_of(explorer),
        explorer.network,
        explorer.panel.layout.live.still,
        dict(explorer.panel.layout.controls.facts),
        list(explorer.panel.layout.tree.rows),
    )
    assert after == before
    assert (explorer.state, explorer.panel.layout.live.status["error"]) == ("idle", "RuntimeError: no memory")
    with pytest.raises(ValueError, match="no network 'x' in this panel; there are 'tiny'"):
        explorer.change("network", "x")
    explorer.run()
    assert explorer.panel.layout.live.status["error"] == ""


def test_a_network_that_does_not_fit_the_settings_changes_nothing(make, monkeypatch):
    explorer = make(layer="behind")
    network = explorer.network
    monkeypatch.setattr("nbfeatviz.widgets.tabs.optimize.controller.suggested_layer", lambda net: "picture")
    explorer.panel.networks.offered["other"] = Choice(lambda: nv.load("mnist-cnn"))
    explorer.change("network", "other")
    assert explorer.network is network
    assert explorer.layer in network.layers
    assert explorer.panel.layout.live.status["error"]


def test_switching_the_network_keeps_what_fits(make):
    explorer = make(unit=3, objective="neuron", seed=4)
    explorer.change("row", 2)
    explorer.change("network", "mnist-cnn")
    settings = settings_of(explorer)
    assert settings["layer"] in explorer.network.layers
    assert (settings["seed"], settings["objective"], settings["unit"], settings["row"]) == (4, "neuron", 3, None)
    assert explorer.panel.layout.controls.facts["network"] == "mnist-cnn"
    explorer.run()
    assert explorer.image.shape == (28, 28, 1)


def test_the_first_network_is_waited_for(monkeypatch):
    network, release = make_network(), threading.Event()
    monkeypatch.setattr(networks, "_embedded", lambda name: (release.wait(10), network)[1])
    explorer = nv.FeatureExplorer()
    assert (explorer.state, explorer.loading, explorer.network) == ("loading", True, None)
    threading.Timer(0.2, release.set).start()
    explorer.unit = 2  # in the same cell
    assert (explorer.network, explorer.unit) == (network, 2)
    explorer.close()


def test_no_network_at_all_is_a_sentence(monkeypatch):
    def fail(name: str) -> Any:
        raise ValueError("the weights are damaged.")

    monkeypatch.setattr(networks, "_embedded", fail)
    explorer = nv.FeatureExplorer(worker=SameThread())
    assert (explorer.state, explorer.panel.layout.live.status["error"]) == ("idle", "the weights are damaged.")
    for waiting in (False, True):
        with pytest.raises(ValueError, match="no network is loaded: the weights are damaged"):
            explorer.run(wait=waiting)
    assert explorer.state == "idle"
    explorer.close()


def test_run_pause_step_resume_stop_in_the_background(make):
    explorer = make(background=True, steps=100_000)
    explorer.run()
    explorer.run()  # one run
    wait(lambda: len(explorer.panel.layout.live.frames) > 3)
    explorer.pause()
    wait(lambda: explorer.state == "paused")
    count = len(explorer.panel.layout.live.frames)
    assert np.abs(decode(explorer.panel.layout.live.still) - displayed(explorer.image, "stretched")).max() < 0.003
    explorer.step()
    wait(lambda: len(explorer.panel.layout.live.frames) == count + 1)
    wait(lambda: explorer.state == "paused")
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > count + 3)
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    assert explorer.panel.layout.live._run == 1
    assert explorer.image is not None


@pytest.mark.parametrize("keep", [True, False])
def test_a_retarget_keeps_the_picture_or_starts_over(make, monkeypatch, keep: bool):
    explorer = make(keep=keep, steps=4)
    pictures: list[np.ndarray] = []
    offer = explorer.panel.layout.live.offer

    def offered(step: Any) -> None:
        pictures.append(step.image)
        offer(step)
        if len(pictures) == 3:
            explorer.unit = 2

    monkeypatch.setattr(explorer.panel.layout.live, "offer", offered)
    explorer.run()
    assert len(pictures) == 7  # a count of its own
    again = np.array_equal(pictures[3], pictures[0])
    assert again is not keep
    if keep:
        assert np.abs(pictures[3] - pictures[2]).mean() < np.abs(pictures[3] - pictures[0]).mean()
    rows = np.array(explorer.panel.layout.live._numbers)
    assert rows[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 3]


def test_the_switch_itself_does_not_start_a_run_over(make, monkeypatch):
    explorer, targets = make(), []
    monkeypatch.setattr(explorer.panel.optimize.runner, "retarget", lambda **target: targets.append(target))
    explorer.change("keep", False)
    explorer.change("start", "image")
    assert targets == []
    explorer.unit = 1
    assert [target["keep"] for target in targets] == [False]


def test_a_wrong_target_in_mid_run_is_said_and_the_run_ends_well(make, monkeypatch):
    explorer = make(steps=4)
    explorer.observe(lambda _: explorer.panel.optimize.runner.retarget(step_size=10**9), "loss")
    explorer.run()
    assert "out of range" in explorer.panel.layout.live.status["error"]
    assert explorer.state == "idle"
    assert len(explorer.panel.layout.live.frames) == 4


def test_a_run_goes_on_from_the_picture_that_is_shown(make, net):
    explorer = make(start="image")
    given = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    explorer.image = given
    assert np.abs(decode(explorer.panel.layout.live.still) - given).max() < 0.003
    assert explorer.image is not given
    explorer.run()
    unit = nv.objectives.channel("conv1", 0, pre_activation=True)
    expected = nv.maximize(net, unit, recipe="tutorial13", steps=3, start=given)
    assert np.array_equal(explorer.image, expected.image)
    assert "start=picture" in explorer.code()


def test_a_photo_in_mid_run_leaves_the_run_alone(make):
    explorer, alone = make(), make()
    grey = np.full((16, 16, 3), 0.5, np.float32)

    def disturb(_: Any) -> None:
        if explorer.panel.optimize.runner.busy and explorer.panel.photo.photo is None:
            explorer.image = grey

    explorer.observe(disturb, "loss")
    explorer.run()
    alone.run()
    assert np.array_equal(explorer.panel.photo.picture, grey)
    assert np.array_equal(explorer.image, alone.image)
    assert not explorer.panel.layout.live.status["error"]


def test_an_observer_may_change_the_panel(make):
    explorer = make()
    losses: dict[int, float] = {}

    def next_unit(change: Any) -> None:
        if change["new"] == "idle" and explorer.unit not in losses:
            losses[explorer.unit] = explorer.loss
            if explorer.unit < 2:
                explorer.unit += 1
                assert settings_of(explorer)["unit"] == explorer.unit
                explorer.run()

    explorer.observe(next_unit, "state")
    explorer.run()
    assert list(losses) == [0, 1, 2]
    assert len(set(losses.values())) == 3


def test_reset_clears_the_canvas_and_keeps_the_settings(make):
    explorer = make(unit=3)
    explorer.run()
    before = settings_of(explorer)
    explorer.reset()
    assert (explorer.image, explorer.panel.layout.live.still, len(explorer.panel.layout.live.frames)) == (None, b"", 0)
    assert np.isnan(explorer.loss)
    assert settings_of(explorer) == before


def test_two_panels_on_one_network(make):
    first, second = make(background=True, steps=40), make(background=True, steps=40, unit=1)
    first.run()
    second.run()
    wait(lambda: first.state == second.state == "idle" and first.image is not None and second.image is not None)
    alone = make(steps=40, unit=1)
    alone.run()
    assert np.array_equal(second.image, alone.image)
    assert not np.array_equal(first.image, alone.image)


def test_traits_change_on_the_thread_of_the_loop(net):
    threads: set[threading.Thread] = set()

    async def kernel() -> None:
        explorer = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=20)
        explorer.observe(lambda change: threads.add(threading.current_thread()), ["state", "image", "loss"])
        explorer.run()
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if explorer.state == "idle" and explorer.image is not None:
                break
        assert explorer.image is explorer.panel.optimize.runner.result.image
        explorer.close()

    asyncio.run(kernel())
    assert threads == {threading.main_thread()}


def test_code_snapshot_and_bundle(make, monkeypatch):
    explorer, shown = make(unit=1), []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    for act in (explorer.code, explorer.snapshot):
        with pytest.raises(ValueError, match="press Run first"):
            act()
    assert "image/png" not in explorer._repr_mimebundle_()
    explorer.run()
    explorer.snapshot()
    (picture, more), (text, _) = shown
    assert decode(picture["image/png"]).shape == (224, 224, 3)
    assert picture["text/plain"] == explorer.code() == text["text/plain"]
    assert more["metadata"]["image/png"]["alt"] == "tiny-conv1-1"
    bundle = explorer._repr_mimebundle_()
    assert bundle["image/png"] == explorer.panel.layout.live.still
    assert bundle["text/plain"] == "FeatureExplorer('tiny', layer='conv1', unit=1)"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_snapshot_does_not_claim_the_code_of_another_picture(make, monkeypatch):
    explorer, shown = make(), []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append(data))
    explorer.run()
    explorer.image = np.zeros((16, 16, 3))
    explorer.snapshot()
    assert shown[0]["text/plain"] == "picture given to the panel"


def test_names_are_data(make):
    name = "<script>alert(1)</script>"
    network = make_network(names=(name, "b", "c"))
    explorer = make({name: network}, objective="class")
    assert explorer.panel.layout.controls.facts["network"] == name
    assert explorer.panel.layout.controls.facts["classes"][0] == name
    explorer.run()
    assert explorer.save_file("png")[0] == "tiny-class-0.png"


def test_a_panel_is_few_widgets_and_closing_gives_them_back(net):
    ipycanvas.Canvas().close()  # the manager of all canvases is made once
    gc.collect()
    before = set(registry._instances)
    explorer = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    assert len(set(registry._instances) - before) <= 60
    explorer.run(wait=True)
    explorer.close()
    assert len(set(registry._instances) - before) <= 1  # the panel's own layout, which may be shared


def test_closing_ends_the_run_and_the_thread_and_may_be_repeated(make):
    before = threading.active_count()
    explorer = make(background=True, steps=100_000)
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    began = time.monotonic()
    explorer.close()
    assert time.monotonic() - began < 2
    wait(lambda: threading.active_count() <= before)
    explorer.close()
    for wait_for_it in (True, False):
        with pytest.raises(ValueError, match="this panel is closed"):
            explorer.run(wait=wait_for_it)
    explorer.stop()
    explorer.pause()
    explorer.close()


def test_closing_while_a_network_loads_keeps_none(monkeypatch):
    network, begun, release, loaded = make_network(), threading.Event(), threading.Event(), threading.Event()

    def slowly(name: str) -> Any:
        begun.set()
        release.wait(10)
        loaded.set()
        return network

    monkeypatch.setattr(networks, "_embedded", slowly)
    monkeypatch.setattr("nbfeatviz.widgets.execution.worker._JOIN_SECONDS", 0.05)
    explorer = nv.FeatureExplorer()
    assert begun.wait(5)
    explorer.close()
    release.set()
    assert loaded.wait(5)
    time.sleep(0.1)
    assert explorer.network is None
    with pytest.raises(ValueError, match="closed"):
        explorer.unit = 1


def test_a_closed_panel_is_collected_without_a_word(net, monkeypatch):
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    explorer = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    explorer.run(wait=True)
    explorer.close()
    reference = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert reference() is None
    with pytest.raises(ValueError, match="no setting"):
        nv.FeatureExplorer(net, colour=1)
    with pytest.raises(TypeError):
        nv.FeatureExplorer(object())
    gc.collect()
    assert unraisable == []


def test_fifty_runs_do_not_pile_anything_up(make):
    explorer = make()

    def live_objects() -> Counter[str]:
        gc.collect()
        return Counter(type(item).__name__ for item in gc.get_objects())

    for _ in range(3):
        explorer.run()
    before = live_objects()
    for _ in range(50):
        explorer.run()
    grown = {name: count - before[name] for name, count in live_objects().items() if count - before[name] >= 10}
    assert not {name for name in grown if name not in ("tuple", "list", "dict", "frame", "cell", "function")}, grown
    assert sum(grown.values()) < 500, grown
    assert live_objects()[Ascent.__name__] <= before[Ascent.__name__]  # those of failed tests are kept elsewhere


def test_the_settings_are_read_once_a_run(make):
    explorer = make()
    settings = explorer.panel.settings
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.unit = 3


# A photo by code


def photo_file(path: Path, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((PHOTO * 255).astype(np.uint8)).save(buffer, kind)
    path.write_bytes(buffer.getvalue())
    return buffer.getvalue()


PHOTO = np.random.default_rng(3).random((20, 30, 3), dtype=np.float32)


@pytest.mark.parametrize(
    "kind", ["path", "text", "bytes", "view", "pil", "uint8", "float", "batch", "grey", "alpha", "list"]
)
def test_a_photo_by_code_is_what_the_headless_functions_take(make, tmp_path, kind: str):
    data = photo_file(tmp_path / "cat.png")
    bytes_of = (PHOTO * 255).astype(np.uint8)
    source = {
        "path": tmp_path / "cat.png",
        "text": str(tmp_path / "cat.png"),
        "bytes": data,
        "view": memoryview(data),
        "pil": Image.open(io.BytesIO(data)),
        "uint8": bytes_of,
        "float": PHOTO.astype(np.float64),
        "batch": PHOTO[None],
        "grey": PHOTO[:, :, 0],
        "alpha": np.concatenate([PHOTO, PHOTO[:, :, :1]], axis=2),
        "list": bytes_of.astype(float).__truediv__(255).tolist(),
    }[kind]
    explorer = make()
    explorer.image = source
    assert np.array_equal(explorer.panel.photo.picture, nv.read_image(source, size=(16, 16)))
    assert explorer.image is explorer.panel.photo.picture or np.array_equal(
        explorer.image, explorer.panel.photo.picture
    )
    assert explorer.panel.layout.tabs.photo["name"] == ("cat.png" if kind in ("path", "text") else "photo")
    assert np.abs(decode(explorer.panel.layout.live.still) - explorer.panel.photo.picture).max() < 0.003


NO_PHOTOS = [b"", b"hello", "missing.png", np.zeros((0, 3, 3)), np.zeros((4, 4, 5)), np.full((4, 4, 3), np.nan)]
NO_PHOTOS += [np.full((4, 4, 3), 9.0), object(), {}, 7, True, "x" * 10_000, "https://example.org/cat.png"]


@pytest.mark.parametrize("source", NO_PHOTOS, ids=lambda source: ascii(type(source).__name__))
def test_what_is_no_photo_leaves_the_one_before(make, source: Any):
    explorer = make()
    explorer.image = PHOTO
    before = (
        explorer.image,
        explorer.panel.photo.photo,
        explorer.panel.photo.picture,
        explorer.panel.layout.live.still,
        dict(explorer.panel.layout.tabs.photo),
    )
    with pytest.raises((ValueError, TypeError)) as caught:
        explorer.image = source
    assert 10 < len(str(caught.value)) < 600
    after = (
        explorer.image,
        explorer.panel.photo.photo,
        explorer.panel.photo.picture,
        explorer.panel.layout.live.still,
        dict(explorer.panel.layout.tabs.photo),
    )
    assert all(now is then or now == then for now, then in zip(after, before, strict=True))


def test_none_takes_the_photo_away(make):
    explorer = make()
    explorer.image = PHOTO
    explorer.image = None
    assert (explorer.panel.photo.photo, explorer.panel.layout.tabs.photo, explorer.panel.layout.tabs.preview) == (
        None,
        {},
        b"",
    )
    explorer.run()
    assert explorer.image is not None


def test_a_photo_while_a_run_is_going_on_in_the_background(make):
    explorer = make(background=True, steps=100_000)
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    explorer.image = PHOTO
    explorer.image = 1 - PHOTO
    wait(lambda: len(explorer.panel.layout.tabs.predictions) == 3)
    assert explorer.panel.optimize.runner.busy
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    alone = make(steps=explorer.panel.optimize.runner.settings.steps)
    alone.run()
    assert np.array_equal(explorer.panel.photo.picture, nv.read_image(1 - PHOTO, size=(16, 16)))
    assert np.array_equal(explorer.image, alone.image)


def test_a_run_may_start_from_the_photo(make, net):
    explorer = make(start="photo")
    explorer.panel.photo.take(explorer.panel.photo.read(PHOTO, "a"))
    explorer.run()
    unit = nv.objectives.channel("conv1", 0, pre_activation=True)
    expected = nv.maximize(net, unit, recipe="tutorial13", steps=3, start=explorer.panel.photo.picture)
    assert np.array_equal(explorer.image, expected.image)


def test_none_takes_a_photo_away_that_came_from_the_page(make):
    explorer = make()
    explorer.panel.photo.receive("a.png", encode_png(np.zeros((8, 8, 3), np.float32)))
    assert explorer.panel.photo.photo is not None
    explorer.image = None
    assert explorer.panel.photo.photo is None


def test_a_reset_of_the_canvas_leaves_the_photo(make):
    explorer = make()
    explorer.image = np.full((16, 16, 3), 0.5, np.float32)
    explorer.reset()
    assert explorer.image is None
    assert explorer.panel.photo.photo is not None
