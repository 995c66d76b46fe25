"""What a run tells, and where it is shown: pictures, numbers and status for the page, a few words for observers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.ascent import Ascent, Step
from nbfeatviz.synthesis.dream import Dreaming
from nbfeatviz.synthesis.run.batch_run import BatchRun
from nbfeatviz.widgets.caption import Subject, subject

REPORT_SECONDS = 0.2
MEASURE_SECONDS = 0.5
MEASURE_SHARE = 40  # measuring may take a fortieth of the time
LOOK_SECONDS = 1.0

Run = Ascent | BatchRun | Dreaming


class Look(Protocol):
    """Takes a picture of a run; see `UnitMonitor.see`."""

    def __call__(self, ascent: Ascent, picture: np.ndarray, *, first: bool = False, last: bool = False) -> None:
        """Comes back at once."""


class Display(Protocol):
    """Where a run is shown: one thread at a time."""

    def begin(self) -> None:
        """A new run."""

    def show_subject(self, subject: Subject) -> None:
        """Says what the pictures are of that come from now on."""

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

    def remark(self, note: str) -> None:
        """Shows what is to be said of a run that the network never answered; "" takes it away."""

    def show_error(self, error: str) -> None:
        """Shows an error in words."""


class RunObserver(Protocol):
    """What the loop tells."""

    def compiling(self, ascent: Run) -> None:
        """The next step needs compiling first."""

    def compiled(self, ascent: Run) -> None:
        """That is done; the next step comes."""

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


class RunReporter:
    """Tells where the run is shown, and a few times a second whoever observes the panel.

    Args:
        live: where the run is shown.
        set_status: given state and text.
        progress: told loss and picture.
        look: told the run and its picture about once a second, and the first one in any case.
        expect: told of a run whose first picture is about to come.

    Attributes:
        loss: of the last step, NaN before the first.
    """

    def __init__(
        self,
        live: Display,
        set_status: Callable[..., None],
        progress: Callable[[Any, np.ndarray], None],
        look: Look | None = None,
        expect: Callable[[Ascent], None] | None = None,
    ) -> None:
        self._expect = expect
        self._live, self._set_status, self._progress, self._look = live, set_status, progress, look
        self._ascent: Run | None = None
        self._looked_at: float | None = None
        self._reported_at = self._measured_at = -float("inf")
        self._pause = MEASURE_SECONDS
        self.loss: Any = float("nan")

    def compiling(self, ascent: Run) -> None:
        """The next step needs compiling first."""
        self._set_status("compiling", "compiling …", steps=ascent.steps)

    def compiled(self, ascent: Run) -> None:
        """That is done; the next step comes."""
        if self._expect is not None and isinstance(ascent, Ascent):
            self._expect(ascent)

    def running(self, ascent: Run) -> None:
        """Steps are being done."""
        self._ascent = ascent
        self._set_status("running", steps=ascent.steps, precision=ascent.precision)

    def holding(self, ascent: Run) -> None:
        """The run is paused: the picture so far is shown for good."""
        if ascent.done:
            picture = ascent.picture()
            self.settled(ascent, picture)
        self._set_status("paused", f"paused at step {ascent.done}/{ascent.steps}", steps=ascent.steps)

    def refused(self, error: Exception) -> None:
        """A new target was wrong; the run goes on with the old one."""
        self._live.show_error(str(error))

    def settled(self, ascent: Run, picture: np.ndarray) -> None:
        """A picture is shown for good, and all is said of it."""
        if isinstance(ascent, Ascent):
            self._measure(picture)
        if isinstance(ascent, Run):
            self._live.remark(ascent.unanswered or "")
        self._live.settle(picture)
        self._progress(self.loss, picture)
        self._looked(ascent, picture, last=True)

    def stepped(self, step: Step, show: bool) -> None:
        """A step was done."""
        self.loss = step.loss
        if step.index == 0 and isinstance(self._ascent, Ascent | Dreaming):
            settings = self._ascent.settings
            about = subject(self._ascent.network, settings.objective, settings.recipe, settings.seed)
            self._live.show_subject(about)
        if not show:
            self._live.keep(step)
            return
        self._live.offer(step)
        if time.monotonic() - self._reported_at > REPORT_SECONDS:
            self._reported_at = time.monotonic()
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


def shown_prediction(network: Network, prediction: Any) -> Any:
    """A prediction as the page takes it: (index, name, probability), or (index, name, value, False)."""
    return prediction if network.probabilistic else (*prediction, False)
