"""What the panel is set to, and the traits in step with it, which Python sets and observes on the main thread."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.widgets.network_switcher import NetworkSwitcher
from nbfeatviz.widgets.photo_input.photo import Photo
from nbfeatviz.widgets.tabs.optimize import recipe_values
from nbfeatviz.widgets.tabs.optimize.view import OptimizeSettings
from nbfeatviz.widgets.tabs.photo.controller import PhotoController

SETTINGS = ("layer", "objective", "unit", "recipe", "steps", "seed")


class _Picture(traitlets.Any):
    """A trait whose validator hears of None too, also when the trait is None already."""

    def _validate(self, obj: Any, value: Any) -> Any:
        return self._cross_validate(obj, value) if obj._cross_validation_lock is False else value


class PanelTraits(ipywidgets.Box):
    """What `FeatureExplorer` lets others set and observe; it documents the traits.

    Args:
        children: of the box.
        networks: those of the panel.
        desk: what reads a photo that is given, and takes it away for None.
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
        networks: NetworkSwitcher,
        controller: PhotoController,
        **options: Any,
    ) -> None:
        self._network_switcher, self.photo_controller = networks, controller
        self._lock = threading.RLock()
        self._settings = OptimizeSettings()
        self._told_settings = self._settings  # what the traits were last set to from inside, and so need no check
        self._told_image: np.ndarray | None = None  # what `image` was last set to from inside
        self._clearing = False  # whether `image` is being set to None from inside
        self._given: tuple[np.ndarray, Photo] | None = None  # the photo that is being given, and what is seen of it
        super().__init__(children, **options)

    def settled_network(self) -> Network:
        """The network in use, waited for."""
        return self._network_switcher.wait()

    def change(self, name: str, value: Any) -> None:
        """Changes a setting.

        Raises:
            ValueError, TypeError: no such setting or value; everything stays as it was.
        """
        network = self.settled_network()
        with self._lock:
            self._adopt(self._settings.changed(network, name, value))

    def change_recipe(self, path: str, value: Any) -> None:
        """Changes one value of the recipe (see `recipe_values`); a run in progress goes on with it from its picture.

        Raises:
            ValueError, TypeError: no such value, or one that is not possible; everything stays as it was.
        """
        network = self.settled_network()
        with self._lock:
            recipe = recipe_values.changed(recipes.get(self._settings.recipe), path, value)
            self._adopt(self._settings.changed(network, "recipe", recipe))

    def publish_recipe(self) -> None:
        """Goes back to the recipe as it was published, its step size too."""
        network = self.settled_network()
        known = recipe_values.published(self._settings.recipe)
        if known is None:
            raise ValueError("this recipe is one of your own, so there is no published one to go back to.")
        with self._lock:
            settings = self._settings.changed(network, "recipe", known)
            self._adopt(settings.changed(network, "step_size", None))

    def _adopt(self, settings: OptimizeSettings) -> None:
        """Takes other settings (under the lock)."""
        self._settings = settings

    def _set(self, settings: dict[str, Any]) -> None:
        """Changes several settings, the layer first (the unit must be one of its)."""
        for name in sorted(settings, key=lambda name: (*SETTINGS, name).index(name)):
            self.change(name, settings[name])

    def _sync(self) -> None:
        """Sets the traits to the settings (main thread)."""
        self._told_settings = self._settings
        for name in SETTINGS:
            setattr(self, name, getattr(self._told_settings, name))  # an observer may have changed them meanwhile

    @traitlets.validate(*SETTINGS)
    def _validate_setting(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value != getattr(self._told_settings, name):
            network = self.settled_network()  # waits, and the settings are others then
            self._settings.changed(network, name, value)
        return proposal["value"]

    @traitlets.observe(*SETTINGS)
    def _setting_changed(self, change: Any) -> None:
        if change["new"] != getattr(self._told_settings, change["name"]):
            self.change(change["name"], change["new"])

    @traitlets.validate("image")
    def _validate_image(self, proposal: Any) -> Any:
        if proposal["value"] is None and not self._clearing:
            self.photo_controller.remove()  # also where the canvas shows nothing, so that the trait does not change
        if proposal["value"] is None or proposal["value"] is self._told_image:
            return proposal["value"]
        network = self.settled_network()
        photo = self.photo_controller.read(proposal["value"])
        picture = photo.seen(network)
        self._given = picture, photo
        return picture

    @traitlets.observe("image")
    def _image_changed(self, change: Any) -> None:
        if change["new"] is self._told_image:
            return
        self._told_image = change["new"]
        if self._given is None:
            return
        (picture, photo), self._given = self._given, None
        self.give(picture, photo)

    def give(self, picture: np.ndarray, photo: Photo) -> None:
        """Takes a photo that was given, and what the network sees of it."""
        self.photo_controller.take(photo)

    def _show_progress(self, loss: float, image: np.ndarray | None) -> None:
        """Sets the traits from inside (main thread)."""
        self.set_trait("loss", loss)
        self._told_image = image  # not before: who observes the loss may set the image
        self._clearing = image is None
        try:
            self.set_trait("image", image)
        finally:
            self._clearing = False
