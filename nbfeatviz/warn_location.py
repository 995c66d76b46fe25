"""Where a warning should point: at the line of the person's own code."""

from __future__ import annotations

import sys


def frames_inside() -> int:
    """How many frames up from the caller the first one outside this package is."""
    frame, count = sys._getframe(1), 0
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).split(".")[0] == "nbfeatviz":
        frame, count = frame.f_back, count + 1
    return count
