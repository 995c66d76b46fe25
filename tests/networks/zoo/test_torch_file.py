"""The reader of PyTorch's legacy format, on files written here byte by byte."""

import collections
import hashlib
import io
import os
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from nbfeatviz.networks.zoo.torch_file import read_state_dict

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
FIRST = np.arange(6, dtype="<f4").reshape(2, 3)
SECOND = np.array([7, -8], dtype="<i8")


class _Global:
    """Pickles as a reference to a name of a module that is not installed here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Tensor:
    """Pickles as PyTorch pickles a tensor."""

    def __init__(self, storage: tuple, offset: int, shape: tuple, strides: tuple) -> None:
        self.arguments = (storage, offset, shape, strides, False, collections.OrderedDict())


class _Pickler(pickle._Pickler):
    """Writes the two classes above in PyTorch's way; the pure Python pickler because it can be extended."""

    def persistent_id(self, value):
        if isinstance(value, tuple) and value and value[0] == "storage":
            return value
        return None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, _Global):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, _Tensor):
            self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def _pickled(value: object) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def _storage(key: str, kind: str, count: int) -> tuple:
    return ("storage", _Global("torch", kind), key, "cpu", count, None)


def _file(state: object, storages: dict[str, np.ndarray], system: dict | None = None, version: int = 1001) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}} if system is None else system
    parts = [_pickled(part) for part in (MAGIC_NUMBER, version, system, state, list(storages))]
    for array in storages.values():
        parts += [struct.pack("<q", array.size), array.tobytes()]
    return b"".join(parts)


def _good_state() -> collections.OrderedDict:
    first, second = _storage("a", "FloatStorage", 6), _storage("b", "LongStorage", 2)
    return collections.OrderedDict(
        weight=_Tensor(first, 0, (2, 3), (3, 1)),
        transposed=_Tensor(first, 0, (3, 2), (1, 3)),
        row=_Tensor(first, 3, (3,), (1,)),
        scalar=_Tensor(second, 1, (), ()),
    )


def _good_file() -> bytes:
    return _file(_good_state(), {"a": FIRST, "b": SECOND})


def _read(tmp_path: Path, data: bytes) -> dict[str, np.ndarray]:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return read_state_dict(path, hashlib.sha256(data).hexdigest())


def test_tensors_are_read_in_order_with_their_values_types_and_strides(tmp_path):
    tensors = _read(tmp_path, _good_file())
    assert list(tensors) == ["weight", "transposed", "row", "scalar"]
    np.testing.assert_array_equal(tensors["weight"], FIRST)
    np.testing.assert_array_equal(tensors["transposed"], FIRST.T)
    np.testing.assert_array_equal(tensors["row"], FIRST[1])
    assert tensors["scalar"] == -8
    assert tensors["weight"].dtype == np.float32 and tensors["scalar"].dtype == np.int64
    assert not tensors["weight"].flags.writeable


def test_a_wrong_hash_is_refused_before_anything_is_unpickled(tmp_path, monkeypatch):
    def unpickle(*_arguments):
        raise AssertionError("the file was unpickled")

    monkeypatch.setattr("nbfeatviz.networks.zoo.torch_file._RestrictedUnpickler", unpickle)
    path = tmp_path / "weights.pth"
    data = _good_file()
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_state_dict(path, "0" * 64)
    message = str(caught.value)
    assert str(path) in message and hashlib.sha256(data).hexdigest() in message and "0" * 64 in message
    assert "reinstall" in message
    # With the right hash the unpickler is reached, so the guard above would have noticed.
    with pytest.raises(ValueError, match="the file was unpickled"):
        read_state_dict(path, hashlib.sha256(data).hexdigest())


class _Command:
    """Runs a command when it is unpickled without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_a_pickle_that_would_run_a_command_is_refused_by_name(tmp_path):
    proof = tmp_path / "proof"
    command = pickle.dumps(_Command(f"touch {proof}"), protocol=2)
    for data in (command, _pickled(MAGIC_NUMBER) + command):
        with pytest.raises(ValueError, match=rf"asks for {os.system.__module__}\.system"):
            _read(tmp_path, data)
        assert not proof.exists()
    # It is a real attack: a careless reader does run it.
    pickle.loads(command)
    assert proof.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_parameter"),
        ("collections", "namedtuple"),
    ],
)
def test_any_other_name_is_refused_even_where_the_module_is_known(tmp_path, monkeypatch, module, name):
    # A torch that can be imported must make no difference.
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(load=print))
    with pytest.raises(ValueError, match=rf"asks for {module}\.{name}"):
        _read(tmp_path, _file(_Global(module, name), {}))


def test_a_file_cut_anywhere_is_refused_in_a_sentence(tmp_path):
    data = _good_file()
    for length in range(len(data)):
        with pytest.raises(ValueError, match="Reinstall|reinstall"):
            _read(tmp_path, data[:length])


def test_a_file_cut_inside_its_data_is_called_truncated(tmp_path):
    data = _good_file()
    with pytest.raises(ValueError, match=rf"ends after {len(data) - 1} bytes.*storage b .*truncated"):
        _read(tmp_path, data[:-1])


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"w": _Tensor(_storage("a", "FloatStorage", 10**12), 0, (6,), (1,))}, "storage of 1000000000000"),
        ({"w": _Tensor(_storage("a", "FloatStorage", -1), 0, (6,), (1,))}, "storage of -1"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 7), 0, (6,), (1,))}, "truncated"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 3), 0, (3,), (1,))}, "holds 6 elements .* announced 3"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 6), 0, (7,), (1,))}, "beyond the 6 elements"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 6), 1, (6,), (1,))}, "beyond the 6 elements"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 6), 0, (6,), (2,))}, "beyond the 6 elements"),
        (
            {"w": _Tensor(_storage("a", "FloatStorage", 6), 0, (10**9, 10**9), (0, 0))},
            "beyond the 6 elements",
        ),
        ({"w": _Tensor(_storage("a", "FloatStorage", 6), 5, (3,), (-1,))}, "integers from 0"),
        ({"w": _Tensor(_storage("a", "FloatStorage", 6), 0, (2, 3), (1,))}, "one stride for each"),
        ({"w": _Tensor(_storage("other", "FloatStorage", 6), 0, (6,), (1,))}, "must be the same"),
        (
            {
                "w": _Tensor(_storage("a", "FloatStorage", 6), 0, (6,), (1,)),
                "v": _Tensor(_storage("a", "ByteStorage", 60), 0, (60,), (1,)),
            },
            "in two ways",
        ),
        ({"w": 3}, "holds a int at 'w'"),
        ([1], "holds a list"),
    ],
)
def test_a_description_that_does_not_fit_the_file_is_refused(tmp_path, state, message):
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, _file(state, {"a": FIRST}))


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not a complete file in PyTorch's legacy format"):
        _read(tmp_path, b"PK\x03\x04 a zip file, as PyTorch writes since 1.6")
    with pytest.raises(ValueError, match="magic number"):
        _read(tmp_path, pickle.dumps(3))
    with pytest.raises(ValueError, match="version 1000"):
        _read(tmp_path, _file(_good_state(), {"a": FIRST, "b": SECOND}, version=1000))
    with pytest.raises(ValueError, match="little-endian"):
        _read(tmp_path, _file(_good_state(), {"a": FIRST, "b": SECOND}, system={"little_endian": False}))
