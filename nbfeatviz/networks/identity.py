"""Which network it is: a digest of its layers, their settings and weights, the same in every process."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.network import Network

# Attributes of layers that change what is computed though shapes and weights stay; named one by one, as another version
# of Keras may bring new ones that change nothing.
_SETTINGS = (
    "activation", "recurrent_activation", "strides", "padding", "dilation_rate", "groups", "pool_size", "axis",
    "epsilon", "max_value", "negative_slope", "threshold", "alpha", "scale", "offset", "interpolation", "cropping",
    "exclude", "approximate", "keepdims", "order", "num_heads",
)  # fmt: skip


def network_hash(network: Network) -> str:
    """16 hexadecimal digits of what a network computes: its layers, input contract and the weights it has now."""
    contract = network.contract
    calls = [_facts(call) for call in network.graph.calls]
    facts = (calls, network.graph.output, contract.size, contract.low, contract.high, contract.order)
    made = hashlib.sha256(repr(facts).encode())
    for held, value in sorted(network.graph.held.items()):
        made.update(repr((held, _plain(np.asarray(value)))).encode())
    for weight in network.model.weights:
        value = np.ascontiguousarray(np.asarray(network.derived.live(weight)))
        made.update(repr((value.shape, str(value.dtype))).encode())
        made.update(value.tobytes())
    return made.hexdigest()[:16]


def _facts(call: Call) -> tuple[Any, ...]:
    settings = [(name, _plain(getattr(call.operation, name))) for name in _SETTINGS if hasattr(call.operation, name)]
    given = _plain(call.args), _plain(sorted(call.kwargs.items()))
    return call.path, call.kind, call.shape, call.inputs, settings, given


def _plain(value: Any) -> Any:
    """A value as something whose `repr` is the same in every process."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return tuple(_plain(one) for one in value)
    if isinstance(value, np.ndarray):
        return value.shape, str(value.dtype), hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return getattr(value, "__name__", type(value).__name__)
