"""The Catalogue tab on the page: rows of pictures that it asks for as they come into sight, and one unit large."""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets
import traitlets

from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting


class CatalogueView(PanelWidget):
    """Shows what is pictured; its methods may be called from any thread.

    Attributes:
        rows: a dict a layer: path, kind, units, done (how many are pictured).
        settings: {"sort"}.
        facts: {"sorts", "words"}: what can be chosen, and what is shown, in words.
        chosen: [layer, unit] that is shown large; [] for none.
        progress: of filling a layer: {"state", "layer", "done", "total", "text"}.
        version: rises whenever what was asked for before may be another by now.
        live: the live canvas, which knows when the kernel is gone.
    """

    _esm = awaiting("catalogue")
    rows = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    chosen = traitlets.List().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(self, **traits: Any) -> None:
        self._lock = threading.RLock()
        super().__init__(**traits)

    def show(self, rows: list[dict[str, Any]], facts: dict[str, Any], *, renewed: bool) -> None:
        """Shows the layers; `renewed` where orders and pictures that were sent may be others now."""
        with self._lock:
            if rows != self.rows:
                self.rows = rows
            if facts != self.facts:
                self.facts = facts
            if renewed:
                self.version += 1

    def show_progress(self, state: str, layer: str = "", done: int = 0, total: int = 0, text: str = "") -> None:
        """Shows how far the filling of a layer is."""
        with self._lock:
            self.progress = {"state": state, "layer": layer, "done": done, "total": total, "text": text}

    def send_order(self, layer: str, sort: str, units: list[int]) -> None:
        """The pictured units of a layer, in order."""
        self.send({"kind": "order", "layer": layer, "sort": sort, "version": self.version, "units": units})

    def send_pictures(self, layer: str, found: list[tuple[dict[str, Any], bytes]]) -> None:
        """Pictures of a layer, with what is said of each."""
        content = {"kind": "pictures", "layer": layer, "version": self.version, "units": [facts for facts, _ in found]}
        self.send(content, [data for _, data in found])

    def send_found(self, title: str, found: list[list[Any]]) -> None:
        """What a search or a likeness has found: [layer, unit, words] each."""
        self.send({"kind": "found", "title": title, "units": found})

    def send_unit(self, facts: dict[str, Any], buffers: list[bytes]) -> None:
        """One unit, large."""
        self.send({"kind": "unit", **facts}, buffers)
