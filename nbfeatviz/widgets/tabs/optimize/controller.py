"""The controller of the Optimize tab: what it is set to, and the run that is made from that.

Its methods may be called from any thread.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.encoding import displayed
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets import export
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.canvas.run_commands import RunCommands
from nbfeatviz.widgets.caption import subject
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.precompile import Precompiler
from nbfeatviz.widgets.execution.runner import Runner
from nbfeatviz.widgets.execution.unit_monitor import UnitMonitor
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.network_switcher import suggested_layer
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.settings import recipe_values
from nbfeatviz.widgets.settings.panel_settings import PanelSettings
from nbfeatviz.widgets.tabs.optimize.view import OptimizeView

_SAID = {"network", "objective", "layer", "unit", "row", "col", "terms", "weight", "recipe", "seed"}  # in a caption
_AIMLESS = {"keep", "start", "display"}  # fields that a run in progress does not depend on


class OptimizeController(RunCommands):
    """Holds the settings, tells the panel which of them changed, and retargets the run in progress.

    Args:
        panel: the panel.
        view: the controls.
        live: the canvas.
        worker: what computation is done on.
        exclusive: with what else the panel computes.
        precompiler: what compiles in the background, if anything does.

    Attributes:
        view: the controls.
        live: the canvas.
        lock: held while settings change.
        runner: what does the runs.
        unit_monitor: what looks at all units of the layer while a run goes on.
    """

    def __init__(
        self,
        panel: PanelApi,
        view: OptimizeView,
        live: LiveCanvas,
        worker: Worker | SameThread,
        exclusive: Exclusive,
        precompiler: Precompiler | None = None,
    ) -> None:
        self.panel, self.view, self.live, self._worker = panel, view, live, worker
        self._exclusive, self._precompiler = exclusive, precompiler
        self.lock = threading.RLock()
        self._settings = PanelSettings()
        self.unit_monitor = UnitMonitor(worker, live.show_rises)
        self.runner = Runner(
            worker, live, self._prepared, self.set_status, panel.progressed, self.unit_monitor.see,
            self.unit_monitor.expect,
        )  # fmt: skip
        exclusive.join(self.runner, "optimize")
        self._show(frozenset({"network", *vars(self._settings)}))

    # Settings

    @property
    def settings(self) -> PanelSettings:
        """What the tab is set to."""
        return self._settings

    @property
    def layer(self) -> str:
        """The layer that is set; unlike the panel's trait, on every thread."""
        return self._settings.layer

    def checked(self, name: str, value: Any) -> None:
        """Raises what `change` would."""
        network = self.panel.settled_network()  # waits, and the settings are others then
        self._settings.changed(network, name, value)

    def change(self, name: str, value: Any) -> None:
        """Changes a setting; a run in progress is retargeted.

        Raises:
            ValueError, TypeError: no such setting or value; everything stays as it was.
        """
        network = self.panel.settled_network()
        with self.lock:
            self._adopt(self._settings.changed(network, name, value))

    def change_recipe(self, path: str, value: Any) -> None:
        """Changes one value of the recipe (see `recipe_values`); a run in progress goes on with it from its picture.

        Raises:
            ValueError, TypeError: no such value, or one that is not possible; everything stays as it was.
        """
        network = self.panel.settled_network()
        with self.lock:
            recipe = recipe_values.changed(recipes.get(self._settings.recipe), path, value)
            self._adopt(self._settings.changed(network, "recipe", recipe))

    def publish_recipe(self) -> None:
        """Goes back to the recipe as it was published, its step size too."""
        network = self.panel.settled_network()
        known = recipe_values.published(self._settings.recipe)
        if known is None:
            raise ValueError("this recipe is one of your own, so there is no published one to go back to.")
        with self.lock:
            settings = self._settings.changed(network, "recipe", known)
            self._adopt(settings.changed(network, "step_size", None))

    def choose_layer(self, path: str) -> None:
        """Sets the layer."""
        self.change("layer", path)

    def network_changed(self, network: Network) -> None:
        """What `fitted` gave has adopted it."""

    def settings_changed(self, changed: frozenset[str]) -> None:
        """They are this tab's own."""

    def photo_changed(self) -> None:
        """A run that begins from the photo takes it when it begins."""

    def pick(self, y: float, x: float) -> None:
        """Chooses the neuron that sees a place of the picture best; in fractions of its height and width."""
        settings, network = self._settings, self.panel.network
        if network is None or self.panel.loading or settings.objective != "neuron":
            return
        height, width = network.contract.size
        field = receptive_field(network, settings.layer)
        row, col = field.nearest(y * height, x * width)
        if not all(field.stride):  # each sees everything: the layer's grid laid over the picture
            rows, cols = (network.layers[settings.layer].output_shape or (1, 1))[:2]
            row, col = int(y * (rows or 1)), int(x * (cols or 1))
        self._place(network, row, col)

    def move(self, rows: int, cols: int) -> None:
        """Moves the neuron by so many rows and columns."""
        network = self.panel.network
        if network is None or self.panel.loading or "neuron" not in self.live.overlay:
            return
        row, col = self.live.overlay["neuron"]
        self._place(network, row + rows, col + cols)

    def _place(self, network: Network, row: int, col: int) -> None:
        shape = network.layers[self._settings.layer].output_shape
        if shape is None or len(shape) != 3:
            return
        self.change("row", min(max(row, 0), (shape[0] or 1) - 1))
        self.change("col", min(max(col, 0), (shape[1] or 1) - 1))

    def fitted(self, network: Network) -> Callable[[Callable[[], None]], None]:
        """Fits the settings to a network that is to come into use.

        Returns:
            What adopts them, and then does what it is given before they can change again.

        Raises:
            ValueError: the network has no layer to choose.
        """

        def fitting() -> PanelSettings:
            old = self._settings
            layer = old.layer if old.layer in network.layers else suggested_layer(network)
            return dataclasses.replace(old, row=None, col=None).changed(network, "layer", layer)

        fitting()

        def adopt(then: Callable[[], None]) -> None:
            with self.lock:
                self._adopt(fitting(), of="network")  # settings may have been changed in the meantime
                then()

        return adopt

    def _adopt(self, settings: PanelSettings, of: str | None = None) -> None:
        """Takes other settings (under the lock); `of`: what else has changed."""
        changed = settings.differing(self._settings) | ({of} if of else set())
        self._settings = settings
        self._show(changed)
        self.panel.settings_changed(changed)
        network = self.panel.network
        if network is not None and changed - _AIMLESS:
            self.runner.retarget(objective=settings.target(network), keep=settings.keep, **settings.run_options)
        self._precompile()

    def _precompile(self) -> None:
        """Compiles in the background what Run would have to wait for."""
        network = self.panel.network
        if network is not None and self._precompiler is not None and not self.runner.busy:
            self._precompiler.expect_run(network, self._prepared, self.unit_monitor.expect)

    def _show(self, changed: frozenset[str]) -> None:
        network, settings = self.panel.network, self._settings
        self.view.show(settings, network, changed)
        if changed & {"display", "recipe"}:
            self.live.display(settings.displayed)
        if network is not None and changed & _SAID:
            self.live.selection = subject(network, settings.target(network), settings.recipe, settings.seed).words
        if changed & {"network", "objective", "layer", "row", "col"}:
            overlay = settings.overlay(network)
            if overlay != self.live.overlay:
                self.live.overlay = overlay

    # Running

    def set_status(self, state: str, text: str = "", **more: Any) -> None:
        """Shows how far the run is, or the loading of a network."""
        self._exclusive.set_status(self.runner, state, text, **more)

    def run(self, wait: bool = False) -> None:
        """Starts a run with the settings, or resumes the one that is paused; `wait` does it in this thread."""
        if wait or not self.panel.loading:
            self.panel.settled_network()
        self._exclusive.begin(self.runner)
        self.runner.run(wait)

    def step(self) -> None:
        """Does one step: of the paused run, or of a new one that is then paused."""
        self._exclusive.begin(self.runner)
        self.runner.step()

    def stop(self) -> None:
        """Ends what the panel computes before its next step; what there is of it stays."""
        self._exclusive.stop()

    def maximize(self, layer: str, unit: int, row: int | None = None, col: int | None = None) -> None:
        """Chooses a channel, or with a position a neuron, and runs from noise; a run in progress goes on with it."""
        network = self.panel.settled_network()
        with self.lock:
            alone = dataclasses.replace(self._settings, start="noise", terms=(), weight=1.0)
            settings = alone.changed(network, "objective", "channel")
            settings = settings.changed(network, "layer", layer).changed(network, "unit", unit)
            if row is not None:
                settings = settings.changed(network, "objective", "neuron").changed(network, "row", row)
                settings = settings.changed(network, "col", col)
            self._adopt(settings)
        if self.runner.busy:
            self.resume()
        else:
            self.run()

    def go_on(self, settings: PanelSettings, result: Visualization) -> None:
        """Shows a picture and takes its settings, so that the next run goes on with it (on the worker)."""
        self.runner.result = result
        self.live.clear()
        network, made = self.panel.network, result.settings
        if network is not None:
            self.live.show_subject(subject(network, made.objective, made.recipe, made.seed))
        self.live.settle(result.image)
        self.panel.progressed(float("nan"), result.image)
        with self.lock:
            self._adopt(settings)

    def show_stored(self, unit: CatalogueUnit | None) -> None:
        """Lays the stored picture of a unit over the canvas, unless that shows this very unit, or a run goes on."""
        words = self.live.selection
        if unit is None or self.runner.busy or self.live.shows == words:
            self.live.show_stored(b"", "")
            return
        made, best = unit.settings, unit.seeds[0]
        name = f" ({unit.name})" if unit.name else ""
        text = f"stored · {unit.layer} · unit {unit.unit}{name} · {made.recipe.name} · seed {best.seed}"
        self.live.show_stored(best.webp, f"{text} · {made.steps} steps")

    def show_photo(self, picture: np.ndarray) -> None:
        """Shows a photo as the network sees it, unless a run is in progress."""
        if not self.runner.busy:
            self.runner.result = None
            self.live.clear()
            self.live.settle(picture, photo=True)

    def _prepared(self) -> Ascent:
        """The run that the tab is set to."""
        network, settings = self.panel.settled_network(), self._settings
        starts = {
            "noise": lambda: None,
            "image": lambda: (
                stored
                if (stored := self.panel.stored) is not None
                else self.panel.image
                if self.runner.result is None
                else self.runner.result
            ),
            "photo": lambda: self.panel.photo_seen,
        }
        return Ascent(network, settings.target(network), start=starts[settings.start](), **settings.run_options)

    def _clear(self) -> None:
        self.unit_monitor.forget()
        super()._clear()
        self.set_status("idle", "ready", error="")
        self.panel.progressed(float("nan"), None)

    # What leaves the tab

    def snapshot(self) -> None:
        """Leaves the picture on the canvas and its settings in the notebook, seen without a kernel.

        Raises:
            ValueError: there is no picture yet.
        """
        image, result, busy = self.panel.image, self.runner.result, self.runner.busy
        if image is None:
            raise ValueError("there is no picture to keep yet: press Run first.")
        made = result is not None and image is result.image
        text = "a run in progress" if busy else "picture given to the panel"
        text = export.code(result.settings, self._given(result.settings)) if result is not None and made else text
        picture = displayed(image, self._settings.displayed) if made or busy else image
        export.leave(picture, text, export.name(None if result is None else result.settings))

    def show_code(self) -> None:
        """Shows on the page the Python of `code`."""
        self.view.send({"kind": "code", "text": self.code()})

    def close(self) -> None:
        """Gives everything back."""
        self.unit_monitor.close()
        self.runner.result = None
        self.live.forget()
