"""Ahead: compiles what will be asked for next, while answers come without it.

Tracing takes seconds and cannot be interrupted, so it has a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable

from nbfeatviz.attribution.passes import Pass, gradient_pass, layers_pass
from nbfeatviz.attribution.question import Question
from nbfeatviz.attribution.spatial import chosen_layer
from nbfeatviz.networks.network import Network
from nbfeatviz.widgets.worker import Worker

_log = logging.getLogger(__name__)


class Ahead:
    """Traces passes in the background, each once.

    Args:
        network: gives the network in use: for another one nothing is traced any more.
    """

    def __init__(self, network: Callable[[], Network | None]) -> None:
        self._network = network
        self._worker = Worker()
        self._asked: set[Hashable] = set()
        self._closed = False

    def prepare(self, question: Question) -> None:
        """Traces what any other class, photo or layer needs."""
        for compute in _passes(question):
            if self._closed:
                return
            key = (id(compute.network), compute.key)
            if key not in self._asked and not compute.compiled:
                self._asked.add(key)
                self._submit(compute)

    def _submit(self, compute: Pass) -> None:
        self._worker.submit(lambda: self._trace(compute))

    def _trace(self, compute: Pass) -> None:
        try:
            if compute.network is self._network():
                compute.prepare()
        except Exception as error:  # an answer that needs it will say so in the panel
            _log.info("nothing was compiled ahead: %s", error)

    def close(self) -> None:
        """Ends the thread; another is not begun."""
        self._closed = True
        self._worker.close()


def _passes(question: Question) -> tuple[Pass, ...]:
    """The pass of class activation maps, where there can be any, and that of gradients."""
    try:
        return layers_pass(question, chosen_layer(question, None)), gradient_pass(question)
    except ValueError:  # no layer with positions below the target
        return (gradient_pass(question),)
