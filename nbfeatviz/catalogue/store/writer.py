"""Writer: what many processes hand over, merged into a store by one at a time.

Whoever has something writes it as a file of its own in `waiting/`, as a whole. The one that holds the lock appends such
files to a shard and adds them to the index; what is interrupted there is done again by the next.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from nbfeatviz.catalogue.store.index import Index, Row
from nbfeatviz.catalogue.store.mending import check_shards, mended_index
from nbfeatviz.catalogue.store.places import INDEX, length_of, shard_path, waiting
from nbfeatviz.catalogue.store.records import NOTE, UNFINISHED, Record, packed, scanned, unwritable, write_whole

SHARD_BYTES = 8_000_000
_UNFINISHED_SECONDS = 3600.0

_log = logging.getLogger(__name__)


def put(folder: Path, name: str, records: Iterable[Record]) -> None:
    """Hands records over to whoever merges, as one file; from any process."""
    write_whole(waiting(folder, name), records)


class Writer:
    """The one that merges; made by `writing`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _drop_unfinished(folder)
        self.mended = mended_index(folder)
        self._index = Index(folder / INDEX, write=True)
        self.mended += check_shards(folder, self._index)

    def close(self) -> None:
        """Gives its files back."""
        self._index.close()

    def rows(self, kind: str, owner: str | None = None, layer: str | None = None) -> list[Row]:
        """See `Store.rows`."""
        return self._index.rows(kind, owner, layer)

    def places(self, kind: str, owner: str, layer: str) -> list[tuple[int, int]]:
        """See `Store.places`."""
        return self._index.places(kind, owner, layer)

    def note(self, name: str, value: str) -> None:
        """Leaves a word under a name; also in a shard, of which an index can be made again."""
        if self._index.noted(name) != value:
            self.add([Record(NOTE, name, facts={"value": value})])
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
            if not path.is_file():
                continue
            length = length_of(path)
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
        rows = []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.truncate(offset)
                file.seek(offset)
                for record, raw in records:
                    file.write(raw)
                    rows.append((record, shard, offset, len(raw)))
                    offset += len(raw)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                os.truncate(path, begin)
            raise unwritable(path, error) from None
        self._index.add(rows, {shard: offset})


def _drop_unfinished(folder: Path) -> None:
    """Drops what a process left that was killed while it wrote; what is young may be another's that still writes."""
    for path in (folder / "waiting").glob(f".*{UNFINISHED}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                path.unlink()


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
