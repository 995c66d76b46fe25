"""Samples: the photographs that come with the package, each with its author and licence."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "data" / "photos"


@dataclass(frozen=True)
class Sample:
    """A photograph that may be passed on.

    Attributes:
        name: what `get` takes.
        title: what is seen.
        author: who must be named.
        licence: "CC0 1.0", "CC BY 2.0" or "public domain".
        source: the web page where it was published.
        path: the JPEG file.
    """

    name: str
    title: str
    author: str
    licence: str
    source: str
    path: Path

    @property
    def credit(self) -> str:
        """One line to show beside the photograph."""
        return f"{self.title} · {self.author} · {self.licence}"


def _read() -> tuple[Sample, ...]:
    fields = ("name", "title", "author", "licence", "source")
    return tuple(
        Sample(path=_FOLDER / f"{entry['name']}.jpg", **{field: entry[field] for field in fields})
        for entry in json.loads((_FOLDER / "credits.json").read_text(encoding="utf-8"))
    )


ALL: tuple[Sample, ...] = _read()


def names() -> tuple[str, ...]:
    """The names of all samples."""
    return tuple(sample.name for sample in ALL)


def as_page() -> list[dict[str, str]]:
    """What a page shows to choose from."""
    return [{"name": sample.name, "title": sample.title, "credit": sample.credit} for sample in ALL]


def get(name: str) -> Sample:
    """The sample of that name.

    Raises:
        ValueError: there is none; the nearest name is given.
    """
    for sample in ALL:
        if sample.name == name:
            return sample
    near = difflib.get_close_matches(str(name).casefold(), names(), n=1, cutoff=0.5)
    hint = f"nearest: {near[0]!r}; " if near else ""
    raise ValueError(f"no sample {name!r}; {hint}there are {', '.join(names())}.")
