"""How ipywidgets holds a widget: for good by default, which would keep a panel that nobody can reach any more.

A panel that has not been displayed is held weakly, so that it ends with the last variable for it. Once displayed it is
held like any other widget: the page may show it though no variable is left.
"""

from __future__ import annotations

import weakref
from typing import Any

import ipywidgets
from ipywidgets.widgets import widget as registry  # `Widget.widgets`, the public name of its dict, is deprecated


def hold_weakly(widget: ipywidgets.Widget) -> None:
    """Lets a widget be collected when nothing else refers to it; who asks for all widgets still finds it."""
    handle = weakref.WeakMethod(widget._handle_msg)

    def receive(message: Any) -> None:
        method = handle()
        if method is not None:
            method(message)

    widget.comm.on_msg(receive)
    registry._instances[widget.model_id] = weakref.proxy(widget)


def hold(widget: ipywidgets.Widget) -> None:
    """Holds a widget until it is closed."""
    if widget.comm is not None:
        registry._instances[widget.model_id] = widget


def release(widget: ipywidgets.Widget) -> None:
    """Takes a widget that is about to be closed out of the registry."""
    if widget.comm is not None:
        registry._instances.pop(widget.model_id, None)
