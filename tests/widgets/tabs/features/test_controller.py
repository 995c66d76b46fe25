"""FeaturesController in a panel: sheets emerge, exclude a run, and one picture is gone on with exactly."""

from __future__ import annotations

import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import ipycanvas
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.encoding import decode, stretched
from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.widgets.canvas import flow_control as flow_control
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.tabs.features.view import FeaturesView, tiled
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView
from tests.widgets.conftest import dispatch, error, wait


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv2")


def cut(explorer: nv.FeatureExplorer) -> list[np.ndarray]:
    """The pictures as the page cuts them out of the sheet."""
    sheet, places = decode(explorer.panel.layout.features.sheet), explorer.panel.layout.features.places
    (height, width), (high, wide), columns = places["cell"], places["stride"], places["columns"]
    return [
        sheet[k // columns * high :, k % columns * wide :][:height, :width]
        for k in range(len(explorer.panel.layout.features.cells))
    ]


def test_a_sheet_is_that_of_maximize_grid(make, net):
    explorer = make()
    explorer.panel.features.change("look", "plain")
    dispatch(explorer, {"kind": "sheet-run"})
    assert error(explorer) == ""
    units = range(5)
    grid = nv.maximize_grid(net, "conv2", units, pre_activation=True, recipe="tutorial13", steps=3)
    assert [cell["title"] for cell in explorer.panel.layout.features.cells] == [f"unit {unit}" for unit in units]
    for one, other in zip(cut(explorer), grid.images, strict=True):
        assert np.abs(one - other).max() < 0.003
    np.testing.assert_allclose(explorer.panel.layout.features.losses, grid.steps[-1].loss, rtol=1e-4)
    progress = explorer.panel.layout.features.progress
    assert (progress["state"], progress["done"], progress["total"]) == ("idle", 3, 3)
    assert (explorer.state, explorer.image) == ("idle", None)  # the canvas is another's


def test_the_look_changes_without_a_run(make):
    explorer = make()
    explorer.panel.features.run()
    each = cut(explorer)
    assert all(picture.min() == 0 and picture.max() == 1 for picture in each)
    dispatch(explorer, {"kind": "sheet-set", "name": "look", "value": "together"})
    together = cut(explorer)
    assert (min(picture.min() for picture in together), max(picture.max() for picture in together)) == (0, 1)
    dispatch(explorer, {"kind": "sheet-set", "name": "look", "value": "plain"})
    assert all(picture.min() > 0 for picture in cut(explorer))


def test_only_a_corner_of_each_picture_is_shown(make):
    """The tutorial's `show_size`: cut, and then stretched."""
    explorer = make()
    explorer.panel.features.run()
    whole = explorer.panel.layout.features._latest[0]
    dispatch(explorer, {"kind": "sheet-set", "name": "show_size", "value": 7})
    assert explorer.panel.layout.features.places["cell"] == [7, 7]
    for one, picture in zip(cut(explorer), whole, strict=True):
        assert (one.min(), one.max()) == (0, 1)
        assert np.abs(one - stretched(picture[None, :7, :7])[0]).max() < 0.003
    dispatch(explorer, {"kind": "sheet-set", "name": "show_size", "value": None})
    assert explorer.panel.layout.features.places["cell"] == [16, 16]


def test_step_counts_and_objectives_side_by_side(make, net):
    explorer = make(unit=2)
    for name, value in (("what", "steps"), ("step_counts", "1, 4"), ("look", "plain")):
        dispatch(explorer, {"kind": "sheet-set", "name": name, "value": value})
    dispatch(explorer, {"kind": "sheet-run"})
    assert error(explorer) == ""
    unit = nv.objectives.channel("conv2", 2, pre_activation=True)
    for one, steps in zip(cut(explorer), (1, 4), strict=True):
        assert np.abs(one - nv.maximize(net, unit, recipe="tutorial13", steps=steps).image).max() < 0.003
    dispatch(explorer, {"kind": "sheet-set", "name": "what", "value": "objectives"})
    dispatch(explorer, {"kind": "sheet-run"})
    held = unit - nv.objectives.others("conv2", 2, pre_activation=True)
    for one, objective in zip(cut(explorer), (unit, held), strict=True):
        assert np.abs(one - nv.maximize(net, objective, recipe="tutorial13", steps=3).image).max() < 0.003
    dispatch(explorer, {"kind": "sheet-open", "place": 1})
    assert explorer.panel.settings.target(net) == held
    assert error(explorer) == ""


def test_the_heading_is_the_sheets_own(make):
    explorer = make()
    explorer.panel.features.run()
    explorer.layer = "conv1"
    assert (explorer.panel.layout.features.heading, explorer.panel.layout.features.facts["layer"]) == ("conv2", "conv1")


@pytest.mark.parametrize(("what", "place"), [("units", 4), ("seeds", 1), ("recipes", 1)])
def test_one_is_gone_on_with_from_exactly_where_it_was(make, net, what: str, place: int):
    explorer = make(unit=2, seed=5)
    for name, value in (("what", what), ("count", 5), ("recipes", ["lucid", "tutorial13"])):
        dispatch(explorer, {"kind": "sheet-set", "name": name, "value": value})
    explorer.panel.features.run()
    explorer.panel.photo.open("features")
    explorer.layer = "conv1"  # looked at meanwhile
    result = explorer.panel.features._runs.results()[place]
    dispatch(explorer, {"kind": "sheet-open", "place": place})
    assert error(explorer) == ""
    assert explorer.panel.layout.tabs.tab == "optimize"
    assert explorer.layer == "conv2"
    assert explorer.unit == (4 if what == "units" else 2)
    assert explorer.seed == (6 if what == "seeds" else 5)
    assert explorer.recipe == "tutorial13"
    assert explorer.panel.layout.controls.settings["start"] == "image"
    settings = explorer.panel.optimize.runner.settings
    assert settings.start == result.settings
    again = nv.maximize(net, settings.objective, recipe="tutorial13", steps=3, seed=settings.seed, start=result)
    assert np.array_equal(explorer.image, again.image)
    assert explorer.code().count("nv.maximize(") == 2


def test_a_sheet_and_a_run_take_each_others_place(make):
    explorer = make(background=True, steps=100_000)
    explorer.run()
    wait(lambda: len(explorer.panel.layout.live.frames) > 2)
    dispatch(explorer, {"kind": "sheet-run"})
    wait(lambda: explorer.panel.layout.features.progress.get("done", 0) > 2)
    wait(lambda: explorer.state == "sheet")
    assert not explorer.panel.optimize.runner.busy
    assert explorer.panel.layout.live.status["text"].startswith("sheet: step")
    explorer.run()
    wait(lambda: explorer.state == "running")
    assert not explorer.panel.features.busy
    wait(lambda: explorer.panel.layout.features.progress["state"] == "idle")
    assert explorer.panel.layout.features.sheet  # its pictures stay
    dispatch(explorer, {"kind": "sheet-open", "place": 1})
    wait(
        lambda: (
            explorer.panel.optimize.runner.settings is not None
            and explorer.panel.optimize.runner.settings.start is not None
        )
    )
    assert explorer.unit == 1
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    assert error(explorer) == ""


def test_stop_ends_a_sheet(make):
    explorer = make(background=True, steps=100_000)
    explorer.panel.features.run()
    explorer.panel.features.run()  # is no second one
    wait(lambda: explorer.panel.layout.features.progress.get("done", 0) > 1)
    dispatch(explorer, {"kind": "sheet-stop"})
    wait(lambda: explorer.state == "idle" and explorer.panel.layout.features.progress["state"] == "idle")
    assert "stopped after" in explorer.panel.layout.features.progress["text"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "sheet-open", "place": 0}, "no sheet yet"),
    ({"kind": "sheet-save"}, "no sheet to save yet"),
    ({"kind": "sheet-set", "name": "units", "value": "9"}, "unit 9 is not there"),
    ({"kind": "sheet-set", "name": "look"}, "without 'value'"),
]


