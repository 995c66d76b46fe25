"""Control and drive: pause, single steps, stop and retarget, in every order that a person can press them."""

from __future__ import annotations

import dataclasses
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.widgets.execution import run_loop as run
from nbfeatviz.widgets.execution import run_reporter as watching
from nbfeatviz.widgets.execution.run_loop import RunControl, run_loop
from nbfeatviz.widgets.execution.run_reporter import RunReporter


class FakeAscent:
    """Counts to `steps` and takes down what it is aimed at."""

    def __init__(self, steps: int = 5, classifies: bool = False) -> None:
        self.steps, self.done, self.compiled = steps, 0, True
        self.targets: list[dict[str, Any]] = []
        self.network = SimpleNamespace(classifies=classifies, probabilistic=classifies)
        self.predicted = 0

    def __next__(self) -> Step:
        if self.done >= self.steps:
            raise StopIteration
        self.done += 1
        return Step(self.done - 1, 1.0, np.zeros((2, 2, 1), np.float32), -1.0, 1.0, 0.1)

    predicts = True

    def upcoming(self) -> tuple[Any, ...]:
        return ()

    def retarget(self, **target: Any) -> None:
        if target.get("unit") == "wrong":
            raise ValueError("no such unit.")
        self.targets.append(target)

    def predict(self, image: np.ndarray) -> tuple[int, str, float]:
        self.predicted += 1
        return 3, "bee", 0.5

    def picture(self) -> np.ndarray:
        return np.full((2, 2, 1), self.done, np.float32)


class Recorder:
    """An observer that keeps what it is told; `at` does something after that many steps."""

    def __init__(self, at: dict[int, Any] | None = None, on_hold: Any = None) -> None:
        self.told: list[Any] = []
        self.at, self.on_hold = at or {}, on_hold
        self.shown: list[int] = []

    def compiled(self, ascent: Any) -> None:
        pass

    def compiling(self, ascent: Any) -> None:
        self.told.append("compiling")

    def running(self, ascent: Any) -> None:
        self.told.append("running")

    def holding(self, ascent: Any) -> None:
        self.told.append("holding")
        if self.on_hold is not None:
            self.on_hold(self)

    def refused(self, error: Exception) -> None:
        self.told.append(str(error))

    def stepped(self, step: Step, show: bool) -> None:
        self.told.append(step.index)
        if show:
            self.shown.append(step.index)
        self.at.get(step.index, lambda: None)()

    def predicted(self, prediction: Any) -> None:
        self.told.append(prediction)


def test_a_run_does_all_its_steps():
    reporter = Recorder()
    run_loop(FakeAscent(3), RunControl(), reporter)
    assert reporter.told == ["running", 0, 1, 2]


def test_stop_ends_the_run_before_its_next_step():
    control = RunControl()
    reporter = Recorder({1: control.stop})
    run_loop(FakeAscent(), control, reporter)
    assert reporter.told == ["running", 0, 1]
    assert control.stopped


def test_a_stopped_control_does_nothing():
    control, ascent = RunControl(), FakeAscent()
    control.stop()
    run_loop(ascent, control, Recorder())
    assert ascent.done == 0


def test_pause_and_resume():
    control = RunControl()
    reporter = Recorder({1: control.pause}, on_hold=lambda _: control.resume())
    run_loop(FakeAscent(4), control, reporter)
    assert reporter.told == ["running", 0, 1, "holding", "running", 2, 3]


def test_single_steps_of_a_held_run():
    control = RunControl(paused=True)

    def on_hold(reporter: Recorder) -> None:
        held = reporter.told.count("holding")
        if held == 1:
            control.step()
        elif held == 2:
            control.step()
            control.step()
        else:
            control.stop()

    reporter = Recorder(on_hold=on_hold)
    run_loop(FakeAscent(), control, reporter)
    assert reporter.told == ["holding", "running", 0, "holding", "running", 1, 2, "holding"]


def test_single_steps_that_were_not_done_do_not_outlive_a_resume():
    control = RunControl(paused=True)
    control.step()
    control.step()
    control.resume()
    control.step()  # not held: there is nothing to do a single step of
    reporter = Recorder({0: control.pause}, on_hold=lambda _: control.stop())
    run_loop(FakeAscent(), control, reporter)
    assert reporter.told == ["running", 0, "holding"]


