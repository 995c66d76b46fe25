"""The layer tree in the panel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets
import traitlets

from nbfeatviz.networks.layers import Layer, LayerTree
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting


class LayerTreeView(PanelWidget):
    """An ARIA tree with a filter; choosing a layer sends `{"kind": "set", "name": "layer", ...}`.

    Attributes:
        rows: one dict an entry, in order: path, name, kind, shape, units, depth, selectable, group.
        selected: path of the chosen layer.
        used: what is shown depends on the chosen layer; else the tree is grey.
        follow: moving through the tree by keyboard chooses at once.
        pictured: paths of the layers of which a catalogue has pictures; the page asks for the first of one.
        commands: where the page says what was chosen.
    """

    _esm = awaiting("tree")
    rows = traitlets.List().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    follow = traitlets.Bool(False).tag(sync=True)
    used = traitlets.Bool(True).tag(sync=True)
    pictured = traitlets.List().tag(sync=True)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def show(self, tree: LayerTree | None) -> None:
        """Shows the layers of a network, or none while one is loading."""
        self.rows = [] if tree is None else [row for child in tree for row in _rows(child, 1)]

    def show_strip(self, layer: str, units: list[int], pictures: list[bytes]) -> None:
        """Unfolds some pictures of a layer below its row."""
        self.send({"kind": "strip", "layer": layer, "units": units}, pictures)


def _rows(layer: Layer, depth: int) -> Iterator[dict[str, Any]]:
    shape = "" if layer.output_shape is None else " × ".join("?" if n is None else str(n) for n in layer.output_shape)
    yield {
        "path": layer.path,
        "name": layer.name,
        "kind": layer.kind,
        "shape": shape,
        "units": layer.units or "",
        "depth": depth,
        "selectable": layer.selectable,
        "group": bool(layer.children),
    }
    for child in layer.children:
        yield from _rows(child, depth + 1)
