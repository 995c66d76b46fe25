"""The widgets that a panel is made of, in one grid that the style sheet lays out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipycanvas
import ipywidgets

from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.dispatch import Message
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, follow_module
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.exemplars.view import ExemplarsView
from nbfeatviz.widgets.layer_tree import LayerTreeView
from nbfeatviz.widgets.panel_api import PanelApi, TabController
from nbfeatviz.widgets.tabs import registry
from nbfeatviz.widgets.tabs.catalogue import messages as catalogue_messages
from nbfeatviz.widgets.tabs.catalogue.controller import CatalogueController
from nbfeatviz.widgets.tabs.catalogue.view import CatalogueView
from nbfeatviz.widgets.tabs.features import messages as features_messages
from nbfeatviz.widgets.tabs.features.controller import FeaturesController
from nbfeatviz.widgets.tabs.features.view import FeaturesView
from nbfeatviz.widgets.tabs.invert_style_dream.layout import InvertStyleDreamLayout
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView
from nbfeatviz.widgets.tabs.photo.view import PhotoView


@dataclass(frozen=True)
class Room:
    """A tab with a view of its own, which the panel shows while that tab is open, beside the tree.

    Attributes:
        view: the widget, with the traits that the page shows; its page side makes an element of role "tabpanel".
        controller: what is done in the tab, made of the panel, the view, the worker, and what else it computes.
        handlers: what the controller does, by the kind of message of the page.
    """

    view: PanelWidget
    controller: Callable[[PanelApi, Any, Worker | SameThread, Exclusive], TabController]
    handlers: Mapping[str, Callable[[Any, Message], None]]


class Layout:
    """Made together and closed together. In the grid the first one is the first that Tab reaches.

    Attributes:
        commands: what the page says.
        canvas: where the picture of a run is drawn.
        live: what draws it.
        tree: the layer tree.
        controls: of the Optimize tab.
        exemplars: photographs under the picture.
        tabs: the tab bar and the photo tabs.
        rooms: tabs with views of their own, by their names in the registry.
        remakes: those of the Invert and Style tabs, by their kind.
        grid: all that is seen.
    """

    def __init__(self) -> None:
        key = uuid.uuid4().hex
        self.commands = Commands(key=key)
        self.canvas = ipycanvas.Canvas(width=224, height=224)
        self.live = LiveCanvas(canvas=self.canvas, commands=self.commands, key=key)
        self.tree = LayerTreeView(commands=self.commands)
        self.controls = OptimizeView(live=self.live, commands=self.commands)
        self.exemplars = ExemplarsView(live=self.live, commands=self.commands)
        self.tabs = PhotoView(live=self.live, commands=self.commands, controls=self.controls)
        self.features = FeaturesView(live=self.live, commands=self.commands, controls=self.controls)
        self.catalogue = CatalogueView(live=self.live, commands=self.commands)
        self.rooms = {
            "features": Room(self.features, FeaturesController, features_messages.HANDLERS),
            "catalogue": Room(self.catalogue, CatalogueController, catalogue_messages.HANDLERS),
        }
        self.invert_style_dream = {
            kind: InvertStyleDreamLayout(kind, self.live) for kind in registry.names("invert_style_dream")
        }
        boxes = [remake.box for remake in self.invert_style_dream.values()]
        views = [room.view for room in self.rooms.values()]
        self.grid = ipywidgets.Box(
            [self.tabs, self.tree, self.canvas, self.live, self.exemplars, self.controls, *views, *boxes]
        )
        named = {
            "grid": self.grid,
            "tree": self.tree,
            "picture": self.canvas,
            "live": self.live,
            "controls": self.controls,
            "exemplars": self.exemplars,
            "photo": self.tabs,
        }
        for name, part in named.items():
            part.add_class(f"nbfeatviz-{name}")
        for name, room in self.rooms.items():
            room.view.add_class("nbfeatviz-room")
            room.view.add_class(f"nbfeatviz-room-{name}")
        own = {"tree": self.tree, "optimize": self.controls, "photo": self.tabs, "exemplars": self.exemplars}
        own |= {name: room.view for name, room in self.rooms.items()}
        for name, part in own.items():
            follow_module(self.live, name, part)
        for remake in self.invert_style_dream.values():
            follow_module(self.live, "live", remake.live)
            follow_module(self.live, "invert_style_dream", remake.tab)
        for commands in (self.commands, *(remake.commands for remake in self.invert_style_dream.values())):
            _hear_on_any_shell(commands)

    def close(self) -> None:
        """Closes every widget, on the page too."""
        inner = [
            part for remake in self.invert_style_dream.values() for part in (*remake.box.children, remake.commands)
        ]
        for part in (*inner, *self.grid.children, self.commands, self.grid):
            if part.comm is not None:
                part.layout.close()
            part.close()


def _hear_on_any_shell(commands: Commands) -> None:
    """Lets ipykernel 7.4 hear this comm while a cell runs, also before the page has first spoken on it.

    That version sends a page's message to the shell that last published on the comm, which at first is the
    cell that made the panel. Taking its memory of that away leaves the message's own shell.
    """
    if hasattr(commands.comm, "_reply_subshell_for"):
        commands.comm._reply_subshell_for = None
