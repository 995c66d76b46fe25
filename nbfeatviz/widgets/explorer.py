"""FeatureExplorer: the panel. It composes the parts and holds no mathematics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz.encoding import displayed
from nbfeatviz.networks.compiled_functions import COMPILED_AT_MOST
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets import cell_lifecycle as cells
from nbfeatviz.widgets import export
from nbfeatviz.widgets.comm.dispatch import dispatch
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.precompile import Precompiler
from nbfeatviz.widgets.execution.run_commands import RunCommands
from nbfeatviz.widgets.execution.runner import Runner
from nbfeatviz.widgets.execution.unit_monitor import UnitMonitor
from nbfeatviz.widgets.execution.worker import MainThread, SameThread, Worker
from nbfeatviz.widgets.layout import Layout
from nbfeatviz.widgets.network_switcher import NetworkSwitcher, suggested_layer
from nbfeatviz.widgets.photo_input.photo import Photo
from nbfeatviz.widgets.tabs.features.controller import FeaturesController
from nbfeatviz.widgets.tabs.invert_style_dream.tabs import InvertStyleDreamTabs
from nbfeatviz.widgets.tabs.optimize.view import OptimizeSettings
from nbfeatviz.widgets.tabs.photo.controller import PhotoController
from nbfeatviz.widgets.traits import PanelTraits


class FeatureExplorer(RunCommands, PanelTraits):
    """The live panel: pick a layer and a unit, press Run, and watch its image emerge.

    An ordinary widget: display it, lay it out with others, link its traits. Traits change on the kernel's
    main thread. Where TensorFlow is not imported yet, the panel is there before it, imports it in the background, and
    says so; what needs it waits.

    Args:
        net: None for the embedded networks; or a `Network`, a `keras.Model`, a name or path for
            `nbfeatviz.load`, or a dict of such by name. The embedded ones are always offered too.
        worker: what computation runs on; None for a thread of its own.
        **settings: initial values of the traits below, as `layer="block5c_add", unit=3`, and of what else can
            be set in the panel: `row`, `col`, `step_size`, `pre_activation`, `keep` (retargeting keeps the
            picture), `start` ("noise", "image" or "photo"), `display` ("as it is" or "stretched"; None for
            the recipe's), `precision` ("auto", "float32" or "bfloat16"), `terms` (further `TermSettings`, or dicts
            of their attributes) and `weight` (of the first term, where there are further ones); and
            `layout`, as of every widget. While a network (or TensorFlow) loads in the background, what is wrong in
            them is said in the panel.

    Attributes:
        layer: path of the layer.
        unit: index of the unit, from 0 (for the objective "class": of the class).
        objective: "channel", "neuron" or "class".
        recipe: name of the recipe, or the Recipe where it is none of the published ones. Takes either.
        steps: number of steps, None for the recipe's count.
        seed: of noise and transforms.
        state: "loading", "idle", "compiling", "running", "paused", "sheet" while a sheet is computed, or "remake"
            while a picture is made from the photo (read only).
        loss: of the last step (read only; a few times a second).
        image: float32 (H, W, C) in 0..1: the picture on the canvas. Set it to bring a photo of yours (path, bytes,
            PIL image, or array), which all tabs are then about; while no run is in progress the canvas shows it too.
            None takes the photo away.
        desk: the photo, and what is asked about it.
        sheets: many units, seeds or recipes at once.
        remakes: pictures made from the photo: "invert", "style" and "dream".

    Raises:
        ValueError, TypeError: a network or setting that is not possible; also on setting a trait (a value of the
            wrong type: traitlets' TraitError).
    """

    def __init__(self, net: Any = None, *, worker: Worker | SameThread | None = None, **settings: Any) -> None:
        self._main = MainThread()
        self._worker = worker or Worker()
        parts = self._widgets = Layout()
        self.commands, self.canvas, self.live = parts.commands, parts.canvas, parts.live
        self.tree, self.controls, self.tabs, self.features = parts.tree, parts.controls, parts.tabs, parts.features
        try:
            self._network_switcher = NetworkSwitcher(net, self._worker, self.live, self._set_status, self._fitted)
        except Exception:
            parts.close()
            raise
        self._precompiler = Precompiler(lambda: self.network) if isinstance(self._worker, Worker) else None
        self.photo_controller = PhotoController(
            self, self.tabs, self._worker, self.live.show_error, self.live.deliver, self._precompiler
        )
        self._exclusive = Exclusive(
            self._set_state, self._precompiler.forget_run if self._precompiler else lambda: None
        )
        self.features_controller = FeaturesController(
            self, parts.features, self._worker, self._exclusive, self.live.show_error
        )
        self.invert_style_dream = InvertStyleDreamTabs(self, parts.invert_style_dream, self._worker, self._exclusive)
        given = {name: settings.pop(name) for name in ("layout",) if name in settings}
        self._own_layout = not given
        super().__init__([parts.grid], self._network_switcher, self.photo_controller, **given)
        self.add_class("nbfeatviz-panel")
        self.commands.on_msg(lambda _, content, buffers: dispatch(self, content, buffers))
        self._unit_monitor = UnitMonitor(self._worker, self.live.show_rises)
        watching = self._unit_monitor.see, self._unit_monitor.expect
        self._runner = Runner(
            self._worker, self.live, self._prepared, self._set_status, self._notify_progress, *watching
        )
        self._exclusive.join(self._runner)
        cells.register(self)
        self._show_settings()
        try:
            self._network_switcher.first(then=lambda: self._set(settings))
        except Exception:
            self.close()
            raise

    # Networks

    @property
    def network(self) -> Network | None:
        """The network in use; None while the first one is loading."""
        return self._network_switcher.network

    @property
    def loading(self) -> bool:
        """Whether a network is being loaded."""
        return self._network_switcher.loading

    def _fitted(self, network: Network) -> Callable[[], None]:
        """Fits the settings to a network that is to come into use; returns what adopts them."""

        def fitting() -> OptimizeSettings:
            old = self._settings
            layer = old.layer if old.layer in network.layers else suggested_layer(network)
            return dataclasses.replace(old, row=None, col=None).changed(network, "layer", layer)

        fitting()  # a network without layers to choose is refused before it is in use

        def adopt() -> None:
            with self._lock:
                self.tree.show(network.layers)
                self._adopt(fitting())  # settings may have been changed in the meantime
                self.photo_controller.network_changed(network)
                self.features_controller.network_changed()
                self.invert_style_dream.network_changed(network)

        return adopt

    # Settings: the page and Python change the same ones

    def change(self, name: str, value: Any) -> None:
        """Changes a setting (of `PanelSettings`, or "network"); a run in progress is retargeted.

        Raises:
            ValueError, TypeError: no such setting or value; everything stays as it was.
        """
        if name == "network":
            self.stop()
            self._network_switcher.switch(value)
        else:
            super().change(name, value)

    def _adopt(self, settings: OptimizeSettings) -> None:
        before = self._settings
        super()._adopt(settings)
        self._show_settings()
        self._main.post("settings", self._sync)
        network = self.network
        # these three aim at nothing else
        aim = dataclasses.replace(settings, keep=before.keep, start=before.start, display=before.display)
        if network is not None and aim != before:
            self._runner.retarget(objective=settings.target(network), keep=settings.keep, **settings.ways)
        self._look_ahead()
        if network is not None and settings.layer != before.layer:
            self.photo_controller.layer_changed()
            self.invert_style_dream.layer_changed()

    def _look_ahead(self) -> None:
        """Compiles in the background what Run would have to wait for."""
        network = self.network
        if network is not None and self._precompiler is not None and not self._runner.busy:
            self._precompiler.expect_run(network, self._prepared, self._unit_monitor.expect)

    def _show_settings(self) -> None:
        """Shows the settings on the page."""
        network, settings = self.network, self._settings
        self.controls.show(settings, network, self._network_switcher.name, list(self._network_switcher.offered))
        self.live.display(settings.displayed)
        self.tab_changed()
        self.features_controller.panel_changed()
        overlay = settings.overlay(network)
        if overlay != self.live.overlay:
            self.live.overlay = overlay

    @property
    def chosen_layer(self) -> str:
        """The layer that the panel is set to; unlike the trait, on every thread."""
        return self._settings.layer

    @property
    def chosen(self) -> OptimizeSettings:
        """What the panel is set to."""
        return self._settings

    def tab_changed(self) -> None:
        """Shows the layer that the open tab is about; in tabs that answer quickly the choice follows the keyboard."""
        tab = self.invert_style_dream.get(self.photo_controller.tab, self.photo_controller)
        self.tree.selected = tab.layer
        self.tree.follow = self.photo_controller.tab in ("grad-cam", "activations")

    def _set_state(self, state: str, text: str, **more: Any) -> None:
        """Says it in the status line, and lets the trait follow."""
        network = self.network
        kept = "" if network is None else f"{network.kept} of at most {COMPILED_AT_MOST} compiled functions are kept"
        self.live.set_status(state, text, kept=kept, **more)
        self._main.post("state", self._show_state)

    def _show_state(self) -> None:
        """Sets the trait to what the status line says (main thread)."""
        self.set_trait("state", self.live.status["state"])

    def _set_status(self, state: str, text: str = "", **more: Any) -> None:
        """How far the run is, or the loading of a network."""
        self._exclusive.set_status(self._runner, state, text, **more)

    @property
    def photo_seen(self) -> np.ndarray | None:
        """What the network sees of the photo."""
        return self.photo_controller.picture

    @property
    def photo_coming(self) -> bool:
        """Whether a photo is being read."""
        return self.photo_controller.reading

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none."""
        self.invert_style_dream.photo_changed()

    def _notify_progress(self, loss: float, image: np.ndarray | None) -> None:
        self._main.post("progress", lambda: self._show_progress(loss, image))

    def give(self, picture: np.ndarray, photo: Photo) -> None:
        """Takes a photo that was given; while no run is in progress the canvas shows it too."""
        if not self._runner.busy:
            self._runner.result = None
            self.live.clear()
            self.live.settle(picture, photo=True)
        super().give(picture, photo)

    # Running

    def run(self, wait: bool = False) -> None:
        """Starts a run with the settings of the panel, or resumes the one that is paused.

        Args:
            wait: do it in this thread and come back at its end, showing frames on the way; for places where a
                background thread cannot reach the page (Colab, nbclient).
        """
        if wait or not self.loading:
            self._network_switcher.wait()
        self._exclusive.begin(self._runner)
        self._runner.run(wait)

    def _prepared(self) -> Ascent:
        """The run that the panel is set to."""
        network, settings = self._network_switcher.wait(), self._settings
        starts = {
            "noise": lambda: None,
            "image": lambda: self.image if self._runner.result is None else self._runner.result,
            "photo": lambda: self.photo_controller.picture,
        }
        return Ascent(network, settings.target(network), start=starts[settings.start](), **settings.ways)

    def maximize(self, layer: str, unit: int, row: int | None = None, col: int | None = None) -> None:
        """Chooses a channel, or with a position a neuron, and runs from noise; a run in progress goes on with it."""
        network = self._network_switcher.wait()
        with self._lock:
            alone = dataclasses.replace(self._settings, start="noise", terms=(), weight=1.0)
            settings = alone.changed(network, "objective", "channel")
            settings = settings.changed(network, "layer", layer).changed(network, "unit", unit)
            if row is not None:
                settings = settings.changed(network, "objective", "neuron").changed(network, "row", row)
                settings = settings.changed(network, "col", col)
            self._adopt(settings)
        if self._runner.busy:
            self.resume()
        else:
            self.run()

    def go_on(self, settings: OptimizeSettings, result: Visualization) -> None:
        """Goes on with a picture of a sheet, large (on the worker, when nothing else is computed)."""
        self._runner.result = result
        self.live.clear()
        self.live.settle(result.image)
        self._notify_progress(float("nan"), result.image)
        with self._lock:
            self._adopt(settings)
        self.photo_controller.open("optimize")
        self.run()

    def step(self) -> None:
        """Does one step: of the paused run, or of a new one that is then paused."""
        self._exclusive.begin(self._runner)
        self._runner.step()

    def stop(self) -> None:
        """Ends the run, the sheet or the remake before its next step; what there is of it stays."""
        self._exclusive.stop()

    def _clear(self) -> None:
        self._unit_monitor.forget()
        super()._clear()
        self._set_status("idle", "ready", error="")
        self._notify_progress(float("nan"), None)

    # What leaves the panel

    def snapshot(self) -> None:
        """Leaves a lasting picture and its settings in the notebook, which needs no kernel to be seen."""
        if self.image is None:
            raise ValueError("there is no picture to keep yet: press Run first.")
        result = self._runner.result
        made = result is not None and self.image is result.image
        text = "a run in progress" if self._runner.busy else "picture given to the panel"
        text = export.code(result.settings) if result is not None and made else text
        picture = displayed(self.image, self._settings.displayed) if made or self._runner.busy else self.image
        export.leave(picture, text, export.name(None if result is None else result.settings))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = f"FeatureExplorer({self._network_switcher.name!r}, layer={self.layer!r}, unit={self.unit})"
            if self.live.still:
                data["image/png"] = self.live.still
        return bundle

    def close(self) -> None:
        """Ends the run, closes the widgets and gives the memory back."""
        if not hasattr(self, "_runner"):  # a panel that was refused while it was being made
            return
        self.stop()
        self._network_switcher.close()
        if self._precompiler is not None:
            self._precompiler.close()
        self._worker.close()
        self._unit_monitor.close()
        self.photo_controller.close()
        self.features_controller.close()
        self.invert_style_dream.close()
        self._runner.result = None
        self.live.forget()
        self._show_progress(float("nan"), None)
        self._widgets.close()
        if self._own_layout and self.comm is not None:
            self.layout.close()
        super().close()
