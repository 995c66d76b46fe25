"""Which units are alike: by what they do on photographs, or by their weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nbfeatviz.networks.graph.activations import is_activation
from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.network import Network

_DIMENSIONS = 256
_TRANSPARENT = ("BatchNormalization", "Dropout", "SpatialDropout2D", "MaxPooling2D", "AveragePooling2D")


def weight_vectors(network: Network, path: str) -> np.ndarray | None:
    """(units, at most 256) float16 of length 1: the incoming weights of a layer's units, or of the nearest below it.

    More weights are projected at random onto so many directions, which keeps angles (Johnson and Lindenstrauss 1984).
    None where no weights lead to the units one by one.
    """
    call, units = _weighted(network, path), network.layers[path].units
    if call is None:
        return None
    kernel = np.asarray(network.derived.live(call.operation.kernel), np.float64)
    vectors = (
        kernel.reshape(-1, units).T if call.kind != "DepthwiseConv2D" else kernel.reshape(kernel.shape[0] ** 2, -1).T
    )
    if vectors.shape[0] != units:
        return None
    if vectors.shape[1] > _DIMENSIONS:
        random = np.random.default_rng(0).normal(size=(vectors.shape[1], _DIMENSIONS))
        vectors = vectors @ random
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1)).astype(np.float16)


def nearest(
    vector: np.ndarray, layers: Iterable[tuple[str, np.ndarray]], itself: tuple[str, int], count: int
) -> list[tuple[str, int, float]]:
    """The units whose vectors point most nearly where one does, as (layer, unit, cosine), the nearest first.

    Args:
        vector: of the unit.
        layers: path and vectors (units, n) of each layer, one after the other, so that few are held at a time.
        itself: the unit, which is left out.
        count: how many.
    """
    best: list[tuple[str, int, float]] = []
    wanted = vector.astype(np.float32)
    for path, vectors in layers:
        if vectors.shape[1] != len(wanted):
            continue
        cosines = vectors.astype(np.float32) @ wanted
        if path == itself[0]:
            cosines[itself[1]] = -np.inf
        order = np.argsort(-cosines, kind="stable")[:count]
        best += [(path, int(unit), float(cosines[unit])) for unit in order if np.isfinite(cosines[unit])]
        best = sorted(best, key=lambda one: -one[2])[:count]
    return best


def strongest_inputs(network: Network, path: str, unit: int, count: int = 8) -> list[tuple[str, int, float]]:
    """The units of the layer before that a unit reads with the largest weights, as (layer, unit, weight).

    A weight is the sum over the kernel's positions. Empty where no weights lead from one layer to it directly.
    """
    call = _weighted(network, path)
    if call is None or call.kind not in ("Conv2D", "Dense") or len(call.inputs) != 1:
        return []
    source, kernel = network.graph.calls[call.inputs[0]], np.asarray(network.derived.live(call.operation.kernel))
    if (source.shape or (0,))[-1] != kernel.shape[-2] or not network.layers[source.path].selectable:
        return []
    weights = kernel[..., unit].astype(np.float64).reshape(-1, kernel.shape[-2]).sum(axis=0)
    order = np.argsort(-np.abs(weights), kind="stable")[:count]
    return [(source.path, int(place), float(weights[place])) for place in order]


def _weighted(network: Network, path: str) -> Call | None:
    """The call whose kernel makes a layer's units one by one, through what changes no unit into another."""
    graph, call = network.graph, network.call(path)
    units = network.layers[path].units
    while getattr(call.operation, "kernel", None) is None:
        through = is_activation(call) or call.kind in _TRANSPARENT or call.kind == "Add"
        below = [graph.calls[index] for index in call.inputs]
        below = [one for one in below if (one.shape or (0,))[-1] == units]
        if not through or not below:
            return None
        call = max(below, key=lambda one: len(graph.ancestors([one.index])))  # of an Add its own branch
    return call
