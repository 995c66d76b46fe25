"""Precompiling: compiles what will be asked for next, while nothing has been asked yet.

Tracing takes seconds and cannot be interrupted, so it has a thread of its own. It holds the interpreter meanwhile:
work that would be quick without it is not, and had better wait for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable

import numpy as np

from nbfeatviz.attribution.passes import gradient_pass, shared_pass
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.widgets.execution.worker import Worker

PAUSE_SECONDS = 0.3  # in which whoever knows already what to ask has asked
THREAD = "nbfeatviz-precompile"
_log = logging.getLogger(__name__)


class Precompiler:
    """Traces passes in the background, each once.

    Args:
        network: gives the network in use: for another one nothing is traced any more.
    """

    def __init__(self, network: Callable[[], Network | None]) -> None:
        self._network = network
        self._worker = Worker(THREAD)
        self._asked: set[Hashable] = set()
        self._number = 0  # of the last postponement
        self._run = 0  # of the last run that is expected
        self._tracing = False
        self._closed = threading.Event()
        self._worker.on_close(self._closed.set)

    @property
    def busy(self) -> bool:
        """Whether something is being traced."""
        return self._tracing

    def postpone(self) -> None:
        """Forgets what has not been begun: somebody waits for something else."""
        self._number += 1
        self._asked.clear()

    def expect(self, network: Network) -> None:
        """Traces what the first photo will need: the prediction, and the gradients of a class at every layer."""
        if network.classifies:
            self.prepare(asked(network, np.zeros((*network.contract.size, network.contract.channels)), 0))

    def prepare(self, question: Question) -> None:
        """Traces what any other class, photo or layer needs; of a network too large for that, the gradient."""
        network = question.network
        compute = shared_pass(question) or gradient_pass(question)
        if not compute.compiled:
            self._once(network, compute.key, compute.prepare)
        if network.classifies:
            blank = np.zeros((1, *question.picture.shape), np.float32)
            self._once(network, "predict", lambda: network.predict_batch(blank))

    def expect_run(
        self, network: Network, prepared: Callable[[], Ascent], then: Callable[[Ascent], None] = lambda run: None
    ) -> None:
        """Compiles what a run would begin with, if it were begun now; of several such runs only the last.

        Args:
            network: of the run.
            prepared: makes the run.
            then: told the run when all that is compiled, for what would come in useful after it.
        """
        self._run += 1
        number = self._run

        def wanted() -> bool:
            return number == self._run and not self._closed.is_set()

        def act() -> None:
            run = prepared()
            for step in run.upcoming():
                if wanted() and not step.compiled:
                    step.compile()
                    if wanted():
                        step.compute()  # the first time takes longer than any other
            if wanted() and network.classifies and not run.predicts:
                run.prepare_prediction()
            if wanted():
                then(run)

        self._worker.submit(lambda: self._trace(network, wanted, act))

    def forget_run(self) -> None:
        """A run has begun: nothing is compiled for another one meanwhile."""
        self._run += 1

    def _once(self, network: Network, key: Hashable, act: Callable[[], object]) -> None:
        if self._closed.is_set() or (id(network), key) in self._asked:
            return
        self._asked.add((id(network), key))
        number = self._number
        self._worker.submit(lambda: self._trace(network, lambda: number == self._number, act))

    def _trace(self, network: Network, wanted: Callable[[], bool], act: Callable[[], object]) -> None:
        if not wanted() or self._closed.wait(PAUSE_SECONDS) or not wanted() or network is not self._network():
            return
        self._tracing = True
        try:
            act()
        except Exception as error:  # whoever needs it will say so in the panel
            _log.info("nothing was compiled ahead: %s", error)
        finally:
            self._tracing = False

    def close(self) -> None:
        """Ends the thread; another is not begun."""
        self._closed.set()
        self._worker.close()
