"""The page side of the panel's widgets, and the comm on which the page speaks.

One module has the page side of all widgets of a panel: `static/panel.js`, which scripts/js/build.js builds from
`widgets/panel.js` and what that imports. One widget of a panel carries it (`MODULE`); the others hold a line
(`awaiting`) that takes their part of it as soon as it is there, in whichever order a page restores them.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parents[1] / "static"
_BUILT = _STATIC / "panel.js"
# While someone develops it, anywidget is given the path, and sends the module again whenever it changes; a path is
# watched on behalf of every widget that was ever made, so these would never be freed.
MODULE: Path | str = _BUILT if os.environ.get("ANYWIDGET_HMR") == "1" else _BUILT.read_text("utf-8")
STYLE = (_STATIC / "panel.css").read_text("utf-8")

_AWAITING = """const place = (globalThis["nbfeatviz-{version}"] ??= (() => {{
  let publish;
  return {{ widgets: new Promise((resolve) => (publish = resolve)), publish: (widgets) => publish(widgets) }};
}})());
export default async () => (await place.widgets).{name};
"""


def awaiting(name: str, module: str | None = None) -> str:
    """The JavaScript of a widget whose page side another widget of the panel carries.

    Args:
        name: of the widget in `widgets/panel.js`.
        module: text of the module, by default as it is now.
    """
    version = re.match(r"/\* nbfeatviz panel (\w+):", module or _BUILT.read_text("utf-8"))
    if version is None:
        raise ValueError(f"{_BUILT} does not begin with its version: build it again, as CONTRIBUTING.md says.")
    return _AWAITING.format(version=version[1], name=name)


def follow_module(carrier: anywidget.AnyWidget, name: str, widget: anywidget.AnyWidget) -> None:
    """Lets a widget await the module of another one as it is then: it changes while someone develops it."""
    carrier.observe(lambda change: setattr(widget, "_esm", awaiting(name, change["new"])), "_esm")


_OF_THE_VIEW = ("_esm", "_css", "_anywidget_id", "_view_name", "_view_module", "_view_module_version")


class PanelWidget(anywidget.AnyWidget):
    """An anywidget that is seen on a page that was made of its saved state too.

    ipywidgets leaves the defaults of traits out of that state, and anywidget makes a module the default of a trait.
    """

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The state by the names of traits; see `ipywidgets.Widget.get_state`."""
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if key is None and drop_defaults:
            state |= super().get_state([name for name in _OF_THE_VIEW if self.has_trait(name)])
        return state


class Commands(PanelWidget):
    """Carries what the page says to the kernel, and nothing back.

    A kernel handles a page's message on the shell that last published on the same comm. Nothing is ever
    published on this one, so Stop is heard while another cell runs.
    """

    _esm = "export default { render() {} }"
    key = traitlets.Unicode().tag(sync=True)
