"""The controller of the Features tab: sheets of pictures that emerge together, and going on with one of them.

Its methods may be called from any thread.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from nbfeatviz.checks import is_whole
from nbfeatviz.encoding import encode_png, tile
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.run.batch_run import BatchRun
from nbfeatviz.widgets import export
from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.runner import Runner
from nbfeatviz.widgets.execution.throughput import Throughput
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.tabs.features.settings import ALTERNATIVES, COUNTS, LOOKS, WHAT, Cell, FeaturesSettings
from nbfeatviz.widgets.tabs.features.view import FeaturesView
from nbfeatviz.widgets.tabs.optimize.view import PanelSettings


class FeaturesController:
    """Computes the sheet that the Features tab is set to.

    Args:
        panel: the panel.
        view: where all is shown.
        worker: what computation is done on.
        exclusive: with what else the panel computes.
    """

    def __init__(
        self,
        panel: PanelApi,
        view: FeaturesView,
        worker: Worker | SameThread,
        exclusive: Exclusive,
    ) -> None:
        self.panel, self.view, self._worker, self._exclusive = panel, view, worker, exclusive
        self._lock = threading.RLock()
        self._settings = FeaturesSettings()
        self._runs: BatchRun | None = None  # of the sheet that is shown
        self._cells: tuple[Cell, ...] = ()
        self._throughput = Throughput()
        self.runner: Runner = Runner(worker, view, self._prepared, self._set_status, self._notify)
        exclusive.join(self, "features")

    # Settings

    @property
    def settings(self) -> FeaturesSettings:
        """What the tab is set to."""
        return self._settings

    def change(self, name: str, value: Any) -> None:
        """Changes a setting; a sheet in progress goes on with those it began with, but for how it looks.

        Raises:
            ValueError: no such setting or value; everything stays as it was.
        """
        with self._lock:
            self._settings = self._settings.changed(name, value, self._available())
            self._show_settings()
        if name in ("look", "show_size"):
            self.view.look(self._settings.look, self._settings.show_size)

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else: what a sheet would show changes with it."""
        if not changed & {"network", "layer", "objective", "row", "col", "terms", "recipe", "display"}:
            return
        with self._lock:
            if self.panel.network is not None:
                self._settings = self._settings.fitting(self._available())
            self._show_settings()
            self._show_displays()

    def _show_displays(self) -> None:
        """The recipe in use is displayed as the panel says, others as their own."""
        chosen = self.panel.settings
        name = recipes.get(chosen.recipe).name
        shown = [chosen if recipes.get(cell.settings.recipe).name == name else cell.settings for cell in self._cells]
        self.view.display([settings.displayed for settings in shown])

    def network_changed(self, network: Network) -> None:
        """Another network is in use: the sheet is not one of it."""
        self.stop()
        self._worker.submit(self._forget)

    def _forget(self) -> None:
        with self._lock:
            self._runs, self._cells = None, ()
            self.runner.result = None
        self.view.clear()

    def _available(self) -> int:
        network = self.panel.network
        if network is None:
            raise ValueError("the network is still loading: try again in a moment.")
        return self.panel.settings.units(network)

    def _show_settings(self) -> None:
        """Shows the settings on the page."""
        network, chosen = self.panel.network, self.panel.settings
        settings = {**vars(self._settings)}
        if settings != self.view.settings:
            self.view.settings = settings
        facts = {
            "ready": network is not None,
            "what": list(WHAT.items()),
            "looks": list(LOOKS.items()),
            "counts": list(COUNTS),
            "recipes": list(recipes.ALL),
            "objectives": list(ALTERNATIVES.items()),
            "layer": _subject(chosen),
            "units": 0 if network is None else chosen.units(network),
            "of": "class" if chosen.objective == "class" else "unit",
        }
        if facts != self.view.facts:
            self.view.facts = facts

    @property
    def layer(self) -> str:
        """The layer that a sheet is of."""
        return self.panel.settings.layer

    def photo_changed(self) -> None:
        """A sheet does not depend on the photo."""

    # Running

    @property
    def busy(self) -> bool:
        """Whether a sheet is being computed or held."""
        return self.runner.busy

    def run(self, wait: bool = False) -> None:
        """Begins a sheet with the settings, in place of a run in progress; `wait` does it in this thread."""
        if self.busy and not wait:
            return
        self._available()
        self._exclusive.begin(self)
        self.runner.run(wait)

    def stop(self) -> None:
        """Ends the sheet before its next step; its pictures stay."""
        self.runner.stop()

    def _prepared(self) -> BatchRun:
        """On the worker: what the tab is set to."""
        network, chosen, settings = self.panel.network, self.panel.settings, self._settings
        if network is None:
            raise ValueError("no network is loaded.")
        cells = settings.cells(network, chosen)
        step_size = None if settings.what == "recipes" else chosen.step_size
        runs = BatchRun(network, [cell.case for cell in cells], step_size=step_size, precision=chosen.precision)
        with self._lock:
            self._runs, self._cells = runs, cells
            self._show_displays()
        self.view.heading = _subject(chosen)
        self.view.cells = [_titled(cell, chosen, network) for cell in cells]
        return runs

    def _set_status(self, state: str, text: str = "", **more: Any) -> None:
        runs = self._runs
        done, total = (0, 0) if runs is None else (runs.done, runs.steps)
        if state == "running":
            self._throughput.begin(done)
            text = self._throughput.in_words(done, total)
        self.view.show_progress(state, text, done, total)
        for name in ("steps", "precision"):  # the run's in the Optimize tab
            more.pop(name, None)
        self._exclusive.set_status(self, "idle" if state == "idle" else "sheet", f"sheet: {text}", **more)

    def _notify(self, losses: Any, pictures: np.ndarray) -> None:
        """A few times a second while it runs."""
        runs = self._runs
        if runs is None or not self.busy:
            return
        self._throughput.count(runs.done)
        text = self._throughput.in_words(runs.done, runs.steps, runs.precision)
        self.view.show_progress("running", text, runs.done, runs.steps)
        self._exclusive.set_status(self, "sheet", f"sheet: {text}")

    # Going on with one

    def open(self, place: Any) -> None:
        """Goes on with one of the pictures, large; the sheet ends."""
        with self._lock:
            runs, cells = self._runs, self._cells
        if runs is None:
            raise ValueError("there is no sheet yet: press Run first.")
        if not is_whole(place, 0, len(cells) - 1):
            raise ValueError(f"the sheet has pictures 0 to {len(cells) - 1}, not {place!r}.")
        self._exclusive.stop()
        self._worker.submit(lambda: self._go_on(runs, cells[place], place))

    def _go_on(self, runs: BatchRun, cell: Cell, place: int) -> None:
        try:
            result = runs.results()[place]
            if result is None:
                raise ValueError("this picture has not begun to emerge: wait for its first step.")
            self.panel.go_on(cell.settings, result)
        except Exception as error:  # no caller to propagate to
            self.panel.show_error(in_words(error))

    # What leaves the tab

    def as_file(self) -> tuple[str, str, bytes]:
        """(file name, MIME type, bytes) of the sheet as it is shown."""
        pictures = self.view.pictures
        if pictures is None or not self._cells:
            raise ValueError("there is no sheet to save yet: press Run first.")
        return f"sheet-{self._settings.what}.png", "image/png", encode_png(tile(pictures))

    def code(self) -> str:
        """Python that makes the pictures of the sheet again; of one in progress, those so far."""
        runs = self._runs
        if runs is None or not runs.done:
            raise ValueError("there is no sheet to reproduce yet: press Run first.")
        given = None if runs.network.source else self.panel.network_code()
        return export.sheet_code(runs, given)

    def show_code(self) -> None:
        """Shows on the page the Python of `code`."""
        self.view.send({"kind": "code", "text": self.code()})

    def close(self) -> None:
        """Gives everything back."""
        self.stop()
        with self._lock:
            self._runs, self._cells = None, ()
            self.runner.result = None


def _subject(panel: PanelSettings) -> str:
    """What a sheet is of, in words."""
    place = "in the middle" if panel.row is None or panel.col is None else f"at row {panel.row}, column {panel.col}"
    what = {"channel": panel.layer, "neuron": f"{panel.layer}, one neuron {place}", "class": "the classes"}
    further = len(panel.terms)
    return what[panel.objective] + (f", with {further} further term{'s' * (further > 1)}" if further else "")


def _titled(cell: Cell, panel: PanelSettings, network: Network) -> dict[str, str]:
    """The title of a picture, and the name of its unit where that has one."""
    named = network.class_names if panel.objective == "class" else network.layers[panel.layer].unit_names
    return {"title": cell.title, "name": named[cell.settings.unit] if named else ""}
