"""One run of the panel: what the person wants of it, and the loop that does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from nbfeatviz.synthesis.run.batch_run import BatchRun
from nbfeatviz.widgets.execution.compile_thread import CompileThread
from nbfeatviz.widgets.execution.run_reporter import Run, RunObserver, shown_prediction

PREDICT_SECONDS = 0.5
PREDICT_SHARE = 30  # predicting may take a thirtieth of the time
DRAW_SECONDS = 0.01  # in which the page, on the same processor, draws the picture that was waited for


class RunControl:
    """What a person wants of a run: set from any thread, read by the loop before every step."""

    def __init__(self, paused: bool = False) -> None:
        self._changed = threading.Condition()
        self._stopped = False
        self._paused = paused
        self._single_steps = 0
        self._target: dict[str, Any] | None = None
        self._taken = 0  # whether the step that may be done now was a single one
        self._woken = False
        self.done = threading.Event()

    def stop(self) -> None:
        """Ends the run before its next step."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Holds the run before its next step."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Lets a held run go on."""
        with self._changed:
            self._paused, self._single_steps = False, 0
            self._changed.notify_all()

    def step(self) -> None:
        """Lets a held run do one step; one that is not held goes on as it does."""
        with self._changed:
            if self._paused:
                self._single_steps += 1
                self._changed.notify_all()

    def retarget(self, **target: Any) -> None:
        """Aims the run at something else from its next step; of several only the last counts."""
        with self._changed:
            self._target = target
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether the run was told to end."""
        return self._stopped

    @property
    def retargeted(self) -> bool:
        """Whether a new target waits for the step in progress to end."""
        return self._target is not None

    def rest(self, seconds: float) -> None:
        """Waits so long, or until the person wants something."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._target is not None, seconds)

    def until(self, done: Callable[[], bool], attend: Callable[[], bool]) -> bool:
        """Waits for something that ends in `wake`; False where the person wants something else before it is done."""
        while True:
            while attend():
                pass
            with self._changed:
                while not (done() or self._woken or self._stopped or self._target is not None):
                    self._changed.wait()
                self._woken = False
                if done() or self._stopped or self._target is not None:
                    if not done():
                        self._single_steps += self._taken  # it has not been done
                    return done()

    def wake(self) -> None:
        """Lets a held run look at what was interjected."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def wait(self, on_hold: Callable[[], None], attend: Callable[[], bool]) -> dict[str, Any] | None:
        """Waits until a step may be done, attending to other work meanwhile.

        Calls `on_hold` once if it must wait. Returns a new target, or None.
        """
        told = False
        while self._holds(on_hold if not told else None):
            told = True
            while attend():
                pass
        with self._changed:
            self._taken = 0
            if self._paused and self._single_steps and not self._stopped:
                self._single_steps -= 1
                self._taken = 1
            target, self._target = self._target, None
            return target

    def _holds(self, on_hold: Callable[[], None] | None) -> bool:
        """Waits while the run is held; comes back with True when there may be other work."""
        with self._changed:
            if self._may_not_go() and on_hold is not None:
                on_hold()
                return True  # what was interjected before is still waiting
            while self._may_not_go() and not self._woken:
                self._changed.wait()
            self._woken = False
            return self._may_not_go()

    def _may_not_go(self) -> bool:
        return self._paused and not self._single_steps and not self._stopped


def run_loop(
    ascent: Run, control: RunControl, reporter: RunObserver, attend: Callable[[], bool] = lambda: False
) -> None:
    """Does the steps of a run until it ends, is stopped, or fails (raises); `attend` does other work in between."""
    predicted_at, pause = -float("inf"), PREDICT_SECONDS
    held, predicting = True, None

    def compiled() -> bool:
        """Whether the next step is, after it was waited for; not where the person wants something else by then."""
        compiling = CompileThread([step.compile for step in ascent.upcoming()], control.wake)
        if not control.until(lambda: compiling.done, attend):
            return False
        compiling.check()
        return True

    def hold() -> None:
        nonlocal held
        held = True
        reporter.holding(ascent)

    while not control.stopped:
        attend()
        target = control.wait(hold, attend)
        if control.stopped:
            return
        if target is not None and not isinstance(ascent, BatchRun):
            try:
                ascent.retarget(**target)
            except (ValueError, TypeError) as error:
                reporter.refused(error)
            held = True  # say the new number of steps
        if not ascent.compiled:
            reporter.compiling(ascent)
            held = True
            if not compiled():
                continue
            reporter.compiled(ascent)
        step = next(ascent, None)
        if step is None:
            return
        if held:
            held = False
            reporter.running(ascent)
        # While a new target waits, nothing is shown or predicted of the old one: that would make it wait longer. Yet
        # the first picture of each target is shown, or a slider that is moved on and on would show nothing.
        first = step.index == 0
        reporter.stepped(step, first or not control.retargeted)
        if first:
            control.rest(DRAW_SECONDS)
        if control.retargeted or isinstance(ascent, BatchRun) or not ascent.network.classifies:
            continue
        if not ascent.predicts:  # the run does not wait for that
            predicting = predicting or CompileThread([ascent.prepare_prediction], control.wake)
            predicting.check()
        elif time.monotonic() - predicted_at > pause:
            begun = time.monotonic()
            reporter.predicted(shown_prediction(ascent.network, ascent.predict(step.image)))
            predicted_at = time.monotonic()
            pause = max(PREDICT_SECONDS, PREDICT_SHARE * (predicted_at - begun))
