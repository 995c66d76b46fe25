"""A photo that is held: the newest that was brought, as the network in use sees it.

Methods may be called from any thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from nbfeatviz.widgets.photo_input.photo import FITS, Photo, clean_name, name_of, own

MOST_BYTES = 9_000_000  # of a photo in a message: what the page sends is below 8 MB


class PhotoSource:
    """Reads what is brought, on the worker where that takes a while, and holds the newest.

    Args:
        network: gives the network in use.
        worker: what photos are read on.
        show: shows a photo, what the network sees of it, and the network; or (None, None) that there is none. The
            photo stays as it is meanwhile.
        changed: called when there is another photo, it is seen otherwise, or there is none.
        show_error: told an error in words.
        changing: called before that.
    """

    def __init__(
        self,
        network: Callable[[], Network | None],
        worker: Worker | SameThread,
        show: Callable[[Photo | None, np.ndarray | None, Network | None], None],
        changed: Callable[[], None],
        show_error: Callable[[str], None],
        changing: Callable[[], None] = lambda: None,
    ) -> None:
        self._in_use, self._worker, self._show_error = network, worker, show_error
        self._changing, self._show, self._changed = changing, show, changed
        self._lock = threading.RLock()
        self._photo: Photo | None = None
        self._picture: np.ndarray | None = None
        self._taken = 0
        self._reading = 0  # photos that are waiting to be read
        self._coming = 0  # of several photos that are brought in a row only the last is taken
        self._closed = False

    @property
    def photo(self) -> Photo | None:
        """The photo, or None."""
        return self._photo

    @property
    def picture(self) -> np.ndarray | None:
        """What the network sees of the photo: float32 (H, W, C) in 0..1."""
        return self._picture

    @property
    def reading(self) -> bool:
        """Whether a photo was brought that the worker has not read yet."""
        return self._reading > 0

    def read(self, source: Any, name: str | None = None, credit: str = "") -> Photo:
        """A photo from path, bytes, PIL image or array, not held yet; fitted as the one before.

        Raises:
            ValueError, TypeError: it is no photo.
        """
        network, before = self._network(), self._photo
        name = name_of(source) if name is None else clean_name(name)
        fit = "crop" if before is None else before.fit
        photo = Photo(own(source), network.contract.channels, name=name, credit=credit, fit=fit)
        photo.seen(network)
        return photo

    def take(self, given: Any) -> None:
        """Holds a photo, or what one can be read from, in place of the one before.

        Raises:
            ValueError, TypeError: it is no photo; the one before stays.
        """
        self._take(given if isinstance(given, Photo) else self.read(given))

    def receive(self, name: str, data: bytes) -> None:
        """A photo that the page has sent; read on the worker, as that may take half a second."""
        if len(data) > MOST_BYTES:
            raise ValueError(f"{name!r} came with {len(data):,} bytes; at most {MOST_BYTES:,} are taken.")
        self._bring(lambda: self.read(data, name))

    def sample(self, name: str) -> None:
        """Takes a bundled photograph."""
        sample = samples.get(name)
        self._bring(lambda: self.read(sample.path, sample.title, sample.credit))

    def remove(self) -> None:
        """Takes the photo away."""
        self._take(None)

    def fit(self, **changes: Any) -> None:
        """Fits the photo otherwise: `fit` "crop" or "squash", or another `centre` (y, x) in 0..1."""
        if changes.get("fit", "crop") not in FITS:
            raise ValueError(f"fit {changes['fit']!r} is unknown: it is 'crop' or 'squash'.")
        if not all(0 <= float(place) <= 1 for place in changes.get("centre", ())):
            raise ValueError(f"the crop's centre {changes['centre']!r} is outside the photo: give fractions in 0..1.")
        self._changing()
        with self._lock:
            if self._photo is None:
                return
            self._place(self._photo.fitted_otherwise(**changes))
        self._changed()

    def refit(self) -> str:
        """Fits the photo to the network in use; returns why that cannot be, or "".

        A photo that cannot be fitted stays aside, for another network that can take it.
        """
        with self._lock:
            try:
                if self._photo is not None:
                    self._place(self._photo)
            except (ValueError, TypeError) as error:
                self._picture = None
                self._show(None, None, None)
                return str(error)
        return ""

    def close(self) -> None:
        """Gives the photo back; none is taken any more."""
        with self._lock:
            self._closed = True
            self._photo = self._picture = None

    def _network(self) -> Network:
        network = self._in_use()
        if network is None:
            raise ValueError("the network is still loading: try again in a moment.")
        return network

    def _bring(self, read: Callable[[], Photo]) -> None:
        """Reads a photo on the worker and takes it, unless another was brought or it was removed meanwhile."""
        with self._lock:
            self._coming += 1
            self._reading += 1
            number = self._coming

        def job() -> None:
            try:
                if number == self._coming and not self._closed:
                    self._take(read(), number)
            except Exception as error:  # no caller to propagate to
                self._show_error(in_words(error))
            finally:
                with self._lock:
                    self._reading -= 1

        self._worker.interject(job)

    def _take(self, photo: Photo | None, number: int | None = None) -> None:
        """Holds what was brought under that number, unless something was brought since; None: what is brought now."""
        self._changing()
        with self._lock:
            if self._closed or number not in (None, self._coming):
                return
            if number is None:
                self._coming += 1
            if photo is not None:
                self._taken += 1
                photo = photo.fitted_otherwise(number=self._taken)
            self._place(photo)
        self._changed()

    def _place(self, photo: Photo | None) -> None:
        """Under the lock."""
        network = self._in_use()
        if photo is not None and network is not None and photo.channels != network.contract.channels:
            photo = photo.fitted_otherwise(channels=network.contract.channels)
        picture = None if photo is None or network is None else photo.seen(network)
        self._photo, self._picture = photo, picture
        self._show(None if picture is None else photo, picture, network)
