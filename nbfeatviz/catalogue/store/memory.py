"""Records that are held in memory: what was computed for the moment, without a folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from nbfeatviz.catalogue.store.records import Record


class MemoryRecords:
    """Answers `get` as a `Store` does; from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[tuple[str, str, str, int, int], Record] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Takes records, in place of those of the same name."""
        for record in records:
            with self._lock:
                self._records[record.kind, record.owner, record.layer, record.unit, record.seed] = record

    def get(self, kind: str, owner: str, layer: str = "", unit: int = -1, seed: int = -1) -> Record | None:
        """A record by its name; None where there is none."""
        with self._lock:
            return self._records.get((kind, owner, layer, unit, seed))

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._records.clear()
