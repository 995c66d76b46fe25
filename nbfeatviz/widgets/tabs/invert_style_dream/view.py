"""The controls of the Invert, Style and Dream tabs, and the live canvas of each."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting
from nbfeatviz.widgets.photo_input.photo import Photo


class InvertStyleDreamCanvas(LiveCanvas):
    """A live canvas beside the panel's own, which shows all errors."""

    _esm = awaiting("live")  # the panel's own canvas has brought it, and the style sheet
    _css = ""
    panel: LiveCanvas

    def show_error(self, error: str) -> None:
        """Shows an error in words, where all errors of the panel are shown."""
        self.panel.show_error(error)


class InvertStyleDreamView(PanelWidget):
    """The page shows `settings` and `facts` and says changes on `commands`.

    Attributes:
        kind: of `InvertStyleDreamSettings`.
        settings: its fields.
        facts: what can be chosen: layers, recipes, and what is meant where nothing is set.
        photo: {} or what is known of the style's photo, as in `PhotoView`.
        preview: JPEG of it.
        live: the canvas of this tab, whose state enables the buttons.
        commands: where the page says what is done in this tab.
    """

    _esm = awaiting("invert_style_dream")
    kind = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    photo = traitlets.Dict().tag(sync=True)
    preview = traitlets.Bytes().tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def show(self, settings: dict[str, Any], facts: dict[str, Any]) -> None:
        """Shows settings, and what can be chosen."""
        if settings != self.settings:
            self.settings = settings
        if facts != self.facts:
            self.facts = facts

    def show_photo(self, photo: Photo | None, picture: np.ndarray | None, network: Network | None) -> None:
        """Shows the style's photo and which part of it the network sees, or that there is none."""
        if photo is None or network is None:
            self.photo, self.preview = {}, b""
            return
        before = self.photo
        if not before or before["number"] != photo.number or before["channels"] != photo.channels:
            self.preview = photo.preview
        self.photo = photo.as_page(network)
