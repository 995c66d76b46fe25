"""Photographs under the picture: nine patches, and how often photographs excite the unit how much."""

from __future__ import annotations

from typing import Any

import ipywidgets
import traitlets

from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting


class ExemplarsView(PanelWidget):
    """Shows what is known of the unit that is set; its methods may be called from any thread.

    Attributes:
        facts: {"of", "known", "possible", "words"}: the unit in words, whether its photographs are known, whether they
            can be looked for, and where they are from or what is wrong.
        progress: {"state", "done", "total"} of looking.
        live: the live canvas, which knows when the kernel is gone.
    """

    _esm = awaiting("exemplars")
    facts = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def show(self, facts: dict[str, Any], patches: list[dict[str, Any]], histogram: Any, photos: list[bytes]) -> None:
        """Shows a unit's photographs."""
        self.facts = facts
        self.send({"kind": "exemplars", "patches": patches, "histogram": histogram}, photos)

    def show_progress(self, state: str, done: int = 0, total: int = 0) -> None:
        """Shows how far looking is."""
        self.progress = {"state": state, "done": done, "total": total}
