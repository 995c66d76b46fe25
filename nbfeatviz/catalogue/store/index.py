"""The index of a store: where each record lies, in SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbfeatviz.catalogue.store.records import FORMAT, DamagedError, Record, check_format

_PATIENCE_SECONDS = 20.0  # with a writer that commits
_SCHEMA = """
CREATE TABLE records (kind TEXT, owner TEXT, layer TEXT, unit INTEGER, seed INTEGER, status TEXT, score REAL,
    shard INTEGER, offset INTEGER, length INTEGER, PRIMARY KEY (kind, owner, layer, unit, seed)) WITHOUT ROWID;
CREATE TABLE shards (shard INTEGER PRIMARY KEY, length INTEGER);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT);
"""


@dataclass(frozen=True)
class Row:
    """Where a record lies, and what is known of it without reading it."""

    kind: str
    owner: str
    layer: str
    unit: int
    seed: int
    status: str
    score: float | None
    shard: int
    offset: int
    length: int


class Index:
    """An open index; from any thread.

    Args:
        path: the file.
        write: whether records are added; it is made where it is missing. Without it nothing is ever written, so that
            the file may lie in a folder that cannot be.

    Raises:
        DamagedError: the file is no sound index.
        ValueError: it was written by a newer version.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self._path, self._lock = path, threading.Lock()
        try:
            self._open(write)
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._damaged(error) from None

    def _open(self, write: bool) -> None:
        if write:
            # no write-ahead log: that needs shared memory, which network file systems do not have
            self._connection = self._connected("rwc")
            with self._connection:
                self._connection.execute("PRAGMA journal_mode = DELETE")
                if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        else:
            self._connection = self._connected("ro")
            try:
                self._connection.execute("SELECT count(*) FROM shards").fetchone()
            except sqlite3.OperationalError:  # a folder in which SQLite cannot even lock a file
                self._connection.close()
                self._connection = self._connected("ro&immutable=1")
        check_format(self._connection.execute("PRAGMA user_version").fetchone()[0], repr(str(self._path)))
        self._connection.execute("SELECT count(*) FROM shards").fetchone()

    def _connected(self, mode: str) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        found = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, check_same_thread=False)
        found.execute("PRAGMA trusted_schema = OFF")
        found.execute("PRAGMA cache_size = -4000")
        return found

    def _damaged(self, error: Exception) -> DamagedError:
        return DamagedError(
            f"the index {str(self._path)!r} is damaged ({error}): build the catalogue again to mend it."
        )

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.DatabaseError as error:
                if "full" in str(error) or "disk I/O" in str(error):
                    raise OSError(f"{str(self._path)!r} cannot be written: {error}.") from None
                raise self._damaged(error) from None

    def close(self) -> None:
        """Gives the file back."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()

    def add(self, records: Iterable[tuple[Record, int, int, int]], ends: dict[int, int]) -> None:
        """Adds records, or takes them for those of the same name, all or none.

        Args:
            records: with the shard, offset and length of each.
            ends: how long each shard is now.
        """
        rows = [
            (one.kind, one.owner, one.layer, one.unit, one.seed, one.status, one.score, shard, offset, length)
            for one, shard, offset, length in records
        ]
        with self._used() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
            connection.executemany("INSERT OR REPLACE INTO shards VALUES (?,?)", list(ends.items()))

    def note(self, name: str, value: str) -> None:
        """Keeps a word under a name."""
        with self._used() as connection, connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?,?)", (name, value))

    def noted(self, name: str) -> str | None:
        """The word under a name; None for none."""
        with self._used() as connection:
            found = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def ends(self) -> dict[int, int]:
        """How long each shard is."""
        with self._used() as connection:
            return dict(connection.execute("SELECT shard, length FROM shards ORDER BY shard"))

    def forget(self, shard: int, beyond: int) -> int:
        """Forgets the records that end behind a place of a shard; returns how many."""
        with self._used() as connection, connection:
            gone = connection.execute("DELETE FROM records WHERE shard = ? AND offset + length > ?", (shard, beyond))
            connection.execute("INSERT OR REPLACE INTO shards VALUES (?,?)", (shard, beyond))
            return gone.rowcount

    def forget_owner(self, kind: str, owner: str) -> None:
        """Forgets all records of a kind and owner."""
        with self._used() as connection, connection:
            connection.execute("DELETE FROM records WHERE kind = ? AND owner = ?", (kind, owner))

    def rows(
        self,
        kind: str,
        owner: str | None = None,
        layer: str | None = None,
        unit: int | None = None,
        seed: int | None = None,
        *,
        order: str = "layer, unit, seed",
    ) -> list[Row]:
        """The rows of a kind, narrowed down by what is given."""
        wanted = {"owner": owner, "layer": layer, "unit": unit, "seed": seed}
        given = {name: value for name, value in wanted.items() if value is not None}
        clause = "".join(f" AND {name} = ?" for name in given)
        with self._used() as connection:
            found = connection.execute(
                f"SELECT * FROM records WHERE kind = ?{clause} ORDER BY {order}", (kind, *given.values())
            )
            return [Row(*row) for row in found]

    def count(self, kind: str, owners: Sequence[str], seed: int) -> int:
        """How many records of a kind, some owners and a seed there are."""
        marks = ",".join("?" * len(owners))
        with self._used() as connection:
            query = f"SELECT count(*) FROM records WHERE kind = ? AND owner IN ({marks}) AND seed = ?"
            return int(connection.execute(query, (kind, *owners, seed)).fetchone()[0])
