"""The sanity check of Adebayo et al.: whether a map changes when the network forgets what it learnt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import warn
from nbfeatviz.attribution.gradients import checked_count
from nbfeatviz.attribution.methods import METHODS, Method
from nbfeatviz.attribution.partial import finished, last
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.engine import keras
from nbfeatviz.networks.network import Network


@dataclass(frozen=True, eq=False)
class Stage:
    """A map, after the layers from the top down to one have lost their weights.

    Attributes:
        layer: path of the lowest layer that is random; None for the trained network.
        map: the map, raw, as the method gives it.
        empty: why the map says nothing, in a sentence; None where it says something.
        similarity: rank correlation (Spearman) of its absolute values with those of the trained network's map; 1 the
            same order, 0 none (also where a map is the same everywhere).
    """

    layer: str | None
    map: np.ndarray
    similarity: float
    empty: str | None = None


def randomization_check(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    method: str = "gradient",
    seed: int = 0,
    stages: int = 8,
    **options: Any,
) -> tuple[Stage, ...]:
    """Cascading randomization from the top (Adebayo et al. 2018, https://arxiv.org/abs/1810.03292).

    A method that explains the network has another map once the weights are random. The weights of a layer are
    randomized by shuffling the values of each of its variables, which keeps their scale. The model keeps its own.

    Args:
        network: the network; it is not altered.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index, class name or objective; None for the class that the trained network predicts.
        method: name of a method, a key of `nbfeatviz.attribution.methods.METHODS`.
        seed: of the shuffling.
        stages: how many maps at most: the trained network's, the one with a random head, and others evenly spread
            down to the one where all is random.
        options: of the method, such as `layer` or `samples`.

    Returns:
        The stages in order; the first is the trained network's, with similarity 1.

    Raises:
        ValueError: an unknown method, what the method refuses, or a network without weights.

    Warns:
        UserWarning: the trained network's map says nothing, so that no other can be compared with it.
    """
    question = asked(network, image, target)
    found = tuple(randomization_stages(question, method=method, seed=seed, stages=stages, **options))
    warn(found[0].empty)
    return found


def randomization_stages(
    question: Question,
    *,
    method: str = "gradient",
    seed: int = 0,
    stages: int = 8,
    eager: bool = False,
    **options: Any,
) -> Iterator[Stage]:
    """`randomization_check`, stage by stage."""
    start = _method(method).start
    if checked_count("stages", stages) < 2:
        raise ValueError("stages 1 would compare nothing: give at least 2, the trained network and a random one.")
    begun = last(start(question, eager=eager, **options))
    trained = begun.map
    yield Stage(None, trained, 1.0, begun.empty)
    copy = question.network.with_weights_of_its_own()
    weighted = _from_the_top(copy)
    depths = np.unique(np.linspace(1, len(weighted), min(stages - 1, len(weighted))).round().astype(int))
    random, reached = np.random.default_rng(seed), 0
    for depth in depths:
        for path in weighted[reached:depth]:
            for variable in copy.call(path).operation.weights:
                # in place: what is compiled reads the variable, and is not compiled anew
                substitute = copy.derived.live(variable)
                values = np.asarray(substitute)
                substitute.assign(random.permutation(values.ravel()).reshape(values.shape))
        reached = int(depth)
        map_now = finished(start(question.of(copy), eager=eager, **options))
        yield Stage(weighted[reached - 1], map_now, rank_correlation(np.abs(trained), np.abs(map_now)))


def _method(name: str) -> Method:
    if name not in METHODS:
        raise ValueError(f"method {name!r} is unknown: it is one of {', '.join(map(repr, METHODS))}.")
    return METHODS[name]


def _from_the_top(network: Network) -> list[str]:
    """The layers with weights, the head first; a shared layer once, scaling of the input not at all."""
    graph, seen, paths = network.graph, set(), []
    for index in reversed(graph.ancestors([graph.output.call])):
        call = graph.calls[index]
        learnt = getattr(call.operation, "weights", None) and not isinstance(call.operation, keras.layers.Normalization)
        if learnt and id(call.operation) not in seen:
            seen.add(id(call.operation))
            paths.append(call.path)
    if not paths:
        raise ValueError(f"{network.name!r} has no weights that could be randomized.")
    return paths


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation of two arrays of one shape, equal values sharing their mean rank; 0 for constants."""
    ranks = [_ranks(array.ravel()) for array in (first, second)]
    centred = [rank - rank.mean() for rank in ranks]
    length = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float(centred[0] @ centred[1]) / length if length else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place]
