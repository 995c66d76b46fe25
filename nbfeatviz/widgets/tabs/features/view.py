"""The Features tab: a sheet of pictures on the page, whole sheets as frames, the last one lossless."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbfeatviz.encoding import encode_jpeg, encode_png, presented, stretched
from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.widgets.canvas.flow_control import FlowControl
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.caption import Subject
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView

_BLOCK = 16  # of a JPEG with halved colours: no cell shows the edge of another


class FeaturesView(PanelWidget):
    """Shows a sheet; its methods may be called from any thread, a lock makes it one at a time.

    The latest sheet wins, a few are in flight, all are acknowledged after they were drawn.

    Attributes:
        settings: the fields of `FeaturesSettings`.
        facts: what can be chosen, and what a sheet would show now.
        heading: what the sheet that is shown is of.
        cells: titles of its pictures.
        places: where they lie in it: columns, rows, cell and stride as [height, width].
        sheet: the last lossless sheet, PNG (b"" before the first).
        losses: of the pictures of that sheet.
        progress: {"state", "text", "done", "total"}.
        live: the live canvas, which knows when the kernel is gone.
        controls: of the Optimize tab, with the settings that both have.
    """

    _esm = awaiting("features")
    settings = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    heading = traitlets.Unicode().tag(sync=True)
    cells = traitlets.List().tag(sync=True)
    places = traitlets.Dict().tag(sync=True)
    sheet = traitlets.Bytes().tag(sync=True)
    losses = traitlets.List().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    controls = traitlets.Instance(OptimizeView).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        self._flow = FlowControl()
        self._look: tuple[str, int | None] = ("display", None)
        self._displays: tuple[str, ...] = ()  # of the pictures; those that it does not name are shown as they are
        self._latest: tuple[np.ndarray, list[float], int] | None = None  # pictures, losses, step
        self._waiting = self._settled = False
        super().__init__(**traits)

    def begin(self) -> None:
        """A new sheet: nothing is shown of the one before."""
        with self._lock:
            self._flow.restart()
            self._latest, self._waiting, self._settled = None, False, False
            self.sheet, self.losses = b"", []
            self.send({"kind": "begin"})

    def offer(self, step: Step) -> None:
        """Takes the next step of the sheet; sends its pictures if the page keeps up."""
        with self._lock:
            self._latest, self._waiting = (step.image, _plain(step.loss), step.index), True
            self._send_what_is_due()

    def keep(self, step: Step) -> None:
        """Takes the next step of the sheet like any other: a sheet is not aimed at anything else."""
        self.offer(step)

    def acknowledge(self, sequence: int, held: float = 0.0) -> None:
        """The page has drawn a sheet."""
        with self._lock:
            self._flow.acknowledge(sequence, held)
            self._send_what_is_due()

    def _send_what_is_due(self) -> None:
        if self._waiting and self._latest is not None and self._flow.may_send:
            pictures, losses, step = self._latest
            self._waiting = False
            sheet, layout = tiled(self._store(pictures))
            content = {"kind": "sheet", "step": step, "losses": losses, "layout": layout, **self._flow.sent()}
            self.send(content, [encode_jpeg(sheet)])

    def settle(self, pictures: np.ndarray) -> None:
        """Shows pictures (n, H, W, C) for good, lossless."""
        sheet, layout = tiled(self._store(pictures))
        data = encode_png(sheet)
        with self._lock:
            losses = [] if self._latest is None else self._latest[1]
            step = -1 if self._latest is None else self._latest[2]
            self._latest, self._waiting, self._settled = (pictures, losses, step), False, True
            self.places, self.losses = layout, losses
            self.sheet = data
            self.send({"kind": "settle"})

    def show_subject(self, subject: Subject) -> None:
        """Each picture has a title."""

    def predicted(self, prediction: Any) -> None:
        """A sheet shows no classes."""

    def measured(self, facts: dict[str, float]) -> None:
        """Only single pictures are measured."""

    def show_error(self, error: str) -> None:
        """Shows an error in words, where all errors of the panel are shown."""
        self.live.show_error(error)

    def remark(self, note: str) -> None:
        """Shows what is to be said of pictures that the network never answered, where all errors are shown."""
        self.live.remark(note)

    def look(self, look: str, show_size: int | None = None) -> None:
        """Shows the pictures stretched or cut otherwise."""
        with self._lock:
            self._look = (look, show_size)
            self._show_again()

    def display(self, displays: Sequence[str]) -> None:
        """Where the look is "display": shows each of the pictures "as it is" or "stretched"."""
        with self._lock:
            if tuple(displays) != self._displays:
                self._displays = tuple(displays)
                self._show_again()

    def _show_again(self) -> None:
        if self._latest is not None and self._settled:
            self.settle(self._latest[0])
        elif self._latest is not None:
            self._waiting = True
            self._send_what_is_due()

    def restore(self) -> None:
        """A page has come (back): a sheet in progress is sent again."""
        with self._lock:
            self._flow.heard()
            if self._latest is not None and not self._settled:
                self._waiting = True
                self._send_what_is_due()

    def clear(self) -> None:
        """Shows nothing any more."""
        with self._lock:
            self.begin()
            self.heading, self.cells, self.places = "", [], {}

    @property
    def pictures(self) -> np.ndarray | None:
        """The pictures that are shown, as they are shown."""
        with self._lock:
            return None if self._latest is None else self._store(self._latest[0])

    def _store(self, pictures: np.ndarray) -> np.ndarray:
        return shown(pictures, *self._look, self._displays)

    def show_progress(self, state: str, text: str, done: int, total: int) -> None:
        """Shows how far the sheet is."""
        with self._lock:
            self.progress = {"state": state, "text": text, "done": done, "total": total}


def shown(pictures: np.ndarray, look: str, show_size: int | None = None, displays: Sequence[str] = ()) -> np.ndarray:
    """Pictures as a look shows them; see `FeaturesSettings`."""
    if look == "display":
        cut = presented(pictures, None, show_size)
        stretching = [place < len(displays) and displays[place] == "stretched" for place in range(len(cut))]
        return np.where(np.array(stretching)[:, None, None, None], stretched(cut), cut) if any(stretching) else cut
    return presented(pictures, None if look == "plain" else look, show_size)


def tiled(pictures: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Pictures (n, H, W, C) in one, each with its edges repeated up to whole blocks of a JPEG; and where they lie."""
    count, height, width, channels = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    high, wide = (-(-length // _BLOCK) * _BLOCK for length in (height, width))
    edged = np.pad(pictures, ((0, rows * columns - count), (0, high - height), (0, wide - width), (0, 0)), "edge")
    grid = edged.reshape(rows, columns, high, wide, channels).swapaxes(1, 2)
    layout = {"columns": columns, "rows": rows, "cell": [height, width], "stride": [high, wide]}
    return grid.reshape(rows * high, columns * wide, channels), layout


def _plain(losses: Any) -> list[Any]:
    """Numbers that can be sent; None for one that is not finite."""
    return [float(loss) if math.isfinite(loss) else None for loss in np.ravel(losses)]
