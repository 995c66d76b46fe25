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


def settings_of(panel: nv.FeatureExplorer) -> dict[str, Any]:
    return dict(panel.controls.settings)


def test_a_run_is_that_of_maximize(make, net):
    panel = make(unit=2, seed=5)
    assert (panel.state, panel.image) == ("idle", None)
    panel.run()
    unit = nv.objectives.channel("conv1", 2, pre_activation=True)
    result = nv.maximize(net, unit, recipe="tutorial13", steps=3, seed=5)
    assert np.array_equal(panel.image, result.image)
    assert panel.loss == result.steps[-1].loss
    assert panel.state == "idle"
    assert np.abs(decode(panel.live.still) - displayed(panel.image, "stretched")).max() < 0.003


def test_the_traits_are_observable(make):
    panel, seen = make(), Counter()
    panel.observe(lambda change: seen.update([change["name"]]))
    panel.run(wait=True)
    panel.unit = 1
    panel.layer, panel.steps, panel.seed, panel.objective, panel.recipe = "conv2", 4, 1, "neuron", "lucid"
    assert {"state", "loss", "image", "unit", "layer", "steps", "seed", "objective", "recipe"} <= set(seen)


def test_the_page_and_python_change_the_same_settings(make):
    panel = make()
    slider = ipywidgets.IntSlider(max=3)
    link = ipywidgets.link((slider, "value"), (panel, "unit"))
    slider.value = 3
    assert settings_of(panel)["unit"] == 3
    panel.change("unit", 1)  # as the page does
    assert (panel.unit, slider.value) == (1, 1)
    panel.layer = "conv2"
    assert panel.tree.selected == "conv2"
    link.unlink()


def test_what_is_told_cannot_be_set(make):
    panel = make()
    for name, value in (("state", "running"), ("loss", 1.0)):
        with pytest.raises(traitlets.TraitError, match="read-only"):
            setattr(panel, name, value)


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
    panel = make()
    panel.run()
    before = settings_of(panel), getattr(panel, name), panel.live.still, panel.image
    with pytest.raises(ValueError, match=sentence):
        setattr(panel, name, value)
    after = settings_of(panel), getattr(panel, name), panel.live.still, panel.image
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
    panel = make()
    panel.run()
    before = settings_of(panel), panel.network, panel.live.still, dict(panel.controls.facts), list(panel.tree.rows)

    def fail() -> Any:
        raise RuntimeError("no memory")

    panel._network_switcher.offered["mnist-cnn"] = Choice(fail)
    panel.change("network", "mnist-cnn")
    after = settings_of(panel), panel.network, panel.live.still, dict(panel.controls.facts), list(panel.tree.rows)
    assert after == before
    assert (panel.state, panel.live.status["error"]) == ("idle", "RuntimeError: no memory")
    with pytest.raises(ValueError, match="no network 'x' in this panel; there are 'tiny'"):
        panel.change("network", "x")
    panel.run()
    assert panel.live.status["error"] == ""


def test_a_network_that_does_not_fit_the_settings_changes_nothing(make, monkeypatch):
    panel = make(layer="behind")
    network = panel.network
    monkeypatch.setattr("nbfeatviz.widgets.explorer.suggested_layer", lambda net: "picture")
    panel._network_switcher.offered["other"] = Choice(lambda: nv.load("mnist-cnn"))
    panel.change("network", "other")
    assert panel.network is network
    assert panel.layer in network.layers
    assert panel.live.status["error"]


def test_switching_the_network_keeps_what_fits(make):
    panel = make(unit=3, objective="neuron", seed=4)
    panel.change("row", 2)
    panel.change("network", "mnist-cnn")
    settings = settings_of(panel)
    assert settings["layer"] in panel.network.layers
    assert (settings["seed"], settings["objective"], settings["unit"], settings["row"]) == (4, "neuron", 3, None)
    assert panel.controls.facts["network"] == "mnist-cnn"
    panel.run()
    assert panel.image.shape == (28, 28, 1)


def test_the_first_network_is_waited_for(monkeypatch):
    network, release = make_network(), threading.Event()
    monkeypatch.setattr(networks, "_embedded", lambda name: (release.wait(10), network)[1])
    panel = nv.FeatureExplorer()
    assert (panel.state, panel.loading, panel.network) == ("loading", True, None)
    threading.Timer(0.2, release.set).start()
    panel.unit = 2  # in the same cell
    assert (panel.network, panel.unit) == (network, 2)
    panel.close()


