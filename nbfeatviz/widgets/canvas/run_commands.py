"""What can be done with the runs of a live canvas: hold them, end them, and take along what they made."""

from __future__ import annotations

from nbfeatviz.synthesis.visualization import Settings
from nbfeatviz.widgets import export
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.execution.runner import Runner
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.panel_api import PanelApi


class RunCommands:
    """The part that the panel's own canvas and those of the remakes have in common; methods: from any thread.

    Attributes:
        live: the canvas.
    """

    panel: PanelApi
    live: LiveCanvas
    runner: Runner
    _worker: Worker | SameThread

    def pause(self) -> None:
        """Holds the run before its next step; `run()` or `resume()` lets it go on."""
        self.runner.pause()

    def resume(self) -> None:
        """Lets a paused run go on."""
        self.runner.resume()

    def stop(self) -> None:
        """Ends the run before its next step; its picture stays."""
        self.runner.stop()

    def leave(self) -> None:
        """Ends the run and gives its frames back; the last picture and the numbers stay."""
        self.stop()
        self._worker.submit(self.live.free)

    def reset(self) -> None:
        """Ends the run and clears the canvas; settings and photos stay."""
        self.stop()
        self._worker.submit(self._clear)

    def _clear(self) -> None:
        self.runner.result = None
        self.live.clear()

    def code(self) -> str:
        """Python that makes the picture on the canvas again; of a run in progress, the picture so far."""
        settings = self.runner.settings
        if settings is None:
            raise ValueError("there is no picture to reproduce yet: press Run first.")
        return export.code(settings, self._given(settings))

    def _given(self, settings: Settings) -> str | None:
        """The network of a picture as Python, where the panel was given it as an object and still uses it."""
        network = self.panel.network
        if network is None or settings.network != f"... {network.name!r}":
            return None
        return self.panel.network_code()

    def save_file(self, kind: str) -> tuple[str, str, bytes]:
        """(file name, MIME type, bytes): the picture as "png", or the run as "gif" or "webp"."""
        title = export.name(self.runner.settings)
        return export.picture_file(kind, *self.live.recording(), title, self.live.displayed)
