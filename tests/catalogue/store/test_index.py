"""The index: what it says can be had while another writes, and whoever wrote it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nbfeatviz.catalogue.store.index import Index
from nbfeatviz.catalogue.store.records import DamagedError, Record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "index.sqlite"
    index = Index(made, write=True)
    rows = [
        (Record("unit", "o", f"layer{unit % 3}", unit, 0, score=unit / 7), 1, unit * 10, 10) for unit in range(3000)
    ]
    index.add(rows, {1: 30_000})
    index.note("build", "o")
    index.close()
    return made


def changed(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_rows_are_narrowed_down_and_sorted(path: Path):
    index = Index(path)
    assert len(index.rows("unit")) == 3000
    assert [row.unit for row in index.rows("unit", "o", "layer1")][:3] == [1, 4, 7]
    (row,) = index.rows("unit", "o", "layer1", 4, 0)
    assert (row.score, row.shard, row.offset, row.length) == (4 / 7, 1, 40, 10)
    assert index.rows("unit", "other") == []
    assert (index.noted("build"), index.noted("nothing"), index.ends()) == ("o", None, {1: 30_000})
    assert index.counts("unit", "o", 0) == {"layer0": 1000, "layer1": 1000, "layer2": 1000}
    assert index.counts("unit", "o", 1) == {}
    assert index.places("unit", "o", "layer2")[:3] == [(2, 0), (5, 0), (8, 0)]
    index.close()


def test_a_killed_writer_leaves_what_it_had_finished(path: Path):
    """SQLite's journal is still there, and the file itself is half of the old and half of the new."""
    program = (
        "import sqlite3, sys, time; connection = sqlite3.connect(sys.argv[1]); "
        "connection.execute('PRAGMA cache_size = 2'); connection.execute('UPDATE records SET offset = offset + 1'); "
        "connection.execute('DELETE FROM records WHERE unit > 100'); print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    assert path.with_name("index.sqlite-journal").stat().st_size > 0
    index = Index(path)
    assert [row.offset for row in index.rows("unit", order="unit")] == list(range(0, 30_000, 10))
    index.close()


def test_reading_goes_on_while_another_writes(path: Path):
    reader = Index(path)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM records WHERE unit > 100")
    assert len(reader.rows("unit")) == 3000
    later = Index(path)
    writer.execute("COMMIT")
    assert (len(reader.rows("unit")), len(later.rows("unit"))) == (101, 101)
    for one in (reader, later, writer):
        one.close()


def test_a_writer_that_never_ends_is_named_and_is_no_damage(path: Path, monkeypatch):
    monkeypatch.setattr("nbfeatviz.catalogue.store.index._PATIENCE_SECONDS", 0.2)
    reader, writer = Index(path), sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    for attempt in (lambda: reader.rows("unit"), lambda: Index(path), lambda: Index(path, write=True)):
        with pytest.raises(TimeoutError, match=r"index\.sqlite' is being written by another process"):
            attempt()
    writer.execute("ROLLBACK")
    assert len(reader.rows("unit")) == 3000
    reader.close()
    writer.close()


def test_reading_writes_nothing(path: Path):
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    index = Index(path)
    index.rows("unit")
    with pytest.raises(OSError, match="cannot be written"):
        index.note("build", "p")
    index.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [one.name for one in path.parent.iterdir()] == ["index.sqlite"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:100],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"garbage" * 3000,
        lambda raw: b"\0" * len(raw),
        lambda raw: raw[:4096] + b"\xff" * 4096 + raw[8192:],
    ],
    ids=["empty", "header", "half", "garbage", "zeros", "page"],
)
def test_a_damaged_index_is_named(path: Path, damage):
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedError, match=r"index '.*index\.sqlite' is damaged \(.*\): build the catalogue again"):
        Index(path).check()


def test_a_newer_index_is_refused_in_words(path: Path):
    changed(path, "PRAGMA user_version = 2")
    for write in (False, True):
        with pytest.raises(ValueError, match=r"index\.sqlite' has format 2; .* install a newer one") as found:
            Index(path, write=write)
        assert not isinstance(found.value, DamagedError)


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"


@pytest.mark.parametrize(
    "statements",
    [
        ["DROP TABLE facts"],
        ["DROP TABLE facts", f"CREATE VIEW facts AS SELECT i AS name, i AS value FROM ({ENDLESS})"],
        ["ALTER TABLE records ADD COLUMN more"],
        ["CREATE TRIGGER t AFTER INSERT ON facts BEGIN DELETE FROM records; END"],
        ["CREATE TABLE more(a)"],
        ["PRAGMA user_version = 0"],
    ],
    ids=["fewer", "view", "column", "trigger", "more", "version"],
)
def test_other_tables_are_damage(path: Path, statements: list[str]):
    changed(path, *statements)
    with pytest.raises(DamagedError, match="its tables are others"):
        Index(path)


def test_values_of_other_types_are_taken_for_those_they_should_be(path: Path):
    changed(
        path,
        "UPDATE records SET layer = x'41', score = 'high', offset = 'far', status = 7 WHERE unit = 0",
        "INSERT INTO shards VALUES (-3, 'long')",
        "UPDATE facts SET value = zeroblob(2000000)",
    )
    index = Index(path)
    row = next(row for row in index.rows("unit") if row.unit == 0)
    assert (row.layer, row.score, row.offset, row.status) == ("A", 0.0, 0, "7")
    assert (index.ends(), index.noted("build")) == ({1: 30_000}, None)
    index.close()


def test_a_closed_index_says_so(path: Path):
    index = Index(path)
    index.close()
    with pytest.raises(ValueError, match="is closed: open it again"):
        index.rows("unit")


def test_a_full_disk_is_a_sentence(path: Path):
    program = (
        "import resource, sys; from pathlib import Path; from nbfeatviz.catalogue.store.index import Index; "
        "from nbfeatviz.catalogue.store.records import Record\n"
        "index = Index(Path(sys.argv[1]), write=True)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size,) * 2)\n"
        "try: index.add([(Record('unit', 'p', 'l' * 500, unit), 1, 0, 1) for unit in range(3000)], {})\n"
        "except OSError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert "index.sqlite' cannot be written (" in done.stdout
    index = Index(path)
    assert (len(index.rows("unit", "o")), index.rows("unit", "p")) == (3000, [])
    index.close()
