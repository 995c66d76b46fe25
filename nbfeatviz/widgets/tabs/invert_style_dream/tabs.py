"""The Invert, Style and Dream tabs together, as the panel speaks to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.execution.exclusive import Turns
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.tabs.invert_style_dream.controller import Host, RemakeDesk
from nbfeatviz.widgets.tabs.invert_style_dream.layout import RemakeParts
from nbfeatviz.widgets.tabs.invert_style_dream.messages import answer_remake


class Remakes(Mapping[str, RemakeDesk]):
    """The desks by their kind, "invert", "style" and "dream"; methods may be called from any thread.

    Args:
        host: the panel.
        parts: their widgets.
        worker: what computation is done on.
        turns: with what else the panel computes.
    """

    def __init__(self, host: Host, parts: Mapping[str, RemakeParts], worker: Worker | SameThread, turns: Turns) -> None:
        self._desks = {kind: RemakeDesk(host, one.tab, one.live, worker, turns) for kind, one in parts.items()}
        for kind, one in parts.items():
            one.commands.on_msg(answer_remake(self._desks[kind]))

    def __getitem__(self, kind: str) -> RemakeDesk:
        return self._desks[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._desks)

    def __len__(self) -> int:
        return len(self._desks)

    @property
    def busy(self) -> bool:
        """Whether a picture is being computed or held."""
        return any(desk.busy for desk in self.values())

    def network_changed(self, network: Network) -> None:
        """Another network is in use."""
        for desk in self.values():
            desk.network_changed(network)

    def layer_changed(self) -> None:
        """The panel is set to another layer."""
        for desk in self.values():
            desk.layer_changed()

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""
        for desk in self.values():
            desk.photo_changed()

    def close(self) -> None:
        """Gives everything back."""
        for desk in self.values():
            desk.close()
