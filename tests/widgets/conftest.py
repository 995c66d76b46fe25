"""Panels of a tiny network, closed after the test; and what most tests ask of them."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import Any

import pytest

import nbfeatviz as nv
from nbfeatviz.attribution import methods as registry
from nbfeatviz.attribution.gradients import saliency_steps
from nbfeatviz.synthesis.run import compiled_step
from nbfeatviz.synthesis.run.step_function import step_function
from nbfeatviz.widgets.execution import precompile as ahead
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from tests.synthesis.conftest import make_network


@pytest.fixture(scope="module")
def net():
    return make_network()


@pytest.fixture
def make_panel(net):
    """Makes panels that are quick, and closes them."""
    panels: list[nv.FeatureExplorer] = []

    def made(network: Any = net, *, background: bool = False, **settings: Any) -> nv.FeatureExplorer:
        settings = {"recipe": "tutorial13", "steps": 3} | settings
        panels.append(nv.FeatureExplorer(network, worker=Worker() if background else SameThread(), **settings))
        return panels[-1]

    yield made
    for explorer in panels:
        explorer.close()


@pytest.fixture
def counted(monkeypatch):
    """Counts how often a gradient method is begun."""
    begun: list[int] = []

    def start(question: Any, **options: Any) -> Any:
        begun.append(1)
        return saliency_steps(question, **options)

    for name in ("gradient", "guided"):
        method = dataclasses.replace(registry.METHODS[name], start=start)
        monkeypatch.setitem(registry.METHODS, name, method)
    return begun


@pytest.fixture
def steps_made(monkeypatch):
    """Counts the step functions that are made to be compiled; what a panel traces beside a run is not among them."""
    made: list[int] = []

    def make(*settings: Any) -> Any:
        if threading.current_thread().name != ahead.THREAD:
            made.append(1)
        return step_function(*settings)

    monkeypatch.setattr(compiled_step, "step_function", make)
    return made


def dispatch(explorer: nv.FeatureExplorer, content: Any, buffers: Any = (), tab: str = "") -> None:
    """Does what a message of the page asks for; `tab`: of an Invert, Style or Dream tab."""
    layout = explorer.panel.layout
    commands = layout.invert_style_dream[tab].commands if tab else layout.commands
    for callback in commands._msg_callbacks.callbacks:
        callback(commands, content, buffers)


def wait(condition: Any, seconds: float = 60) -> None:
    """Waits until it holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def error(explorer: Any) -> str:
    """What the panel complains of."""
    return explorer.panel.layout.live.status.get("error", "")
