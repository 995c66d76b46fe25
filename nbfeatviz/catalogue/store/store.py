"""Store: records in a folder, which many processes add to and one at a time merges.

Whoever has something writes it as a file of its own in `waiting/`, as a whole. The one that holds the lock appends such
files to a shard and adds them to the index; what is interrupted there is done again by the next.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from nbfeatviz.catalogue.store.index import Index, Row
from nbfeatviz.catalogue.store.records import DamagedError, Record, check_format, packed, scanned, unpacked, write_whole
from nbfeatviz.warn_location import frames_inside

SHARD_BYTES = 8_000_000
INDEX = "index.sqlite"

_log = logging.getLogger(__name__)


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
        self._files: dict[int, int] = {}
        self._lock = threading.Lock()
        if not (self.folder / INDEX).is_file():
            what = "there is no catalogue in" if self.folder.is_dir() else "there is no folder"
            broken = self.folder.is_dir() and any((self.folder / "shards").glob("*.shard"))
            mend = " Its index is missing: build the catalogue again to mend it." if broken else ""
            raise ValueError(f"{what} {str(folder)!r}.{mend or ' nbfeatviz.catalogue.build(net, folder) makes one.'}")
        self._index = Index(self.folder / INDEX)
        for shard, end in self._index.ends().items():
            length = _length(self._shard(shard))
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

    def count(self, kind: str, owners: list[str], seed: int) -> int:
        """How many records of a kind, some owners and a seed there are."""
        return self._index.count(kind, owners, seed) if owners else 0

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
            raw = os.pread(self._opened(row.shard), max(row.length, 0), max(row.offset, 0))
            found = unpacked(raw, where)
        except OSError as error:
            raise DamagedError(f"{where} cannot be read ({error}): build the catalogue again to mend it.") from None
        except DamagedError as error:
            raise DamagedError(f"{error} Build the catalogue again to mend it.") from None
        if (found.kind, found.owner, found.layer, found.unit, found.seed) != (
            row.kind, row.owner, row.layer, row.unit, row.seed,
        ):  # fmt: skip
            raise DamagedError(f"{where} is another one than the index says: build the catalogue again to mend it.")
        return found

    def _opened(self, shard: int) -> int:
        with self._lock:
            if shard not in self._files:
                while len(self._files) >= 32:
                    os.close(self._files.pop(next(iter(self._files))))
                self._files[shard] = os.open(self._shard(shard), os.O_RDONLY | getattr(os, "O_BINARY", 0))
            return self._files[shard]

    def close(self) -> None:
        """Gives its files back."""
        self._index.close()
        with self._lock:
            while self._files:
                os.close(self._files.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_index"):
            self.close()


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard."""
    return folder / "shards" / f"{number:06d}.shard"


def put(folder: Path, name: str, records: Iterable[Record]) -> None:
    """Hands records over to whoever merges, as one file; from any process."""
    write_whole(waiting(folder, name), records)


def waiting(folder: Path, name: str) -> Path:
    """The file in which records wait to be merged."""
    return folder / "waiting" / f"{name}.records"


