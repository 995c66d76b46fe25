"""Tap: where a network is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Early = bool | Literal["logits"]


@dataclass(frozen=True)
class Tap:
    """Where a network is read: a layer's output, or what it was before its activation.

    Attributes:
        path: path of the layer.
        pre_activation: for a layer with a fused activation, its value before that; for an activation layer, its
            input; for any other layer no difference. "logits", for an output that is probabilities: the logits behind
            it (see `head`).
    """

    path: str
    pre_activation: Early = False
