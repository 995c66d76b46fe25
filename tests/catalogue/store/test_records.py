"""Records: whole or not there, whatever the bytes of a file are."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nbfeatviz.catalogue.store import records
from nbfeatviz.catalogue.store.records import DamagedError, Record, packed, scanned, unpacked, write_whole

HEADER = struct.Struct("<4sBBxxIII")
RECORD = Record("unit", "owner", "block1/conv", 3, 0, "dead", 0.25, {"shape": [2, 2, 1]}, b"picture")


def made(facts: bytes, data: bytes = b"", number: int = records.FORMAT, complement: int | None = None) -> bytes:
    """A record with a right checksum, whatever is in it."""
    other = 255 - number if complement is None else complement
    return HEADER.pack(b"nbfv", number, other, len(facts), len(data), zlib.crc32(facts + data)) + facts + data


def facts_with(**changes: object) -> bytes:
    whole = {"kind": "unit", "owner": "o", "layer": "l", "unit": 0, "seed": 0, "status": "ok", "score": 1, "facts": {}}
    return json.dumps(whole | changes).encode()


def test_a_record_comes_back():
    assert unpacked(packed(RECORD), "here") == RECORD
    nothing = Record("run", "o", score=float("nan"))
    assert unpacked(packed(nothing), "here").score is None


@pytest.mark.parametrize("place", range(HEADER.size + 40))
def test_every_flipped_byte_is_noticed(place: int):
    raw = bytearray(packed(RECORD))
    raw[place] ^= 0x40
    if place in (5, 6, 7):  # two that mean nothing, and the complement of a format that is ours
        assert unpacked(bytes(raw), "here") == RECORD
    else:
        with pytest.raises(DamagedError, match="here is"):
            unpacked(bytes(raw), "here")


def test_a_cut_off_record_is_noticed():
    raw = packed(RECORD)
    for length in range(len(raw)):
        with pytest.raises(DamagedError):
            unpacked(raw[:length], "here")


def test_a_newer_format_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"here has format 2; this version .* reads up to 1: install a newer one"
    ) as found:
        unpacked(made(facts_with(), number=2), "here")
    assert not isinstance(found.value, DamagedError)
    with pytest.raises(DamagedError):
        unpacked(made(facts_with(), number=2, complement=254), "here")


@pytest.mark.parametrize(
    "facts",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"NaN",
        facts_with(kind=1),
        facts_with(layer=None),
        facts_with(unit="0"),
        facts_with(unit=1.0),
        facts_with(unit=True),
        facts_with(unit=10**30),
        facts_with(seed=-(10**30)),
        facts_with(score="high"),
        facts_with(score=10**400),
        facts_with(score=True),
        facts_with(facts=[1]),
        facts_with(layer="\ud800"),
        facts_with(further=1),
        facts_with().replace(b'"score": 1', b'"score": Infinity'),
        facts_with().replace(b'"unit": 0', b'"unit": ' + b"9" * 5000),
    ],
    ids=lambda facts: facts[:60].decode(errors="replace"),
)
def test_hostile_facts_are_damage(facts: bytes):
    with pytest.raises(DamagedError):
        unpacked(made(facts), "here")


def test_what_could_not_be_read_again_is_not_written():
    with pytest.raises(ValueError, match="'run' has 4,000,1.. bytes of facts"):
        packed(Record("run", "o", facts={"a": "x" * 4_000_000}))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some" / "a.records"
    write_whole(path, [Record("unit", "o", "l", unit, 0, data=bytes([unit]) * 1000) for unit in range(9)])
    return path


def units(path: Path) -> list[int]:
    return [record.unit for _, _, record in scanned(path)]


def test_a_file_is_read_from_one_end_to_the_other(file: Path):
    assert units(file) == list(range(9))
    assert [one.name for one in file.parent.iterdir()] == ["a.records"]


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda raw: raw[: len(raw) // 2], [0, 1, 2, 3]),
        (lambda raw: b"", []),
        (lambda raw: b"\0" * len(raw), []),
        (lambda raw: raw[500:], list(range(1, 9))),
        (lambda raw: raw + b"nbfv" * 3, list(range(9))),
        (lambda raw: raw[:3300] + b"\0" + raw[3301:], [0, 1, *range(3, 9)]),
        (lambda raw: raw[:2500] + raw[6500:], [0, 1, 6, 7, 8]),
    ],
    ids=["half", "empty", "zeros", "head", "tail", "byte", "middle"],
)
def test_damage_costs_what_it_lies_in(file: Path, damage: Callable[[bytes], bytes], left: list[int]):
    file.write_bytes(damage(file.read_bytes()))
    assert units(file) == left


def test_a_newer_record_in_a_file_is_named(file: Path):
    with file.open("ab") as more:
        more.write(made(facts_with(), number=7))
    with pytest.raises(ValueError, match=r"a\.records' has format 7"):
        units(file)


def test_lengths_of_gigabytes_cost_no_memory(tmp_path: Path):
    huge = HEADER.pack(b"nbfv", 1, 254, 2**32 - 1, 2**32 - 1, 0)
    many = HEADER.pack(b"nbfv", 1, 254, 0, 9_000_000, 0) * 500_000  # each claims most of the file
    (tmp_path / "huge").write_bytes(huge + packed(RECORD))
    (tmp_path / "many").write_bytes(many)
    program = (
        "import sys; from pathlib import Path; from nbfeatviz.catalogue.store.records import scanned; "
        "print(*[sum(1 for _ in scanned(Path(one))) for one in sys.argv[1:]]); "
        "status = dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines()); "
        "print(int(status['VmHWM'].split()[0]) // 1024)"  # ru_maxrss counts what the process was forked from
    )
    command = [sys.executable, "-c", program, str(tmp_path / "huge"), str(tmp_path / "many")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[0] == "1 0"
    assert int(done.stdout.splitlines()[1]) < 100


def test_bytes_at_random_are_no_record():
    random = np.random.default_rng(0)
    raw = packed(RECORD)
    for _ in range(2000):
        damaged = bytearray(raw)
        for place in random.integers(0, len(raw), 3):
            damaged[place] = random.integers(256)
        with contextlib.suppress(DamagedError):
            assert unpacked(bytes(damaged), "here") == RECORD


def test_what_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"a\.records' cannot be written \(.*\): what is finished is kept"):
        write_whole(tmp_path / "file" / "a.records", [RECORD])
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "b.records", (RECORD if unit else 1 // 0 for unit in (1, 0)))
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