class Writer:
    """The one that merges; made by `writing`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mended = _mended_index(folder)
        self._index = Index(folder / INDEX, write=True)
        self.mended += self._checked()

    def close(self) -> None:
        """Gives its files back."""
        self._index.close()

    def rows(self, kind: str, owner: str | None = None, layer: str | None = None) -> list[Row]:
        """See `Store.rows`."""
        return self._index.rows(kind, owner, layer)

    def note(self, name: str, value: str) -> None:
        """Leaves a word under a name."""
        self._index.note(name, value)

    def noted(self, name: str) -> str | None:
        """A word that a build left."""
        return self._index.noted(name)

    def forget(self, kind: str, owner: str) -> None:
        """Forgets all records of a kind and owner."""
        self._index.forget_owner(kind, owner)

    def add(self, records: Iterable[Record]) -> None:
        """Adds records at once."""
        self._append([(record, packed(record)) for record in records])

    def merge(self) -> list[Record]:
        """Adds all that waits, without its data in what is returned; a damaged file is dropped."""
        merged: list[Record] = []
        for path in sorted((self.folder / "waiting").glob("*.records")):
            length = _length(path)
            found = [(record, packed(record)) for _, _, record in scanned(path)]
            if sum(len(raw) for _, raw in found) != length:
                _log.warning("%s is damaged and is left out", path)
                path.unlink(missing_ok=True)
                continue
            self._append(found)
            path.unlink(missing_ok=True)
            merged += [record for record, _ in found]
        return merged

    def _append(self, records: list[tuple[Record, bytes]]) -> None:
        """Writes records behind the last one, then into the index: what is not in the index is written over."""
        if not records:
            return
        ends = self._index.ends()
        shard = max(ends, default=1)
        if ends.get(shard, 0) > SHARD_BYTES:
            shard += 1
        begin = offset = ends.get(shard, 0)
        path = shard_path(self.folder, shard)
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = []
        try:
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(offset)
                file.seek(offset)
                for record, raw in records:
                    file.write(raw)
                    rows.append((record, shard, offset, len(raw)))
                    offset += len(raw)
                file.flush()
                os.fsync(file.fileno())
            self._index.add(rows, {shard: offset})
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, begin)
            raise

    def _checked(self) -> list[str]:
        """Reads all shards; forgets what is damaged, and says so."""
        said = []
        for shard, end in self._index.ends().items():
            path = shard_path(self.folder, shard)
            sound = 0
            if path.is_file():
                for offset, length, _ in scanned(path, end):
                    sound = offset + length
            if sound < end:
                lost = self._index.forget(shard, sound)
                said.append(
                    f"{path.name} was damaged behind {sound:,} of {end:,} bytes: {lost} records are made again."
                )
        return said


def _mended_index(folder: Path) -> list[str]:
    """Makes an index again where that is damaged or missing, of what the shards say."""
    path, shards = folder / INDEX, sorted((folder / "shards").glob("*.shard"))
    why = "was missing"
    if path.is_file():
        try:
            index = Index(path)
            index.close()
            if _sound(path):
                return []
            why = "was damaged"
        except DamagedError as error:
            why = f"was damaged ({error})"
    elif not shards:
        return []
    for stale in (path, path.with_name(f"{INDEX}-journal")):
        if stale.exists():
            stale.replace(stale.with_name(f"{stale.name}.damaged"))
    new = path.with_name(f"{INDEX}.new")
    new.unlink(missing_ok=True)
    index = Index(new, write=True)
    last: dict[str, str] = {}
    for shard in shards:
        if not shard.stem.isdecimal():
            continue
        number, end, rows = int(shard.stem), 0, []
        for offset, length, record in scanned(shard):
            rows.append((record, number, offset, length))
            end = offset + length
            last |= {record.kind: record.owner} if record.kind in ("build", "photos") else {}
        index.add(rows, {number: end})
    for kind, owner in last.items():
        index.note(kind, owner)
    index.close()
    new.replace(path)
    return [f"the index {why}; it was made again of {len(shards)} shards."]


def _sound(path: Path) -> bool:
    import sqlite3

    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


@contextlib.contextmanager
def writing(folder: Path, say: Callable[[str], None], patience: float = -1) -> Iterator[Writer]:
    """The right to merge, held by one process at a time; it is free again when that process ends, however it ends.

    Args:
        folder: of the store; made where it is missing.
        say: told who holds the right, if it has to be waited for.
        patience: seconds to wait for it; -1 for as long as it takes.

    Raises:
        OSError: the folder cannot be written, or TimeoutError when patience is over.
        ValueError: what is there was written by a newer version.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, holder = FileLock(folder / "writing.lock"), folder / "writing.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = _holder(holder)
        if patience != 0:
            say(f"{who} is building in {str(folder)!r}: waiting until it has ended.")
        try:
            lock.acquire(timeout=patience, poll_interval=0.2)
        except Timeout:
            raise TimeoutError(f"{who} is building in {str(folder)!r}.") from None
    try:
        holder.write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname()}), encoding="utf-8")
        writer = Writer(folder)
        try:
            yield writer
        finally:
            writer.close()
            holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return f"another process ({int(found['process'])} on {str(found['host'])[:80]})"
    except (OSError, ValueError, TypeError, KeyError):
        return "another process"


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


__all__ = ["DamagedError", "Store", "Writer", "check_format", "put", "shard_path", "waiting", "writing"]
