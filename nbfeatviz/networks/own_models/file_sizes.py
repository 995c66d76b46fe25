"""How much a model's file unpacks to, read from what it declares, before anything is unpacked.

A few megabytes can declare gigabytes: an archive is compressed, and so are the arrays of an HDF5 file, or they are
never stored at all. Reading such a file would take all memory before its content is known to be useless.
"""

from __future__ import annotations

import contextlib
import io
import math
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import h5py

LARGEST_UNPACKED = 2 * 1024**3
"""Bytes that a file may unpack to: 2 GiB."""

LARGEST_CONFIG = 16 * 1024**2
"""Bytes of the description of the layers, a JSON text: 16 MiB."""

MOST_PARTS = 100_000
"""Members of an archive; groups and arrays of an HDF5 file."""

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
"""The members of an archive that Keras writes."""

_SPOOLED = 64 * 1024**2
_PIECE = 1024**2


class SizeError(Exception):
    """A file declares more than is read; the text says what, for a sentence that begins with the file's name."""


def read_archive(path: Path) -> dict[str, bytes]:
    """The texts of a .keras archive whose sizes are in bounds, by the names of their members.

    Raises:
        SizeError: a size is out of bounds.
        Exception: whatever a damaged archive brings about.
    """
    with zipfile.ZipFile(path) as archive:
        _check_directory(archive)
        members = set(archive.namelist())
        texts = {name: _text(archive, name) for name in (CONFIG, METADATA) if name in members}
        if WEIGHTS in members:
            with _seekable(archive, WEIGHTS) as file, h5py.File(file, "r") as weights:
                check_arrays(weights)
        for name in members:
            if name.endswith(".npz"):  # an archive again
                with _seekable(archive, name) as file, zipfile.ZipFile(file) as arrays:
                    _check_directory(arrays)
        return texts


def check_arrays(file: h5py.File) -> None:
    """Raises SizeError unless the arrays of an HDF5 file are in it and in bounds; reads none of them."""
    total, parts, seen = 0, 0, set()
    waiting: list[Any] = [file["/"]]
    while waiting:  # no recursion: groups can be nested as deep as the file is long
        group = waiting.pop()
        for name in group:
            parts += 1
            if parts > MOST_PARTS:
                raise SizeError(f"has more than {MOST_PARTS:,} groups and arrays")
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.SoftLink):
                continue  # to something that is met under its own name
            if not isinstance(link, h5py.HardLink):
                raise SizeError("takes weights from another file (an external link of HDF5)")
            item = group[name]
            place = h5py.h5o.get_info(item.id).addr
            if place in seen:
                continue
            seen.add(place)
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise SizeError("takes weights from another file (external storage of HDF5)")
                total += math.prod(item.shape or (0,)) * item.id.get_type().get_size()
    _check_total(total)


def read_config(file: h5py.File) -> str | bytes | None:
    """The description of the layers in an HDF5 file, None if there is none (SizeError: it is too long)."""
    if "model_config" not in file.attrs:
        return None
    declared = file.attrs.get_id("model_config")
    if declared.shape != () or declared.get_storage_size() > LARGEST_CONFIG:
        raise SizeError(_TOO_LONG)
    config = file.attrs["model_config"]
    if len(config) > LARGEST_CONFIG:
        raise SizeError(_TOO_LONG)
    return config


_TOO_LONG = f"describes its layers in more than {LARGEST_CONFIG // 1024**2} MiB of text"


def _check_directory(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_PARTS:
        raise SizeError(f"has more than {MOST_PARTS:,} members")
    if any(member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members):
        # Others cannot be unpacked piece by piece, so that the length which the directory states would not bound them.
        raise SizeError("is packed by another method than an archive of Keras (stored or deflated)")
    _check_total(sum(member.file_size for member in members))


def _check_total(total: int) -> None:
    if total > LARGEST_UNPACKED:
        raise SizeError(
            f"unpacks to {total / 1024**3:,.1f} GiB, and at most {LARGEST_UNPACKED // 1024**3} GiB are read"
        )


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > LARGEST_CONFIG:
        raise SizeError(_TOO_LONG)
    with _Part(archive, name) as part:
        return b"".join(_unpacked(part, archive.getinfo(name)))


@contextlib.contextmanager
def _seekable(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """A member to be read here and there: in the archive where it is stored as it is, else unpacked to a file."""
    info = archive.getinfo(name)
    with _Part(archive, name) as part:
        if info.compress_type == zipfile.ZIP_STORED:
            yield io.BufferedReader(part)
            return
        with tempfile.SpooledTemporaryFile(_SPOOLED) as file:
            for piece in _unpacked(part, info):
                file.write(piece)
            file.seek(0)
            yield file


def _unpacked(part: _Part, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes, piece by piece (SizeError as soon as they are more than the directory states)."""
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    machine, length = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while packed := part.read(_PIECE):
        while packed:
            piece, packed = (machine.decompress(packed, _PIECE), machine.unconsumed_tail) if deflated else (packed, b"")
            length += len(piece)
            if length > info.file_size:
                raise SizeError(f"holds more in {info.filename} than its own directory states")
            yield piece


class _Part(io.RawIOBase):
    """A member as it is stored, as a file of its own: zipfile's reads from the beginning at every step back."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        info = archive.getinfo(name)
        assert archive.filename is not None
        self._file = open(archive.filename, "rb")  # noqa: SIM115 - closed with this
        self._file.seek(info.header_offset + 26)
        lengths = self._file.read(4)
        name_length, extra_length = int.from_bytes(lengths[:2], "little"), int.from_bytes(lengths[2:], "little")
        self._start = info.header_offset + 30 + name_length + extra_length
        self._length, self._at = info.compress_size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        data = self._file.read(max(min(len(buffer), self._length - self._at), 0))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
