"""The tabs: their names, titles and order, and the room that each is of; the page has this list from here too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tab:
    """A tab.

    Attributes:
        name: in messages and settings.
        title: on the page.
        room: folder of its code; tabs of one room share view and controller, or are of one kind.
    """

    name: str
    title: str
    room: str


TABS = (
    Tab("optimize", "Optimize", "optimize"),
    Tab("features", "Features", "features"),
    Tab("catalogue", "Catalogue", "catalogue"),
    Tab("saliency", "Saliency", "photo"),
    Tab("grad-cam", "Grad-CAM", "photo"),
    Tab("occlusion", "Occlusion", "photo"),
    Tab("activations", "Activations", "photo"),
    Tab("compare", "Compare", "photo"),
    Tab("invert", "Invert", "invert_style_dream"),
    Tab("style", "Style", "invert_style_dream"),
    Tab("dream", "Dream", "invert_style_dream"),
)


def names(room: str | None = None) -> tuple[str, ...]:
    """The names of the tabs of a room, in order; None for all."""
    return tuple(tab.name for tab in TABS if room in (None, tab.room))
