"""Names of layers that do not depend on the process.

Keras numbers the layers that a user left unnamed per thread and session: the first convolution of a
second InceptionV3 is `conv2d_94`. Within one model those numbers still tell the order of creation, so
they are counted again from the model's own first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def stable_names(layers: Sequence[tuple[str, str]]) -> dict[str, tuple[str, bool]]:
    """Renumbers the automatic names of one model.

    Args:
        layers: (Keras's name, class name) of each layer of one model.

    Returns:
        By Keras's name: the stable name, and whether the name was automatic.
    """
    numbered: dict[str, set[int]] = {}
    for name, kind in layers:
        number = _automatic_number(name, kind)
        if number is not None:
            numbered.setdefault(automatic_stem(kind), set()).add(number)
    names: dict[str, tuple[str, bool]] = {}
    for name, kind in layers:
        number = _automatic_number(name, kind)
        if number is None:
            names[name] = (name, False)
        else:
            stem = automatic_stem(kind)
            rank = sorted(numbered[stem]).index(number)
            names[name] = (f"{stem}_{rank}" if rank else stem, True)
    return names


def automatic_stem(kind: str) -> str:
    """The name that Keras derives from a class: "Conv2D" gives "conv2d"."""
    stem = re.sub(r"\W+", "", kind)
    stem = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", stem)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", stem).lower()


def _automatic_number(name: str, kind: str) -> int | None:
    """The number of an automatic name (0 for the first, which has none), or None."""
    pattern = re.escape(automatic_stem(kind)) + r"(?:_(\d+))?"
    if kind == "InputLayer" and name.startswith("keras_tensor"):  # made of another model's tensor
        pattern = r"keras_tensor(?:_(\d+))?(?:CLONE)?"
    match = re.fullmatch(pattern, name)
    if match is None:
        return None
    return int(match[1]) if match[1] else 0
