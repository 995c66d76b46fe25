"""Ahead: what will be asked next is traced once, on a thread of its own, and never gets in the way."""

from __future__ import annotations

import threading
import time
from typing import Any

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.compiled import Pass
from nbfeatviz.attribution.passes import gradient_pass, layers_pass, shared_pass
from nbfeatviz.attribution.question import asked
from nbfeatviz.widgets.execution.precompile import Precompiler
from tests.synthesis.conftest import make_network

PICTURE = np.full((16, 16, 3), 0.5, np.float32)


@pytest.fixture
def ahead():
    made: list[Precompiler] = []

    def make(network: Any) -> Precompiler:
        made.append(Precompiler(lambda: network))
        return made[-1]

    yield make
    for one in made:
        one.close()


def idle(ahead: Precompiler) -> None:
    event = threading.Event()
    ahead._worker.submit(event.set)
    assert event.wait(60)


def wait_busy(ahead: Precompiler) -> None:
    end = time.monotonic() + 60
    while not ahead.busy:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_maps_and_gradients_are_compiled_and_once(ahead, monkeypatch):
    net = make_network()
    question = asked(net, PICTURE, 1)
    one = ahead(net)
    submitted: list[Any] = []
    submit = one._worker.submit
    monkeypatch.setattr(one._worker, "submit", lambda job: (submitted.append(job), submit(job)))
    for _ in range(3):
        one.prepare(question)
    one.prepare(asked(net, 1 - PICTURE, 2))  # another class and photo need the same passes
    assert len(submitted) == 2  # the prediction, and one pass for all layers
    idle(one)
    assert layers_pass(question, "conv2").compiled
    assert not gradient_pass(question).compiled  # the other serves the picture too
    assert not one.busy


def test_for_a_network_that_is_no_longer_in_use_nothing_is_traced(ahead):
    net = make_network()
    one = ahead(None)
    one.prepare(asked(net, PICTURE, 1))
    idle(one)
    assert not layers_pass(asked(net, PICTURE, 1), "conv2").compiled
    assert not one.busy


@pytest.mark.parametrize("case", ["no layer with positions", "a unit of the first layer"])
def test_where_no_map_can_be_made_gradients_are_compiled_alone(ahead, case: str):
    if case == "a unit of the first layer":
        net = make_network()
        question = asked(net, PICTURE, nv.objectives.channel("entry", 0))
    else:
        picture = keras.Input((4, 4, 1))
        net = nv.load(keras.Model(picture, keras.layers.Dense(3)(keras.layers.Flatten()(picture))), input_range=(0, 1))
        question = asked(net, PICTURE[:4, :4, :1], 1)
    one = ahead(net)
    one.prepare(question)
    idle(one)
    assert (shared_pass(question) or gradient_pass(question)).compiled


def test_what_the_first_photo_needs_is_compiled_before_it_comes(ahead):
    net = make_network()
    one = ahead(net)
    one.expect(net)
    wait_busy(one)
    idle(one)
    assert not one.busy
    assert net.is_compiled(("predict", (1, 16, 16, 3)))
    assert layers_pass(asked(net, PICTURE, 2), "conv2").compiled


def test_what_is_asked_at_once_goes_before(ahead):
    net = make_network()
    one = ahead(net)
    one.expect(net)
    one.postpone()
    idle(one)
    assert not layers_pass(asked(net, PICTURE, 2), "conv2").compiled
    one.expect(net)  # and is taken up later
    idle(one)
    assert layers_pass(asked(net, PICTURE, 2), "conv2").compiled


def test_an_error_while_tracing_is_no_matter(ahead, monkeypatch):
    def fail(self: Any) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Pass, "prepare", fail)
    net = make_network()
    one = ahead(net)
    one.prepare(asked(net, PICTURE, 1))
    idle(one)
    monkeypatch.undo()
    assert not layers_pass(asked(net, PICTURE, 1), "conv2").compiled
    assert not one.busy


def test_a_closed_one_begins_no_thread():
    before = threading.active_count()
    net = make_network()
    one = Precompiler(lambda: net)
    one.close()
    one.prepare(asked(net, PICTURE, 1))
    time.sleep(0.05)
    assert threading.active_count() == before
