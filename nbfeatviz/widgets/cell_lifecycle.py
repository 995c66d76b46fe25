"""Which notebook cell made a panel: running the cell again closes the panel it made before."""

from __future__ import annotations

import weakref
from typing import Protocol


class Closable(Protocol):
    """Anything with close()."""

    def close(self) -> None:
        """Ends it and gives its memory back."""


_made: dict[str, list[tuple[str, weakref.ref[Closable]]]] = {}


def register(panel: Closable) -> None:
    """Notes the cell that is running as the panel's, and closes what an earlier run of the cell had made."""
    cell, run = _running_cell()
    if cell is None:
        return
    kept = []
    for made_in, reference in _made.pop(cell, []):
        earlier = reference()
        if earlier is None:
            continue
        if made_in == run:
            kept.append((made_in, reference))
        else:
            earlier.close()
    _made[cell] = [*kept, (run, weakref.ref(panel))]


def _running_cell() -> tuple[str | None, str]:
    """The id of the cell that is running, and of this run of it; (None, "") outside a notebook."""
    try:
        from IPython.core.getipython import get_ipython

        parent = get_ipython().kernel.get_parent()
        return parent["metadata"]["cellId"], parent["header"]["msg_id"]
    except (ImportError, AttributeError, KeyError, TypeError, LookupError):
        return None, ""
