"""The second photo of the Style tab: the one whose style is taken. Its methods may be called from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.photo import FITS, Photo, clean_name, name_of, own
from nbfeatviz.widgets.photo_desk import MOST_BYTES
from nbfeatviz.widgets.remake_tab import RemakeTab
from nbfeatviz.widgets.runner import in_words
from nbfeatviz.widgets.worker import SameThread, Worker


class StylePhoto:
    """Holds the photo, of any size, and what the network sees of it.

    Args:
        network: gives the network in use.
        tab: where it is shown.
        worker: what photos are read on.
        changed: called when there is another one, or none.
        complain: told an error in words.
    """

    def __init__(
        self,
        network: Callable[[], Network | None],
        tab: RemakeTab,
        worker: Worker | SameThread,
        changed: Callable[[], None],
        complain: Callable[[str], None],
    ) -> None:
        self._network, self._tab, self._worker = network, tab, worker
        self._changed, self._complain = changed, complain
        self._lock = threading.RLock()
        self._photo: Photo | None = None
        self._coming = 0  # of several photos that are brought in a row only the last is taken
        self._reading = 0  # photos that are waiting to be read
        self._taken = 0
        self.picture: np.ndarray | None = None  # what the network sees of it: float32 (H, W, C) in 0..1

    @property
    def photo(self) -> Photo | None:
        """The photo, or None."""
        return self._photo

    @property
    def reading(self) -> bool:
        """Whether a photo was brought that the worker has not read yet."""
        return self._reading > 0

    def take(self, source: Any) -> None:
        """Takes a photo: path, bytes, PIL image or array.

        Raises:
            ValueError, TypeError: it is no photo; the one before stays.
        """
        photo = self._read(own(source), name_of(source), "")
        with self._lock:
            self._coming += 1
            self._place(photo)
        self._changed()

    def receive(self, name: str, data: bytes) -> None:
        """A photo that the page has sent; read on the worker, as that may take half a second."""
        if len(data) > MOST_BYTES:
            raise ValueError(f"{name!r} came with {len(data):,} bytes; at most {MOST_BYTES:,} are taken.")
        self._bring(lambda: self._read(data, name, ""))

    def sample(self, name: str) -> None:
        """Takes a bundled photograph."""
        sample = samples.get(name)
        self._bring(lambda: self._read(sample.path, sample.title, sample.credit))

    def remove(self) -> None:
        """Takes the photo away."""
        with self._lock:
            self._coming += 1
            self._place(None)
        self._changed()

    def fit(self, **changes: Any) -> None:
        """Fits the photo otherwise: `fit` "crop" or "squash", or another `centre` (y, x) in 0..1."""
        if changes.get("fit", "crop") not in FITS:
            raise ValueError(f"fit {changes['fit']!r} is unknown: it is 'crop' or 'squash'.")
        if not all(0 <= place <= 1 for place in changes.get("centre", ())):
            raise ValueError(f"the crop's centre {changes['centre']!r} is outside the photo: give fractions in 0..1.")
        with self._lock:
            if self._photo is None:
                return
            self._place(self._photo.fitted_otherwise(**changes))
        self._changed()

    def network_changed(self, network: Network) -> None:
        """Another network is in use: the photo is fitted to it, or stays aside for one that can take it."""
        with self._lock:
            try:
                self._show(network)
            except (ValueError, TypeError) as error:
                self.picture = None
                self._tab.show_photo(None, None)
                self._complain(str(error))

    def close(self) -> None:
        """Gives the photo back."""
        with self._lock:
            self._coming += 1
            self._photo = self.picture = None

    def _read(self, source: Any, name: str, credit: str) -> Photo:
        network = self._network()
        if network is None:
            raise ValueError("the network is still loading: try again in a moment.")
        photo = Photo(source, network.contract.channels, name=clean_name(name), credit=credit)
        photo.seen(network)
        return photo

    def _bring(self, read: Callable[[], Photo]) -> None:
        with self._lock:
            self._coming += 1
            self._reading += 1
            number = self._coming

        def job() -> None:
            try:
                photo = read() if number == self._coming else None
                with self._lock:
                    if photo is None or number != self._coming:
                        return
                    self._place(photo)
                self._changed()
            except Exception as error:  # nobody else would hear of it
                self._complain(in_words(error))
            finally:
                with self._lock:
                    self._reading -= 1

        self._worker.interject(job)

    def _place(self, photo: Photo | None) -> None:
        """Under the lock."""
        if photo is not None and (self._photo is None or photo.source is not self._photo.source):
            self._taken += 1
            photo = photo.fitted_otherwise(number=self._taken)
        self._photo = photo
        self._show(self._network())

    def _show(self, network: Network | None) -> None:
        photo = self._photo
        if photo is not None and network is not None and photo.channels != network.contract.channels:
            photo = self._photo = photo.fitted_otherwise(channels=network.contract.channels)
        self.picture = None if photo is None or network is None else photo.seen(network)
        self._tab.show_photo(photo if self.picture is not None else None, network)
