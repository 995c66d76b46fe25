"""Runner: one run at a time, on the worker or here, always ending at rest with the last good picture."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import ipycanvas
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz.encoding import decode
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.execution.runner import Runner, in_words
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from tests.synthesis.conftest import Applied, make_one_layer
from tests.widgets.conftest import wait


class Rig:
    """A runner with all it talks to; `steps` and `error` may be changed before a run."""

    def __init__(self, net: Any, worker: Any, layer: str = "conv1", steps: int = 3) -> None:
        self.net, self.layer, self.steps = net, layer, steps
        self.error: BaseException | None = None
        self.live = LiveCanvas(canvas=ipycanvas.Canvas(), commands=Commands())
        self.said: list[tuple[str, str]] = []
        self.progress: list[tuple[float, np.ndarray]] = []
        self.prepared = 0
        self.worker = worker
        self.runner = Runner(worker, self.live, self.prepare, self.set_status, lambda *args: self.progress.append(args))

    def prepare(self) -> Ascent:
        self.prepared += 1
        if self.error is not None:
            raise self.error
        unit = nv.objectives.channel(self.layer, 0)
        return Ascent(self.net, unit, recipe="tutorial13", steps=self.steps)

    def set_status(self, state: str, text: str = "", **more: Any) -> None:
        self.said.append((state, text))
        self.live.set_status(state, text, **more)

    @property
    def complaint(self) -> str:
        return self.live.status["error"]

    def stepping(self, count: int = 1) -> None:
        """Waits until that many steps are done."""
        end = time.monotonic() + 20
        while len(self.live.frames) < count:
            assert time.monotonic() < end
            time.sleep(0.005)

    def rest(self) -> None:
        """Waits until the worker has nothing to do."""
        event = threading.Event()
        self.worker.submit(event.set)
        assert event.wait(20)


@pytest.fixture
def rig(net) -> Rig:
    return Rig(net, SameThread())


@pytest.fixture
def background(net):
    rig = Rig(net, Worker(), steps=100_000)
    yield rig
    rig.worker.close()


def test_a_run_from_start_to_rest(rig: Rig):
    rig.runner.run()
    states = [state for state, _ in rig.said]
    assert (states[0], states[-2:]) == ("compiling", ["running", "idle"])
    assert rig.said[-1][1] == "finished after 3 steps"
    assert not rig.runner.busy
    assert rig.complaint == ""
    assert rig.runner.result is not None
    assert np.abs(decode(rig.live.still) - rig.runner.result.image).max() <= 0.5 / 255 + 1e-6
    assert rig.progress[-1][1] is rig.runner.result.image


def test_the_loss_at_rest_is_that_of_the_last_step(rig: Rig):
    rig.steps = 10
    rig.runner.run()
    unit = nv.objectives.channel("conv1", 0)
    assert rig.progress[-1][0] == list(nv.ascend(rig.net, unit, recipe="tutorial13", steps=10))[-1].loss


def test_running_twice_is_one_run(background: Rig):
    background.runner.run()
    background.runner.run()
    background.stepping()
    assert background.runner.busy
    background.runner.stop()
    background.rest()
    assert background.prepared == 1
    assert [state for state, _ in background.said].count("idle") == 1


def test_run_resumes_a_held_run(background: Rig):
    background.runner.step()
    background.stepping()
    background.runner.run()
    background.stepping(5)
    background.runner.stop()
    background.rest()
    assert background.prepared == 1


def test_stop_and_run_at_once_is_a_new_run(background: Rig):
    background.runner.run()
    background.runner.stop()
    background.steps = 2
    background.runner.run()
    background.rest()
    assert background.said[-1] == ("idle", "finished after 2 steps")
    assert [state for state, _ in background.said].count("idle") == 1  # the first did not say it is at rest


def test_steps_of_a_run_that_is_held(background: Rig):
    for _ in range(3):
        background.runner.step()
    background.stepping(3)
    background.runner.stop()
    background.rest()
    assert background.said[-1] == ("idle", "stopped after 3 steps")
    assert background.prepared == 1


def test_wait_ends_the_run_in_the_background_first(background: Rig):
    background.runner.run()
    background.stepping()
    background.steps = 2
    background.runner.run(wait=True)
    assert background.said[-1] == ("idle", "finished after 2 steps")
    assert background.prepared == 2
    assert not background.runner.busy


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no layer 'x'."), "no layer 'x'."),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
        (ValueError(""), "ValueError: "),
        (KeyError("x"), "KeyError: 'x'"),
    ],
)
def test_an_error_is_said_and_the_picture_stays(rig: Rig, error: Exception, sentence: str):
    rig.runner.run()
    still, result = rig.live.still, rig.runner.result
    rig.error = error
    rig.runner.run()
    assert rig.complaint == in_words(error) == sentence
    assert rig.said[-1] == ("idle", "ended by an error")
    assert (rig.live.still, rig.runner.result) == (still, result)
    rig.error = None
    rig.runner.run()
    assert rig.complaint == ""


def test_a_run_that_meets_nan_keeps_the_last_good_picture():
    nan = float("nan")
    trap = make_one_layer(Applied(lambda x: tf.where(tf.reduce_mean(x) > 0.515, nan, 1.0) * x * x, name="trap"))
    rig = Rig(trap, SameThread(), layer="trap", steps=50)
    rig.runner.run()
    done = len(rig.live.frames)
    assert 1 < done < 50
    assert rig.complaint.startswith(f"step {done}: the loss is not finite")
    assert rig.said[-1] == ("idle", f"ended by an error after {done} steps")
    assert rig.runner.result is not None
    assert np.isfinite(rig.runner.result.image).all()
    assert rig.live.still
    assert math.isfinite(rig.progress[-1][0])


def test_an_interrupt_is_passed_on_after_coming_to_rest(rig: Rig, monkeypatch):
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rig.live, "offer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rig.runner.run(wait=True)
    assert rig.said[-1] == ("idle", "interrupted after 1 steps")
    assert not rig.runner.busy


def test_a_run_whose_picture_cannot_be_shown_comes_to_rest(rig: Rig, monkeypatch):
    def broken(*args: Any) -> None:
        raise OSError("no encoder")

    monkeypatch.setattr(rig.live, "settle", broken)
    rig.runner.run()
    assert rig.said[-1][0] == "idle"
    assert rig.complaint == "OSError: no encoder"


def test_without_a_run_everything_is_harmless(rig: Rig):
    for act in (rig.runner.pause, rig.runner.resume, rig.runner.stop, rig.runner.finish, rig.runner.retarget):
        act()
    assert rig.said == []
    assert rig.runner.result is None


def test_closing_the_worker_stops_the_run(background: Rig):
    background.runner.run()
    background.worker.close()
    assert background.said[-1][0] == "idle"


def test_a_unit_that_is_dead_on_its_start_is_said_below_until_the_next_run(rig: Rig):
    conv = rig.net.model.get_layer("conv1")
    kept = conv.get_weights()
    try:
        conv.set_weights([kept[0], np.full(4, -100.0, np.float32)])  # every ReLU of it is shut
        rig.runner.run()
        assert rig.live.note.startswith("objectives.channel('conv1', 0) is 0 and no gradient led anywhere in")
        assert rig.said[-1] == ("idle", "finished after 3 steps")
        rig.error = ValueError("no such layer.")
        rig.runner.run()
        assert rig.live.note == "", "it is not about the run that could not begin"
        rig.error = None
        conv.set_weights([kept[0], np.full(4, 1.0, np.float32)])
        rig.runner.run()
        assert rig.live.note == ""
    finally:
        conv.set_weights(kept)


def test_a_dead_unit_is_said_of_a_run_that_is_held_too(background: Rig):
    conv = background.net.model.get_layer("conv1")
    kept = conv.get_weights()
    try:
        conv.set_weights([kept[0], np.full(4, -100.0, np.float32)])
        background.runner.step()
        background.stepping(1)
        background.runner.step()
        background.stepping(2)
        wait(lambda: "in 2 steps" in background.live.note)
        wait(lambda: background.live.status["text"] == "paused at step 2/100000")  # said after the note
    finally:
        background.runner.stop()
        background.rest()
        conv.set_weights(kept)
