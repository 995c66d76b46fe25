"""The controller of the photographs under the picture: from a catalogue, or looked for on the spot, layer by layer.

Its methods may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from nbfeatviz.catalogue.exemplars import Exemplar, ExemplarReader
from nbfeatviz.catalogue.photo_pass import PhotoPass
from nbfeatviz.catalogue.photo_set import PhotoSet
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.store.memory import MemoryRecords
from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.run.photo_statistics import PHOTO_CHANNELS
from nbfeatviz.widgets.execution.chunked_task import ChunkedTask, Result
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.exemplars.view import ExemplarsView
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.tabs.catalogue.unit_page import PATCHES, histogram_as_page, patch_as_page

_OF_A_UNIT = {"network", "layer", "unit", "objective", "terms"}


class ExemplarsController:
    """Shows the photographs of the unit that the Optimize tab is set to.

    Args:
        panel: the panel.
        view: where they are shown.
        worker: what photographs are looked at on, a few at a time between the steps of a run.
    """

    def __init__(self, panel: PanelApi, view: ExemplarsView, worker: Worker | SameThread) -> None:
        self.panel, self.view = panel, view
        self._lock = threading.RLock()
        self._records = MemoryRecords()
        self._readers: dict[str, ExemplarReader] = {}  # by layer, what was looked at here
        self._shown: tuple[Exemplar, ...] = ()
        self._task = ChunkedTask(worker, self._notify, lambda tab, number, result: None, panel.show_error)
        self.show()

    # TabController

    @property
    def layer(self) -> str:
        """The layer that is set."""
        return self.panel.settings.layer

    def network_changed(self, network: Network) -> None:
        """Another network is in use: what was looked at does not count."""
        self._task.cancel()
        with self._lock:
            self._readers.clear()
            self._records.clear()
        self.show()

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else."""
        if changed & _OF_A_UNIT:
            if "layer" in changed:
                self._task.cancel()
            self.show()

    def photo_changed(self) -> None:
        """The photo tabs' photo is another thing."""

    def close(self) -> None:
        """Gives everything back."""
        self._task.cancel()
        with self._lock:
            self._readers.clear()
            self._records.clear()

    # What is shown

    def _target(self) -> tuple[str, int] | None:
        """Layer and unit that are set; None where that is no single unit, or no network is loaded."""
        settings, network = self.panel.settings, self.panel.network
        if network is None or settings.terms:
            return None
        path = network.head_layer.path if settings.objective == "class" else settings.layer
        return (path, settings.unit) if path in network.layers else None

    def show(self) -> None:
        """Shows what is known of the unit that is set."""
        target = self._target()
        if target is None:
            with self._lock:
                self._shown = ()
            self.view.show({"of": "", "known": False, "possible": False, "words": ""}, [], None, [])
            return
        found, histogram, words = self._found(*target)
        with self._lock:
            self._shown = found
        network = self.panel.network
        possible = network is not None and network.contract.channels in PHOTO_CHANNELS
        of = f"unit {target[1]} of {target[0]}"
        facts = {"of": of, "known": histogram is not None, "possible": possible, "words": words}
        self.view.show(facts, [patch_as_page(one) for one in found], histogram, [one.webp for one in found])

    def _found(self, path: str, unit: int) -> tuple[tuple[Exemplar, ...], Any, str]:
        """The strongest photographs of a unit, its histogram, and where they are from."""
        stored = self.panel.pictured(path, unit)
        with self._lock:
            reader = self._readers.get(path)
        if reader is not None:
            network = self.panel.network
            positions = network is not None and len(network.layers[path].output_shape or ()) == 3
            exemplars = reader.exemplars(path, unit, positions)
            histogram = histogram_as_page(reader.activations(path, unit), _score(stored))
            folder = reader.facts.get("folder")
            words = f"of {reader.facts.get('photos', 0)} photographs in {folder}" if folder else "of the bundled ones"
            return () if exemplars is None else exemplars.strongest[:PATCHES], histogram, words
        if stored is None or stored.exemplars is None:
            return (), None, ""
        histogram = histogram_as_page(stored.activations, stored.score)
        return stored.exemplars.strongest[:PATCHES], histogram, "from the catalogue"

    def open_photo(self, place: Any) -> None:
        """Opens one of the photographs in the photo tabs, at the unit that is set."""
        target = self._target()
        with self._lock:
            shown = self._shown
        if target is None or not is_whole(place, 0, len(shown) - 1):
            raise ValueError(f"there is no photograph {place!r} under the picture.")
        self.panel.check_loaded()
        one = shown[place]
        self.panel.look_at(one.view if one.path is None else one.path, *target)

    # Looking

    def look(self, folder: str | None) -> None:
        """Looks at photographs for all units of the layer that is set, on the worker.

        Raises:
            ValueError: there is no such folder, or no photograph in it.
        """
        self.panel.check_loaded()
        target, network = self._target(), self.panel.network
        if target is None or network is None:
            raise ValueError("photographs are looked for of one unit: choose a channel, a neuron or a class.")
        photos = PhotoSet(folder)
        self._task.ask("exemplars", lambda: self._looked(network, target[0], photos))

    def cancel(self) -> None:
        """Ends looking."""
        self._task.cancel()

    def _looked(self, network: Network, path: str, photos: PhotoSet) -> Iterator[Result]:
        looking = PhotoPass(network, planned(network, layers=[path], precision="float32").layers, photos)
        try:
            while looking.step():
                yield Result(done=looking.done, total=len(photos), text="looking at photographs")
            for record in looking.records():
                self._records.add([record])
                yield Result(done=len(photos), total=len(photos), text="looking at photographs")
        finally:
            looking.close()
        with self._lock:
            self._readers[path] = ExemplarReader(self._records, looking.owner)
        self.show()

    def _notify(self, tab: str, state: str, done: int, total: int, text: str) -> None:
        self.view.show_progress(state, done, total)


def _score(stored: CatalogueUnit | None) -> float | None:
    return None if stored is None else stored.score
