"""What photographs do to a network: the ones that a unit's picture is compared with, and what is usual among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbfeatviz.catalogue.trust.responses import Key, Responses, View, spaced
from nbfeatviz.synthesis.quality import rank_directions, rise_scores

REFERENCE = 128
"""Views, drawn at random from those in the catalogue, that say what is usual."""
FEATURE_LAYERS = 6
"""Around a layer, whose responses together are the features of a picture."""
PATH_LAYERS = 6
"""Below a layer, through which a picture's way is followed."""


class Photographs:
    """Of one network.

    Args:
        responses: of the network.
        keys: all views that there are.
    """

    def __init__(self, responses: Responses, keys: Sequence[Key]) -> None:
        self.responses, self.known = responses, frozenset(keys)
        order = np.random.default_rng(0).permutation(len(keys))[:REFERENCE]
        self.reference = [keys[place] for place in sorted(order)]
        self._views = responses.views(self.reference)
        evidence = responses.evidence
        self._means = {path: _usual([view.means[path] for view in self._views]) for path in evidence}
        self._grids = {path: _usual([view.grids[path] for view in self._views]) for path in evidence}
        places = np.random.default_rng(1).random((len(self._views), 2))
        self._anywhere = {
            path: rank_directions(
                np.stack([self.score(path, view.at(path, (row, col)), True)
                          for view, (row, col) in zip(self._views, places, strict=True)])
            )
            for path in evidence
        }  # fmt: skip
        self._whole = {
            path: rank_directions(np.stack([self.score(path, view.means[path], False) for view in self._views]))
            for path in evidence
        }

    def views(self, keys: Sequence[Key]) -> list[View]:
        """Some views; those of the reference are at hand."""
        at_hand = dict(zip(self.reference, self._views, strict=True))
        others = [key for key in keys if key not in at_hand]
        at_hand |= dict(zip(others, self.responses.views(others), strict=True))
        return [at_hand[key] for key in keys]

    def score(self, path: str, values: np.ndarray, local: bool) -> np.ndarray:
        """Responses of a layer in deviations from what is usual; `local` for those at one place of a photograph."""
        return rise_scores(values, *(self._grids if local else self._means)[path])

    def usual(self, path: str) -> np.ndarray:
        """(units,) the mean responses of a layer."""
        return self._means[path][0]

    def random(self, path: str, local: bool, without: Sequence[Key]) -> np.ndarray:
        """(m, units) `rank_directions` of random photographs, somewhere in them or as a whole."""
        left = [place for place, key in enumerate(self.reference) if key not in without]
        return (self._anywhere if local else self._whole)[path][left]

    def features(
        self, means: dict[str, np.ndarray], layers: Sequence[str], own: tuple[str, int] | None,
        centre: dict[str, np.ndarray] | None = None,
    ) -> np.ndarray:  # fmt: skip
        """(..., n): the responses of some layers, in deviations and each layer of length 1, one behind the other.

        Their cosine is the mean of the layers' cosines, as in Zhang et al., "The Unreasonable Effectiveness of Deep
        Features as a Perceptual Metric", CVPR 2018.

        Args:
            means: by layer (..., units).
            layers: which.
            own: a unit that is left out.
            centre: by layer what deviations are taken from; None for the mean photograph.
        """
        found = []
        for path in layers:
            mean, deviation = self._means[path]
            scores = rise_scores(means[path], mean if centre is None else centre[path], deviation)
            if own is not None and own[0] == path:
                scores = np.delete(scores, own[1], axis=-1)
            length = np.linalg.norm(scores, axis=-1, keepdims=True)
            found.append(scores / np.where(length > 0, length, 1))
        return np.concatenate(found, axis=-1)

    def feature_layers(self, path: str) -> list[str]:
        """The layers of the evidence nearest to a layer, itself perhaps among them."""
        network, evidence = self.responses.network, self.responses.evidence
        index = network.call(path).index
        places = sorted(range(len(evidence)), key=lambda place: abs(network.call(evidence[place]).index - index))
        return [evidence[place] for place in sorted(places[:FEATURE_LAYERS])]

    @property
    def late_layers(self) -> list[str]:
        """The last layers of the evidence before the head."""
        return list(self.responses.evidence[:-1][-FEATURE_LAYERS:] or self.responses.evidence)

    def path_layers(self, path: str) -> list[str]:
        """The layers of the evidence that a layer is computed from, some of them where they are many."""
        network = self.responses.network
        index = network.call(path).index
        below = set(network.graph.ancestors([index])) - {index}
        return spaced([one for one in self.responses.evidence if network.call(one).index in below], PATH_LAYERS)


def _usual(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each unit."""
    flat = np.concatenate([one.reshape(-1, one.shape[-1]) for one in values]) if values else np.zeros((1, 1))
    return flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