def test_stop_while_paused_is_heard_from_another_thread():
    control, holding = RunControl(paused=True), threading.Event()
    reporter = Recorder(on_hold=lambda _: holding.set())
    thread = threading.Thread(target=run_loop, args=(FakeAscent(), control, reporter))
    thread.start()
    assert holding.wait(5)
    control.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert reporter.told == ["holding"]


def test_of_several_retargets_the_last_counts():
    control, ascent = RunControl(), FakeAscent(3)

    def move() -> None:
        for unit in range(5):
            control.retarget(unit=unit)

    run_loop(ascent, control, Recorder({0: move}))
    assert ascent.targets == [{"unit": 4}]


def test_while_a_target_waits_nothing_is_shown_of_the_old_one_but_the_first_of_each_is():
    control = RunControl()

    class Aimed(FakeAscent):
        def __next__(self) -> Step:
            if self.done in (1, 3):
                control.retarget(unit=self.done)
            return super().__next__()

    reporter = Recorder()
    run_loop(Aimed(5), control, reporter)
    assert [told for told in reporter.told if told != "running"] == [0, 1, 2, 3, 4]
    assert reporter.shown == [0, 2, 4]
    moved, reporter = RunControl(), Recorder()

    class Moved(FakeAscent):
        """Of each step the first after a retarget."""

        def __next__(self) -> Step:
            moved.retarget(unit=self.done)
            return dataclasses.replace(super().__next__(), index=0)

    run_loop(Moved(4), moved, reporter)
    assert reporter.shown == [0, 0, 0, 0]


def test_a_rest_ends_as_soon_as_the_person_wants_something():
    for want in (RunControl.stop, lambda control: control.retarget(unit=1)):
        control, begun = RunControl(), time.monotonic()
        threading.Timer(0.02, want, [control]).start()
        control.rest(20)
        assert time.monotonic() - begun < 10
    RunControl().rest(0.001)


def test_a_wrong_target_is_said_and_the_run_goes_on():
    control, ascent = RunControl(), FakeAscent(3)
    reporter = Recorder({0: lambda: control.retarget(unit="wrong")})
    run_loop(ascent, control, reporter)
    assert reporter.told == ["running", 0, "no such unit.", "running", 1, 2]


def test_a_retarget_while_paused_waits_for_the_next_step():
    control, ascent = RunControl(paused=True), FakeAscent()

    def on_hold(reporter: Recorder) -> None:
        if len(reporter.told) == 1:
            control.retarget(unit=7)
            control.step()
        else:
            control.stop()

    run_loop(ascent, control, Recorder(on_hold=on_hold))
    assert ascent.targets == [{"unit": 7}]
    assert ascent.done == 1


def test_compiling_is_said_before_the_step_that_needs_it():
    ascent = FakeAscent(2)
    ascent.compiled = False
    reporter = Recorder({0: lambda: setattr(ascent, "compiled", True)})
    run_loop(ascent, RunControl(), reporter)
    assert reporter.told == ["compiling", "running", 0, 1]


@pytest.mark.parametrize(("seconds", "fewest", "most"), [(0.001, 8, 11), (0.1, 2, 4)])
def test_predictions_come_at_most_twice_a_second_and_take_a_small_share(
    monkeypatch, seconds: float, fewest: int, most: int
):
    now = [0.0]
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now[0]))

    class Timed(FakeAscent):
        def __next__(self) -> Step:
            now[0] += 0.05
            return super().__next__()

        def predict(self, image: np.ndarray) -> tuple[int, str, float]:
            now[0] += seconds
            return super().predict(image)

    ascent = Timed(100, classifies=True)  # 5 s
    run_loop(ascent, RunControl(), Recorder())
    assert fewest <= ascent.predicted <= most


def test_a_single_step_is_predicted():
    ascent = FakeAscent(1, classifies=True)
    run_loop(ascent, RunControl(), Recorder())
    assert ascent.predicted == 1


def test_a_network_without_classes_is_not_asked_for_one():
    ascent = FakeAscent(5)
    run_loop(ascent, RunControl(), Recorder())
    assert ascent.predicted == 0


