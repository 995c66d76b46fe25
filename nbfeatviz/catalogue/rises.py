"""rises() -> Rises: how much a picture raises its unit, and the other units of the layer, against photographs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbfeatviz import samples
from nbfeatviz.images import as_picture
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.unit_responses import Rises, UnitResponses, compared
from nbfeatviz.synthesis.visualization import Visualization


def rises(
    net: Network,
    objective: Objective,
    image: Any,
    *,
    start: Any = None,
    photos: Iterable[Any] | None = None,
) -> Rises:
    """How much a picture raises its unit, and the other units of the layer.

    Args:
        net: network.
        objective: its first term says which unit of which layer: `channel`, `neuron` or `class_logit`.
        image: picture, or a Visualization, whose run then began with its first frame.
        start: the picture that rises are measured from; None for that frame, else for the mean over photographs.
        photos: photographs to compare with (paths, PIL images or arrays); None for parts of the bundled ones.

    Returns:
        Rises; print it, or see its `rises`, `selectivity` and `percentile`.

    Raises:
        ValueError: an objective that is about no single unit, or no photographs.
        TypeError: wrong types.
    """
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    if not isinstance(objective, Objective):
        raise TypeError(f"{objective!r} is not an objective: objectives.channel(layer, unit) makes one.")
    if photos is not None and (isinstance(photos, str) or not isinstance(photos, Iterable)):
        raise TypeError(f"photos are several pictures in a list, not {photos!r} ({type(photos).__name__}).")
    if isinstance(image, Visualization):
        start = image.frames[0] if start is None and len(image.frames) else start
        image = image.image
    channels = net.contract.channels
    picture, begun = as_picture(image, channels), None if start is None else as_picture(start, channels)
    if photos is not None:
        given = [as_picture(photo, channels) for photo in photos]
        if not given:
            raise ValueError("there are no photographs to compare with: at least one is needed.")
        return compared(net, objective, picture, begun, given)
    seen = UnitResponses(net, objective, tuple(sample.path for sample in samples.ALL), begun)
    seen.look(picture)
    while seen.gather():
        pass
    found = seen.rises
    assert found is not None
    return found
