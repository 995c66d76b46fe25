"""One run of the panel: what the person wants of it, and the loop that does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.ascent import Ascent, Step
from nbfeatviz.synthesis.dream import Dreaming
from nbfeatviz.synthesis.side_by_side import SideBySide
from nbfeatviz.widgets.compiling import Compiling

PREDICT_SECONDS = 0.5
PREDICT_SHARE = 30  # predicting may take a thirtieth of the time
TELL_SECONDS = 0.2
MEASURE_SECONDS = 0.5
MEASURE_SHARE = 40  # measuring may take a fortieth of the time

LOOK_SECONDS = 1.0
DRAW_SECONDS = 0.01  # in which the page, on the same processor, draws the picture that was waited for

Run = Ascent | SideBySide | Dreaming


class Look(Protocol):
    """Takes a picture of a run; see `Onlooker.see`."""

    def __call__(self, ascent: Ascent, picture: np.ndarray, *, first: bool = False, last: bool = False) -> None:
        """Comes back at once."""


class Control:
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


class Display(Protocol):
    """Where a run is shown: one thread at a time."""

    def begin(self) -> None:
        """A new run."""

    def offer(self, step: Step) -> None:
        """Takes a step."""

    def keep(self, step: Step) -> None:
        """Takes a step that need not be shown."""

    def settle(self, picture: np.ndarray) -> None:
        """Shows a picture for good."""

    def predicted(self, prediction: Any) -> None:
        """The class of the last picture."""

    def measured(self, facts: dict[str, float]) -> None:
        """Measures of the last picture."""

    def complain(self, error: str) -> None:
        """Shows an error in words."""


class Watcher(Protocol):
    """What the loop tells."""

    def compiling(self, ascent: Run) -> None:
        """The next step needs compiling first."""

    def running(self, ascent: Run) -> None:
        """Steps are being done."""

    def holding(self, ascent: Run) -> None:
        """The run is paused."""

    def refused(self, error: Exception) -> None:
        """A new target was wrong; the run goes on with the old one."""

    def stepped(self, step: Step, show: bool) -> None:
        """A step was done; not to be shown where the person waits for another one."""

    def predicted(self, prediction: Any) -> None:
        """The class of the last step's picture."""


class PanelWatcher:
    """Tells where the run is shown, and a few times a second whoever observes the panel.

    Args:
        live: where the run is shown.
        say: tells state and text.
        progress: told loss and picture.
        look: told the run and its picture about once a second, and the first one in any case.

    Attributes:
        loss: of the last step, NaN before the first.
    """

    def __init__(
        self,
        live: Display,
        say: Callable[..., None],
        progress: Callable[[Any, np.ndarray], None],
        look: Look | None = None,
    ) -> None:
        self._live, self._say, self._progress, self._look = live, say, progress, look
        self._ascent: Run | None = None
        self._looked_at: float | None = None
        self._told_at = self._measured_at = -float("inf")
        self._pause = MEASURE_SECONDS
        self.loss: Any = float("nan")

    def compiling(self, ascent: Run) -> None:
        """The next step needs compiling first."""
        self._say("compiling", "compiling …", steps=ascent.steps)

    def running(self, ascent: Run) -> None:
        """Steps are being done."""
        self._ascent = ascent
        self._say("running", steps=ascent.steps, precision=ascent.precision)

    def holding(self, ascent: Run) -> None:
        """The run is paused: the picture so far is shown for good."""
        if ascent.done:
            picture = ascent.picture()
            self.settled(ascent, picture)
        self._say("paused", f"paused at step {ascent.done}/{ascent.steps}", steps=ascent.steps)

    def refused(self, error: Exception) -> None:
        """A new target was wrong; the run goes on with the old one."""
        self._live.complain(str(error))

    def settled(self, ascent: Run, picture: np.ndarray) -> None:
        """A picture is shown for good, and all is said of it."""
        if isinstance(ascent, Ascent):
            self._measure(picture)
        self._live.settle(picture)
        self._progress(self.loss, picture)
        self._looked(ascent, picture, last=True)

    def stepped(self, step: Step, show: bool) -> None:
        """A step was done."""
        self.loss = step.loss
        if not show:
            self._live.keep(step)
            return
        self._live.offer(step)
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            self._progress(step.loss, step.image)
        if step.image.ndim == 3 and time.monotonic() - self._measured_at > self._pause:
            self._measure(step.image)
        now = time.monotonic()
        if self._ascent is not None and (self._looked_at is None or now - self._looked_at > LOOK_SECONDS):
            self._looked(self._ascent, step.image, first=self._looked_at is None)
            self._looked_at = now

    def _looked(self, ascent: Run, picture: np.ndarray, **how: bool) -> None:
        if self._look is not None and isinstance(ascent, Ascent):
            self._look(ascent, picture, **how)

    def _measure(self, picture: np.ndarray) -> None:
        """What can be said of the picture itself, beside its loss."""
        begun = time.monotonic()
        self._live.measured(
            {"saturation": quality.saturation(picture), "high_frequency": quality.high_frequency_ratio(picture)}
        )
        self._measured_at = time.monotonic()
        self._pause = max(MEASURE_SECONDS, MEASURE_SHARE * (self._measured_at - begun))

    def predicted(self, prediction: Any) -> None:
        """The class of the last step's picture."""
        self._live.predicted(prediction)


def drive(ascent: Run, control: Control, watcher: Watcher, attend: Callable[[], bool] = lambda: False) -> None:
    """Does the steps of a run until it ends, is stopped, or fails (raises); `attend` does other work in between."""
    predicted_at, pause = -float("inf"), PREDICT_SECONDS
    held, predicting = True, None

    def compiled() -> bool:
        """Whether the next step is, after it was waited for; not where the person wants something else by then."""
        compiling = Compiling([step.compile for step in ascent.upcoming()], control.wake)
        if not control.until(lambda: compiling.done, attend):
            return False
        compiling.check()
        return True

    def hold() -> None:
        nonlocal held
        held = True
        watcher.holding(ascent)

    while not control.stopped:
        attend()
        target = control.wait(hold, attend)
        if control.stopped:
            return
        if target is not None and not isinstance(ascent, SideBySide):
            try:
                ascent.retarget(**target)
            except (ValueError, TypeError) as error:
                watcher.refused(error)
            held = True  # say the new number of steps
        if not ascent.compiled:
            watcher.compiling(ascent)
            held = True
            if not compiled():
                continue
        step = next(ascent, None)
        if step is None:
            return
        if held:
            held = False
            watcher.running(ascent)
        # While a new target waits, nothing is shown or predicted of the old one: that would make it wait longer. Yet
        # the first picture of each target is shown, or a slider that is moved on and on would show nothing.
        first = step.index == 0
        watcher.stepped(step, first or not control.retargeted)
        if first:
            control.rest(DRAW_SECONDS)
        if control.retargeted or isinstance(ascent, SideBySide) or not ascent.network.classifies:
            continue
        if not ascent.predicts:  # the run does not wait for that
            predicting = predicting or Compiling([ascent.prepare_prediction], control.wake)
            predicting.check()
        elif time.monotonic() - predicted_at > pause:
            begun = time.monotonic()
            watcher.predicted(ascent.predict(step.image))
            predicted_at = time.monotonic()
            pause = max(PREDICT_SECONDS, PREDICT_SHARE * (predicted_at - begun))
