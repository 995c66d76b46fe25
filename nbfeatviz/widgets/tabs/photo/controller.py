"""The controller of the photo tabs: a person's photo, what is asked about it, and the answers on the page.

Its methods may be called from any thread. It calls neither the panel nor the chunked task while it holds its lock.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbfeatviz.attribution.question import asked
from nbfeatviz.attribution.spatial import default_layer
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives
from nbfeatviz.widgets.execution.chunked_task import ChunkedTask, Result, ResultCache
from nbfeatviz.widgets.execution.precompile import Precompiler
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.photo_input.photo import Photo
from nbfeatviz.widgets.photo_input.photo_source import PhotoSource
from nbfeatviz.widgets.tabs import registry
from nbfeatviz.widgets.tabs.photo import comparisons
from nbfeatviz.widgets.tabs.photo import results as results
from nbfeatviz.widgets.tabs.photo.channel_view import ChannelView
from nbfeatviz.widgets.tabs.photo.result_store import ResultStore
from nbfeatviz.widgets.tabs.photo.settings import PhotoSettings, Target
from nbfeatviz.widgets.tabs.photo.view import PhotoView

_Start = Callable[[results.View, PhotoSettings], Iterator[Result]]


class PhotoController(PhotoSource):
    """Holds the photo, and answers what the open tab asks about it.

    Args:
        panel: the panel.
        view: where all is shown.
        worker: what computation is done on.
        precompiler: what compiles in the background, if anything does.
    """

    def __init__(
        self,
        panel: PanelApi,
        view: PhotoView,
        worker: Worker | SameThread,
        precompiler: Precompiler | None = None,
    ) -> None:
        super().__init__(
            lambda: panel.network, worker, self._show_photo, panel.photo_changed, panel.show_error, changing=self.cancel
        )
        self.panel, self.view, self._precompiler = panel, view, precompiler
        self._cache = ResultCache()
        self._cached_of = 0  # number of the photo that results are cached of
        self._store = ResultStore(view)
        self._task = ChunkedTask(worker, self._notify, self._store.show, panel.show_error)
        self._predicted: int | None = None
        self._predicted_by: tuple[Network, int] | None = None
        self._fitted_to: Network | None = None  # the network that photo and settings are fitted to
        self._settings = PhotoSettings()
        self.channels: ChannelView = ChannelView(
            self._network, lambda start: self._begin("activations", lambda view, asked_for: start(view))
        )

    # The photo

    def read_seen(self, source: Any) -> tuple[np.ndarray, Photo]:
        """What the network sees of a photo that is not held yet, and the photo; waits for a network that loads.

        Raises:
            ValueError, TypeError: it is no photo.
        """
        network = self.panel.settled_network()
        photo = self.read(source)
        return photo.seen(network), photo

    def remove(self) -> None:
        """Takes the photo away; what is being computed about it ends."""
        super().remove()
        self._notify(self._settings.tab, "idle", 0, 0, "")

    def _show_photo(self, photo: Photo | None, picture: np.ndarray | None, network: Network | None) -> None:
        """Under the lock."""
        self._predicted = None
        self._store.forget()
        self.view.show_photo(photo, picture, network)
        self._show_settings()
        number = 0 if photo is None else photo.number
        if number != self._cached_of:
            self._cache.clear()  # what was computed about another photo is not asked for again
            self._cached_of = number
        if photo is None:
            self._clear_views()

    def photo_changed(self) -> None:
        """There is another photo, it is seen otherwise, or there is none: the open tab asks about it."""
        self.ask()

    # What is asked

    @property
    def tab(self) -> str:
        """The open tab."""
        return self._settings.tab

    @property
    def layer(self) -> str:
        """The layer that the tree shows as chosen."""
        network, settings = self.panel.network, self._settings
        if settings.tab != "grad-cam" or network is None or network is not self._fitted_to:
            return self.panel.settings.layer
        if settings.cam_layer is not None:
            return settings.cam_layer
        try:
            return default_layer(network, settings.target.layer if settings.target.kind == "unit" else None)
        except ValueError:
            return self.panel.settings.layer

    def open(self, tab: str) -> None:
        """Opens a tab."""
        if tab not in registry.names():
            raise ValueError(f"there is no tab {tab!r}; there are {', '.join(registry.names())}.")
        if tab == self._settings.tab == "compare":
            return  # a comparison in progress goes on
        network = self.panel.network
        if (
            tab in registry.names("photo")
            and self._picture is None
            and network is not None
            and self._precompiler is not None
        ):
            self._precompiler.expect(network)  # a person takes longer to choose a photo
        self._change(dataclasses.replace(self._settings, tab=tab))

    def option(self, group: str, name: str, value: Any) -> None:
        """Changes an option of a tab."""
        settings = self._settings.changed(self._network(), group, name, value)
        self._change(settings, ask=group != "compare")  # which is of use to the next comparison

    def target(self, asked_for: Any) -> None:
        """Changes what the tabs ask about."""
        target = Target.of(self._network(), asked_for)
        self._task.cancel()
        self._store.forget_comparison()
        self._change(dataclasses.replace(self._settings, target=target))

    def _change(self, settings: PhotoSettings, ask: bool = True) -> None:
        with self._lock:
            self._settings = settings
            self._show_settings()
        self.panel.tab_changed()
        if ask:
            self.ask()

    def network_changed(self, network: Network) -> None:
        """Another network is in use: the photo is fitted to it, and nothing computed before counts."""
        self._task.cancel()
        with self._lock:
            self._fitted_to = network
            self._cache.clear()
            self._clear_views()
            self._settings = self._settings.fitting(network)
            wrong = self.refit()
            self._show_settings()
        if wrong:
            self._show_error(wrong)
        self.panel.tab_changed()
        self.ask()

    def choose_layer(self, path: str) -> None:
        """Sets the layer of class activation maps."""
        self.option("cam", "layer", path)

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else; activations are of its layer."""
        if "layer" not in changed:
            return
        self.channels.close()
        self._show_settings()
        if self._settings.tab == "activations":
            self.ask()

    def ask(self) -> None:
        """Answers what the open tab asks, if there is a photo; a comparison is begun by `compare` and `randomize`."""
        tab, network = self._settings.tab, self.panel.network
        if self._picture is None or network is None or network is not self._fitted_to:
            return
        if tab != "activations":
            self.channels.close()
        start = {
            "saliency": lambda view, asked_for: results.saliency(view, asked_for.saliency, asked_for.display),
            "grad-cam": lambda view, asked_for: results.class_activation(view, asked_for.cam, asked_for.cam_layer),
            "occlusion": lambda view, asked_for: results.occluded(
                view, asked_for.patch, asked_for.stride, asked_for.fill
            ),
            "activations": lambda view, asked_for: results.activation_grid(view, self.panel.settings.layer),
        }.get(tab)
        self._begin(tab, start)

    def compare(self) -> None:
        """Compares the chosen methods."""
        self._begin("compare", lambda view, asked_for: comparisons.compared(view, asked_for.compared))

    def randomize(self) -> None:
        """Does the randomization check."""
        self._begin("compare", lambda view, asked_for: comparisons.randomized(view, asked_for.randomized))

    def cancel(self) -> None:
        """Ends what is being computed."""
        self._task.cancel()

    def _begin(self, tab: str, start: _Start | None) -> None:
        if self._picture is None:
            raise ValueError("there is no photo to ask about: upload one, or choose a sample.")
        self._task.ask(tab, lambda: self._results(tab, start))

    def _results(self, tab: str, start: _Start | None) -> Iterator[Result]:
        """On the worker: the prediction first, as the question is about it, then what was asked."""
        with self._lock:
            network, photo, picture, settings = self.panel.network, self._photo, self._picture, self._settings
        if network is None or photo is None or picture is None:
            return
        yield from self._traced()
        self._notice_changes(network)
        yield from self._predict(network, picture)
        if start is None:
            return
        target = settings.target.question(self._predicted)
        if target is None and not network.classifies and tab == "activations":  # they are about no target
            target = objectives.channel(network.head_layer.path, 0)
        question = results.relabelled(asked(network, picture, target), settings.target.label(network, self._predicted))
        view = results.View(question, (photo.number, photo.fit, photo.centre), self._cache)
        yield from start(view, settings)
        if self._precompiler is not None and tab in ("saliency", "grad-cam"):
            self._precompiler.prepare(question)

    def _traced(self) -> Iterator[Result]:
        """Lets what is being traced come to its end, which is quicker than to compute beside it; a run goes on."""
        if self._precompiler is not None:
            self._precompiler.postpone()
        while self._precompiler is not None and self._precompiler.busy:
            time.sleep(0.01)
            yield Result(text="compiling …")

    def _notice_changes(self, network: Network) -> None:
        """Forgets what was predicted with weights that the user has changed since."""
        network.refresh()
        with self._lock:
            if (network, network.version) != self._predicted_by:
                self._predicted, self._predicted_by = None, (network, network.version)

    def _predict(self, network: Network, picture: np.ndarray) -> Iterator[Result]:
        if not network.classifies or self._predicted is not None:
            return
        predictions = network.predict_batch(picture[None], 5, eager=True)[0]
        with self._lock:
            if picture is not self._picture:
                return
            self._predicted = predictions[0][0]
            self.view.predictions = [list(one) for one in predictions]
            self._show_settings()
        yield Result()

    def likes(self) -> None:
        """Starts the synthesis of the channel in view, or of its picked neuron."""
        self.panel.maximize(*self.channels.shown)

    def peek(self, layer: str, unit: int) -> None:
        """Sends the page what is stored of the unit whose channel is under the pointer."""
        found = self.panel.pictured(layer, unit)
        data = b"" if found is None else found.seeds[0].webp
        self.view.send({"kind": "peek", "layer": layer, "unit": unit}, [data])

    # The page

    def restore(self) -> None:
        """A page has come (back): it is shown the open tab's answer again."""
        if self._settings.tab == "compare":
            self._store.compared_again()
            return  # one in progress goes on
        again = self.channels.again() if self._settings.tab == "activations" else None
        if again is None or self._picture is None:
            self.ask()
        else:
            self._begin("activations", lambda view, asked_for: again(view))

    def save_raw(self) -> None:
        """Hands the page the raw array that the open tab shows, as .npy."""
        photo = self._photo
        if photo is None:
            raise ValueError("there is no photo, so there is no map of it to save.")
        self.panel.deliver(*self._store.as_file(self._settings.tab, photo.name))

    def close(self) -> None:
        """Gives everything back."""
        self._task.cancel()
        with self._lock:
            super().close()
            self._fitted_to = None
            self._cache.clear()
            self._store.forget()
            self.channels.close()

    def _clear_views(self) -> None:
        self._store.clear()
        self.channels.close()

    def _show_settings(self) -> None:
        with self._lock:
            network = self.panel.network
            if network is not self._fitted_to and not self._closed:
                return  # another network comes into use just now: `network_changed` tells it all
            label = "" if network is None else self._settings.target.label(network, self._predicted)
            self.view.show_settings(self._settings, label, network, self.layer)

    def _notify(self, tab: str, state: str, done: int, total: int, text: str) -> None:
        with self._lock:
            self.view.show_progress(tab, state, done, total, text)
