"""Panels that nobody can reach end; those that a page may show do not."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections.abc import Callable

import ipywidgets
import pytest
from ipywidgets.widgets import widget as registry

import nbfeatviz as nv
from nbfeatviz.widgets.execution.worker import Worker


@pytest.fixture(scope="module")
def net() -> nv.Network:
    return nv.load("mnist-cnn")


def panel(net: nv.Network) -> nv.FeatureExplorer:
    return nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=2)


def counts() -> tuple[int, int]:
    gc.collect()
    return threading.active_count(), len(registry._instances)


def wait(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not done():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_panel_that_was_never_displayed_ends_with_its_variable(net: nv.Network):
    first = panel(net)  # what is made once is made
    first.close()
    del first
    before = counts()
    for _ in range(3):
        explorer = panel(net)
        explorer.run()
        wait(lambda explorer=explorer: explorer.state == "idle" and explorer.image is not None)
    assert counts()[0] > before[0] and counts()[1] > before[1]
    del explorer
    assert counts() == before


def test_within_an_event_loop_it_is_closed_when_that_is_free_and_a_run_in_progress_ends(net: nv.Network):
    worker = Worker()
    before = counts()

    async def dropped() -> tuple[int, int]:
        explorer = nv.FeatureExplorer(net, layer="conv1", recipe="tutorial13", steps=100_000, worker=worker)
        explorer.run()
        runner = explorer.panel.optimize.runner
        while not runner.busy:
            await asyncio.sleep(0.01)
        del explorer, runner
        gc.collect()
        until = time.monotonic() + 20
        while counts() != before and time.monotonic() < until:
            await asyncio.sleep(0.02)
        return counts()

    assert asyncio.run(dropped()) == before


def test_a_panel_that_was_displayed_stays_until_it_is_closed(net: nv.Network):
    explorer = panel(net)
    explorer._repr_mimebundle_()
    reference = weakref.ref(explorer)
    del explorer
    gc.collect()
    shown = reference()
    assert shown is not None and shown.comm is not None
    shown.close()


def test_a_panel_in_a_box_stays_with_it_and_is_found_and_heard(net: nv.Network):
    explorer = panel(net)
    box, model_id = ipywidgets.VBox([explorer]), explorer.model_id
    del explorer
    gc.collect()
    held = box.children[0]
    found = registry._instances[model_id].get_state()  # as a page that is loaded again does
    assert found["_dom_classes"] == ("nbfeatviz-panel",) and found["children"] == held.get_state()["children"]
    message = {"content": {"data": {"method": "update", "state": {"_dom_classes": ["mine"]}}}, "buffers": []}
    held.comm.handle_msg(message)
    assert held._dom_classes == ("mine",)
    held.close()
    box.close()
