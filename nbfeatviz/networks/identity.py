"""Which network it is: a digest of its layers and weights, the same in every process."""

from __future__ import annotations

import hashlib

import numpy as np

from nbfeatviz.networks.network import Network


def network_hash(network: Network) -> str:
    """16 hexadecimal digits of what a network computes: its layers, input contract and the weights it has now."""
    contract = network.contract
    calls = [(call.path, call.kind, call.shape, call.inputs) for call in network.graph.calls]
    facts = (calls, contract.size, contract.low, contract.high, contract.order)
    made = hashlib.sha256(repr(facts).encode())
    for weight in network.model.weights:
        value = np.ascontiguousarray(np.asarray(network.derived.live(weight)))
        made.update(repr((value.shape, str(value.dtype))).encode())
        made.update(value.tobytes())
    return made.hexdigest()[:16]
