"""The traits of a panel in step with what it is set to; Python sets and observes them on the main thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.widgets.execution.worker import MainThread
from nbfeatviz.widgets.panel import Panel
from nbfeatviz.widgets.photo_input.photo import Photo

SETTINGS = ("layer", "objective", "unit", "recipe", "steps", "seed")


class _Picture(traitlets.Any):
    """A trait whose validator hears of None too, also when the trait is None already."""

    def _validate(self, obj: Any, value: Any) -> Any:
        return self._cross_validate(obj, value) if obj._cross_validation_lock is False else value


class PanelTraits(ipywidgets.Box):
    """What `FeatureExplorer` lets others set and observe; it documents the traits.

    Args:
        children: of the box.
        panel: what is set and observed.
        **options: of the box.
    """

    layer = traitlets.Unicode()
    unit = traitlets.Int()
    objective = traitlets.Unicode()
    recipe = traitlets.Union([traitlets.Unicode(), traitlets.Instance(Recipe)])
    steps = traitlets.Int(None, allow_none=True)
    seed = traitlets.Int()
    state = traitlets.Unicode("loading", read_only=True)
    loss = traitlets.Float(float("nan"), read_only=True)
    image = _Picture(None, allow_none=True)

    def __init__(
        self,
        children: Sequence[ipywidgets.Widget],
        panel: Panel,
        **options: Any,
    ) -> None:
        self.panel = panel
        self._main = MainThread()
        self._synced_settings = panel.settings  # what the traits were last set to from inside: it needs no check
        self._synced_image: np.ndarray | None = None  # what `image` was last set to from inside
        self._clearing = False  # whether `image` is being set to None from inside
        self._given: tuple[np.ndarray, Photo] | None = None  # the photo that is being given, and what is seen of it
        super().__init__(children, **options)

    def _set(self, settings: dict[str, Any]) -> None:
        """Changes several settings, the layer first (the unit must be one of its)."""
        for name in sorted(settings, key=lambda name: (*SETTINGS, name).index(name)):
            self.panel.optimize.change(name, settings[name])

    def _sync_settings(self) -> None:
        """Sets the traits to the settings (main thread)."""
        self._synced_settings = self.panel.settings
        for name in SETTINGS:
            setattr(self, name, getattr(self._synced_settings, name))  # an observer may have changed them meanwhile

    @traitlets.validate(*SETTINGS)
    def _validate_setting(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value != getattr(self._synced_settings, name):
            self.panel.optimize.checked(name, value)
        return proposal["value"]

    @traitlets.observe(*SETTINGS)
    def _setting_changed(self, change: Any) -> None:
        if change["new"] != getattr(self._synced_settings, change["name"]):
            self.panel.optimize.change(change["name"], change["new"])

    @traitlets.validate("image")
    def _validate_image(self, proposal: Any) -> Any:
        if proposal["value"] is None and not self._clearing:
            self.panel.photo.remove()  # also where the canvas shows nothing, so that the trait does not change
        if proposal["value"] is None or proposal["value"] is self._synced_image:
            return proposal["value"]
        self._given = self.panel.photo.read_seen(proposal["value"])
        return self._given[0]

    @traitlets.observe("image")
    def _image_changed(self, change: Any) -> None:
        if change["new"] is self._synced_image:
            return
        self._synced_image = change["new"]
        if self._given is None:
            return
        (picture, photo), self._given = self._given, None
        self.panel.optimize.show_photo(picture)
        self.panel.photo.take(photo)

    def _sync_progress(self, loss: float, image: np.ndarray | None) -> None:
        """Sets loss and image from inside (main thread)."""
        self.set_trait("loss", loss)
        self._synced_image = image  # not before: who observes the loss may set the image
        self._clearing = image is None
        try:
            self.set_trait("image", image)
        finally:
            self._clearing = False

    # From the panel, on any thread

    def settings_changed(self) -> None:
        """The Optimize tab is set to something else."""
        self._main.post("settings", self._sync_settings)

    def progressed(self, loss: float, image: np.ndarray | None) -> None:
        """Loss and picture of the run, a few times a second."""
        self._main.post("progress", lambda: self._sync_progress(loss, image))

    def state_changed(self, state: str) -> None:
        """The panel does something else."""
        self._main.post("state", lambda: self.set_trait("state", state))
