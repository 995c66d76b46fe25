"""Clones of layers: the same live weights, one thing different; the user's layer is untouched."""

from __future__ import annotations

import re
from typing import Any

_SCOPE_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


def layer_clone(layer: Any, **changes: Any) -> Any:
    """A layer that shares everything with `layer` but the attributes given."""
    copy = object.__new__(type(layer))
    copy.__dict__.update(layer.__dict__)
    copy.__dict__.update(changes)
    return copy


def callable_in_graph(operation: Any) -> Any:
    """The operation, or a clone with a name that TensorFlow accepts ("<b>" as a layer's name is not one)."""
    if _SCOPE_NAME.fullmatch(operation.name):
        return operation
    return layer_clone(operation, name="x" + re.sub(r"[^A-Za-z0-9_.-]", "_", operation.name))
