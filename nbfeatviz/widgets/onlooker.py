"""Onlooker: watches a run from a thread of its own, and says what its pictures do to the whole layer.

Steps never wait for it: of several pictures it takes the latest, and it rests between what it measures.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.bystanders import Bystanders, Rises, natural_measures
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.widgets.worker import SameThread, Worker

REST = 4  # times as long as it worked, while a run goes on
LONGEST_REST_SECONDS = 0.25
_PHOTOS = tuple(sample.path for sample in samples.ALL)
_log = logging.getLogger(__name__)

_Sight = tuple[Network, Objective, np.ndarray]


class Onlooker:
    """Its methods may be called from any thread, and come back at once.

    Args:
        worker: of the panel; only where that is a thread does the onlooker have one too.
        show: told what the last picture does, as `as_page` says it; {} for nothing.
    """

    def __init__(self, worker: Worker | SameThread, show: Callable[[dict[str, Any]], None]) -> None:
        self._worker = Worker() if isinstance(worker, Worker) else worker
        self._threaded, self._show = isinstance(worker, Worker), show
        self._lock = threading.Lock()
        self._sight: _Sight | None = None
        self._start: np.ndarray | None = None
        self._bystanders: Bystanders | None = None
        self._working = False
        self._hurries = True
        self._run = 0
        self._closed = threading.Event()

    def see(self, ascent: Ascent, picture: np.ndarray, *, first: bool = False, last: bool = False) -> None:
        """Takes a picture of a run: its first one is what rises are measured from, its last one is not to be missed."""
        if not ascent.single:
            return
        with self._lock:
            if first:
                self._run += 1
                self._start, self._bystanders = picture, None
            self._sight, self._hurries = (ascent.network, ascent.objective, picture), last
            if self._working or self._closed.is_set():
                return
            self._working = True
        self._worker.submit(self._work)

    def forget(self) -> None:
        """The run and its picture are gone."""
        with self._lock:
            self._run += 1
            self._sight = self._bystanders = self._start = None
            self._show({})

    def _work(self) -> None:
        """Looks at the latest picture, else measures photographs, until nothing is left to do."""
        while True:
            with self._lock:
                sight, self._sight, run = self._sight, None, self._run
                idle = sight is None and (self._bystanders is None or self._bystanders.complete)
                if idle or self._closed.is_set():
                    self._working = False
                    return
            begun = time.monotonic()
            page: dict[str, Any] = {}
            try:
                found = self._measured(sight)
                if found is not None:
                    page = as_page(found) | {"photographs": self._usual_detail()}
            except Exception as error:  # the run goes on without these facts
                _log.info("nothing is said of the other units: %s", error)
                self._bystanders = None
            with self._lock:
                if page and run == self._run:  # else it is of a run that is over
                    self._show(page)
            if self._threaded and not self._hurries:
                self._closed.wait(min(LONGEST_REST_SECONDS, REST * (time.monotonic() - begun)))

    def _measured(self, sight: _Sight | None) -> Rises | None:
        bystanders, start = self._bystanders, self._start
        if sight is not None:
            network, objective, picture = sight
            if bystanders is None or not bystanders.follows(network, objective):
                bystanders = self._bystanders = Bystanders(network, objective, _PHOTOS, start)
            bystanders.look(picture)
            return bystanders.rises
        if bystanders is None or bystanders.gather():
            return None
        return bystanders.rises

    def _usual_detail(self) -> float:
        """The high-frequency ratio of photographs, for pictures of this size."""
        assert self._start is not None
        return natural_measures(_PHOTOS, self._start.shape[:2], self._start.shape[2]).high_frequency_ratio

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        if self._threaded:
            self._worker.close()


def as_page(found: Rises) -> dict[str, Any]:
    """What the page shows: the rise of every unit, and the facts in numbers."""
    return {
        "layer": found.layer,
        "unit": found.unit,
        "rises": [round(float(rise), 3) for rise in np.nan_to_num(found.rises)],
        "most": [[unit, round(rise, 3)] for unit, rise in found.most()],
        "higher": found.higher,
        "selectivity": None if np.isnan(found.selectivity) else round(found.selectivity, 3),
        "percentile": round(found.percentile, 1),
    }
