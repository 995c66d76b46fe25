"""Records: what a store holds, one after the other in a file, each with its lengths and checksum.

A file of records says what is in it by itself, so that an index can be made of it again.
"""

from __future__ import annotations

import json
import math
import os
import struct
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 1
"""Of everything in a store; what has a larger number was written by a newer version of the package."""

_HEADER = struct.Struct("<4sBxxxIII")  # magic, format, length of the facts, length of the data, CRC-32 of both
_MAGIC = b"nbfv"
_LONGEST_FACTS = 8_000_000
_LONGEST_DATA = 256_000_000


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
    """A record as bytes."""
    facts = {
        "kind": record.kind, "owner": record.owner, "layer": record.layer, "unit": record.unit, "seed": record.seed,
        "status": record.status, "score": _finite(record.score), "facts": dict(record.facts),
    }  # fmt: skip
    text = json.dumps(facts, separators=(",", ":"), allow_nan=False).encode()
    body = text + record.data
    return _HEADER.pack(_MAGIC, FORMAT, len(text), len(record.data), zlib.crc32(body)) + body


def unpacked(raw: bytes, where: str) -> Record:
    """The record that some bytes are.

    Args:
        raw: exactly its bytes.
        where: what to call them in an error.

    Raises:
        DamagedError: they are none.
    """
    try:
        magic, written, facts, data, checksum = _HEADER.unpack_from(raw)
    except struct.error:
        raise DamagedError(f"{where} is cut off.") from None
    if magic != _MAGIC or len(raw) != _HEADER.size + facts + data:
        raise DamagedError(f"{where} is no record of a catalogue, or is cut off.")
    check_format(written, where)
    if zlib.crc32(raw[_HEADER.size :]) != checksum:
        raise DamagedError(f"{where} is damaged: its checksum is wrong.")
    body = raw[_HEADER.size :]
    try:
        return _record(json.loads(body[:facts]), body[facts:])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
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
    score = record.score is None or (isinstance(record.score, int | float) and math.isfinite(record.score))
    if not (all(isinstance(one, str) for one in words) and all(type(one) is int for one in numbers) and score):
        raise TypeError("its facts are of wrong types.")
    if not isinstance(record.facts, dict):
        raise TypeError("its facts are no object.")
    return record


def _finite(score: float | None) -> float | None:
    return None if score is None or not math.isfinite(score) else float(score)


def scanned(path: Path, end: int | None = None) -> Iterator[tuple[int, int, Record]]:
    """Offset, length and record of all that is sound in a file from its beginning, up to the first damage.

    Args:
        path: the file.
        end: only so many bytes; None for all.
    """
    with path.open("rb") as file:
        limit = os.fstat(file.fileno()).st_size if end is None else min(end, os.fstat(file.fileno()).st_size)
        offset = 0
        while offset < limit:
            raw = _next(file.read(_HEADER.size), file, limit - offset)
            if raw is None:
                return
            try:
                record = unpacked(raw, path.name)
            except DamagedError:
                return
            yield offset, len(raw), record
            offset += len(raw)


def _next(header: bytes, file: Any, room: int) -> bytes | None:
    if len(header) < _HEADER.size:
        return None
    magic, _, facts, data, _ = _HEADER.unpack(header)
    length = _HEADER.size + facts + data
    if magic != _MAGIC or facts > _LONGEST_FACTS or data > _LONGEST_DATA or length > room:
        return None
    body: bytes = file.read(facts + data)
    return header + body if len(body) == facts + data else None


def write_whole(path: Path, records: Iterable[Record]) -> None:
    """Writes a file of records as a whole or not at all; OSError where that cannot be.

    What is read under this name, also over a network file system, is whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")
    try:
        with new.open("wb") as file:
            for record in records:
                file.write(packed(record))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
