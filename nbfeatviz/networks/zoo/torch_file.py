"""Reads the tensors of a PyTorch file in the legacy (non-zip) format, without PyTorch.

Contract: the file's SHA-256 is checked before a single byte is unpickled, and the unpickler knows exactly
the few names that a dictionary of tensors needs. Everything else is refused.

The legacy format is five pickles one after the other (magic number, format version, facts about the writing
machine, the object itself, the keys of its storages), then for each key the number of elements as a 64-bit
integer and the raw elements. The pickled object refers to a storage by its key only.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_FORMAT_VERSION = 1001

# The elements' types as NumPy spells them; "<" because only little-endian files are accepted.
_STORAGE_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


def read_state_dict(path: str | os.PathLike[str], sha256: str) -> dict[str, np.ndarray]:
    """Reads a dictionary of tensors from a PyTorch file in the legacy format.

    Args:
        path: The file (`.pth`).
        sha256: The SHA-256 that the file must have, as 64 hexadecimal digits.

    Returns:
        The tensors by name, in the file's order. They are read-only views of one block of memory.

    Raises:
        ValueError: If the file has another SHA-256, needs a name that is not allowed, is not in the legacy
            format, or is damaged.
        OSError: If the file cannot be read.
    """
    path = Path(path)
    # The whole file, once: what is unpickled below is exactly what was hashed here.
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise ValueError(
            f"{path} has the SHA-256 {found}, but {sha256.lower()} was expected, so it was not read. "
            "The file is damaged or from another version: reinstall the package it came from."
        )
    return _read_checked(data, path)


class _RefusedError(ValueError):
    """The file asks for something that is not allowed; its message is meant for a person."""


class _Storage(NamedTuple):
    key: str
    dtype: str
    elements: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RestrictedUnpickler(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and storages, and nothing else."""

    def __init__(self, stream: io.BytesIO, path: Path, file_size: int) -> None:
        super().__init__(stream)
        self._path = path
        self._file_size = file_size

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self._rebuild_tensor
        if module == "torch" and name in _STORAGE_TYPES:
            # A plain string stands in for the class: a pickle can neither call nor alter it.
            return _STORAGE_TYPES[name]
        raise _RefusedError(
            f"{self._path} asks for {module}.{name}, which a file of tensors does not need, so it was "
            "refused. Only ordered dictionaries, tensors and their storages are read."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or dtype not in _STORAGE_TYPES.values() or view is not None:
            raise _RefusedError(f"{self._path} refers to {pid!r}; only whole storages are read.")
        if not _is_size(count) or count * np.dtype(dtype).itemsize > self._file_size:
            raise _RefusedError(
                f"{self._path} announces a storage of {count!r} elements, "
                f"more than its {self._file_size} bytes can hold. Reinstall the package it came from."
            )
        return _Storage(str(key), dtype, count)

    def _rebuild_tensor(
        self,
        storage: _Storage,
        offset: int,
        shape: Sequence[int],
        strides: Sequence[int],
        _requires_grad: bool,
        _backward_hooks: object,
    ) -> _Tensor:
        """Stands in for `torch._utils._rebuild_tensor_v2`: remembers the place, as the data comes later."""
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(map(_is_size, numbers)) or len(shape) != len(strides):
            raise _RefusedError(
                f"{self._path} describes a tensor of shape {shape!r} and strides {strides!r} at {offset!r}; "
                "these must be integers from 0, one stride for each length."
            )
        # The last element must lie inside, and there must not be more elements than the storage has: an
        # expanded tensor (stride 0) of a few bytes could otherwise claim any size.
        last = offset + sum((length - 1) * stride for length, stride in zip(shape, strides, strict=True))
        if last >= storage.elements or math.prod(shape) > storage.elements:
            raise _RefusedError(
                f"{self._path} describes a tensor of shape {tuple(shape)} and strides {tuple(strides)} at "
                f"{offset}, beyond the {storage.elements} elements of its storage."
            )
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _read_checked(data: bytes, path: Path) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)

    def load() -> Any:
        return _RestrictedUnpickler(stream, path, len(data)).load()

    try:
        if load() != _MAGIC_NUMBER:
            raise _RefusedError(f"{path} does not begin with the magic number of PyTorch's legacy format.")
        version = load()
        if version != _FORMAT_VERSION:
            raise _RefusedError(f"{path} has the format version {version!r}; only {_FORMAT_VERSION} is read.")
        if load()["little_endian"] is not True:
            raise _RefusedError(f"{path} was not written on a little-endian machine; only such files are read.")
        tensors = _checked_tensors(load(), path)
        keys = load()
        storages = _read_storages(data, stream.tell(), keys, tensors, path)
        return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}
    except _RefusedError:
        raise
    except Exception as error:
        # pickle documents that a damaged stream may raise any exception: all become the same sentence.
        raise ValueError(
            f"{path} is not a complete file in PyTorch's legacy format ({type(error).__name__}: {error}). "
            "Reinstall the package it came from."
        ) from error


def _checked_tensors(value: Any, path: Path) -> dict[str, _Tensor]:
    if not isinstance(value, dict):
        raise _RefusedError(f"{path} holds a {type(value).__name__}; only a dictionary of tensors is read.")
    for name, tensor in value.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise _RefusedError(f"{path} holds a {type(tensor).__name__} at {name!r}; only named tensors are read.")
    return value


def _read_storages(
    data: bytes, start: int, keys: Sequence[str], tensors: dict[str, _Tensor], path: Path
) -> dict[str, np.ndarray]:
    described: dict[str, _Storage] = {}
    for storage in (tensor.storage for tensor in tensors.values()):
        # Each tensor was checked against its own description of the storage, so they must agree.
        if described.setdefault(storage.key, storage) != storage:
            raise _RefusedError(f"{path} describes its storage {storage.key} in two ways; one is needed.")
    if sorted(keys) != sorted(described):
        raise _RefusedError(
            f"{path} lists {len(keys)} storages and its tensors use {len(described)}; they must be the same."
        )
    storages = {}
    for key in keys:
        storage = described[key]
        dtype = np.dtype(storage.dtype)
        written = int.from_bytes(data[start : start + 8], "little")
        start += 8
        end = start + storage.elements * dtype.itemsize
        if end > len(data):
            raise _RefusedError(
                f"{path} ends after {len(data)} bytes, but its storage {key} reaches to byte {end}. "
                "The file is truncated: reinstall the package it came from."
            )
        if written != storage.elements:
            raise _RefusedError(
                f"{path} holds {written} elements in its storage {key}, but announced {storage.elements}. "
                "Reinstall the package it came from."
            )
        storages[key] = np.frombuffer(data, dtype, storage.elements, offset=start)
        start = end
    return storages


def _view(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    # Strided because the axes need not lie in row-major order: weights converted from TensorFlow do not.
    return np.lib.stride_tricks.as_strided(
        storage[tensor.offset :],
        tensor.shape,
        [stride * storage.itemsize for stride in tensor.strides],
        writeable=False,
    )


def _is_size(value: object) -> bool:
    # A bool is an int to Python, but never a size.
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
