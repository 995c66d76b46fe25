"""PanelApi: the one protocol by which tabs see the panel, and each other through it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets.settings.panel_settings import PanelSettings


class TabController(Protocol):
    """What the panel tells the controller of a tab."""

    @property
    def layer(self) -> str:
        """The layer that the tab is about, which the tree shows as chosen."""

    def network_changed(self, network: Network) -> None:
        """Another network is in use."""

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else: names of the fields, and "network" for another network."""

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""

    def close(self) -> None:
        """Gives everything back."""


class LayerChooser(Protocol):
    """A controller whose tab is about a layer that can be chosen in the tree."""

    def choose_layer(self, path: str) -> None:
        """Sets the layer (ValueError where the tab cannot take it)."""


class PanelApi(Protocol):
    """What a controller may ask and tell; every member may be used from any thread."""

    @property
    def network(self) -> Network | None:
        """The network in use; None while the first one is loading."""

    @property
    def loading(self) -> bool:
        """Whether a network is being loaded."""

    def check_loaded(self) -> None:
        """Raises a sentence (ValueError) while a network is loading, which would be waited for."""

    def settled_network(self) -> Network:
        """The network in use, waited for while one is loading (ValueError if there is none)."""

    @property
    def network_name(self) -> str:
        """Of the network in use, or of the one that is to be."""

    @property
    def settings(self) -> PanelSettings:
        """What the Optimize tab is set to."""

    @property
    def image(self) -> np.ndarray | None:
        """The picture on the canvas of the Optimize tab, float32 (H, W, C) in 0..1."""

    @property
    def photo_seen(self) -> np.ndarray | None:
        """What the network sees of the photo, float32 (H, W, C) in 0..1; None without a photo."""

    @property
    def photo_coming(self) -> bool:
        """Whether a photo is being read."""

    def network_code(self) -> str | None:
        """The network in use as Python, by a name that the notebook has for it; None where it has none."""

    def show_error(self, error: str) -> None:
        """Shows an error in words; "" takes the one before away."""

    def deliver(self, name: str, mime: str, data: bytes) -> None:
        """Hands the page a file to save."""

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else: names of the fields, and "network" for another network."""

    def progressed(self, loss: float, image: np.ndarray | None) -> None:
        """Loss and picture of the panel's run, a few times a second; (NaN, None) when it was cleared."""

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""

    def tab_changed(self) -> None:
        """Another tab is open, or it is about another layer."""

    def choose_layer(self, path: str) -> None:
        """A layer was chosen in the tree: for the open tab, where that is about a layer of its own.

        Raises:
            ValueError: no such layer, or one that the tab cannot take.
        """

    def switch_network(self, name: str) -> None:
        """Loads another network on offer (ValueError where there is no such)."""

    def maximize(self, layer: str, unit: int, row: int | None = None, col: int | None = None) -> None:
        """Opens the Optimize tab and starts the synthesis of a channel, or of a neuron."""

    def show_stored(self, unit: CatalogueUnit | None) -> None:
        """Shows the stored picture of the unit that the Optimize tab is set to, while nothing else is to be seen."""

    def show_overview(self, picture: bytes, words: str) -> None:
        """Shows what is inside the network while the panel has nothing else to show."""

    def show_pictured(self, layers: list[str]) -> None:
        """Tells the layer tree of which layers there are stored pictures."""

    def show_strip(self, layer: str, units: list[int], pictures: list[bytes]) -> None:
        """Unfolds some stored pictures (WebP) of a layer in the tree."""

    @property
    def stored(self) -> np.ndarray | None:
        """The stored picture that is shown, float32 (H, W, C) in 0..1; None where none is."""

    def pictured(self, layer: str, unit: int) -> CatalogueUnit | None:
        """What is stored of a unit."""

    def look_at(self, photo: Any, layer: str, unit: int) -> None:
        """Opens a photo tab on a photo, at a unit."""

    def go_on(self, settings: PanelSettings, result: Visualization) -> None:
        """Opens the Optimize tab and goes on with a picture, large."""
