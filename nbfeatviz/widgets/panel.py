"""Panel: the controllers of all tabs, composed, and what they ask and tell each other (see `PanelApi`)."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol, cast

import numpy as np

from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.networks.compute.compiled_functions import COMPILED_AT_MOST
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets.comm.dispatch import bound, dispatcher
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.precompile import Precompiler
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.exemplars import messages as exemplars_messages
from nbfeatviz.widgets.exemplars.controller import ExemplarsController
from nbfeatviz.widgets.layout import Layout
from nbfeatviz.widgets.network_switcher import NetworkSwitcher
from nbfeatviz.widgets.panel_api import LayerChooser, TabController
from nbfeatviz.widgets.python_code import name_in_notebook
from nbfeatviz.widgets.settings.panel_settings import PanelSettings
from nbfeatviz.widgets.tabs.catalogue.controller import CatalogueController
from nbfeatviz.widgets.tabs.features.controller import FeaturesController
from nbfeatviz.widgets.tabs.invert_style_dream import messages as invert_style_dream_messages
from nbfeatviz.widgets.tabs.invert_style_dream.controller import InvertStyleDreamController
from nbfeatviz.widgets.tabs.optimize import messages as optimize_messages
from nbfeatviz.widgets.tabs.optimize.controller import OptimizeController
from nbfeatviz.widgets.tabs.photo import messages as photo_messages
from nbfeatviz.widgets.tabs.photo.controller import PhotoController


class Traits(Protocol):
    """What is told the widget whose traits others observe; from any thread."""

    @property
    def image(self) -> np.ndarray | None:
        """The picture on the canvas."""

    def settings_changed(self) -> None:
        """The Optimize tab is set to something else."""

    def progressed(self, loss: float, image: np.ndarray | None) -> None:
        """Loss and picture of the run, a few times a second."""

    def state_changed(self, state: str) -> None:
        """The panel does something else."""


class Panel:
    """A `PanelApi`; its methods may be called from any thread.

    Args:
        net: what `FeatureExplorer` is given.
        layout: the widgets.
        worker: what computation is done on.
        traits: told what others observe.

    Attributes:
        layout: the widgets.
        networks: those on offer, and the one in use.
        optimize: the controller of the Optimize tab.
        photo: of the photo tabs.
        features: of the Features tab.
        catalogue: of the Catalogue tab.
        exemplars: of the photographs under the picture.
        invert_style_dream: of the tabs that make a picture from the photo, by their names.

    Raises:
        ValueError, TypeError: a network that is not possible.
    """

    def __init__(self, net: Any, layout: Layout, worker: Worker | SameThread, traits: Traits) -> None:
        self.layout, self._worker = layout, worker
        self._traits = weakref.ref(traits)  # the widget holds the panel, and ends when nobody holds the widget
        self.networks = NetworkSwitcher(net, worker, layout.live, self._set_status, self._fitted)
        self._precompiler = Precompiler(lambda: self.network) if isinstance(worker, Worker) else None
        exclusive = Exclusive(self._set_state, self._precompiler.forget_run if self._precompiler else lambda: None)
        self.optimize = OptimizeController(self, layout.controls, layout.live, worker, exclusive, self._precompiler)
        self.photo = PhotoController(self, layout.tabs, worker, self._precompiler)
        self._rooms = {name: room.controller(self, room.view, worker, exclusive) for name, room in layout.rooms.items()}
        self.features = cast(FeaturesController, self._rooms["features"])
        self.catalogue = cast(CatalogueController, self._rooms["catalogue"])
        self.invert_style_dream = {
            kind: InvertStyleDreamController(self, one.tab, one.live, worker, exclusive)
            for kind, one in layout.invert_style_dream.items()
        }
        self.exemplars = ExemplarsController(self, layout.exemplars, worker)
        self._controllers: list[TabController] = [
            self.photo, *self._rooms.values(), self.exemplars, *self.invert_style_dream.values(), self.optimize
        ]  # fmt: skip
        self._listen()

    def _listen(self) -> None:
        """Hands what the page says to the controllers."""
        handlers = {
            **bound(optimize_messages.HANDLERS, self.optimize),
            **bound(photo_messages.HANDLERS, self.photo),
        }
        handlers |= bound(exemplars_messages.HANDLERS, self.exemplars)
        for name, room in self.layout.rooms.items():
            handlers |= bound(room.handlers, self._rooms[name])
        self.layout.commands.on_msg(dispatcher(handlers, self.show_error))
        for kind, one in self.layout.invert_style_dream.items():
            own = bound(invert_style_dream_messages.HANDLERS, self.invert_style_dream[kind])
            one.commands.on_msg(dispatcher(own, self.show_error))

    def begin(self, then: Callable[[], None]) -> None:
        """Shows what is there, and takes the first network into use; `then` comes after that."""
        self._show_networks()
        self.settings_changed(frozenset({"network", *vars(self.settings)}))
        self.networks.first(then)

    # PanelApi

    @property
    def network(self) -> Network | None:
        """The network in use; None while the first one is loading."""
        return self.networks.network

    @property
    def loading(self) -> bool:
        """Whether a network is being loaded."""
        return self.networks.loading

    def check_loaded(self) -> None:
        """Raises a sentence (ValueError) while a network is loading, which would be waited for."""
        if self.loading:
            raise ValueError("the network is still loading: try again in a moment.")

    def settled_network(self) -> Network:
        """The network in use, waited for while one is loading (ValueError if there is none)."""
        return self.networks.wait()

    @property
    def network_name(self) -> str:
        """Of the network in use, or of the one that is to be."""
        return self.networks.name

    @property
    def settings(self) -> PanelSettings:
        """What the Optimize tab is set to; unlike the traits, on every thread."""
        return self.optimize.settings

    @property
    def image(self) -> np.ndarray | None:
        """The picture on the canvas of the Optimize tab."""
        traits = self._traits()
        return None if traits is None else traits.image

    @property
    def photo_seen(self) -> np.ndarray | None:
        """What the network sees of the photo."""
        return self.photo.picture

    @property
    def photo_coming(self) -> bool:
        """Whether a photo is being read."""
        return self.photo.reading

    def network_code(self) -> str | None:
        """The network in use as Python, by a name that the notebook has for it; None where it has none."""
        network = self.network
        if network is None:
            return None
        traits = self._traits()
        explorer = None if traits is None else name_in_notebook(traits)
        return name_in_notebook(network) or (f"{explorer}.network" if explorer else None)

    def show_error(self, error: str) -> None:
        """Shows an error in words; "" takes the one before away."""
        self.layout.live.show_error(error)

    def deliver(self, name: str, mime: str, data: bytes) -> None:
        """Hands the page a file to save."""
        self.layout.live.deliver(name, mime, data)

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else: tells all that follows it."""
        if (traits := self._traits()) is not None:
            traits.settings_changed()
        if changed & {"layer", "network", "objective", "terms"}:
            self.tab_changed()
        for controller in self._controllers:
            controller.settings_changed(changed)

    def progressed(self, loss: float, image: np.ndarray | None) -> None:
        """Loss and picture of the run, for the traits."""
        if (traits := self._traits()) is not None:
            traits.progressed(loss, image)

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""
        for controller in self._controllers:
            controller.photo_changed()

    def tab_changed(self) -> None:
        """Shows the layer that the open tab is about; in tabs that answer quickly the choice follows the keyboard."""
        tab = self.photo.tab
        about: dict[str, TabController] = {**self._rooms, **self.invert_style_dream}
        self.layout.tree.selected = about.get(tab, self.photo).layer
        self.layout.tree.follow = tab in ("grad-cam", "activations")
        self.layout.tree.used = self._uses_layer(tab)

    def _uses_layer(self, tab: str) -> bool:
        """Whether what a tab shows depends on the chosen layer."""
        settings = self.settings
        if tab in ("optimize", "features"):
            return settings.objective != "class" or any(term.kind != "class" for term in settings.terms)
        return tab not in ("saliency", "occlusion", "compare")

    def open_tab(self, name: str) -> None:
        """Opens a tab."""
        self.photo.open(name)

    def choose_layer(self, path: str) -> None:
        """A layer was chosen in the tree: for the open tab, where that is about a layer of its own."""
        own: dict[str, LayerChooser] = {"grad-cam": self.photo, "style": self.invert_style_dream["style"]}
        own.get(self.photo.tab, self.optimize).choose_layer(path)

    def switch_network(self, name: str) -> None:
        """Loads another network on offer; what was computed about the one in use ends."""
        self.optimize.stop()
        self.networks.switch(name)
        self.photo.cancel()

    def maximize(self, layer: str, unit: int, row: int | None = None, col: int | None = None) -> None:
        """Opens the Optimize tab, chooses a channel, or with a position a neuron, and runs from noise."""
        self.open_tab("optimize")
        self.optimize.maximize(layer, unit, row, col)

    def go_on(self, settings: PanelSettings, result: Visualization) -> None:
        """Goes on with a picture of a sheet, large (on the worker, when nothing else is computed)."""
        self.optimize.go_on(settings, result)
        self.open_tab("optimize")
        self.optimize.run()

    # What is stored

    def show_stored(self, unit: CatalogueUnit | None) -> None:
        """Shows the stored picture of the unit that the Optimize tab is set to, while nothing else is to be seen."""
        self.optimize.show_stored(unit)

    def show_overview(self, picture: bytes, words: str) -> None:
        """Shows what is inside the network while the panel has nothing else to show."""
        self.layout.live.show_stored(picture, words)

    def show_pictured(self, layers: list[str]) -> None:
        """Tells the layer tree of which layers there are stored pictures."""
        self.layout.tree.pictured = layers

    def show_strip(self, layer: str, units: list[int], pictures: list[bytes]) -> None:
        """Unfolds some stored pictures (WebP) of a layer in the tree."""
        self.layout.tree.show_strip(layer, units, pictures)

    @property
    def stored(self) -> np.ndarray | None:
        """The stored picture that is shown; None where none is."""
        found = self.catalogue.stored() if self.layout.live.stored else None
        return None if found is None else found.image

    def pictured(self, layer: str, unit: int) -> CatalogueUnit | None:
        """What is stored of a unit."""
        return self.catalogue.unit(layer, unit)

    def look_at(self, photo: Any, layer: str, unit: int) -> None:
        """Opens a photo tab on a photo, at a unit."""
        self.photo.take(photo)
        self.photo.target({"kind": "unit", "layer": layer, "unit": unit})
        self.open_tab("saliency")

    # Networks and status

    def _fitted(self, network: Network) -> Callable[[], None]:
        """Fits the panel to a network that is to come into use (ValueError if it cannot be); returns what adopts it."""
        adopt = self.optimize.fitted(network)

        def tell_all() -> None:
            for controller in self._controllers:
                controller.network_changed(network)

        def adopted() -> None:
            self._show_networks()
            self.layout.tree.show(network.layers)
            adopt(tell_all)

        return adopted

    def _show_networks(self) -> None:
        self.layout.controls.show_networks(self.networks.name, list(self.networks.offered))

    def _set_status(self, state: str, text: str = "", **more: Any) -> None:
        """Of the networks, which is about all tabs."""
        self.optimize.set_status(state, text, tab="", **more)

    def _set_state(self, state: str, text: str, **more: Any) -> None:
        """Sets the status line, and lets the trait follow."""
        network = self.network
        kept = "" if network is None else f"{network.cached} of at most {COMPILED_AT_MOST} compiled functions are kept"
        self.layout.live.set_status(state, text, kept=kept, **more)
        if (traits := self._traits()) is not None:
            traits.state_changed(self.layout.live.status["state"])

    def close(self) -> None:
        """Ends what is computed, and gives the memory back."""
        self.optimize.stop()
        self.networks.close()
        if self._precompiler is not None:
            self._precompiler.close()
        self._worker.close()
        for controller in self._controllers:
            controller.close()
