"""Compiling: on a thread of its own, waited for, and left alone when the person wants something else."""

from __future__ import annotations

import threading
import time
from typing import Any

import keras
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.widgets.execution.run_loop import RunControl, run_loop
from tests.widgets.execution.test_run_loop import Recorder

LIMIT = 60  # seconds after which a test has failed


class Held(keras.layers.Layer):
    """While `shut`, tracing it waits; it takes down on which threads that was."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.open, self.traced, self.threads = threading.Event(), threading.Event(), []
        self.open.set()

    def call(self, inputs: Any) -> Any:
        self.threads.append(threading.current_thread().name)
        self.traced.set()
        assert self.open.wait(LIMIT)
        return inputs


@pytest.fixture
def held():
    """A network with a layer that keeps its trace waiting, and that layer."""
    layer = Held(name="held")
    x = inputs = keras.Input((12, 12, 3))
    x = layer(keras.layers.Conv2D(4, 3, name="conv")(x))
    x = keras.layers.Conv2D(4, 3, name="other")(x)
    net = nv.load(keras.Model(inputs, x), input_range=(0, 1))  # it does not classify, and so predicts nothing
    layer.traced.clear()
    layer.threads.clear()
    layer.open.clear()
    yield net, layer
    layer.open.set()


class Driven:
    """A run on a thread."""

    def __init__(self, ascent: Ascent, at: dict[int, Any] | None = None, paused: bool = False) -> None:
        self.control, self.reporter, self.attended = RunControl(paused=paused), Recorder(at), 0
        self._wish = threading.Event()
        self._thread = threading.Thread(target=lambda: run_loop(ascent, self.control, self.reporter, self._attend))
        self._thread.start()

    def _attend(self) -> bool:
        if not self._wish.is_set():
            return False
        self._wish.clear()
        self.attended += 1
        return True

    def wish(self) -> None:
        self._wish.set()
        self.control.wake()

    def end(self) -> list[Any]:
        self._thread.join(LIMIT)
        assert not self._thread.is_alive()
        return [told for told in self.reporter.told if not isinstance(told, tuple)]


def test_it_is_waited_for_on_another_thread(held):
    net, layer = held
    driven = Driven(Ascent(net, objectives.channel("other", 1), steps=2, recipe="lucid"))
    assert layer.traced.wait(LIMIT)
    assert driven.reporter.told == ["compiling"]
    layer.open.set()
    assert driven.end() == ["compiling", "running", 0, 1]
    assert set(layer.threads) == {"nbfeatviz-compiling"}


def test_stop_does_not_wait_for_it(held):
    net, layer = held
    driven = Driven(Ascent(net, objectives.channel("other", 1), steps=2, recipe="lucid"))
    assert layer.traced.wait(LIMIT)
    driven.control.stop()
    assert driven.end() == ["compiling"]
    assert not layer.open.is_set()


def test_another_target_does_not_wait_for_it(held):
    """A layer before the one that is being traced is compiled and shown meanwhile."""
    net, layer = held
    driven = Driven(Ascent(net, objectives.channel("other", 1), steps=2, recipe="lucid"))
    assert layer.traced.wait(LIMIT)
    driven.control.retarget(objective=objectives.channel("conv", 1), steps=2, recipe="lucid")
    assert driven.end() == ["compiling", "compiling", "running", 0, 1]
    assert not layer.open.is_set()


def test_a_single_step_is_not_lost_by_another_target(held):
    net, layer = held
    driven = Driven(Ascent(net, objectives.channel("other", 1), steps=5, recipe="lucid"), paused=True)
    driven.control.step()
    assert layer.traced.wait(LIMIT)
    driven.control.retarget(objective=objectives.channel("conv", 1), steps=5, recipe="lucid")
    until = time.monotonic() + LIMIT
    while 0 not in driven.reporter.told:
        assert time.monotonic() < until
        time.sleep(0.01)
    driven.control.stop()
    assert [told for told in driven.end() if isinstance(told, int)] == [0]


def test_short_work_is_done_meanwhile(held):
    net, layer = held
    driven = Driven(Ascent(net, objectives.channel("other", 1), steps=1, recipe="lucid"))
    assert layer.traced.wait(LIMIT)
    driven.wish()
    until = time.monotonic() + LIMIT
    while not driven.attended:
        assert time.monotonic() < until
        time.sleep(0.01)
    layer.open.set()
    assert driven.end() == ["compiling", "running", 0]


def test_what_goes_wrong_is_raised_by_the_run():
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3, name="conv")(inputs))
    net = nv.load(keras.Model(inputs, keras.layers.Dense(2, name="head")(x)), input_range=(0, 1))
    ascent = Ascent(net, objectives.class_logit(1), size=(16, 16), steps=2, recipe="lucid")
    with pytest.raises(ValueError, match="16×16 pixels"):
        run_loop(ascent, RunControl(), Recorder())


def test_a_run_does_not_wait_until_predicting_is_compiled(held):
    """Only the layers up to the one that is looked at are traced for the steps; the prediction needs them all."""
    net, layer = held
    x = keras.layers.GlobalAveragePooling2D()(net.model.output)
    layer.open.set()
    net = nv.load(keras.Model(net.model.input, x), input_range=(0, 1))
    layer.open.clear()
    layer.traced.clear()
    driven = Driven(Ascent(net, objectives.channel("conv", 1), steps=1_000_000, recipe="lucid"))
    assert layer.traced.wait(LIMIT)
    count = len(driven.reporter.told)
    until = time.monotonic() + LIMIT
    while len(driven.reporter.told) < count + 5:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not any(isinstance(told, tuple) for told in driven.reporter.told)
    layer.open.set()
    while not any(isinstance(told, tuple) for told in driven.reporter.told):
        assert time.monotonic() < until
        time.sleep(0.01)
    driven.control.stop()
    driven.end()
