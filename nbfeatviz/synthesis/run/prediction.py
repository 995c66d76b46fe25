"""Prediction: what class the network sees in the pictures of a run, by a pass of its own through all of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.images import fitted
from nbfeatviz.networks.network import Network


class Prediction:
    """Of so many pictures at once, each fitted to the network's own size; holds nothing but that."""

    def __init__(self, network: Network, count: int) -> None:
        self._network = network
        self._shape = (count, *network.contract.size, network.contract.channels)

    @property
    def ready(self) -> bool:
        """Whether it is compiled, so that `of` will not wait for that."""
        return self._network.is_compiled(("predict", self._shape))

    def prepare(self) -> None:
        """Compiles it; may be called on another thread."""
        self._network.predict_batch(np.zeros(self._shape, np.float32))

    def of(self, pictures: np.ndarray) -> list[Any]:
        """The first class of each picture of (n, H, W, C)."""
        sized = np.stack([fitted(picture, self._network.contract.size) for picture in pictures])
        return [row[0] for row in self._network.predict_batch(sized)]
