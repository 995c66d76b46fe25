"""The networks that a panel offers and the one in use; loaded when chosen, the embedded ones shared by all panels."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nbfeatviz import engine
from nbfeatviz.networks.loading import EMBEDDED, load
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.own_models.model_file import FILES, check_file
from nbfeatviz.networks.zoo.applications import applications
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.errors import in_words
from nbfeatviz.widgets.execution.worker import SameThread, Worker


@dataclass(frozen=True)
class Choice:
    """A network on offer: `load` makes it; `quick` where that takes no time."""

    load: Callable[[], Network]
    quick: bool = False


_shared: weakref.WeakValueDictionary[str, Network] = weakref.WeakValueDictionary()
_lock = threading.Lock()
_TURN_SECONDS = 0.05  # of waiting for TensorFlow, between looks at whether the panel was closed meanwhile


def choices(net: Any) -> tuple[dict[str, Choice], str]:
    """What the network switcher offers, by name, and which is chosen at first.

    Args:
        net: None for the embedded networks; or a Network, a keras.Model, a name or path for
            `nbfeatviz.load`, or a dict of such by name.

    Raises:
        ValueError: an unknown name, or a network that cannot be shown in a panel; as far as that can be known
            before TensorFlow is there, else `Choice.load` raises it.
        TypeError: something else.
    """
    if net is None:
        given: dict[str, Any] = {}
    elif isinstance(net, Mapping):
        if not net:
            raise ValueError("the dict of networks is empty: give at least one, or None for the embedded ones.")
        given = {str(name): value for name, value in net.items()}
    else:
        given = {_title(net): net}
    offered = {name: _choice(value) for name, value in given.items()}
    for name in EMBEDDED:
        offered.setdefault(name, _choice(name))
    return offered, next(iter(offered))


def _title(net: Any) -> str:
    if isinstance(net, os.PathLike):
        return Path(net).stem
    return net if isinstance(net, str) else str(getattr(net, "name", net))


def _choice(value: Any) -> Choice:
    if isinstance(value, str) and value in EMBEDDED:
        return Choice(lambda: _embedded(value))
    if isinstance(value, str | os.PathLike) and not engine.loaded():
        return _choice_later(value)
    if isinstance(value, str) and value in applications():
        return Choice(lambda: shown(load(value)))
    network = shown(load(value))  # what can be judged at once is judged at once
    return Choice(lambda: network, quick=True)


def _choice_later(value: str | os.PathLike[str]) -> Choice:
    """A network that only TensorFlow can judge, which is not there yet."""
    path = Path(value)
    if path.suffix in FILES:
        check_file(path)
    choice = cache(lambda: _choice(value))
    return Choice(lambda: choice().load())


def _with_tensorflow() -> None:
    """Returns when TensorFlow is there (ValueError, in a sentence, if it cannot be imported)."""
    try:
        engine.load()
    except engine.BackendError as error:  # TensorFlow may well be there: the sentence says what to do
        raise ValueError(str(error)) from error
    except Exception as error:
        raise ValueError(
            f"TensorFlow could not be imported ({type(error).__name__}: {error}). When that is mended "
            "(pip install tensorflow), restart the kernel."
        ) from error


def _embedded(name: str) -> Network:
    with _lock:
        network = _shared.get(name)
        if network is None:
            network = _shared[name] = load(name)
        return network


def shown(network: Network) -> Network:
    """The network, if a panel can show its pictures (ValueError if not)."""
    if network.contract.channels not in (1, 3, 4):
        raise ValueError(
            f"{network.name!r} takes {network.contract.channels} channels; a panel shows 1, 3 or 4. "
            "nbfeatviz.maximize works with any number."
        )
    return network


def suggested_layer(network: Network) -> str:
    """A layer worth a first look: a merge or convolution about two thirds of the way through the network."""
    candidates = [
        (call.index, call.path)
        for call in network.graph.calls
        if call.shape is not None and len(call.shape) == 3 and network.layers[call.path].selectable
    ]
    merges = [item for item in candidates if network.call(item[1]).kind in ("Add", "Concatenate")]
    convolutions = [item for item in candidates if network.call(item[1]).kind == "Conv2D"]
    pool = merges or convolutions or candidates
    if not pool:
        return next(layer.path for layer in network.layers.walk() if layer.selectable)
    wanted = 0.65 * len(network.graph.calls)
    return min(pool, key=lambda item: abs(item[0] - wanted))[1]


class NetworkSwitcher:
    """The networks that a panel offers, and the one in use; another is loaded on the worker.

    Args:
        net: see `choices`.
        worker: what loading is done on.
        live: where loading and its errors are said.
        set_status: given state and text, as `LiveCanvas.set_status`.
        prepare: told of a network before it comes into use; raises if the panel cannot take it, and
            returns what is to be done once it is in use.

    Attributes:
        name: of the network in use, or of the first one while it loads.
        network: the one in use; None before the first is loaded and after `close`.
        offered: what can be chosen, by name.
    """

    def __init__(
        self,
        net: Any,
        worker: Worker | SameThread,
        live: LiveCanvas,
        set_status: Callable[..., None],
        prepare: Callable[[Network], Callable[[], None]],
    ) -> None:
        self.offered, self.name = choices(net)
        self.network: Network | None = None
        self._worker, self._live, self._set_status, self._prepare = worker, live, set_status, prepare
        self._ready = threading.Event()
        self._asked = 0  # of several networks asked for in a row only the last is loaded
        self._closed = False
        self._settling: int | None = None  # the thread that gives a new network its settings, before it is ready

    @property
    def loading(self) -> bool:
        """Whether a network is being loaded."""
        return not self._ready.is_set()

    def wait(self) -> Network:
        """The network in use, waited for if one is loading (ValueError if there is none, yet or any more)."""
        if threading.get_ident() != self._settling:
            self._ready.wait()
        if self._closed:
            raise ValueError("this panel is closed: make another.")
        if self.network is None:
            raise ValueError(f"no network is loaded: {self._live.status.get('error') or 'choose one in the panel.'}")
        return self.network

    def first(self, then: Callable[[], None]) -> None:
        """Takes the first network into use, at once if that takes no time; errors of `then` are said or raised."""
        if self.offered[self.name].quick:
            self._take(self.name)
            self._ready.set()
            self._set_status("idle", "ready")
            then()
        else:
            self.switch(self.name, then)

    def switch(self, name: str, then: Callable[[], None] | None = None) -> None:
        """Loads another network in the background; the one in use stays until then, and on failure for good."""
        if name not in self.offered:
            raise ValueError(f"no network {name!r} in this panel; there are {', '.join(map(repr, self.offered))}.")
        self._ready.clear()
        self._asked += 1
        number = self._asked
        engine.begin()
        self._set_status("loading", f"loading {name} …" if engine.loaded() else "loading TensorFlow …")
        self._worker.submit(lambda: self._load(name, number, then))

    def _load(self, name: str, number: int, then: Callable[[], None] | None) -> None:
        while not engine.wait(_TURN_SECONDS) and self._wanted(number):
            pass
        if not self._wanted(number):
            return
        self._live.show_error("")
        try:
            _with_tensorflow()
            self._set_status("loading", f"loading {name} …")
            self._take(name)
            if then is not None:
                self._settling = threading.get_ident()
                then()
        except Exception as error:
            self._live.show_error(in_words(error))
        finally:
            self._settling = None
            if number == self._asked:
                self._ready.set()
                self._set_status("idle", "ready" if self.network is not None else "no network")

    def _wanted(self, number: int) -> bool:
        return number == self._asked and not self._closed

    def _take(self, name: str) -> None:
        network = self.offered[name].load()
        adopt = self._prepare(network)
        if not self._closed:
            self.network, self.name = network, name
            adopt()

    def close(self) -> None:
        """Lets go of the network, and of whoever waits for one."""
        self._closed = True
        self.network = None
        self.offered.clear()
        self._ready.set()
