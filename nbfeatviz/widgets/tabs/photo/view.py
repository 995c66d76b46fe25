"""The tab bar and the photo tabs: what the page shows of a photo and of what is computed about it."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbfeatviz import samples
from nbfeatviz.attribution.fills import FILLS
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.encoding import encode_png
from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting
from nbfeatviz.widgets.photo_input.photo import Photo
from nbfeatviz.widgets.tabs import registry
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView
from nbfeatviz.widgets.tabs.photo.settings import DISPLAYS, PhotoSettings

COLOUR_MAPS = ("viridis", "magma", "inferno", "cividis", "RdBu_r")  # the last one diverges around zero


class PhotoView(PanelWidget):
    """The page side shows these traits and the messages of `show`, and says what the person does on `commands`.

    Attributes:
        tabs: name, title and room of each tab (see `registry`).
        tab: the open tab.
        photo: {} or what is known of the photo: number, name, credit, size, seen, fit, box.
        preview: JPEG of the whole photo.
        seen: PNG of what the network sees.
        predictions: (index, name, probability) of the most probable classes, or values of a linear head.
        settings: `PhotoSettings.as_page`.
        facts: what can be chosen.
        progress: tab, state, done, total and text of what is being computed.
    """

    _esm = awaiting("photo")
    tabs = traitlets.List([[tab.name, tab.title, tab.room] for tab in registry.TABS]).tag(sync=True)
    tab = traitlets.Unicode("optimize").tag(sync=True)
    photo = traitlets.Dict().tag(sync=True)
    preview = traitlets.Bytes().tag(sync=True)
    seen = traitlets.Bytes().tag(sync=True)
    predictions = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    progress = traitlets.Dict().tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    controls = traitlets.Instance(OptimizeView).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def show_photo(self, photo: Photo | None, picture: np.ndarray | None, network: Network | None) -> None:
        """Shows a photo and what the network sees of it, or that there is none."""
        if photo is None or picture is None or network is None:
            self.photo, self.preview, self.seen, self.predictions = {}, b"", b"", []
            return
        before = self.photo
        self.seen = encode_png(picture)
        if not before or before["number"] != photo.number or before["channels"] != photo.channels:
            self.preview = photo.preview
        self.photo = photo.as_page(network)

    def show_settings(self, settings: PhotoSettings, label: str, network: Network | None, layer: str) -> None:
        """Shows what the tabs are set to, and what can be chosen."""
        page = settings.as_page(label)
        if page != self.settings:
            self.settings = page
        if self.tab != settings.tab:
            self.tab = settings.tab
        facts: dict[str, Any] = {"ready": network is not None, **_choices()}
        if network is not None:
            shape = network.layers[layer].output_shape if layer in network.layers else None
            facts |= {"layer": layer, "layer_shape": list(shape or ()), "input": network.contract.size}
            facts["probabilities"] = network.probabilistic
        if facts != self.facts:
            self.facts = facts

    def show_progress(self, tab: str, state: str, done: int, total: int, text: str) -> None:
        """Shows how far a computation is."""
        self.progress = {"tab": tab, "state": state, "done": done, "total": total, "text": text}


@lru_cache
def _choices() -> dict[str, Any]:
    """What can be chosen whatever the network, and the colour maps."""
    methods = METHODS.values()
    families = {
        "saliency": [[one.name, one.title] for one in methods if one.family == "saliency"],
        "cam": [[one.name, one.title] for one in methods if one.family == "cam"],
    }
    return {
        **families,
        "samples": samples.as_page(),
        "methods": [[one.name, one.title] for one in methods],
        "displays": [list(entry) for entry in DISPLAYS.items()],
        "fills": [[name, name] for name in FILLS],
        "maps": {name: _colours(name) for name in COLOUR_MAPS},
    }


def _colours(name: str) -> str:
    """A colour map of matplotlib as base64 of 256 × 3 bytes; pyplot, which threads may not share, is not touched."""
    import matplotlib

    table = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    return base64.b64encode(np.ascontiguousarray(table).tobytes()).decode()
