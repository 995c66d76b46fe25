"""The controller of the Catalogue tab: what is pictured of the network, one unit large, and what is filled in.

Its methods may be called from any thread.
"""

from __future__ import annotations

import threading
from typing import Any

from nbfeatviz.catalogue.overview import DEFAULT
from nbfeatviz.catalogue.plan import Job
from nbfeatviz.catalogue.similarity import strongest_inputs
from nbfeatviz.catalogue.store.records import DamagedError, Record
from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.checks import is_whole
from nbfeatviz.encoding import Frames
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.settings.panel_settings import PanelSettings
from nbfeatviz.widgets.tabs.catalogue.filling import Filling
from nbfeatviz.widgets.tabs.catalogue.mosaic import mosaic
from nbfeatviz.widgets.tabs.catalogue.sources import SORTS, Sources
from nbfeatviz.widgets.tabs.catalogue.unit_page import as_page
from nbfeatviz.widgets.tabs.catalogue.view import CatalogueView

_AT_ONCE = 64  # pictures in a message
_LIKE = 12
_IN_THE_TREE = 8


class CatalogueController:
    """Looks into the catalogues that fit the network in use.

    Args:
        panel: the panel.
        view: where all is shown.
        worker: what computation is done on.
        exclusive: with what else the panel computes; filling waits for all of it.

    Attributes:
        sources: the catalogues.
    """

    def __init__(self, panel: PanelApi, view: CatalogueView, worker: Worker | SameThread, exclusive: Exclusive) -> None:
        self.panel, self.view, self._worker = panel, view, worker
        self._lock = threading.RLock()
        self._sort = "index"
        self._chosen: tuple[str, int] | None = None
        self.sources = Sources()
        self._filled: str = ""
        self._filling = Filling(worker, self._take, self._notify)
        self._show()

    def use(self, given: Any) -> None:
        """Looks into another catalogue of the user's (ValueError, TypeError where it is none)."""
        new = Sources(given)
        with self._lock:
            self.sources.close()
            self.sources = new
        if self.panel.network is not None:
            self.network_changed(self.panel.network)
        else:
            self._show(renewed=True)

    # TabController

    @property
    def layer(self) -> str:
        """The layer that the tree shows as chosen."""
        return self.panel.settings.layer

    def network_changed(self, network: Network) -> None:
        """Another network is in use: what is pictured of it is found on the worker, as its weights are looked at."""
        self._filling.pause()
        self._worker.submit(lambda: self._used(network))

    def _used(self, network: Network) -> None:
        if network is not self.panel.network:
            return
        sources = self.sources
        sources.use(network)
        if sources.mismatch:
            self.panel.show_error(sources.mismatch)
        with self._lock:
            if self._chosen is not None and sources.unit(*self._chosen) is None:
                self._chosen = None
        self.view.show_progress("idle")
        self._show(renewed=True)
        self.show_stored()

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else: the picture that is stored of it is shown at once."""
        if changed & {"network", "layer", "unit", "objective", "terms"}:
            self.show_stored()

    def photo_changed(self) -> None:
        """A catalogue does not depend on the photo."""

    def close(self) -> None:
        """Gives everything back."""
        self._filling.pause()
        self.sources.close()

    # What is stored of what is set

    def show_stored(self) -> None:
        """Shows the stored picture of the unit that is set, where there is one."""
        if self.panel.network is None and not self.panel.settings.layer:
            if (picture := mosaic(self.sources)) is not None and self.panel.network_name == DEFAULT:
                self.panel.show_overview(picture, f"inside {DEFAULT}: what some units of each layer like to see")
            return
        self.panel.show_stored(self.stored())

    def stored(self) -> CatalogueUnit | None:
        """What is stored of the unit that is set; None where nothing is, or something else than a unit is set."""
        settings, network = self.panel.settings, self.panel.network
        if settings.terms or settings.objective == "neuron":
            return None
        path = settings.layer
        if settings.objective == "class":
            if network is None:
                return None
            path = network.head_layer.path
        return self.unit(path, settings.unit)

    def unit(self, path: str, unit: int) -> CatalogueUnit | None:
        """A unit, where it is pictured; what is damaged is said and counts as missing."""
        try:
            found = self.sources.unit(path, unit)
            return found if found is not None and found.seeds[0].webp else None
        except DamagedError as error:
            self.panel.show_error(str(error))
            return None

    # The page

    def restore(self) -> None:
        """A page has come (back)."""
        if self._chosen is not None:
            self._send_unit(*self._chosen)

    def sort(self, value: Any) -> None:
        """Orders the units of every layer otherwise."""
        if value not in SORTS:
            raise ValueError(f"sort {value!r} is unknown: it is {', '.join(map(repr, SORTS))}.")
        with self._lock:
            self._sort = value
            self._show(renewed=True)

    def send_order(self, path: Any) -> None:
        """Sends the page the units of a layer in order."""
        with self._lock:
            sort, chosen = self._sort, self._chosen
        self.view.send_order(path, sort, self.sources.order(self._checked(path), sort, chosen))

    def send_pictures(self, path: Any, units: Any) -> None:
        """Sends the page some pictures of a layer."""
        if not isinstance(units, list) or not all(is_whole(unit, 0) for unit in units):
            raise ValueError(f"the page asked for the units {units!r:.100}, which are none.")
        self.view.send_pictures(str(path), [self._small(str(path), unit) for unit in units[:_AT_ONCE]])

    def _small(self, path: str, unit: int) -> tuple[dict[str, Any], bytes]:
        """What is said of a unit's picture, and the picture; b"" where there is none."""
        try:
            one = self.sources.unit(path, unit)
        except DamagedError:
            one = None
        if one is None:
            return {"unit": unit, "name": "", "score": None, "status": "not pictured yet"}, b""
        best = one.seeds[0]
        return {"unit": unit, "name": one.name or "", "score": best.score, "status": best.status}, best.webp

    def send_strip(self, path: Any) -> None:
        """Unfolds the first pictures of a layer in the tree."""
        units = self.sources.units(self._checked(path))[:_IN_THE_TREE]
        self.panel.show_strip(path, units, [self._small(path, unit)[1] for unit in units])

    def _checked(self, path: Any) -> str:
        if path not in self.sources.paths():
            raise ValueError(f"nothing is pictured of a layer {path!r}.")
        return str(path)

    def choose(self, path: Any, unit: Any) -> None:
        """Shows a unit large."""
        self._checked(path)
        if self.unit(path, unit) is None:
            raise ValueError(f"unit {unit!r} of {path!r} is not pictured yet: fill this layer.")
        with self._lock:
            self._chosen = (path, unit)
        self.view.chosen = [path, unit]
        self._send_unit(path, unit)
        if self._sort == "similarity":
            self._show(renewed=True)

    def _send_unit(self, path: str, unit: int) -> None:
        found, network = self.unit(path, unit), self.panel.network
        if found is None:
            return
        neighbours = [one for one in self.sources.like(path, unit, 3 * _LIKE) if self.unit(*one[:2]) is not None]
        read = [] if network is None or path not in network.layers else strongest_inputs(network, path, unit)
        self.view.send_unit(*as_page(found, neighbours[:_LIKE], read))

    def search(self, text: Any) -> None:
        """Shows what a text finds."""
        if not isinstance(text, str):
            raise ValueError(f"the page searched for {text!r}, which is no text.")
        found = self.sources.search(text[:200]) if text.strip() else []
        title = "" if not text.strip() else f"{len(found)} found for “{text.strip()[:60]}”"
        self.view.send_found(title, [[path, unit, self._words(path, unit)] for path, unit in found])

    def show_like(self, path: Any, unit: Any) -> None:
        """Shows the units that are like one."""
        like = self.sources.like(self._checked(path), unit, 60)
        found = [
            [one, place, f"{cosine:.0%} alike"] for one, place, cosine in like if self.unit(one, place) is not None
        ]
        self.view.send_found(f"like unit {unit} of {path}", found)

    def _words(self, path: str, unit: int) -> str:
        found = self.unit(path, unit)
        return "" if found is None or not found.name else found.name

    def _show(self, *, renewed: bool = False) -> None:
        rows = self.sources.rows(self.panel.network)
        pictured = sum(row["done"] for row in rows)
        words = f"{pictured:,} units of {len(rows)} layers" if rows else "nothing is pictured of this network yet"
        catalogues = self.sources.all()
        recipes = dict.fromkeys(f"{one.recipe.name}, {one.plan.steps} steps" for one in catalogues)
        facts = {"sorts": list(SORTS.items()), "words": words, "made": " · ".join(recipes)}
        self.view.settings = {"sort": self._sort}
        self.view.show(rows, facts, renewed=renewed)
        self.panel.show_pictured([row["path"] for row in rows if row["done"]])

    # What is begun here

    def run_from(self, path: Any, unit: Any) -> None:
        """Goes on with a stored picture, large, in the Optimize tab."""
        self.panel.check_loaded()
        found = self.unit(path, unit)
        if found is None or found.image is None:
            raise ValueError(f"unit {unit!r} of {path!r} is not pictured yet.")
        network = self.panel.settled_network()
        before = self.panel.settings
        plain = PanelSettings(layer=before.layer, precision=before.precision, keep=before.keep)
        settings = plain.changed(network, "layer", path).changed(network, "unit", unit)
        settings = settings.changed(network, "start", "image")
        result = Visualization(found.image, (), Frames(), found.settings)
        self._worker.submit(lambda: self.panel.go_on(settings, result))

    def open_photo(self, place: Any) -> None:
        """Opens one of the photographs of the unit that is shown large in the photo tabs, at that unit."""
        found = None if self._chosen is None else self.unit(*self._chosen)
        if found is None or found.exemplars is None or not is_whole(place, 0, len(found.exemplars.strongest) - 1):
            raise ValueError(f"there is no photograph {place!r} of the unit that is shown.")
        self.panel.check_loaded()
        one = found.exemplars.strongest[place]
        self.panel.look_at(one.view if one.path is None else one.path, found.layer, found.unit)

    def fill(self, path: Any) -> None:
        """Pictures what is missing of a layer, behind everything else that a person starts."""
        self.panel.check_loaded()
        network = self.panel.settled_network()
        if path not in network.layers:
            raise ValueError(f"there is no layer {path!r} in {network.name!r}.")
        self._filled = str(path)
        self.view.show_progress("busy", path, text="preparing …")
        self._worker.submit(lambda: self._begin_filling(network, path))

    def _begin_filling(self, network: Network, path: str) -> None:
        try:
            self.sources.use(network)
            plan = self.sources.plan(network, path)
            self._plan = plan
            self._filling.begin(network, list(self.sources.jobs(plan)))
        except Exception as error:  # no caller to propagate to
            self.view.show_progress("error", path, text=str(error))
            self.panel.show_error(str(error))

    def pause_filling(self) -> None:
        """Ends filling after the step in progress; what is finished stays."""
        self._filling.pause()
        progress = {"done": 0, "total": 0, **self.view.progress}
        self.view.show_progress("paused", self._filled, progress["done"], progress["total"])

    def _take(self, job: Job, records: list[Record]) -> None:
        self.sources.take(self._plan, job, records)
        self._show(renewed=True)
        if self.panel.settings.layer == job.layer:
            self.show_stored()

    def _notify(self, state: str, done: int, total: int, text: str) -> None:
        self.view.show_progress(state, self._filled, done, total, text)
        if state == "error":
            self.panel.show_error(text)
