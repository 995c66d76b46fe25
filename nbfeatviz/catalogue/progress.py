"""What a build says of itself: a bar for a person, lines of JSON in a file for a program."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nbfeatviz.catalogue.store.records import Record

LOG = "log.jsonl"
_BAR = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {unit}s [{elapsed}<{remaining}{postfix}]"

_log = logging.getLogger(__name__)


class Progress:
    """Of one build.

    Args:
        folder: of the catalogue, where the log is.
        shown: whether there is a bar; words go to Python's log otherwise.
    """

    def __init__(self, folder: Path, shown: bool) -> None:
        self._path, self._shown = folder / LOG, shown
        self._bar: Any = None
        self._found: Counter[str] = Counter()
        self._began = time.monotonic()
        self._seconds: float | None = None

    def say(self, sentence: str) -> None:
        """A sentence to the person and to the log."""
        self.note("said", words=sentence)
        if self._shown:
            from tqdm.auto import tqdm

            tqdm.write(sentence, file=sys.stderr)  # where the bar is
        else:
            _log.info(sentence)

    def note(self, event: str, **facts: Any) -> None:
        """A line of the log; what cannot be written there is no reason to end a build."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"event": event, "time": round(time.time(), 3), **facts}) + "\n")
        except OSError as error:
            _log.info("%s cannot be written: %s", self._path, error)

    def begin(self, what: str, unit: str, total: int, done: int = 0) -> None:
        """A new bar."""
        self.close()
        self._found.clear()
        self._began = time.monotonic()
        if self._shown:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, initial=done, unit=unit, desc=what, bar_format=_BAR, dynamic_ncols=True)

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._found["done"] += count
        if self._bar is not None:
            minutes = max(time.monotonic() - self._began, 1e-6) / 60
            others = [f"{number} {what}" for what, number in self._found.items() if what != "done"]
            words = ", ".join([f"{self._found['done'] / minutes:.0f} a minute", *others])
            self._bar.set_postfix_str(words, refresh=False)
            self._bar.update(count)

    def count(self, records: Iterable[Record]) -> None:
        """Pictures that were merged."""
        units = [record for record in records if record.kind == "unit"]
        self._found.update(record.status for record in units if record.status != "ok")
        self.advance(len(units))

    def failed(self, what: str, error: BaseException) -> None:
        """A job that could not be done."""
        self._found["failed"] += 1
        self.note("failed", what=what, why=f"{type(error).__name__}: {error}")
        self.advance(0)

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
