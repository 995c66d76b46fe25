"""The panel's runs: one at a time, on the worker or in the calling thread, always ending at rest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.run.batch_run import BatchRun
from nbfeatviz.synthesis.visualization import Settings, Visualization
from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.run_loop import RunControl, run_loop
from nbfeatviz.widgets.execution.run_reporter import Display, Look, Run, RunReporter, shown_prediction
from nbfeatviz.widgets.execution.worker import SameThread, Worker


class Runner:
    """Starts, holds and ends runs; may be called from any thread.

    Args:
        worker: what runs are done on.
        live: where they are shown.
        prepare: makes the ascent that the panel is set to; called on the worker.
        set_status: given state and text, as `LiveCanvas.set_status`.
        progress: told loss and picture (of a sheet: losses and pictures) a few times a second.
        look: told the run and its picture about once a second, and the first and last one in any case.
        expect: told of a run that has just been compiled.

    Attributes:
        result: what the last run ended with, None before the first.
    """

    def __init__(
        self,
        worker: Worker | SameThread,
        live: Display,
        prepare: Callable[[], Run],
        set_status: Callable[..., None],
        progress: Callable[[Any, np.ndarray], None],
        look: Look | None = None,
        expect: Callable[[Ascent], None] | None = None,
    ) -> None:
        self._look, self._expect = look, expect
        self._worker, self._live, self._prepare, self._set_status, self._progress = (
            worker,
            live,
            prepare,
            set_status,
            progress,
        )
        self._lock = threading.RLock()
        self._control: RunControl | None = None
        self._ascent: Run | None = None
        self.result: Visualization | None = None
        worker.on_close(self.stop)
        worker.on_interjection(self._wake)

    @property
    def busy(self) -> bool:
        """Whether a run is going on or held."""
        control = self._control
        return control is not None and not control.stopped

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done, and of how many, of the run in progress; (0, 0) without one."""
        ascent = self._ascent
        return (0, 0) if ascent is None else (ascent.done, ascent.steps)

    @property
    def settings(self) -> Settings | None:
        """What made the picture that is shown: the run in progress so far, else the last one; None before the first."""
        ascent, result = self._ascent, self.result
        if ascent is not None and ascent.done:
            return ascent.settings
        return None if result is None else result.settings

    def run(self, wait: bool = False) -> None:
        """Starts a run, or resumes the held one; `wait` does it in this thread, ending any other first."""
        if wait:
            self.finish()
        with self._lock:
            if self.busy:
                self.resume()
                return
            control = self._control = RunControl()
        self._begin(control, wait)

    def step(self) -> None:
        """Does one step: of the held run, or of a new one that is then held."""
        with self._lock:
            if self._control is not None and self.busy:
                self._control.step()
                return
            control = self._control = RunControl(paused=True)
            control.step()
        self._begin(control, wait=False)

    def pause(self) -> None:
        """Holds the run before its next step."""
        if self._control is not None:
            self._control.pause()

    def resume(self) -> None:
        """Lets a held run go on."""
        if self._control is not None:
            self._control.resume()

    def stop(self) -> None:
        """Ends the run before its next step; its picture stays."""
        if self._control is not None:
            self._control.stop()

    def finish(self) -> None:
        """Stops the run and waits until it has ended."""
        control = self._control
        if control is not None:
            control.stop()
            control.done.wait()

    def retarget(self, **target: Any) -> None:
        """Aims the run in progress, if any, at something else."""
        if self._control is not None:
            self._control.retarget(**target)

    def _wake(self) -> None:
        if self._control is not None:
            self._control.wake()

    def _begin(self, control: RunControl, wait: bool) -> None:
        self._set_status("compiling", "starting …", error="")
        self._live.remark("")
        if wait:
            self._do(control)
        else:
            self._worker.submit(lambda: self._do(control))

    def _do(self, control: RunControl) -> None:
        ascent: Run | None = None
        reporter = RunReporter(self._live, self._set_status, self._progress, self._look, self._expect)
        text, interrupted = "stopped", None
        try:
            if not control.stopped:
                ascent = self._ascent = self._prepare()
                self._live.begin()
                run_loop(ascent, control, reporter, self._worker.attend)
                text = "stopped" if control.stopped else "finished"
        except KeyboardInterrupt as error:
            text, interrupted = "interrupted", error
        except Exception as error:
            text = "ended by an error"
            self._live.show_error(in_words(error))
        finally:
            control.stop()  # from here on Run means another run
            if ascent is not None:
                text += f" after {ascent.done} steps"
                self._keep(ascent, reporter)
            with self._lock:
                if self._control is control:
                    self._control = self._ascent = None
                    self._set_status("idle", text)
            control.done.set()
        if interrupted is not None:
            raise interrupted

    def _keep(self, ascent: Run, reporter: RunReporter) -> None:
        try:
            result = ascent.visualization()
            if not result.settings.steps:
                return  # not one step: what was shown before stays
            self.result = result
            if not isinstance(ascent, BatchRun) and ascent.network.classifies:
                self._live.predicted(shown_prediction(ascent.network, ascent.predict(result.image)))
            reporter.settled(ascent, result.image if result.images is None else result.images)
        except Exception as error:  # whatever it is, the controls must come back to rest
            self._live.show_error(in_words(error))
