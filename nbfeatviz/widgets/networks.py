"""The networks that a panel offers, loaded when chosen; the embedded ones are shared by all panels."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from nbfeatviz.networks.loading import EMBEDDED, applications, load
from nbfeatviz.networks.network import Network


@dataclass(frozen=True)
class Choice:
    """A network on offer: `load` makes it; `quick` where that takes no time."""

    load: Callable[[], Network]
    quick: bool = False


_shared: weakref.WeakValueDictionary[str, Network] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def choices(net: Any) -> tuple[dict[str, Choice], str]:
    """What the network switcher offers, by name, and which is chosen at first.

    Args:
        net: None for the embedded networks; or a Network, a keras.Model, a name or path for
            `nbfeatviz.load`, or a dict of such by name.

    Raises:
        ValueError: an unknown name, or a network that cannot be shown in a panel.
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
    if isinstance(net, Network | keras.Model):
        return str(net.name)
    return Path(net).stem if isinstance(net, os.PathLike) else str(net)


def _choice(value: Any) -> Choice:
    if isinstance(value, str) and value in EMBEDDED:
        return Choice(lambda: _embedded(value))
    if isinstance(value, str) and value in applications():
        return Choice(lambda: shown(load(value)))
    network = shown(load(value))  # what can be judged at once is judged at once
    return Choice(lambda: network, quick=True)


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