def test_no_network_at_all_is_a_sentence(monkeypatch):
    def fail(name: str) -> Any:
        raise ValueError("the weights are damaged.")

    monkeypatch.setattr(networks, "_embedded", fail)
    panel = nv.FeatureExplorer(worker=SameThread())
    assert (panel.state, panel.live.status["error"]) == ("idle", "the weights are damaged.")
    for waiting in (False, True):
        with pytest.raises(ValueError, match="no network is loaded: the weights are damaged"):
            panel.run(wait=waiting)
    assert panel.state == "idle"
    panel.close()


def test_run_pause_step_resume_stop_in_the_background(make):
    panel = make(background=True, steps=100_000)
    panel.run()
    panel.run()  # one run
    wait(lambda: len(panel.live.frames) > 3)
    panel.pause()
    wait(lambda: panel.state == "paused")
    count = len(panel.live.frames)
    assert np.abs(decode(panel.live.still) - displayed(panel.image, "stretched")).max() < 0.003
    panel.step()
    wait(lambda: len(panel.live.frames) == count + 1)
    wait(lambda: panel.state == "paused")
    panel.run()
    wait(lambda: len(panel.live.frames) > count + 3)
    panel.stop()
    wait(lambda: panel.state == "idle")
    assert panel.live._run == 1
    assert panel.image is not None


@pytest.mark.parametrize("keep", [True, False])
def test_a_retarget_keeps_the_picture_or_starts_over(make, monkeypatch, keep: bool):
    panel = make(keep=keep, steps=4)
    pictures: list[np.ndarray] = []
    offer = panel.live.offer

    def offered(step: Any) -> None:
        pictures.append(step.image)
        offer(step)
        if len(pictures) == 3:
            panel.unit = 2

    monkeypatch.setattr(panel.live, "offer", offered)
    panel.run()
    assert len(pictures) == 7  # a count of its own
    again = np.array_equal(pictures[3], pictures[0])
    assert again is not keep
    if keep:
        assert np.abs(pictures[3] - pictures[2]).mean() < np.abs(pictures[3] - pictures[0]).mean()
    rows = np.array(panel.live._numbers)
    assert rows[:, 0].tolist() == [0, 1, 2, 0, 1, 2, 3]


def test_the_switch_itself_does_not_start_a_run_over(make, monkeypatch):
    panel, targets = make(), []
    monkeypatch.setattr(panel._runner, "retarget", lambda **target: targets.append(target))
    panel.change("keep", False)
    panel.change("start", "image")
    assert targets == []
    panel.unit = 1
    assert [target["keep"] for target in targets] == [False]


def test_a_wrong_target_in_mid_run_is_said_and_the_run_ends_well(make, monkeypatch):
    panel = make(steps=4)
    panel.observe(lambda _: panel._runner.retarget(step_size=10**9), "loss")
    panel.run()
    assert "out of range" in panel.live.status["error"]
    assert panel.state == "idle"
    assert len(panel.live.frames) == 4


def test_a_run_goes_on_from_the_picture_that_is_shown(make, net):
    panel = make(start="image")
    given = np.random.default_rng(0).random((16, 16, 3)).astype(np.float32)
    panel.image = given
    assert np.abs(decode(panel.live.still) - given).max() < 0.003
    assert panel.image is not given
    panel.run()
    unit = nv.objectives.channel("conv1", 0, pre_activation=True)
    expected = nv.maximize(net, unit, recipe="tutorial13", steps=3, start=given)
    assert np.array_equal(panel.image, expected.image)
    assert "start=picture" in panel.code()


def test_a_photo_in_mid_run_leaves_the_run_alone(make):
    panel, alone = make(), make()
    grey = np.full((16, 16, 3), 0.5, np.float32)

    def disturb(_: Any) -> None:
        if panel._runner.busy and panel.photo_controller.photo is None:
            panel.image = grey

    panel.observe(disturb, "loss")
    panel.run()
    alone.run()
    assert np.array_equal(panel.photo_controller.picture, grey)
    assert np.array_equal(panel.image, alone.image)
    assert not panel.live.status["error"]


def test_an_observer_may_change_the_panel(make):
    panel = make()
    losses: dict[int, float] = {}

    def next_unit(change: Any) -> None:
        if change["new"] == "idle" and panel.unit not in losses:
            losses[panel.unit] = panel.loss
            if panel.unit < 2:
                panel.unit += 1
                assert settings_of(panel)["unit"] == panel.unit
                panel.run()

    panel.observe(next_unit, "state")
    panel.run()
    assert list(losses) == [0, 1, 2]
    assert len(set(losses.values())) == 3