@pytest.mark.parametrize(("message", "sentence"), WRONG)
def test_what_is_not_possible_is_said(make, message: dict[str, Any], sentence: str):
    explorer = make()
    dispatch(explorer, message)
    assert sentence in error(explorer)


@pytest.mark.parametrize("place", [-1, 5, "1", None, True])
def test_a_picture_that_is_not_there(make, place: Any):
    explorer = make()
    explorer.panel.features.run()
    dispatch(explorer, {"kind": "sheet-open", "place": place})
    assert "pictures 0 to 4" in error(explorer)


def test_the_sheet_as_a_file(make, monkeypatch):
    explorer, files = make(), []
    explorer.panel.features.run()
    monkeypatch.setattr(explorer.panel.layout.live, "deliver", lambda *file: files.append(file))
    dispatch(explorer, {"kind": "sheet-save"})
    ((name, kind, data),) = files
    assert (name, kind, decode(data).shape) == ("sheet-units.png", "image/png", (34, 52, 3))


def test_another_network_has_no_sheet_yet(make):
    explorer = make()
    explorer.panel.features.run()
    explorer.panel.features.network_changed(explorer.network)
    assert (explorer.panel.layout.features.cells, explorer.panel.layout.features.sheet) == ([], b"")
    dispatch(explorer, {"kind": "sheet-open", "place": 0})
    assert "no sheet yet" in error(explorer)


