"""UnitMonitor: watches a run from a thread of its own, and says what its pictures do to the whole layer.

Steps never wait for it: of several pictures it takes the latest, and once something is shown it rests between what it
measures. Where there is time before a run, photographs are measured then.
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
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.unit_responses import PHOTOGRAPHS, Rises, UnitResponses, natural_measures
from nbfeatviz.widgets.caption import key
from nbfeatviz.widgets.execution.worker import SameThread, Worker

REST = 4  # times as long as it worked, while a run goes on
REST_BEFORE = 1  # likewise, while none does
LONGEST_REST_SECONDS = 0.25
LARGEST_DIGIT = 64  # pixels
_PHOTOS = tuple(sample.path for sample in samples.ALL)
_log = logging.getLogger(__name__)

_Sight = tuple[Network, Objective, np.ndarray]


class UnitMonitor:
    """Its methods may be called from any thread, and come back at once.

    Args:
        worker: of the panel; only where that is a thread does the monitor have one too.
        show: told what the last picture does, as `as_page` says it; {} for nothing.
    """

    def __init__(self, worker: Worker | SameThread, show: Callable[[dict[str, Any]], None]) -> None:
        self._worker = Worker() if isinstance(worker, Worker) else worker
        self._threaded, self._show = isinstance(worker, Worker), show
        self._lock = threading.Lock()
        self._sight: _Sight | None = None
        self._start: np.ndarray | None = None
        self._of = ""  # what was measured last, see `caption.Subject`
        self._responses: UnitResponses | None = None
        self._expected: tuple[Network, Objective] | None = None
        self._ready: tuple[object, UnitResponses] | None = None  # what is expected, and the responses for it
        self._showed: UnitResponses | None = None  # whose facts were shown last
        self._working = False
        self._hurries = True
        self._run = 0
        self._closed = threading.Event()

    def see(self, ascent: Ascent, picture: np.ndarray, *, first: bool = False, last: bool = False) -> None:
        """Takes a picture of a run: its first one is what rises are measured from, its last one is not to be missed."""
        if not ascent.single or not _is_of_photographs(ascent.network):
            return
        with self._lock:
            if first:
                self._run += 1
                self._start, self._responses, self._expected = picture, None, None
            self._sight, self._hurries = (ascent.network, ascent.objective, picture), last
        self._begin()

    def expect(self, ascent: Ascent) -> None:
        """Measures photographs for a run that has not begun: the facts are there with its first picture then."""
        if not ascent.single or not _is_of_photographs(ascent.network):
            return
        with self._lock:
            self._expected = ascent.network, ascent.objective
        self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._working or self._closed.is_set():
                return
            self._working = True
        self._worker.submit(self._work)

    def forget(self) -> None:
        """The run and its picture are gone."""
        with self._lock:
            self._run += 1
            self._sight = self._responses = self._start = self._showed = None
            self._show({})

    def _work(self) -> None:
        """Looks at the latest picture, else measures photographs, until nothing is left to do."""
        while True:
            with self._lock:
                sight, self._sight, run = self._sight, None, self._run
                behind = self._responses is not None and not self._responses.complete
                expected = None if sight is not None or behind else self._expected
                if (sight is None and not behind and expected is None) or self._closed.is_set():
                    self._working, self._ready = False, None
                    return
            begun = time.monotonic()
            page: dict[str, Any] = {}
            try:
                if expected is not None:
                    self._prepare(expected)
                elif (found := self._measured(sight)) is not None:
                    page = as_page(found, self._of)
                    if self._responses is not None and self._responses.complete:
                        page["photographs"] = self._usual_detail()
            except Exception as error:  # the run goes on without these facts
                _log.info("nothing is said of the other units: %s", error)
                self._responses = self._expected = self._ready = None  # the next picture is another chance
            with self._lock:
                if page and run == self._run:  # else it is of a run that is over
                    self._showed = self._responses
                    self._show(page)
            self._rest(time.monotonic() - begun, before=expected is not None)

    def _rest(self, worked: float, before: bool) -> None:
        """Leaves the processors to others, unless a person waits: for the facts of a last picture, or for any."""
        waited_for = self._hurries or self._showed is not self._responses
        if self._threaded and (before or not waited_for):
            self._closed.wait(min(LONGEST_REST_SECONDS, (REST_BEFORE if before else REST) * worked))

    def _measured(self, sight: _Sight | None) -> Rises | None:
        """What is to be shown: of each new picture, and of the last one when enough photographs are there, and all."""
        responses, start = self._responses, self._start
        if sight is not None:
            network, objective, picture = sight
            if responses is None or not responses.follows(network, objective):
                responses = self._responses = UnitResponses(network, objective, _PHOTOS, start)
            self._of = key(network, objective)
            responses.look(picture)
            return responses.rises
        if responses is None or (responses.gather() and responses is self._showed):
            return None
        return responses.rises

    def _prepare(self, expected: tuple[Network, Objective]) -> None:
        """Measures one photograph for a run to come."""
        if self._ready is None or self._ready[0] is not expected:
            self._ready = expected, UnitResponses(*expected, _PHOTOS)
        if self._ready[1].gather():
            return
        contract = expected[0].contract
        natural_measures(_PHOTOS, contract.size, contract.channels)
        with self._lock:
            if self._expected is expected:
                self._expected = None
        self._ready = None

    def _usual_detail(self) -> float:
        """The high-frequency ratio of photographs, for pictures of this size."""
        assert self._start is not None
        return natural_measures(_PHOTOS, self._start.shape[:2], self._start.shape[2]).high_frequency_ratio

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        if self._threaded:
            self._worker.close()


def _is_of_photographs(network: Network) -> bool:
    """Whether photographs are what a network is about: digits and the like, small and grey, are measured by none."""
    return network.contract.channels != 1 or max(network.contract.size) > LARGEST_DIGIT


def as_page(found: Rises, of: str) -> dict[str, Any]:
    """What the page shows: the rise of every unit, and the facts in numbers; `of`: see `caption.Subject`."""
    return {
        "of": of,
        "layer": found.layer,
        "unit": found.unit,
        "rises": [round(float(rise), 3) for rise in np.nan_to_num(found.rises)],
        "most": [[unit, round(rise, 3)] for unit, rise in found.most()],
        "higher": found.higher,
        "selectivity": None if np.isnan(found.selectivity) else round(found.selectivity, 3),
        "percentile": round(found.percentile, 1),
        "parts": [len(found.natural), PHOTOGRAPHS],
    }
