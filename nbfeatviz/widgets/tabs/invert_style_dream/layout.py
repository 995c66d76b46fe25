"""The widgets of an Invert, Style or Dream tab, in a box that lies in the panel's grid."""

from __future__ import annotations

import uuid

import ipycanvas
import ipywidgets

from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.tabs.invert_style_dream.view import InvertStyleDreamCanvas, InvertStyleDreamView


class InvertStyleDreamLayout:
    """Made together and closed together.

    Attributes:
        commands: what the page says in this tab.
        live: its canvas.
        tab: its controls.
        box: all that is seen.
    """

    def __init__(self, kind: str, panel: LiveCanvas) -> None:
        key = uuid.uuid4().hex
        self.commands = Commands(key=key)
        canvas = ipycanvas.Canvas(width=224, height=224)
        self.live = InvertStyleDreamCanvas(canvas=canvas, commands=self.commands, key=key)
        self.live.panel = panel
        self.tab = InvertStyleDreamView(kind=kind, live=self.live, commands=self.commands)
        self.box = ipywidgets.Box([canvas, self.live, self.tab])
        named = {"picture": canvas, "live": self.live, "controls": self.tab, "grid": self.box}
        for name, part in named.items():
            part.add_class(f"nbfeatviz-{name}")
        self.box.add_class("nbfeatviz-remake")
        self.box.add_class(f"nbfeatviz-remake-{kind}")
