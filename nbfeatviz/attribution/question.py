"""Question: a picture fitted to a network, and which of the network's values is to be explained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel


class Resolved(Protocol):
    """A weighted sum of units that exist in a network."""

    @property
    def structure(self) -> tuple[tuple[Any, Tap], ...]:
        """Per term the type of its reader and its tap."""

    @property
    def values(self) -> tuple[tuple[int, ...], ...]:
        """Per term its integers: the unit, and a position if it has one."""

    @property
    def weights(self) -> tuple[float, ...]:
        """Per term its weight."""


@runtime_checkable
class Resolvable(Protocol):
    """What an objective is to attribution, which does not know how objectives are made."""

    def resolved(self, network: Network) -> Resolved:
        """The same, checked against a network."""


@dataclass(frozen=True, eq=False)
class Question:
    """Why does `network` give this value for this picture? Made by `asked`.

    Attributes:
        network: the network.
        picture: float32 (H, W, C) in 0..1, of the network's size.
        structure: per term the type of its reader and its tap: what a compiled pass depends on.
        values: per term its integers (unit, position).
        weights: per term its weight.
        label: the target in words.
    """

    network: Network
    picture: np.ndarray
    structure: tuple[tuple[Any, Tap], ...]
    values: tuple[tuple[int, ...], ...]
    weights: tuple[float, ...]
    label: str

    @property
    def class_index(self) -> int | None:
        """The class, where the target is the plain logit of one class; None for any other target."""
        head = Channel, self.network.logits
        single = self.structure == (head,) and self.weights == (1.0,) and self.network.classifies
        return self.values[0][0] if single else None

    @property
    def has_probability(self) -> bool:
        """Whether the target is a class that has a probability, which is its score; else its value is."""
        return self.class_index is not None and self.network.probabilistic

    @property
    def paths(self) -> tuple[str, ...]:
        """The layers that are read."""
        return tuple(dict.fromkeys(tap.path for _, tap in self.structure))

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Where the network is read."""
        return tuple(dict.fromkeys(tap for _, tap in self.structure))

    def of(self, network: Network) -> Question:
        """The same question to another network with the same layers, with the weights that it has now."""
        network.refresh()
        return replace(self, network=network)


def asked(network: Network, image: Any, target: Any = None) -> Question:
    """Puts a picture and a target into the form that every method takes; what the network's weights are now counts.

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted to the network by centre crop.
        target: class index, class name, or an objective (`nbfeatviz.objectives`); None for the predicted class.

    Raises:
        TypeError: `network` is no Network, `image` no image, or `target` none of these.
        ValueError: an image that cannot be used, a class or unit that does not exist, or no target for a network
            that has no classes.
    """
    picture = fitted_picture(network, image)
    if isinstance(target, Resolvable):
        resolved = target.resolved(network)
        return Question(network, picture, resolved.structure, resolved.values, resolved.weights, repr(target))
    index = _predicted(network, picture) if target is None else _class_index(network, target)
    head = Channel(network.head_layer.path, index).resolved(network)
    return Question(network, picture, ((Channel, head.tap),), (head.values,), (1.0,), network.class_name(index))


def fitted_picture(network: Network, image: Any) -> np.ndarray:
    """What the network will see of an image: float32 (H, W, C) in 0..1, fitted by centre crop."""
    if not isinstance(network, Network):
        raise TypeError(f"{network!r} is not a Network: nbfeatviz.load(...) makes one.")
    network.refresh()  # the user may have changed weights since the last question
    return fitted(as_picture(image, network.contract.channels), network.contract.size)


def _predicted(network: Network, picture: np.ndarray) -> int:
    if not network.classifies:
        raise ValueError(
            f"{network.name!r} does not classify (its output is {network.head_layer.output_shape}), so there is no "
            "predicted class to ask about: give a target, such as objectives.channel(layer, unit)."
        )
    return network.predict_batch(picture[None], 1)[0][0][0]


def _class_index(network: Network, target: Any) -> int:
    if isinstance(target, bool) or not isinstance(target, int | str | np.integer):
        raise TypeError(
            f"a target is a class index, a class name or an objective, not {target!r} ({type(target).__name__})."
        )
    return network.class_index(target if isinstance(target, str) else int(target))
