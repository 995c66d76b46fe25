"""UnitMonitor: facts about the other units arrive, and no step waits for them."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis import quality, unit_responses
from nbfeatviz.synthesis.unit_responses import FEWEST_PHOTOGRAPHS, PHOTOGRAPHS, Rises
from nbfeatviz.widgets.caption import key
from nbfeatviz.widgets.execution.unit_monitor import UnitMonitor, as_page
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import wait

UNIT = objectives.channel("conv2", 1, pre_activation=True)


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv2", unit=1, steps=20)


def test_after_a_run_the_panel_says_what_rises_says(make, net):
    explorer = make()
    explorer.run()
    result = nv.maximize(net, UNIT, recipe="tutorial13", steps=20)
    wanted = as_page(nv.rises(net, UNIT, result.image, start=result.frames[0]), key(net, UNIT))
    assert explorer.panel.layout.live.rises["of"] == wanted["of"] == explorer.panel.layout.live.subjects[-1][2]
    assert explorer.panel.layout.live.rises["most"][0][0] == wanted["most"][0][0]
    assert (explorer.panel.layout.live.rises["layer"], explorer.panel.layout.live.rises["unit"]) == ("conv2", 1)
    np.testing.assert_allclose(
        explorer.panel.layout.live.rises["rises"], wanted["rises"], atol=0.05
    )  # the first frame is a JPEG
    assert explorer.panel.layout.live.rises["percentile"] == wanted["percentile"]
    assert explorer.panel.layout.live._facts["high_frequency"] == quality.high_frequency_ratio(explorer.image), (
        "all facts are of the last picture"
    )
    photos = [sample.path for sample in nv.samples.ALL]
    assert explorer.panel.layout.live.rises["photographs"] == quality.natural(photos, (16, 16)).high_frequency_ratio
    explorer.reset()
    assert explorer.panel.layout.live.rises == {}


def seen(unit_monitor: UnitMonitor, ascent: Any) -> None:
    """Two pictures of a run."""
    unit_monitor.see(ascent, next(ascent).image, first=True)
    unit_monitor.see(ascent, next(ascent).image)


def test_a_first_chart_says_of_how_many_photographs_it_is():
    shown: list[dict[str, Any]] = []
    net = make_network()
    ascent = nv.ascend(net, UNIT, recipe="tutorial13", steps=5)
    unit_monitor = UnitMonitor(SameThread(), shown.append)
    seen(unit_monitor, ascent)
    assert [page["parts"] for page in shown] == [[FEWEST_PHOTOGRAPHS, PHOTOGRAPHS], *[[PHOTOGRAPHS, PHOTOGRAPHS]] * 2]
    assert ["photographs" in page for page in shown] == [False, True, True]
    halves = range(2 * FEWEST_PHOTOGRAPHS + 1)
    assert shown[0]["percentile"] in [round(100 * half / 2 / FEWEST_PHOTOGRAPHS, 1) for half in halves]


def test_what_is_expected_is_there_with_the_first_picture():
    shown: list[dict[str, Any]] = []
    ascent = nv.ascend(make_network(), UNIT, recipe="tutorial13", steps=5)
    unit_monitor = UnitMonitor(SameThread(), shown.append)
    unit_monitor.expect(ascent)
    assert shown == []
    seen(unit_monitor, ascent)
    assert [page["parts"] for page in shown] == [[PHOTOGRAPHS, PHOTOGRAPHS]] * 2
    unit_monitor.expect(
        nv.ascend(ascent.network, objectives.deep_dream("conv2"), recipe="tutorial13")
    )  # of no single unit
    unit_monitor.see(ascent, next(ascent).image)
    assert len(shown) == 3


def test_photographs_are_measured_before_run_is_pressed(make):
    net = make_network()
    explorer = make(net, background=True)
    key = UNIT.resolved(net).terms[0][1].tap

    def known() -> list[int]:
        return [len(values) for at, values in unit_responses._known.get(net, {}).items() if at[1] == key]

    wait(lambda: known() == [PHOTOGRAPHS])
    pages: list[Any] = []
    explorer.panel.layout.live.observe(lambda change: pages.append(change["new"]), "rises")
    explorer.run()
    wait(lambda: bool(pages))
    assert pages[0]["parts"] == [PHOTOGRAPHS, PHOTOGRAPHS]


def test_a_run_that_must_be_compiled_is_expected(make, monkeypatch):
    told: list[Any] = []
    monkeypatch.setattr(UnitMonitor, "expect", lambda self, ascent: told.append(ascent.done))
    explorer = make(make_network())  # nothing is compiled ahead in the same thread
    explorer.run()
    assert told == [0]
    explorer.run()
    assert told == [0], "there was nothing to wait for"


def test_it_follows_a_run_and_its_target(make):
    explorer = make(background=True, steps=1_000_000)
    explorer.run()
    wait(lambda: explorer.panel.layout.live.rises.get("unit") == 1)
    explorer.unit = 3
    wait(lambda: explorer.panel.layout.live.rises.get("unit") == 3)
    explorer.layer = "conv1"
    wait(lambda: explorer.panel.layout.live.rises.get("layer") == "conv1")
    assert len(explorer.panel.layout.live.rises["rises"]) == 4
    explorer.pause()
    wait(lambda: explorer.state == "paused")
    explorer.stop()
    wait(lambda: explorer.state == "idle")
    assert explorer.panel.layout.live.status["error"] == ""


def test_no_step_waits_for_it(make, monkeypatch):
    held = threading.Event()
    measured = unit_responses._units
    monkeypatch.setattr(unit_responses, "_units", lambda *given: held.wait(20) and measured(*given))
    explorer = make(background=True, steps=1_000_000)
    try:
        explorer.run()
        wait(lambda: len(explorer.panel.layout.live.frames) > 5)
        frames = len(explorer.panel.layout.live.frames)
        wait(lambda: len(explorer.panel.layout.live.frames) > frames + 5)
        assert explorer.panel.layout.live.rises == {}
        explorer.stop()
        wait(lambda: explorer.state == "idle")
    finally:
        held.set()
    wait(lambda: explorer.panel.layout.live.rises != {})  # of the last picture
    again = explorer.panel.optimize.unit_monitor
    wait(lambda: not again._working)


def test_what_goes_wrong_is_nobodys_loss(make, monkeypatch):
    def broken(*given: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(unit_responses, "_units", broken)
    explorer = make()
    explorer.run()
    assert (explorer.panel.layout.live.rises, explorer.panel.layout.live.status["error"], explorer.state) == (
        {},
        "",
        "idle",
    )


def test_a_sheet_is_not_looked_at(make):
    explorer = make(steps=2)
    explorer.panel.features.run()
    assert explorer.panel.layout.live.rises == {}


def test_a_closed_monitor_has_no_thread(net):
    shown: list[dict[str, Any]] = []
    unit_monitor = UnitMonitor(Worker(), shown.append)
    ascent = nv.ascend(net, UNIT, recipe="tutorial13", steps=2)
    unit_monitor.see(ascent, next(ascent).image, first=True)
    wait(lambda: bool(shown))
    thread = unit_monitor._worker._thread
    unit_monitor.close()
    begun = time.monotonic()
    wait(lambda: thread is None or not thread.is_alive())
    assert time.monotonic() - begun < 5
    unit_monitor.see(ascent, next(ascent).image)
    assert not unit_monitor._working


def test_digits_are_not_compared_with_photographs(make_panel):
    explorer = make_panel(network=nv.load("mnist-cnn"), layer="conv2", unit=1, steps=3)
    explorer.run()
    assert explorer.panel.layout.live.rises == {}
    assert explorer.image is not None


def test_what_the_page_is_told_can_be_sent():
    natural = np.array([[0.0], [1.0]])
    page = as_page(Rises("conv", 0, np.array([np.nan]), np.zeros(1), natural), "a picture")
    assert (page["rises"], page["selectivity"], page["most"]) == ([0.0], None, [])