@pytest.fixture
def tab(monkeypatch) -> FeaturesView:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(flow_control, "time", SimpleNamespace(monotonic=lambda: clock.now))
    commands = Commands()
    live = LiveCanvas(canvas=ipycanvas.Canvas(), commands=commands)
    tab = FeaturesView(live=live, commands=commands, controls=OptimizeView(live=live, commands=commands))
    tab.sent, tab.clock = [], clock
    monkeypatch.setattr(tab, "send", lambda content, buffers=(): tab.sent.append(content))
    return tab


def offer(tab: FeaturesView, index: int) -> None:
    tab.clock.now += 0.02
    pictures = np.full((5, 20, 12, 3), index / 100, np.float32)
    tab.offer(Step(index, np.arange(5) + index, pictures, None, None, None))


def test_a_slow_page_gets_the_latest_sheet_and_no_queue(tab: FeaturesView):
    tab.begin()
    for index in range(20):
        offer(tab, index)
    frames = [content for content in tab.sent if content["kind"] == "sheet"]
    assert [frame["step"] for frame in frames] == [0, 1]
    tab.acknowledge(frames[-1]["sequence"])
    assert tab.sent[-1]["step"] == 19
    assert tab.sent[-1]["losses"] == [19.0, 20.0, 21.0, 22.0, 23.0]
    tab.restore()  # the page was loaded again
    tab.clock.now += 1
    tab.restore()
    assert tab.sent[-1]["step"] == 19


def test_a_loss_that_is_no_number_can_be_sent(tab: FeaturesView):
    tab.offer(Step(0, np.array([np.nan, 1.0]), np.zeros((2, 4, 4, 1), np.float32), None, None, None))
    assert tab.sent[-1]["losses"] == [None, 1.0]


def test_pictures_lie_on_whole_blocks():
    pictures = np.random.default_rng(0).random((5, 28, 20, 1)).astype(np.float32)
    sheet, places = tiled(pictures)
    assert places == {"columns": 3, "rows": 2, "cell": [28, 20], "stride": [32, 32]}
    assert sheet.shape == (64, 96, 1)
    assert np.array_equal(sheet[32:60, 32:52], pictures[4])
    assert np.array_equal(sheet[28:32, :20], np.repeat(pictures[0][27:], 4, axis=0))


def test_stretching_leaves_one_colour_as_it_is():
    pictures = np.stack([np.full((2, 2, 1), 0.4), np.array([[0.2, 0.3], [0.4, 0.6]])[..., None]]).astype(np.float32)
    each = stretched(pictures)
    assert np.array_equal(each[0], pictures[0])
    assert (each[1].min(), each[1].max()) == (0, 1)
    assert stretched(pictures, together=True)[0].max() == pytest.approx(0.5)


def test_time_is_not_wasted_on_sheets_that_nobody_gets(tab: FeaturesView, monkeypatch):
    from nbfeatviz.widgets.tabs.features import view as features_tab

    encoded: list[int] = []
    monkeypatch.setattr(features_tab, "encode_jpeg", lambda sheet: encoded.append(1) or b"")
    tab.begin()
    begun = time.monotonic()
    for index in range(30):
        offer(tab, index)
    assert len(encoded) == 2 and time.monotonic() - begun < 5
