"""The live canvas: the only sender of frames and numbers, and what the page keeps of a run.

The picture is drawn on an ipycanvas `Canvas`. Frames travel on a comm of their own: the latest wins, a few
are in flight, all are acknowledged after they were drawn, so a slow page or link never builds a queue.
Numbers go along in batches and none is lost. The last picture is lossless and stays in the widget's state.
"""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path
from typing import Any

import ipycanvas
import ipywidgets
import numpy as np
import traitlets

from nbfeatviz.encoding import Frames, displayed, encode_frame, encode_png, redisplayed
from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.widgets.canvas.flow_control import FlowControl
from nbfeatviz.widgets.caption import PHOTO, Subject
from nbfeatviz.widgets.comm.frontend import MODULE, STYLE, Commands, PanelWidget
from nbfeatviz.widgets.execution.throughput import Throughput

NUMBERS_SECONDS = 0.1
COLUMNS = 7  # index, loss, gradient_min, gradient_max, step_size, score, distance


class LiveCanvas(PanelWidget):
    """Shows a run: picture, overlay, replay, loss curve, figures, status and error.

    Its methods may be called from any thread; a lock makes it one at a time. The page sets no trait here.

    Attributes:
        throughput: of the run.
        canvas: the ipycanvas Canvas the picture is drawn on.
        commands: where the page acknowledges and asks.
        still: the last lossless picture, PNG ("" before the first).
        status: {"state", "text", "error", "steps", ...}: what the status line is made from, in each tab.
        rises: what the picture does to all units of the layer; see `unit_monitor.as_page`.
        note: what is to be said of a run that the network never answered, "" for nothing.
        subjects: what the pictures are of: [first step, words, key] of each target of the run (see `caption.Subject`).
        selection: the words of what is chosen now; "" where that is not to be compared.
        stored: a picture of a catalogue (WebP) that lies over the canvas, which keeps its own; b"" for none.
        stored_words: what it is of.
        overlay: {"box": [top, left, bottom, right] or None, "pick": bool, "size": [height, width]}.
    """

    _esm: str | Path = MODULE
    _css = STYLE
    canvas = traitlets.Instance(ipycanvas.Canvas).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)
    key = traitlets.Unicode().tag(sync=True)
    still = traitlets.Bytes().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    overlay = traitlets.Dict().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    subjects = traitlets.List().tag(sync=True)
    selection = traitlets.Unicode().tag(sync=True)
    rises = traitlets.Dict().tag(sync=True)
    stored = traitlets.Bytes().tag(sync=True)
    stored_words = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._run = 0
        self._flow = FlowControl()
        self.throughput = Throughput()
        self._display = "as it is"
        self._forget()
        super().__init__(**traits)

    def _forget(self) -> None:
        self.frames = Frames()
        self._numbers: list[tuple[float, ...]] = []
        self._numbers_sent = 0
        self._pending: tuple[int, bytes, float] | None = None
        self._prediction: Any = None
        self._last_prediction: Any = None
        self._facts: dict[str, float] = {}
        self._facts_sent = True
        self._settled = True
        self._picture: np.ndarray | None = None  # what the still shows, where that depends on the display
        self._numbers_at = 0.0
        self._flow.restart()

    def begin(self) -> None:
        """A new run: what was kept of the one before is freed."""
        with self._lock:
            self._forget()
            self._run += 1
            self.rises, self.note, self.subjects = {}, "", []
            self.show_stored(b"", "")
            self.send({"kind": "begin", "run": self._run})

    def show_stored(self, picture: bytes, words: str) -> None:
        """Lays a picture of a catalogue over the canvas; b"" takes it away."""
        with self._lock:
            if picture != self.stored:
                self.stored, self.stored_words = picture, words

    @property
    def shows(self) -> str:
        """What the picture on the canvas is of, in words; "" where there is none."""
        with self._lock:
            return str(self.subjects[-1][1]) if self.subjects and (self.still or self._numbers) else ""

    def show_subject(self, subject: Subject) -> None:
        """Says what the pictures are of that come from now on."""
        with self._lock:
            self.subjects = [*self.subjects, [len(self._numbers), subject.words, subject.of]]

    def set_status(
        self,
        state: str,
        text: str = "",
        *,
        steps: int | None = None,
        error: str | None = None,
        precision: str | None = None,
        kept: str | None = None,
        tab: str = "",
    ) -> None:
        """Sets the status line; an error stays until the next run or a new one.

        Args:
            state: see `FeatureExplorer`.
            text: what the line says; while it runs the page counts the steps itself.
            steps: how many there will be.
            error: a sentence, "" for none.
            precision: in which the network is computed.
            kept: how many compiled functions are, in words.
            tab: which it is about: what it says at rest stands in that tab until it says something else; "" where it
                is about all tabs.
        """
        with self._lock:
            if state == "running":
                self.throughput.begin(len(self._numbers))
            said = self.status.get("said", {}) if tab else {}
            self.status = {
                "tab": tab,
                "said": {**said, tab: text} if tab and state == "idle" else said,
                "state": state,
                "text": text,
                "steps": self.status.get("steps", 0) if steps is None else steps,
                "error": self.status.get("error", "") if error is None else error,
                "precision": self.status.get("precision", "") if precision is None else precision,
                "kept": self.status.get("kept", "") if kept is None else kept,
                "rows": len(self._numbers),
            }

    def show_error(self, error: str) -> None:
        """Shows an error in words; "" takes it away."""
        with self._lock:
            self.status = {**self.status, "error": error}

    def remark(self, note: str) -> None:
        """Shows what is to be said of a run that the network never answered; "" takes it away."""
        with self._lock:
            self.note = note

    def offer(self, step: Step) -> None:
        """Takes the next step of the run; sends its picture if the page keeps up, its numbers in any case."""
        self._take(step, show=True)

    def keep(self, step: Step) -> None:
        """Takes the next step of the run for its numbers and for replay: its picture is not sent."""
        self._take(step, show=False)

    def _take(self, step: Step, show: bool) -> None:
        encoded = encode_frame(step.image, self._display)
        with self._lock:
            self._settled = False
            self._fit(step.image)
            self.frames.append(encoded)
            score, distance = (math.nan if one is None else one for one in (step.score, step.distance))
            self._numbers.append(
                (step.index, step.loss, step.gradient_min, step.gradient_max, step.step_size, score, distance)
            )
            self.throughput.count(len(self._numbers))
            self._pending = (len(self._numbers) - 1, encoded, time.time()) if show else None
            self._send_what_is_due()

    def _fit(self, picture: np.ndarray) -> None:
        """Gives the canvas the picture's size: it is sent to a page that is back, and another one would clear it."""
        height, width = picture.shape[:2]
        if (self.canvas.height, self.canvas.width) != (height, width):
            self.canvas.height, self.canvas.width = height, width

    def predicted(self, prediction: Any) -> None:
        """The class of the last picture goes along with the next message."""
        with self._lock:
            self._prediction = self._last_prediction = prediction

    def measured(self, facts: dict[str, float]) -> None:
        """Measures of the last picture go along with the next message."""
        with self._lock:
            self._facts, self._facts_sent = facts, False

    def show_rises(self, found: dict[str, Any]) -> None:
        """Shows what the picture does to all units of the layer; {} for nothing."""
        with self._lock:
            self.rises = found

    def acknowledge(self, sequence: int, held: float = 0.0) -> None:
        """The page has drawn (or given up on) a frame, and those before it, `held` ms ago."""
        with self._lock:
            self._flow.acknowledge(sequence, held)
            self._send_what_is_due()

    def _send_what_is_due(self) -> None:
        if self._pending is not None and self._flow.may_send:
            number, encoded, computed = self._pending
            self._pending = None
            encoded = redisplayed(encoded, self._display)
            self._send_numbers({"frame": number, "computed": computed * 1000, **self._flow.sent()}, [encoded])
        elif self._numbers_sent < len(self._numbers) and time.monotonic() - self._numbers_at >= NUMBERS_SECONDS:
            self._send_numbers({}, [])

    def _send_numbers(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        first, self._numbers_sent = self._numbers_sent, len(self._numbers)
        self._numbers_at = time.monotonic()
        prediction, self._prediction = self._prediction, None
        self._facts_sent = True
        self.send(
            {
                "kind": "steps",
                "run": self._run,
                "first": first,
                "prediction": prediction,
                "facts": self._facts,
                "speed": self.throughput.per_second,
                **content,
            },
            [self._table(first), *buffers],
        )

    def _table(self, first: int) -> bytes:
        return np.array(self._numbers[first:], np.float32).reshape(-1, COLUMNS).tobytes()

    def settle(self, picture: np.ndarray, photo: bool = False) -> None:
        """Shows a picture for good, lossless: at the end of a run, or one that was given; a photo as it is always."""
        with self._lock:
            data = encode_png(picture if photo else displayed(picture, self._display))
            self._picture = None if photo else picture
            if photo:
                self.subjects = [[0, PHOTO.words, PHOTO.of]]
            self._pending, self._settled = None, True
            self._fit(picture)
            if self._numbers_sent < len(self._numbers) or self._prediction or not self._facts_sent:
                self._send_numbers({}, [])
            self.still = data
            self.send({"kind": "settle"})  # the same picture as last time is no change, but is to be drawn

    def display(self, display: str) -> None:
        """Shows the picture, and those of the run, "as it is" or "stretched" from now on; computes nothing of them."""
        with self._lock:
            if display == self._display:
                return
            self._display = display
            if self._settled and self._picture is not None and self.still:
                self.settle(self._picture)
            self.send({"kind": "redisplay"})

    def clear(self) -> None:
        """Forgets the run and its picture."""
        with self._lock:
            self.begin()
            self.still = b""
            self.send({"kind": "settle"})

    def free(self) -> None:
        """Gives the frames of the run back; its numbers and last picture stay."""
        with self._lock:
            self.frames = Frames()
            self.send({"kind": "freed"})

    def forget(self) -> None:
        """Gives all back that was kept of the run, its last picture too."""
        with self._lock:
            self._forget()
            self.still = b""

    def restore(self) -> None:
        """A page has come (back): sends it everything there is of the run."""
        with self._lock:
            self._flow.heard()
            content = {
                "kind": "restore",
                "run": self._run,
                "first": 0,
                "replay": len(self.frames),
                "prediction": self._last_prediction,
                "facts": self._facts,
            }
            latest = [] if self._settled or not len(self.frames) else [self._frame(len(self.frames) - 1)]
            self.send(content, [self._table(0), *latest])

    def resend(self, first: int) -> None:
        """The page lacks numbers, from that step on."""
        with self._lock:
            first = min(max(first, 0), len(self._numbers))
            self.send({"kind": "rows", "run": self._run, "first": first}, [self._table(first)])

    def answer(self) -> None:
        """The page asks whether the kernel is there."""
        self.send({"kind": "pong"})

    def _frame(self, step: int) -> bytes:
        """The encoded picture of a step, as it is displayed."""
        return redisplayed(self.frames.encoded(step), self._display)

    def replay(self, step: int) -> None:
        """Sends the picture of a step of the run; the one after the last step is the still, once there is one."""
        with self._lock:
            count = len(self.frames)
            if isinstance(step, int) and 0 <= step < count:
                picture = self._frame(step)
            else:
                picture = self.still if self._settled or not count else self._frame(count - 1)
            self.send({"kind": "replay", "step": step}, [picture] if picture else [])

    @property
    def displayed(self) -> str:
        """How pictures are shown."""
        return self._display

    def recording(self) -> tuple[bytes, list[bytes]]:
        """The picture that is shown (PNG, b"" for none), and the encoded ones of the run that led to it."""
        with self._lock:
            frames, latest = list(self.frames.kept()), self.still
            if not self._settled and len(self.frames):
                latest = encode_png(displayed(self.frames[-1], self._display))
            return latest, frames

    def deliver(self, name: str, mime: str, data: bytes) -> None:
        """Hands the page a file to save."""
        self.send({"kind": "file", "name": name, "mime": mime}, [data])
