"""The index of a store: where each record lies, in SQLite; what it holds may have been written by anybody."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbfeatviz.catalogue.store.records import FORMAT, DamagedError, Record, check_format, unwritable

TOGETHER = {"exemplars": "photos", "vectors": "photos", "photo": "photos"}
"""By the kind of a record the kind of the one that says that all of its owner are there."""
_PATIENCE_SECONDS = 20.0  # with a writer that commits
_SCHEMA = """
CREATE TABLE records (kind TEXT, owner TEXT, layer TEXT, unit INTEGER, seed INTEGER, status TEXT, score REAL,
    shard INTEGER, offset INTEGER, length INTEGER, PRIMARY KEY (kind, owner, layer, unit, seed)) WITHOUT ROWID;
CREATE TABLE shards (shard INTEGER PRIMARY KEY, length INTEGER);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT);
"""
# SQLite keeps any type in any column
_COLUMNS = """CAST(kind AS TEXT), CAST(owner AS TEXT), CAST(layer AS TEXT), CAST(unit AS INTEGER),
    CAST(seed AS INTEGER), CAST(status AS TEXT), CAST(score AS REAL), CAST(shard AS INTEGER), CAST(offset AS INTEGER),
    CAST(length AS INTEGER)"""
_LONGEST_WORD = 1_000_000


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
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self._path, self._lock, self._closed = path, threading.Lock(), False
        try:
            self._open(write)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise self._in_words(error) from None
            raise

    def _open(self, write: bool) -> None:
        if write:
            # no write-ahead log: that needs shared memory, which network file systems do not have
            self._connection = self._connected("rwc")
            with self._connection:
                self._connection.execute("PRAGMA journal_mode = DELETE")
                if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        else:
            self._open_to_read()
        written = self._connection.execute("PRAGMA user_version").fetchone()[0]
        check_format(written, repr(str(self._path)))
        if written != FORMAT or _schema(self._connection) != _expected_schema():
            raise sqlite3.DatabaseError("its tables are others")

    def _open_to_read(self) -> None:
        try:
            self._connection = self._connected("ro")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                raise
        if not self._path.with_name(f"{self._path.name}-journal").exists():
            # a folder in which SQLite cannot even lock a file
            self._connection = self._connected("ro&immutable=1")
            return
        # a writer was killed while it wrote: SQLite takes back what it had not finished
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            raise sqlite3.DatabaseError("it was being written when that was interrupted, and is in a read-only folder")
        self._connected("rw").close()
        self._connection = self._connected("ro")

    def _connected(self, mode: str) -> sqlite3.Connection:
        address = f"{self._path.absolute().as_uri()}?mode={mode}"
        found = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, check_same_thread=False)
        try:
            found.execute("PRAGMA trusted_schema = OFF")
            found.execute("PRAGMA cell_size_check = ON")
            found.execute("PRAGMA cache_size = -4000")
            _schema(found)  # SQLite opens the file only now
        except BaseException:
            found.close()
            raise
        return found

    def _in_words(self, error: sqlite3.Error) -> Exception:
        """What SQLite says, as a sentence."""
        path, code = repr(str(self._path)), getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return TimeoutError(f"{path} is being written by another process for more than {_PATIENCE_SECONDS:.0f} s.")
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            return unwritable(self._path, OSError(str(error)))
        return DamagedError(f"the index {path} is damaged ({error}): build the catalogue again to mend it.")

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ValueError(f"the catalogue in {str(self._path.parent)!r} is closed: open it again.")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise self._in_words(error) from None

    def close(self) -> None:
        """Gives the file back."""
        with self._lock:
            self._closed = True
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
            query = "SELECT CAST(value AS TEXT) FROM facts WHERE name = ? AND length(value) <= ?"
            found = connection.execute(query, (name, _LONGEST_WORD)).fetchone()
        return None if found is None or found[0] is None else str(found[0])

    def ends(self) -> dict[int, int]:
        """How long each shard is."""
        with self._used() as connection:
            query = "SELECT CAST(shard AS INTEGER), CAST(length AS INTEGER) FROM shards ORDER BY shard"
            return {shard: length for shard, length in connection.execute(query) if shard > 0 and length >= 0}

    def in_shard(self, shard: int) -> list[Row]:
        """The rows of the records in a shard."""
        with self._used() as connection:
            found = connection.execute(f"SELECT {_COLUMNS} FROM records WHERE shard = ?", (shard,))
            return [Row(*row) for row in found]

    def strays(self) -> list[Row]:
        """The rows of records in shards that there are not."""
        with self._used() as connection:
            query = f"SELECT {_COLUMNS} FROM records WHERE shard NOT IN (SELECT shard FROM shards WHERE shard > 0)"
            return [Row(*row) for row in connection.execute(query)]

    def forget(self, rows: Iterable[Row], ends: dict[int, int]) -> None:
        """Forgets some records, and takes how long some shards are; all or none.

        Of records that are there only together, as `TOGETHER` says, the one that says that all are there goes too.
        """
        gone = list(rows)
        whole = {(TOGETHER[row.kind], row.owner) for row in gone if row.kind in TOGETHER}
        names = [(row.kind, row.owner, row.layer, row.unit, row.seed) for row in gone]
        with self._used() as connection, connection:
            connection.executemany(
                "DELETE FROM records WHERE kind = ? AND owner = ? AND layer = ? AND unit = ? AND seed = ?", names
            )
            connection.executemany("DELETE FROM records WHERE kind = ? AND owner = ?", sorted(whole))
            connection.executemany("INSERT OR REPLACE INTO shards VALUES (?,?)", list(ends.items()))

    def forget_owner(self, kind: str, owner: str) -> None:
        """Forgets all records of a kind and owner."""
        with self._used() as connection, connection:
            connection.execute("DELETE FROM records WHERE kind = ? AND owner = ?", (kind, owner))

    def forget_kinds(self, kinds: Iterable[str]) -> None:
        """Forgets all records of some kinds."""
        with self._used() as connection, connection:
            connection.executemany("DELETE FROM records WHERE kind = ?", [(kind,) for kind in kinds])

    def check(self) -> None:
        """Reads all of it (DamagedError where it is not whole)."""
        with self._used() as connection:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found != "ok":
                raise sqlite3.DatabaseError(found.replace("\n", " "))

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
                f"SELECT {_COLUMNS} FROM records WHERE kind = ?{clause} ORDER BY {order}", (kind, *given.values())
            )
            return [Row(*row) for row in found]

    def counts(self, kind: str, owner: str, seed: int) -> dict[str, int]:
        """How many records of a kind, owner and seed each layer has."""
        with self._used() as connection:
            query = """SELECT CAST(layer AS TEXT), count(*) FROM records
                WHERE kind = ? AND owner = ? AND seed = ? GROUP BY layer"""
            return dict(connection.execute(query, (kind, owner, seed)))

    def places(self, kind: str, owner: str, layer: str) -> list[tuple[int, int]]:
        """Unit and seed of all records of a layer, in order; much faster than `rows`."""
        with self._used() as connection:
            query = """SELECT CAST(unit AS INTEGER), CAST(seed AS INTEGER) FROM records
                WHERE kind = ? AND owner = ? AND layer = ? ORDER BY unit, seed"""
            return connection.execute(query, (kind, owner, layer)).fetchall()


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name LIMIT 10"
    return connection.execute(query).fetchall()


@functools.cache
def _expected_schema() -> list[tuple[str, str, str]]:
    """What the tables are: in another's index there may be views and triggers, which run whatever they say."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_SCHEMA)
        return _schema(connection)
