"""The controller of an Invert, Style or Dream tab: makes a picture from the photo, live.

Its methods may be called from any thread.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.dream import Dreaming
from nbfeatviz.synthesis.objective_terms.photo_terms import Photo as Seen
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.visualization import Visualization
from nbfeatviz.widgets.canvas.run_commands import RunCommands
from nbfeatviz.widgets.caption import subject
from nbfeatviz.widgets.execution.exclusive import Exclusive
from nbfeatviz.widgets.execution.runner import Runner
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.panel_api import PanelApi
from nbfeatviz.widgets.photo_input.photo_source import PhotoSource
from nbfeatviz.widgets.tabs.invert_style_dream.settings import DEFAULTS, STATISTICS, InvertStyleDreamSettings, spatial
from nbfeatviz.widgets.tabs.invert_style_dream.view import InvertStyleDreamCanvas, InvertStyleDreamView

_BRING = "upload one, drop it on the panel, or choose a sample"


class InvertStyleDreamController(RunCommands):
    """Makes the pictures of one tab.

    Args:
        panel: the panel.
        view: its controls.
        live: its canvas.
        worker: what computation is done on.
        exclusive: with what else the panel computes.

    Attributes:
        live: its canvas.
        style: the photo whose style is taken; of the Style tab only.
    """

    def __init__(
        self,
        panel: PanelApi,
        view: InvertStyleDreamView,
        live: InvertStyleDreamCanvas,
        worker: Worker | SameThread,
        exclusive: Exclusive,
    ) -> None:
        self.panel, self.view, self.live, self._worker, self._exclusive = panel, view, live, worker, exclusive
        self._lock = threading.RLock()
        self._settings = DEFAULTS[view.kind]
        self._seen: dict[str, Seen] = {}  # photos with what networks gave for them: a moved weight computes none anew
        self._made_of: list[Seen] = []  # the photos of the run in progress, or of the last one
        self._fitted_to: Network | None = None
        self.runner = Runner(worker, live, self._prepared, self._set_status, self._notify)
        self.style = (
            PhotoSource(lambda: panel.network, worker, view.show_photo, self.photo_changed, live.show_error)
            if view.kind == "style"
            else None
        )
        exclusive.join(self, view.kind)
        live.set_status("idle")

    # Settings

    @property
    def settings(self) -> InvertStyleDreamSettings:
        """What the tab is set to."""
        return self._settings

    @property
    def layer(self) -> str:
        """The layer of the content, which the tree shows as chosen."""
        network, chosen = self.panel.network, self.panel.settings.layer
        if network is None or network is not self._fitted_to:
            return chosen
        try:
            return self._settings.content_layer(network, chosen)
        except ValueError:  # it has none
            return chosen

    def change(self, name: str, value: Any) -> None:
        """Changes a setting; a run in progress goes on with it from its picture.

        Raises:
            ValueError, TypeError: no such setting or value; everything stays as it was.
        """
        network = self._network()
        with self._lock:
            self._settings = self._settings.changed(network, name, value)
            self._show_settings()
        if name == "layer":
            self.panel.tab_changed()
        if name != "start":
            self._retarget()

    def network_changed(self, network: Network) -> None:
        """Another network is in use: what is shown is not of it."""
        self.stop()
        with self._lock:
            self._fitted_to = network
            self._settings = self._settings.fitting(network)
            self._seen.clear()
            self._show_settings()
        if self.style is not None:
            wrong = self.style.refit()
            if wrong:
                self.live.show_error(wrong)
        self._worker.submit(self._clear)

    def choose_layer(self, path: str) -> None:
        """Sets the layer of the content, of the Style tab."""
        self.change("layer", path)

    def settings_changed(self, changed: frozenset[str]) -> None:
        """The Optimize tab is set to something else."""
        if "layer" in changed and self._settings.kind != "style":
            self._show_settings()
            self._retarget()

    def photo_changed(self) -> None:
        """There is another photo, or none; a run in progress goes on to the new one."""
        if self.panel.photo_seen is not None and (self.style is None or self.style.picture is not None):
            self._retarget()
        self._show_selection()

    def refuse(self) -> None:
        """Lets the page show what is set, in place of what was wished."""
        self.view.send({"kind": "refused"})

    def _retarget(self) -> None:
        if not self.runner.busy:
            return
        settings = self._settings
        more = {}
        if settings.kind == "dream":  # it begins anew from the photo
            photo = self._photo("photo", self.panel.photo_seen).image
            more = {"photo": photo, "octaves": settings.octaves, "scale": settings.scale}
        objective = self._objective()
        self._made_of = self._photos()
        self.runner.retarget(objective=objective, **self._run_options(), **more)

    def _run_options(self) -> dict[str, Any]:
        """How it is done, whatever the tab."""
        settings = self._settings
        return {
            "recipe": settings.recipe,
            "steps": settings.steps,
            "step_size": settings.step_size,
            "seed": settings.seed,
            "precision": self.panel.settings.precision,
        }

    def _show_settings(self) -> None:
        """Shows the settings on the page."""
        network = self.panel.network
        facts: dict[str, Any] = {
            "ready": network is not None and network is self._fitted_to,
            "recipes": [[one.name, one.name, one.reference, one.steps, one.step_size] for one in recipes.ALL.values()],
            "statistics": list(STATISTICS.items()),
        }
        if self.style is not None:
            facts["samples"] = samples.as_page()
        if facts["ready"] and network is not None:
            facts["layer"] = self.layer
            if self.style is not None:
                facts["layers"] = [layer.path for layer in spatial(network)]
                facts["style_layers"] = list(self._settings.layers_of_style(network)) if facts["layers"] else []
        self.view.show(vars(self._settings).copy(), facts)
        self._show_selection()

    def _show_selection(self) -> None:
        """Shows what a run would now make a picture of: the caption of the picture that is there is held against it."""
        network, settings = self.panel.network, self._settings
        if network is None or network is not self._fitted_to or self.panel.photo_seen is None:
            return
        if self.style is not None and self.style.picture is None:
            return
        with self._lock:
            try:
                objective = self._objective()
            except ValueError:  # the network has no layer for it, which is said when it is asked for
                return
            another = " · another photo" if self._made_of and self._photos() != self._made_of else ""
        words = subject(network, objective, settings.recipe, settings.seed).words + another
        if words != self.live.selection:
            self.live.selection = words

    def _photos(self) -> list[Seen]:
        """The photos that a picture is made of."""
        return [seen for name, seen in self._seen.items() if name == "photo" or self.style is not None]

    # Running

    @property
    def busy(self) -> bool:
        """Whether a run is in progress or held."""
        return self.runner.busy

    @property
    def result(self) -> Visualization | None:
        """What the last run ended with."""
        return self.runner.result

    def run(self, wait: bool = False) -> None:
        """Starts a run with the settings, or resumes the held one; `wait` does it in this thread.

        Raises:
            ValueError: a photo is missing; says how to bring one.
        """
        self._check(coming=True)
        if not self.busy:
            self._exclusive.begin(self)
        self.runner.run(wait)

    def step(self) -> None:
        """Does one step: of the held run, or of a new one that is then held."""
        self._check(coming=True)
        if not self.busy:
            self._exclusive.begin(self)
        self.runner.step()

    def _clear(self) -> None:
        super()._clear()
        self.live.set_status("idle")
        self._exclusive.set_status(self, "idle", "ready")

    def _network(self) -> Network:
        network = self.panel.network
        if network is None or network is not self._fitted_to:
            raise ValueError("the network is still loading: try again in a moment.")
        return network

    @property
    def _coming(self) -> bool:
        """Whether a photo is being read."""
        return self.panel.photo_coming or (self.style is not None and self.style.reading)

    def _check(self, coming: bool = False) -> None:
        """Raises a sentence where a photo is missing; `coming`: none while one is being read."""
        self._network()
        if coming and self._coming:
            return
        if self.panel.photo_seen is None:
            raise ValueError(f"there is no photo to begin with: {_BRING}.")
        if self.style is not None and self.style.picture is None:
            raise ValueError(f"there is no photo whose style could be taken: {_BRING} under “style photo”.")

    def _objective(self) -> Objective:
        network = self._network()
        photo = self._photo("photo", self.panel.photo_seen)
        style = None if self.style is None else self._photo("style_photo", self.style.picture)
        return self._settings.objective(network, self.panel.settings.layer, photo, style)

    def _photo(self, name: str, picture: np.ndarray | None) -> Seen:
        """A photo, or the last one where it was taken away: a run in progress goes on with that."""
        with self._lock:
            seen = self._seen.get(name)
            if seen is None or (picture is not None and seen.image is not picture):
                seen = self._seen[name] = Seen(picture, name)
            return seen

    def _prepared(self) -> Ascent | Dreaming:
        """On the worker: what the tab is set to."""
        while self._coming and self._worker.attend():
            pass  # a photo that was brought just before is read now
        self._check()
        settings, photo = self._settings, self.panel.photo_seen
        network, objective = self._network(), self._objective()
        self._made_of = self._photos()
        self._show_selection()
        if settings.kind == "dream":
            return Dreaming(
                network, objective, photo, octaves=settings.octaves, scale=settings.scale, **self._run_options()
            )
        start = {"noise": None, "photo": photo, "image": self.runner.result}[settings.start]
        return Ascent(network, objective, start=start, **self._run_options())

    def _set_status(self, state: str, text: str = "", **more: Any) -> None:
        self.live.set_status(state, text, steps=more.get("steps"), precision=more.get("precision"))
        if state == "running":
            text = self._progress()
        for name in ("steps", "precision"):  # the run's in the Optimize tab
            more.pop(name, None)
        self._exclusive.set_status(
            self, "idle" if state == "idle" else "remake", f"{self._settings.kind}: {text}", **more
        )

    def _notify(self, loss: float, picture: np.ndarray) -> None:
        """A few times a second while it runs."""
        if self.busy:
            self._exclusive.set_status(self, "remake", f"{self._settings.kind}: {self._progress()}")

    def _progress(self) -> str:
        return self.live.throughput.in_words(*self.runner.progress, self.live.status.get("precision", ""))

    def show_code(self) -> None:
        """Shows on the page the Python of `code`."""
        self.view.send({"kind": "code", "text": self.code()})

    def close(self) -> None:
        """Gives everything back."""
        self.stop()
        if self.style is not None:
            self.style.close()
        with self._lock:
            self._seen.clear()
            self.runner.result = None
        self.live.forget()
