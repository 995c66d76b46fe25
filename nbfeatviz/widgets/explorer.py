"""FeatureExplorer: the widget. It composes the panel and its traits, and holds no mathematics."""

from __future__ import annotations

from typing import Any

import ipycanvas

from nbfeatviz.networks.network import Network
from nbfeatviz.widgets import cell_lifecycle
from nbfeatviz.widgets.comm import widget_registry
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.layout import Layout
from nbfeatviz.widgets.panel import Panel
from nbfeatviz.widgets.traits import PanelTraits


class FeatureExplorer(PanelTraits):
    """The live panel: pick a layer and a unit, press Run, and watch its image emerge.

    An ordinary widget: display it, lay it out with others, link its traits. Traits change on the kernel's
    main thread. One that was never displayed ends with the last variable for it, any other by `close()`, or when its
    cell is run again. Where TensorFlow is not imported yet, the panel is there before it, imports it in the
    background, and says so; what needs it waits.

    Args:
        net: None for the embedded networks; or a `Network`, a `keras.Model`, a name or path for
            `nbfeatviz.load`, or a dict of such by name. The embedded ones are always offered too.
        catalogue: folder of a catalogue (see `nbfeatviz.catalogue`), or an open one; None for the overview of the
            default network that comes with the package.
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
        panel: the controllers of the tabs, `panel.optimize`, `.photo`, `.features` and `.invert_style_dream`.

    Raises:
        ValueError, TypeError: a network or setting that is not possible; also on setting a trait (a value of the
            wrong type: traitlets' TraitError).
    """

    def __init__(
        self, net: Any = None, *, catalogue: Any = None, worker: Worker | SameThread | None = None, **settings: Any
    ) -> None:
        layout = Layout()
        self._closes_layout = "layout" not in settings
        of_box = {} if self._closes_layout else {"layout": settings.pop("layout")}
        try:
            panel = Panel(net, layout, worker or Worker(), traits=self)
            if catalogue is not None:
                panel.catalogue.use(catalogue)
        except Exception:
            layout.close()
            raise
        super().__init__([layout.grid], panel, **of_box)
        widget_registry.hold_weakly(self)
        self.add_class("nbfeatviz-panel")
        cell_lifecycle.register(self)
        try:
            panel.begin(then=lambda: self._set(settings))
        except Exception:
            self.close()
            raise

    @property
    def network(self) -> Network | None:
        """The network in use; None while the first one is loading."""
        return self.panel.network

    @property
    def canvas(self) -> ipycanvas.Canvas:
        """What the picture of a run is drawn on."""
        return self.panel.layout.canvas

    @property
    def loading(self) -> bool:
        """Whether a network is being loaded."""
        return self.panel.loading

    def change(self, name: str, value: Any) -> None:
        """Changes a setting (of `PanelSettings`, or "network"); a run in progress is retargeted.

        Raises:
            ValueError, TypeError: no such setting or value; everything stays as it was.
        """
        if name == "network":
            self.panel.switch_network(value)
        else:
            self.panel.optimize.change(name, value)

    def run(self, wait: bool = False) -> None:
        """Starts a run with the settings of the panel, or resumes the one that is paused.

        Args:
            wait: do it in this thread and come back at its end, showing frames on the way; for places where a
                background thread cannot reach the page (Colab, nbclient).
        """
        self.panel.optimize.run(wait)

    def maximize(self, layer: str, unit: int, row: int | None = None, col: int | None = None) -> None:
        """Chooses a channel, or with a position a neuron, and runs from noise; a run in progress goes on with it."""
        self.panel.optimize.maximize(layer, unit, row, col)

    def pause(self) -> None:
        """Holds the run before its next step; `run()` or `resume()` lets it go on."""
        self.panel.optimize.pause()

    def resume(self) -> None:
        """Lets a paused run go on."""
        self.panel.optimize.resume()

    def step(self) -> None:
        """Does one step: of the paused run, or of a new one that is then paused."""
        self.panel.optimize.step()

    def stop(self) -> None:
        """Ends the run, the sheet or the remake before its next step; what there is of it stays."""
        self.panel.optimize.stop()

    def reset(self) -> None:
        """Ends the run and clears the canvas; settings and photos stay."""
        self.panel.optimize.reset()

    def leave(self) -> None:
        """Ends the run and gives its frames back; the last picture and the numbers stay."""
        self.panel.optimize.leave()

    def code(self) -> str:
        """Python that makes the picture on the canvas again; of a run in progress, the picture so far."""
        return self.panel.optimize.code()

    def save_file(self, kind: str) -> tuple[str, str, bytes]:
        """(file name, MIME type, bytes): the picture as "png", or the run as "gif" or "webp"."""
        return self.panel.optimize.save_file(kind)

    def snapshot(self) -> None:
        """Leaves a lasting picture and its settings in the notebook, which needs no kernel to be seen."""
        self.panel.optimize.snapshot()

    def __repr__(self) -> str:
        if not hasattr(self, "panel"):  # it was refused while it was being made
            return "FeatureExplorer()"
        return f"FeatureExplorer({self.panel.networks.name!r}, layer={self.layer!r}, unit={self.unit})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        widget_registry.hold(self)
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = repr(self)
            if self.panel.layout.live.still:
                data["image/png"] = self.panel.layout.live.still
        return bundle

    def close(self) -> None:
        """Ends the run, closes the widgets and gives the memory back."""
        if not hasattr(self, "panel"):  # it was refused while it was being made
            return
        self.panel.close()
        self._sync_progress(float("nan"), None)
        self.panel.layout.close()
        if self._closes_layout and self.comm is not None:
            self.layout.close()
        super().close()

    def __del__(self) -> None:
        """Nobody refers to it, and it was never displayed: it is closed, but not from within the collection."""
        if hasattr(self, "panel") and self.comm is not None:
            widget_registry.release(self)
            self._main.later(self.close)
