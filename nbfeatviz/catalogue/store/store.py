"""Store: a folder of records, to be read, also while a build adds to it; nothing in it is trusted."""

from __future__ import annotations

import os
import threading
import warnings
from io import FileIO
from pathlib import Path

from nbfeatviz.catalogue.store.index import Index, Row
from nbfeatviz.catalogue.store.places import INDEX, length_of, shard_path
from nbfeatviz.catalogue.store.records import LONGEST, DamagedError, Record, unpacked
from nbfeatviz.warn_location import frames_inside

_FILES_OPEN = 32


class Store:
    """An open folder, to be read; from any thread.

    Args:
        folder: where it is.

    Raises:
        ValueError: there is no store, or one of a newer format.
        DamagedError: its index is damaged.

    Warns:
        UserWarning: a shard is cut off.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._files: dict[int, FileIO] = {}
        self._lock, self._closed = threading.Lock(), False
        if not (self.folder / INDEX).is_file():
            what = "there is no catalogue in" if self.folder.is_dir() else "there is no folder"
            broken = self.folder.is_dir() and any((self.folder / "shards").glob("*.shard"))
            mend = " Its index is missing: build the catalogue again to mend it." if broken else ""
            raise ValueError(f"{what} {str(folder)!r}.{mend or ' nbfeatviz.catalogue.build(net, folder) makes one.'}")
        self._index = Index(self.folder / INDEX)
        for shard, end in self._index.ends().items():
            length = length_of(self._shard(shard))
            if length < end:
                warnings.warn(
                    f"{str(self._shard(shard))!r} is cut off ({length:,} of {end:,} bytes): what lay behind is lost "
                    "until the catalogue is built again.",
                    stacklevel=frames_inside() + 1,
                )

    def _shard(self, number: int) -> Path:
        return shard_path(self.folder, number)

    def rows(self, kind: str, owner: str | None = None, layer: str | None = None, unit: int | None = None,
             seed: int | None = None) -> list[Row]:  # fmt: skip
        """What there is of a kind, narrowed down by what is given, without reading it; by layer, unit and seed."""
        return self._index.rows(kind, owner, layer, unit, seed)

    def counts(self, kind: str, owner: str, seed: int) -> dict[str, int]:
        """How many records of a kind, owner and seed each layer has."""
        return self._index.counts(kind, owner, seed)

    def places(self, kind: str, owner: str, layer: str) -> list[tuple[int, int]]:
        """Unit and seed of all records of a layer, in order."""
        return self._index.places(kind, owner, layer)

    def noted(self, name: str) -> str | None:
        """A word that the last build left under a name."""
        return self._index.noted(name)

    def get(self, kind: str, owner: str, layer: str = "", unit: int = -1, seed: int = -1) -> Record | None:
        """A record by its name; None where there is none.

        Raises:
            DamagedError: its bytes are damaged.
        """
        rows = self._index.rows(kind, owner, layer, unit, seed)
        return self.read(rows[0]) if rows else None

    def read(self, row: Row) -> Record:
        """The record of a row (DamagedError where its bytes are damaged)."""
        where = f"the record at {row.offset:,} in {str(self._shard(row.shard))!r}"
        try:
            found = unpacked(self._bytes(row), where)
        except OSError as error:
            raise DamagedError(f"{where} cannot be read ({error}): build the catalogue again to mend it.") from None
        except DamagedError as error:
            raise DamagedError(f"{error} Build the catalogue again to mend it.") from None
        if (found.kind, found.owner, found.layer, found.unit, found.seed) != (
            row.kind, row.owner, row.layer, row.unit, row.seed,
        ):  # fmt: skip
            raise DamagedError(f"{where} is another one than the index says: build the catalogue again to mend it.")
        return found

    def _bytes(self, row: Row) -> bytes:
        """The bytes that an index says are a record; no more than its shard has."""
        with self._lock:
            file = self._opened(row.shard)
            if not 0 <= row.offset <= row.offset + row.length <= length_of(self._shard(row.shard)) or row.length < 0:
                raise OSError("it is beyond the end")
            if row.length > LONGEST:
                raise OSError("it is too long")
            file.seek(row.offset)
            return file.read(row.length)

    def _opened(self, shard: int) -> FileIO:
        if self._closed:
            raise ValueError(f"the catalogue in {str(self.folder)!r} is closed: open it again.")
        if shard not in self._files:
            path = self._shard(shard)
            if not path.is_file():  # a pipe would wait for ever
                raise FileNotFoundError("there is no such file")
            while len(self._files) >= _FILES_OPEN:
                self._files.pop(next(iter(self._files))).close()
            self._files[shard] = path.open("rb", buffering=0)  # what is buffered may be written over
        return self._files[shard]

    def close(self) -> None:
        """Gives its files back."""
        self._index.close()
        with self._lock:
            self._closed = True
            while self._files:
                self._files.popitem()[1].close()

    def __del__(self) -> None:
        if hasattr(self, "_index"):
            self.close()
