"""Records: what a store holds, one after the other in a file, each with its lengths and checksum.

A file of records says what is in it by itself, so that an index can be made of it again; damage costs the records that
it lies in, and none behind them.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

FORMAT = 1
"""Of everything in a store; what has a larger number was written by a newer version of the package."""

# magic, format, 255 less the format, length of the facts, length of the data, CRC-32 of both
_HEADER = struct.Struct("<4sBBxxIII")
_MAGIC = b"nbfv"
_LONGEST_FACTS = 4_000_000
_LONGEST_DATA = 256_000_000
LONGEST = _HEADER.size + _LONGEST_FACTS + _LONGEST_DATA
"""Bytes of a record; what claims to be longer is none."""
NOTE = "note"
"""Kind of the records that keep a word under a name, which is their owner."""
UNFINISHED = ".new"
"""How the name of a file ends that is not whole yet."""
_LARGEST_NUMBER = 2**63 - 1  # that an index holds
_CHUNK = 1 << 20
_TRIES = 64  # times a file's own length that is read in search of its next sound record


class DamagedError(ValueError):
    """A file of a store is cut off or altered; a new build mends it."""


@dataclass(frozen=True)
class Record:
    """One thing in a store; kind, owner, layer, unit and seed name it.

    Attributes:
        kind: "unit" (a picture), "build", "exemplars", "vectors", "photo", "trust", "run".
        owner: what it belongs to: a digest of settings, network or photographs.
        layer: path of the layer, where it is about one.
        unit: index, where it is about one; of a photo its place; else -1.
        seed: of a picture; else -1.
        status: of a picture "ok", "dead" (no gradient ever changed it) or "not finite".
        score: the activation of a picture, for sorting; None where it has none.
        facts: anything else, as JSON.
        data: bytes, such as a WebP picture.
    """

    kind: str
    owner: str
    layer: str = ""
    unit: int = -1
    seed: int = -1
    status: str = "ok"
    score: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    data: bytes = field(default=b"", repr=False)


def packed(record: Record) -> bytes:
    """A record as bytes (ValueError where it is longer than one may be)."""
    facts = {
        "kind": record.kind, "owner": record.owner, "layer": record.layer, "unit": record.unit, "seed": record.seed,
        "status": record.status, "score": _finite(record.score), "facts": dict(record.facts),
    }  # fmt: skip
    text = json.dumps(facts, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > _LONGEST_FACTS or len(record.data) > _LONGEST_DATA:
        raise ValueError(
            f"a record of kind {record.kind!r} has {len(text):,} bytes of facts and {len(record.data):,} of data: "
            f"up to {_LONGEST_FACTS:,} and {_LONGEST_DATA:,} can be kept."
        )
    body = text + record.data
    return _HEADER.pack(_MAGIC, FORMAT, 255 - FORMAT, len(text), len(record.data), zlib.crc32(body)) + body


def unpacked(raw: bytes, where: str) -> Record:
    """The record that some bytes are.

    Args:
        raw: exactly its bytes.
        where: what to call them in an error.

    Raises:
        DamagedError: they are none.
        ValueError: they were written by a newer version.
    """
    try:
        magic, written, complement, facts, data, checksum = _HEADER.unpack_from(raw)
    except struct.error:
        raise DamagedError(f"{where} is cut off.") from None
    if magic != _MAGIC:
        raise DamagedError(f"{where} is no record of a catalogue.")
    if written + complement == 255:  # else the number is damaged, and says nothing about a version
        check_format(written, where)
    if written != FORMAT or len(raw) != _HEADER.size + facts + data or facts > _LONGEST_FACTS:
        raise DamagedError(f"{where} is damaged or cut off.")
    if zlib.crc32(raw[_HEADER.size :]) != checksum:
        raise DamagedError(f"{where} is damaged: its checksum is wrong.")
    body = raw[_HEADER.size :]
    try:
        return _record(json.loads(body[:facts]), body[facts:])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise DamagedError(f"{where} is damaged: {error}") from None


def check_format(number: int, where: str) -> None:
    """ValueError where something was written in a newer format."""
    if number > FORMAT:
        raise ValueError(
            f"{where} has format {number}; this version of nbfeatviz reads up to {FORMAT}: install a newer one."
        )


def _record(found: dict[str, Any], data: bytes) -> Record:
    record = Record(**found, data=data)
    words = (record.kind, record.owner, record.layer, record.status)
    numbers = (record.unit, record.seed)
    score = record.score is None or (type(record.score) in (int, float) and math.isfinite(record.score))
    if not (all(isinstance(one, str) for one in words) and all(type(one) is int for one in numbers) and score):
        raise TypeError("its facts are of wrong types.")
    if not isinstance(record.facts, dict):
        raise TypeError("its facts are no object.")
    if max(map(abs, numbers)) > _LARGEST_NUMBER:
        raise ValueError("a number in it is too large.")
    for word in words:
        word.encode()  # UnicodeEncodeError for half a pair of surrogates, which JSON can write
    return record


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else float(score)


def scanned(path: Path, end: int | None = None) -> Iterator[tuple[int, int, Record]]:
    """Offset, length and record of all that is sound in a file; what is damaged in between is passed over.

    Args:
        path: the file.
        end: only so many bytes; None for all.

    Raises:
        ValueError: a record in it was written by a newer version.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        limit = size if end is None else min(end, size)
        offset, patience = 0, _TRIES * limit
        while offset < limit and patience > 0:
            raw = _next(file, offset, limit)
            try:
                record = None if raw is None else unpacked(raw, repr(str(path)))
            except DamagedError:
                record = None
            if raw is not None and record is not None:
                yield offset, len(raw), record
                offset += len(raw)
            else:
                patience -= min(_CHUNK, limit - offset) + len(raw or b"")
                offset = _following(file, offset + 1, limit)


def _next(file: BinaryIO, offset: int, limit: int) -> bytes | None:
    """The bytes of a record that would begin at an offset, unchecked."""
    file.seek(offset)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, _, _, facts, data, _ = _HEADER.unpack(header)
    if magic != _MAGIC or facts > _LONGEST_FACTS or data > _LONGEST_DATA:
        return None
    if offset + _HEADER.size + facts + data > limit:
        return None
    return header + file.read(facts + data)


def _following(file: BinaryIO, offset: int, limit: int) -> int:
    """Where from an offset on the next record may begin; the limit where none does."""
    while offset < limit:
        file.seek(offset)
        chunk = file.read(min(_CHUNK, limit - offset))
        found = chunk.find(_MAGIC)
        if found >= 0:
            return offset + found
        if len(chunk) < _CHUNK:
            break
        offset += len(chunk) - len(_MAGIC) + 1
    return limit


def write_whole(path: Path, records: Iterable[Record]) -> None:
    """Writes a file of records as a whole or not at all; OSError where that cannot be.

    What is read under this name, also over a network file system, is whole.
    """
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}{UNFINISHED}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            for record in records:
                file.write(packed(record))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from None
        raise


def unwritable(path: Path, error: OSError) -> OSError:
    """The same error as a sentence about a file."""
    why = error.strerror or str(error)
    return OSError(f"{str(path)!r} cannot be written ({why}): what is finished is kept, and building again goes on.")