def test_reset_clears_the_canvas_and_keeps_the_settings(make):
    panel = make(unit=3)
    panel.run()
    before = settings_of(panel)
    panel.reset()
    assert (panel.image, panel.live.still, len(panel.live.frames)) == (None, b"", 0)
    assert np.isnan(panel.loss)
    assert settings_of(panel) == before


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
        panel = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=20)
        panel.observe(lambda change: threads.add(threading.current_thread()), ["state", "image", "loss"])
        panel.run()
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if panel.state == "idle" and panel.image is not None:
                break
        assert panel.image is panel._runner.result.image
        panel.close()

    asyncio.run(kernel())
    assert threads == {threading.main_thread()}


def test_code_snapshot_and_bundle(make, monkeypatch):
    panel, shown = make(unit=1), []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    for act in (panel.code, panel.snapshot):
        with pytest.raises(ValueError, match="press Run first"):
            act()
    assert "image/png" not in panel._repr_mimebundle_()
    panel.run()
    panel.snapshot()
    (picture, more), (text, _) = shown
    assert decode(picture["image/png"]).shape == (224, 224, 3)
    assert picture["text/plain"] == panel.code() == text["text/plain"]
    assert more["metadata"]["image/png"]["alt"] == "tiny-conv1-1"
    bundle = panel._repr_mimebundle_()
    assert bundle["image/png"] == panel.live.still
    assert bundle["text/plain"] == "FeatureExplorer('tiny', layer='conv1', unit=1)"
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_a_snapshot_does_not_claim_the_code_of_another_picture(make, monkeypatch):
    panel, shown = make(), []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append(data))
    panel.run()
    panel.image = np.zeros((16, 16, 3))
    panel.snapshot()
    assert shown[0]["text/plain"] == "picture given to the panel"


def test_names_are_data(make):
    name = "<script>alert(1)</script>"
    network = make_network(names=(name, "b", "c"))
    panel = make({name: network}, objective="class")
    assert panel.controls.facts["network"] == name
    assert panel.controls.facts["classes"][0] == name
    panel.run()
    assert panel.save_file("png")[0] == "tiny-class-0.png"


def test_a_panel_is_few_widgets_and_closing_gives_them_back(net):
    ipycanvas.Canvas().close()  # the manager of all canvases is made once
    gc.collect()
    before = set(registry._instances)
    panel = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    assert len(set(registry._instances) - before) <= 60
    panel.run(wait=True)
    panel.close()
    assert len(set(registry._instances) - before) <= 1  # the panel's own layout, which may be shared


def test_closing_ends_the_run_and_the_thread_and_may_be_repeated(make):
    before = threading.active_count()
    panel = make(background=True, steps=100_000)
    panel.run()
    wait(lambda: len(panel.live.frames) > 2)
    began = time.monotonic()
    panel.close()
    assert time.monotonic() - began < 2
    wait(lambda: threading.active_count() <= before, 2)
    panel.close()
    for wait_for_it in (True, False):
        with pytest.raises(ValueError, match="this panel is closed"):
            panel.run(wait=wait_for_it)
    panel.stop()
    panel.pause()
    panel.close()


def test_closing_while_a_network_loads_keeps_none(monkeypatch):
    network, begun, release, loaded = make_network(), threading.Event(), threading.Event(), threading.Event()

    def slowly(name: str) -> Any:
        begun.set()
        release.wait(10)
        loaded.set()
        return network

    monkeypatch.setattr(networks, "_embedded", slowly)
    monkeypatch.setattr("nbfeatviz.widgets.execution.worker._JOIN_SECONDS", 0.05)
    panel = nv.FeatureExplorer()
    assert begun.wait(5)
    panel.close()
    release.set()
    assert loaded.wait(5)
    time.sleep(0.1)
    assert panel.network is None
    with pytest.raises(ValueError, match="closed"):
        panel.unit = 1


def test_a_closed_panel_is_collected_without_a_word(net, monkeypatch):
    unraisable: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    panel = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)
    panel.run(wait=True)
    panel.close()
    reference = weakref.ref(panel)
    del panel
    gc.collect()
    assert reference() is None
    with pytest.raises(ValueError, match="no setting"):
        nv.FeatureExplorer(net, colour=1)
    with pytest.raises(TypeError):
        nv.FeatureExplorer(object())
    gc.collect()
    assert unraisable == []


