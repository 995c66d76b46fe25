"""The page side of the panel's widgets, and the comm on which the page speaks."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_STATIC = Path(__file__).parents[1] / "static"
_PHOTO = "fields colour mapview intake photobox target cells bars activations compare photopage"
_PARTS = {
    "photo": _PHOTO.split(),
    "live": ["rises"],
    "controls": ["recipe", "terms", "runbuttons"],
    "features": ["fields", "sheet"],
    "remake": ["fields", "intake", "photobox", "runbuttons", "stylephoto"],
}  # of the widgets whose script is more than one file


def script(name: str) -> str:
    """The JavaScript module of a widget: what all of them share, the widget's parts, and the widget itself."""
    return "\n".join((_STATIC / f"{part}.js").read_text("utf-8") for part in ("shared", *_PARTS.get(name, ()), name))


def style() -> str:
    """The style sheet of the whole panel."""
    return (_STATIC / "panel.css").read_text("utf-8")


class Commands(anywidget.AnyWidget):
    """Carries what the page says to the kernel, and nothing back.

    A kernel handles a page's message on the shell that last published on the same comm. Nothing is ever
    published on this one, so Stop is heard while another cell runs.
    """

    _esm = "export default { render() {} }"
    key = traitlets.Unicode().tag(sync=True)