def test_the_panel_is_told_of_loss_and_picture_a_few_times_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: now[0]))
    offered: list[Step] = []
    told: list[tuple[float, np.ndarray]] = []
    measured: list[dict[str, float]] = []
    live: Any = SimpleNamespace(offer=offered.append, settle=lambda picture: None, measured=measured.append)
    reporter = RunReporter(live, lambda *args, **more: None, lambda loss, image: told.append((loss, image)))
    for k in range(100):
        now[0] += 0.01
        reporter.stepped(Step(k, float(k), np.zeros((2, 2, 1), np.float32), 0.0, 0.0, 0.0), True)
    assert [step.index for step in offered] == list(range(100))
    assert 4 <= len(told) <= 6
    assert measured == [{"saturation": 1.0, "high_frequency": 0.0}] * 2  # black
    assert reporter.loss == 99.0


@pytest.mark.parametrize("done", [0, 4])
def test_a_held_run_shows_its_picture_for_good(done: int):
    ascent, settled, told, said = FakeAscent(), [], [], []
    ascent.done = done
    live: Any = SimpleNamespace(settle=settled.append, offer=lambda step: None, measured=lambda facts: None)
    reporter = RunReporter(live, lambda *args, **more: said.append((args, more)), lambda *args: told.append(args))
    reporter.holding(ascent)
    assert said == [(("paused", f"paused at step {done}/5"), {"steps": 5})]
    assert [float(picture.max()) for picture in settled] == ([4.0] if done else [])
    assert len(told) == len(settled)


class Jobs:
    """A queue of short jobs, as a worker attends to it."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.done: list[Any] = []

    def attend(self) -> bool:
        if not self.waiting:
            return False
        job = self.waiting.pop(0)
        self.done.append(job)
        if callable(job):
            job()
        return True


def test_between_two_steps_one_other_job_is_done():
    jobs, ascent = Jobs(), FakeAscent(5)
    jobs.waiting = ["a", "b", "c"]
    seen: list[int] = []
    run_loop(ascent, RunControl(), Recorder({k: lambda: seen.append(len(jobs.done)) for k in range(5)}), jobs.attend)
    assert seen == [1, 2, 3, 3, 3]


def test_other_work_changes_nothing_about_a_run():
    jobs, alone, watched = Jobs(), Recorder(), Recorder()
    jobs.waiting = ["a"] * 3
    run_loop(FakeAscent(5), RunControl(), alone)
    run_loop(FakeAscent(5), RunControl(), watched, jobs.attend)
    assert watched.told == alone.told


def test_while_held_all_that_comes_is_done_and_it_holds_on():
    jobs, control, holding, ended = Jobs(), RunControl(paused=True), threading.Event(), threading.Event()
    reporter, ascent = Recorder(on_hold=lambda _: holding.set()), FakeAscent()
    thread = threading.Thread(target=run_loop, args=(ascent, control, reporter, jobs.attend))
    thread.start()
    assert holding.wait(5)
    for k in range(20):
        event = threading.Event()
        jobs.waiting += [k, event.set]
        control.wake()
        assert event.wait(5)
    assert ascent.done == 0
    assert reporter.told == ["holding"]
    jobs.waiting.append(ended.set)
    control.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_a_job_that_goes_on_while_held_is_done_to_its_end():
    jobs, control, finished = Jobs(), RunControl(paused=True), threading.Event()

    def piece(n: int) -> None:
        if n:
            jobs.waiting.append(lambda: piece(n - 1))
            control.wake()
        else:
            finished.set()

    jobs.waiting.append(lambda: piece(30))
    thread = threading.Thread(target=run_loop, args=(FakeAscent(), control, Recorder(), jobs.attend))
    thread.start()
    assert finished.wait(5)
    control.stop()
    thread.join(5)


def test_what_waits_when_a_run_is_held_is_done():
    jobs, control, done = Jobs(), RunControl(), threading.Event()
    jobs.waiting = [lambda: None, lambda: None, lambda: None, done.set]
    thread = threading.Thread(target=run_loop, args=(FakeAscent(), control, Recorder({0: control.pause}), jobs.attend))
    thread.start()
    try:
        assert done.wait(2)
    finally:
        control.stop()
        thread.join(5)