def test_fifty_runs_do_not_pile_anything_up(make):
    panel = make()

    def live_objects() -> Counter[str]:
        gc.collect()
        return Counter(type(item).__name__ for item in gc.get_objects())

    for _ in range(3):
        panel.run()
    before = live_objects()
    for _ in range(50):
        panel.run()
    grown = {name: count - before[name] for name, count in live_objects().items() if count - before[name] >= 10}
    assert not {name for name in grown if name not in ("tuple", "list", "dict", "frame", "cell", "function")}, grown
    assert sum(grown.values()) < 500, grown
    assert live_objects()[Ascent.__name__] <= before[Ascent.__name__]  # those of failed tests are kept elsewhere


def test_the_settings_are_read_once_a_run(make):
    panel = make()
    settings = panel._settings
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
    panel = make()
    panel.image = source
    assert np.array_equal(panel.photo_controller.picture, nv.read_image(source, size=(16, 16)))
    assert panel.image is panel.photo_controller.picture or np.array_equal(panel.image, panel.photo_controller.picture)
    assert panel.tabs.photo["name"] == ("cat.png" if kind in ("path", "text") else "photo")
    assert np.abs(decode(panel.live.still) - panel.photo_controller.picture).max() < 0.003


NO_PHOTOS = [b"", b"hello", "missing.png", np.zeros((0, 3, 3)), np.zeros((4, 4, 5)), np.full((4, 4, 3), np.nan)]
NO_PHOTOS += [np.full((4, 4, 3), 9.0), object(), {}, 7, True, "x" * 10_000, "https://example.org/cat.png"]


@pytest.mark.parametrize("source", NO_PHOTOS, ids=lambda source: ascii(type(source).__name__))
def test_what_is_no_photo_leaves_the_one_before(make, source: Any):
    panel = make()
    panel.image = PHOTO
    before = (
        panel.image,
        panel.photo_controller.photo,
        panel.photo_controller.picture,
        panel.live.still,
        dict(panel.tabs.photo),
    )
    with pytest.raises((ValueError, TypeError)) as caught:
        panel.image = source
    assert 10 < len(str(caught.value)) < 600
    after = (
        panel.image,
        panel.photo_controller.photo,
        panel.photo_controller.picture,
        panel.live.still,
        dict(panel.tabs.photo),
    )
    assert all(now is then or now == then for now, then in zip(after, before, strict=True))


def test_none_takes_the_photo_away(make):
    panel = make()
    panel.image = PHOTO
    panel.image = None
    assert (panel.photo_controller.photo, panel.tabs.photo, panel.tabs.preview) == (None, {}, b"")
    panel.run()
    assert panel.image is not None


def test_a_photo_while_a_run_is_going_on_in_the_background(make):
    panel = make(background=True, steps=100_000)
    panel.run()
    wait(lambda: len(panel.live.frames) > 2)
    panel.image = PHOTO
    panel.image = 1 - PHOTO
    wait(lambda: len(panel.tabs.predictions) == 3)
    assert panel._runner.busy
    panel.stop()
    wait(lambda: panel.state == "idle")
    alone = make(steps=panel._runner.settings.steps)
    alone.run()
    assert np.array_equal(panel.photo_controller.picture, nv.read_image(1 - PHOTO, size=(16, 16)))
    assert np.array_equal(panel.image, alone.image)


def test_a_run_may_start_from_the_photo(make, net):
    panel = make(start="photo")
    panel.photo_controller.take(panel.photo_controller.read(PHOTO, "a"))
    panel.run()
    unit = nv.objectives.channel("conv1", 0, pre_activation=True)
    expected = nv.maximize(net, unit, recipe="tutorial13", steps=3, start=panel.photo_controller.picture)
    assert np.array_equal(panel.image, expected.image)


def test_none_takes_a_photo_away_that_came_from_the_page(make):
    panel = make()
    panel.photo_controller.receive("a.png", encode_png(np.zeros((8, 8, 3), np.float32)))
    assert panel.photo_controller.photo is not None
    panel.image = None
    assert panel.photo_controller.photo is None


def test_a_reset_of_the_canvas_leaves_the_photo(make):
    panel = make()
    panel.image = np.full((16, 16, 3), 0.5, np.float32)
    panel.reset()
    assert panel.image is None
    assert panel.photo_controller.photo is not None
