"""What the parts of a recipe and their values mean, in the words of their own docstrings."""

from __future__ import annotations

import inspect
import re

_ATTRIBUTE = re.compile(r"^    (\w+): (.*)$")


def summary_of(kind: type) -> str:
    """The first paragraph of a class's docstring, "" where it has none."""
    return _plain(_sections(kind)[0].partition("\n\n")[0])


def attributes_of(kind: type) -> dict[str, str]:
    """What a class's docstring says of each attribute, by its name."""
    told: dict[str, str] = {}
    name = ""
    for line in _sections(kind)[1].splitlines():
        if found := _ATTRIBUTE.match(line):
            name = found[1]
            told[name] = found[2]
        elif name and line.strip():
            told[name] += f" {line.strip()}"
        else:
            name = ""
    return {name: _plain(text) for name, text in told.items()}


def _sections(kind: type) -> tuple[str, str]:
    """What stands before the attributes, and they."""
    head, _, attributes = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
    return head, attributes


def _plain(text: str) -> str:
    """A text of a docstring in a line, without marks of code, with a capital unless it begins with a formula."""
    line = " ".join(text.replace("`", "").split())
    return line if text.startswith("`") else line[:1].upper() + line[1:]
