"""The Invert, Style and Dream tabs together, as the panel speaks to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.tabs.invert_style_dream.controller import Host, InvertStyleDreamController
from nbfeatviz.widgets.tabs.invert_style_dream.layout import InvertStyleDreamLayout
from nbfeatviz.widgets.tabs.invert_style_dream.messages import dispatcher


class InvertStyleDreamTabs(Mapping[str, InvertStyleDreamController]):
    """The desks by their kind, "invert", "style" and "dream"; methods may be called from any thread.

    Args:
        host: the panel.
        parts: their widgets.
        worker: what computation is done on.
        turns: with what else the panel computes.
    """

    def __init__(
        self, host: Host, parts: Mapping[str, InvertStyleDreamLayout], worker: Worker | SameThread, exclusive: Exclusive
    ) -> None:
        self._controllers = {
            kind: InvertStyleDreamController(host, one.tab, one.live, worker, exclusive) for kind, one in parts.items()
        }
        for kind, one in parts.items():
            one.commands.on_msg(dispatcher(self._controllers[kind]))

    def __getitem__(self, kind: str) -> InvertStyleDreamController:
        return self._controllers[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._controllers)

    def __len__(self) -> int:
        return len(self._controllers)

    @property
    def busy(self) -> bool:
        """Whether a picture is being computed or held."""
        return any(controller.busy for controller in self.values())

    def network_changed(self, network: Network) -> None:
        """Another network is in use."""
        for controller in self.values():
            controller.network_changed(network)

    def layer_changed(self) -> None:
        """The panel is set to another layer."""
        for controller in self.values():
            controller.layer_changed()

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""
        for controller in self.values():
            controller.photo_changed()

    def close(self) -> None:
        """Gives everything back."""
        for controller in self.values():
            controller.close()
