"""The store: what was handed over is there, once and whole, whatever happens to processes, disk and files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbfeatviz.catalogue.store import writer as writer_module
from nbfeatviz.catalogue.store.index import Row
from nbfeatviz.catalogue.store.places import INDEX, shard_path, waiting
from nbfeatviz.catalogue.store.records import DamagedError, Record, packed
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.store.writer import put, writing

COUNT = 60


def unit(number: int) -> Record:
    data = np.random.default_rng(number).bytes(700)
    return Record("unit", "o", f"layer{number % 3}", number, 0, score=float(number), facts={"a": number}, data=data)


def everything(folder: Path) -> dict[tuple[str, str, int], Record]:
    store = Store(folder)
    try:
        return {(row.kind, row.layer, row.unit): store.read(row) for kind in KINDS for row in store.rows(kind)}
    finally:
        store.close()


KINDS = ("build", "unit", "exemplars", "photo", "photos")


def fill(folder: Path) -> list[str]:
    """Makes a store, or what is missing in one; returns what was mended."""
    said: list[str] = []
    with writing(folder, said.append) as writer:
        said += writer.mended
        there = {(row.kind, row.layer, row.unit) for kind in KINDS for row in writer.rows(kind)}
        if ("build", "", -1) not in there:
            writer.add([Record("build", "plan")])
        writer.note("decided o", '{"precision": "float32"}')
        if ("photos", "", -1) not in there:
            writer.add([Record("exemplars", "p", "layer1", data=b"e" * 900), Record("photo", "p", unit=3, data=b"p")])
            writer.add([Record("photos", "p", facts={"count": 1})])
        for number in range(COUNT):
            if ("unit", f"layer{number % 3}", number) not in there:
                put(folder, f"unit-{number}", [unit(number)])
        writer.merge()
    return said


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "a.nbfv"
    fill(folder)
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "a.nbfv"))


def test_what_was_handed_over_is_there_once(folder: Path):
    found = everything(folder)
    assert [found["unit", f"layer{number % 3}", number] for number in range(COUNT)] == [*map(unit, range(COUNT))]
    assert list((folder / "waiting").iterdir()) == []
    size = shard_path(folder, 1).stat().st_size
    assert fill(folder) == []
    assert shard_path(folder, 1).stat().st_size == size
    assert everything(folder) == found


def test_the_later_of_two_of_one_name_counts(folder: Path):
    with writing(folder, print) as writer:
        writer.add([replace(unit(4), data=b"later", score=None)])
    store = Store(folder)
    found = store.get("unit", "o", "layer1", 4, 0)
    assert found is not None
    assert (found.data, found.score, len(store.rows("unit"))) == (b"later", None, COUNT)
    store.close()


def test_an_open_store_sees_what_is_added(folder: Path):
    store = Store(folder)
    with writing(folder, print) as writer:
        writer.add([unit(COUNT)])
        assert store.get("unit", "o", "layer0", COUNT, 0) == unit(COUNT)
        assert store.counts("unit", "o", 0)["layer0"] == COUNT // 3 + 1
    store.close()


def flip(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


def cut(path: Path, part: float) -> None:
    os.truncate(path, int(path.stat().st_size * part))


def middle(folder: Path) -> int:
    """Inside the record of unit 30."""
    store = Store(folder)
    (row,) = store.rows("unit", "o", "layer0", 30)
    store.close()
    return row.offset + row.length // 2


SHARDS: dict[str, tuple[Callable[[Path], None], str, int]] = {
    "cut off": (lambda folder: cut(shard_path(folder, 1), 0.5), "000001.shard was cut off: ", 29),
    "one byte": (lambda folder: flip(shard_path(folder, 1), middle(folder)),
                 "000001.shard was damaged: 1 record of layer0 is made again", 1),
    "emptied": (lambda folder: cut(shard_path(folder, 1), 0), "000001.shard was cut off: ", COUNT),
    "removed": (lambda folder: shard_path(folder, 1).unlink(), "000001.shard was cut off: ", COUNT),
    "zeros": (lambda folder: shard_path(folder, 1).write_bytes(bytes(shard_path(folder, 1).stat().st_size)),
              "000001.shard was damaged: ", COUNT),
}  # fmt: skip


@pytest.mark.parametrize("damage", SHARDS)
def test_a_damaged_shard_is_found_named_and_mended(sound: Path, folder: Path, damage: str):
    harm, mended, least = SHARDS[damage]
    harm(folder)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        store = Store(folder)
    assert any("000001.shard' is cut off" in str(one.message) for one in warned) == ("cut off" in mended)
    lost = 0
    for row in store.rows("unit"):
        try:
            assert store.read(row) == unit(row.unit)
        except DamagedError:
            lost += 1
            words = f"the record at {row.offset:,} in .* build the catalogue again to mend it"
            with pytest.raises(DamagedError, match=f"(?i){words}"):
                store.read(row)
    store.close()
    assert lost >= least
    assert lost == 1 or damage != "one byte"
    (said,) = fill(folder)
    assert mended in said
    assert everything(folder) == everything(sound)
    assert fill(folder) == []


@pytest.mark.parametrize("kind", ["exemplars", "photo"])
def test_photographs_of_which_something_is_lost_are_looked_at_again(sound: Path, folder: Path, kind: str):
    store = Store(folder)
    (row,) = store.rows(kind)
    store.close()
    flip(shard_path(folder, 1), row.offset + row.length - 1)
    (folder / INDEX).unlink() if kind == "photo" else None
    with writing(folder, print) as writer:
        assert writer.rows("photos") == []
        assert len(writer.rows("unit")) == COUNT
    fill(folder)
    assert everything(folder) == everything(sound)


INDEXES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: cut(path, 0.4),
    "garbage": lambda path: path.write_bytes(b"what is this? " * 999),
    "a page": lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096 + path.read_bytes()[8192:]),
}


@pytest.mark.parametrize("damage", INDEXES)
def test_a_damaged_index_is_found_named_and_made_again(sound: Path, folder: Path, damage: str):
    INDEXES[damage](folder / INDEX)
    with pytest.raises(ValueError, match=r"build the catalogue again to mend it|Build"):
        for row in Store(folder).rows("unit"):
            pytest.fail(f"{row} could be read")
    with writing(folder, print) as writer:
        (said,) = writer.mended
        assert writer.noted("decided o") == '{"precision": "float32"}'
    assert "the index was " in said
    assert "made again of 1 shards" in said
    assert everything(folder) == everything(sound)
    assert fill(folder) == []


@pytest.mark.parametrize(
    "change",
    ["offset = offset + 7", "length = 4294967296", "offset = -5", "shard = 77", "length = -1", "length = 1 << 62"],
)
def test_an_index_that_points_astray_is_found_and_mended(sound: Path, folder: Path, change: str):
    with sqlite3.connect(folder / INDEX) as connection:
        connection.execute(f"UPDATE records SET {change} WHERE unit = 30")
    connection.close()
    store = Store(folder)
    with pytest.raises(DamagedError, match="uild the catalogue again to mend it"):
        store.get("unit", "o", "layer0", 30, 0)
    store.close()
    fill(folder)
    assert everything(folder) == everything(sound)


def test_a_newer_store_is_refused_in_words_and_left_alone(folder: Path):
    raw = shard_path(folder, 1).read_bytes()
    newer = bytearray(packed(unit(99)))
    newer[4:6] = (9, 246)
    shard_path(folder, 1).write_bytes(raw + newer)
    with sqlite3.connect(folder / INDEX) as connection:
        connection.execute("UPDATE shards SET length = ?", (len(raw) + len(newer),))
    connection.close()
    before = (folder / INDEX).read_bytes()
    with (
        pytest.raises(ValueError, match=r"000001\.shard' has format 9; .* install a newer one"),
        writing(folder, print),
    ):
        pytest.fail("it was opened")
    with sqlite3.connect(folder / INDEX) as connection:
        connection.execute("PRAGMA user_version = 4")
    connection.close()
    for attempt in (lambda: Store(folder), lambda: writing(folder, print).__enter__()):
        with pytest.raises(ValueError, match=r"index\.sqlite' has format 4; .* install a newer one"):
            attempt()
    assert shard_path(folder, 1).read_bytes() == raw + newer
    assert len((folder / INDEX).read_bytes()) == len(before)


def test_no_store_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match=r"there is no folder '.*nothing'\..*build\(net, folder\) makes one"):
        Store(tmp_path / "nothing")
    with pytest.raises(ValueError, match="there is no catalogue in"):
        Store(tmp_path)


def run(program: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


def test_a_writer_that_is_killed_again_and_again_loses_nothing(tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    program = (
        "import sys; from pathlib import Path; from nbfeatviz.catalogue.store.writer import writing, put; "
        "from tests.catalogue.store.test_store import unit\n"
        "folder = Path(sys.argv[1])\n"
        "with writing(folder, print) as writer:\n"
        "    for number in range(len(writer.rows('unit')), 400):\n"
        "        put(folder, str(number), [unit(number)]); print(flush=True); writer.merge()"
    )
    for kill_after in (3, 40, 90):
        process = run(program, folder, cwd=Path(__file__).parents[3])
        assert process.stdout is not None
        for _ in range(kill_after):
            process.stdout.readline()
        process.kill()
        process.communicate()
        store = Store(folder)
        for row in store.rows("unit"):
            assert store.read(row) == unit(row.unit)
        assert len(store.rows("unit")) >= kill_after - 1
        store.close()
    with writing(folder, print) as writer:
        assert writer.mended == []
        writer.merge()
        there = sorted(row.unit for row in writer.rows("unit"))
    assert there == list(range(len(there)))
    assert len(there) >= 130


HOLD = (
    "import sys, time; from pathlib import Path; from nbfeatviz.catalogue.store.writer import writing\n"
    "with writing(Path(sys.argv[1]), print): print(flush=True); time.sleep(60)"
)


def test_one_writes_at_a_time_and_the_other_says_who(folder: Path):
    process = run(HOLD, folder)
    assert process.stdout is not None
    process.stdout.readline()
    said: list[str] = []
    who = rf"another process \({process.pid} on .*\) is building in"
    with pytest.raises(TimeoutError, match=who), writing(folder, said.append, patience=0):
        pytest.fail("two write at once")
    assert said == []
    with pytest.raises(TimeoutError), writing(folder, said.append, patience=0.3):
        pytest.fail("two write at once")
    assert len(said) == 1
    assert f"({process.pid} on" in said[0]
    assert said[0].endswith("waiting until it has ended.")
    process.kill()
    process.communicate()
    with writing(folder, said.append, patience=20) as writer:
        assert len(writer.rows("unit")) == COUNT


def test_a_full_disk_is_a_sentence_and_loses_nothing(sound: Path, folder: Path):
    program = (
        "import resource, sys; from pathlib import Path; from nbfeatviz.catalogue.store.writer import writing, put; "
        "from tests.catalogue.store.test_store import unit\n"
        "folder = Path(sys.argv[1])\n"
        "with writing(folder, print) as writer:\n"
        "    put(folder, 'more', [unit(number) for number in range(100, 110)])\n"
        "    room = (folder / 'shards' / '000001.shard').stat().st_size + 2000\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))\n"
        "    try: writer.merge()\n"
        "    except OSError as error: print(error)"
    )
    process = run(program, folder, cwd=Path(__file__).parents[3])
    said, _ = process.communicate()
    assert process.returncode == 0
    assert "000001.shard' cannot be written (" in said
    assert said.count("\n") == 1
    assert everything(folder) == everything(sound)
    with writing(folder, print) as writer:
        assert writer.mended == []
        assert len(writer.merge()) == 10
    assert len(everything(folder)) == len(everything(sound)) + 10


def test_a_damaged_file_that_waits_is_left_out(sound: Path, folder: Path):
    put(folder, "cut", [unit(70), unit(71)])
    cut(waiting(folder, "cut"), 0.7)
    (folder / "waiting" / "no.records").write_bytes(b"no record")
    put(folder, "whole", [unit(72)])
    with writing(folder, print) as writer:
        assert [record.unit for record in writer.merge()] == [72]
    assert list((folder / "waiting").iterdir()) == []
    assert len(everything(folder)) == len(everything(sound)) + 1


def test_what_killed_processes_left_half_written_is_dropped(folder: Path):
    old, young = folder / "waiting" / ".a.records.x.new", folder / "waiting" / ".b.records.x.new"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    with writing(folder, print) as writer:
        writer.merge()
    assert list((folder / "waiting").iterdir()) == [young]


def test_a_zipped_and_unpacked_copy_opens(sound: Path, tmp_path: Path):
    shutil.make_archive(str(tmp_path / "copy"), "zip", sound)
    shutil.unpack_archive(tmp_path / "copy.zip", tmp_path / "unpacked")
    assert everything(tmp_path / "unpacked") == everything(sound)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield Path(made)


READ_ONLY = (
    "import os, sys; from pathlib import Path; from nbfeatviz.catalogue.store.store import Store; "
    "from nbfeatviz.catalogue.store.writer import writing\n"
    "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    "store = Store(sys.argv[1])\n"
    "print(sum(len(store.read(row).data) for row in store.rows('unit')))\n"
    "try:\n"
    "    with writing(Path(sys.argv[1]), print): print('written')\n"
    "except OSError as error: print(error)"
)


def test_a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written(sound: Path, public: Path):
    copy = Path(shutil.copytree(sound, public / "a.nbfv"))
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = run(READ_ONLY, copy)
    said = done.communicate()[0].splitlines()
    assert done.returncode == 0
    assert said[0] == str(700 * COUNT)
    assert "Permission denied" in said[1]
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755)


def test_a_copy_of_a_half_written_index_that_cannot_be_mended_is_named(folder: Path, public: Path):
    (folder / f"{INDEX}-journal").write_bytes(bytes.fromhex("d9d505f920a163d7") + bytes([0, 0, 0, 1] * 500))
    copy = Path(shutil.copytree(folder, public / "a.nbfv"))
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    done = run(READ_ONLY, copy, stderr=subprocess.PIPE)
    error = done.communicate()[1]
    assert done.returncode == 1
    assert "was being written when that was interrupted, and is in a read-only folder" in error.splitlines()[-1]
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755)


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_closing_gives_files_back(folder: Path):
    before = files()
    store = Store(folder)
    assert store.get("unit", "o", "layer0", 30, 0) == unit(30)
    assert files() > before
    store.close()
    store.close()
    assert files() == before
    with pytest.raises(ValueError, match="is closed: open it again"):
        store.get("unit", "o", "layer0", 30, 0)
    with pytest.raises(ValueError, match="is closed: open it again"):
        store.read(Row("unit", "o", "layer0", 30, 0, "ok", 0.0, 1, 0, 10))
    (folder / INDEX).write_bytes(b"garbage" * 1000)
    with pytest.raises(DamagedError):
        Store(folder)
    fill(folder)
    assert files() == before


def test_many_shards_from_many_threads(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(writer_module, "SHARD_BYTES", 1000)
    folder = tmp_path / "a.nbfv"
    with writing(folder, print) as writer:
        for number in range(120):
            writer.add([unit(number)])
    assert len(list((folder / "shards").iterdir())) > 50
    before = files()
    store = Store(folder)
    rows = store.rows("unit")

    def read(seed: int) -> bool:
        order = np.random.default_rng(seed).permutation(len(rows))
        return all(store.read(rows[place]) == unit(rows[place].unit) for place in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(16)))
    assert files() - before <= 40
    store.close()


def test_a_pipe_in_the_place_of_a_shard_is_no_trap(folder: Path):
    shard_path(folder, 1).unlink()
    os.mkfifo(shard_path(folder, 1))
    with pytest.warns(UserWarning, match="is cut off"):
        store = Store(folder)
    with pytest.raises(DamagedError):
        store.get("unit", "o", "layer0", 30, 0)
    store.close()
