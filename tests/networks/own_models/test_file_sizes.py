"""Small files that declare much: refused before it is unpacked, and sound files of every kind are not."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks.own_models import file_sizes

PICTURE = np.random.default_rng(4).random((6, 6, 3), dtype=np.float32)
TOO_MUCH = 3 * 1024**3
KINDS = ("stored.keras", "deflated.keras", "plain.h5")


@pytest.fixture(scope="module")
def model() -> keras.Model:
    x = keras.Input((6, 6, 3))
    y = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(x))
    return keras.Model(x, layers.Dense(3, activation="softmax", name="head")(y), name="mine")


def _saved(model: keras.Model, path: Path, alter: Callable[[h5py.File], object] = lambda file: None) -> Path:
    """The model in a file of one of `KINDS`, whose HDF5 part `alter` has changed."""
    if path.suffix == ".h5":
        model.save(path)
        with h5py.File(path, "r+") as file:
            alter(file)
        return path
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members[file_sizes.WEIGHTS])
    with h5py.File(weights, "r+") as file:
        alter(file)
    members[file_sizes.WEIGHTS] = weights.getvalue()
    how = zipfile.ZIP_STORED if "stored" in path.name else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _refused(path: Path, sentence: str) -> None:
    """The file is refused with the sentence, in little time and with little memory."""
    tracemalloc.start()
    began = time.process_time()  # a busy machine counts for nothing
    try:
        with pytest.raises(ValueError, match=sentence):
            nv.load(path)
        assert tracemalloc.get_traced_memory()[1] < 80 * 1024**2
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 5


def _read(path: Path, model: keras.Model) -> None:
    network = nv.load(path, input_range=(0, 1))
    expected = sorted(np.asarray(model(PICTURE[None]))[0], reverse=True)
    np.testing.assert_allclose([value for *_, value in network.predict(PICTURE, top=3)], expected, rtol=1e-5)


# What is refused


def test_an_archive_that_unpacks_to_three_gibibytes(model: keras.Model, tmp_path: Path):
    path = _saved(model, tmp_path / "bomb.keras")
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("assets/zeros", "w", force_zip64=True) as member,
    ):
        for _ in range(TOO_MUCH // 2**26):
            member.write(bytes(2**26))
    assert path.stat().st_size < 20 * 1024**2
    _refused(
        path, r"'.*bomb\.keras' unpacks to 3\.0 GiB, and at most 2 GiB are read\. If you know that it is sound, load"
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packing", [{}, {"chunks": (2**20,)}, {"chunks": (2**20,), "compression": "gzip"}])
def test_arrays_that_are_declared_and_never_stored(kind: str, packing: dict, model: keras.Model, tmp_path: Path):
    path = _saved(model, tmp_path / kind, lambda file: file.create_dataset("much", (TOO_MUCH // 4,), "f4", **packing))
    assert path.stat().st_size < 100_000
    _refused(path, r"unpacks to 3\.0 GiB, and at most 2 GiB are read")


def test_an_array_that_is_compressed(model: keras.Model, tmp_path: Path):
    def add(file: h5py.File) -> None:
        zeros = file.create_dataset("zeros", (TOO_MUCH,), "u1", chunks=(2**26,), compression="gzip")
        packed = zlib.compress(bytes(2**26))
        for start in range(0, TOO_MUCH, 2**26):
            zeros.id.write_direct_chunk((start,), packed)

    path = _saved(model, tmp_path / "stored.keras", add)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo(file_sizes.WEIGHTS).file_size < 5 * 1024**2
    _refused(path, r"unpacks to 3\.0 GiB")


@pytest.mark.parametrize("kind", KINDS)
def test_many_arrays_are_counted_together(kind: str, model: keras.Model, tmp_path: Path):
    def add(file: h5py.File) -> None:
        for k in range(3):
            file.create_group(f"a/b{k}").create_dataset("some", (2**28,), "f4")

    _refused(_saved(model, tmp_path / kind, add), r"unpacks to 3\.0 GiB")


def test_a_number_that_no_machine_has(model: keras.Model, tmp_path: Path):
    path = _saved(
        model, tmp_path / "plain.h5", lambda file: file.create_dataset("x", (2**40, 2**20), "f8", chunks=True)
    )
    _refused(path, r"unpacks to 8,589,934,592\.0 GiB")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_elsewhere(kind: str, model: keras.Model, tmp_path: Path):
    (tmp_path / "elsewhere").write_bytes(bytes(400))
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["data"] = np.zeros(100, "f4")

    def external_storage(file: h5py.File) -> None:
        file.create_dataset("x", (100,), "f4", external=[(str(tmp_path / "elsewhere"), 0, 400)])

    def external_link(file: h5py.File) -> None:
        file["x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "data")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((100,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", (100,))
        file.create_virtual_dataset("x", layout)

    for number, add in enumerate((external_storage, external_link, virtual)):
        (tmp_path / str(number)).mkdir()
        _refused(_saved(model, tmp_path / str(number) / kind, add), "takes weights from another file")


def test_a_directory_that_states_less_than_there_is(model: keras.Model, tmp_path: Path):
    path = _saved(model, tmp_path / "deflated.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name in (file_sizes.WEIGHTS, file_sizes.CONFIG):
        longer = members | {name: members[name] + bytes(100 * 1024**2)}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in longer.items():
                archive.writestr(member, data)
        truth, lie = (struct.pack("<L", len(data[name])) for data in (longer, members))
        raw = path.read_bytes()
        assert raw.count(truth) == 2  # before the member and in the directory
        path.write_bytes(raw.replace(truth, lie))
        del longer, raw
        _refused(path, f"holds more in {name} than its own directory states")


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_of_many_megabytes(kind: str, model: keras.Model, tmp_path: Path):
    text = '{"x": "' + "y" * file_sizes.LARGEST_CONFIG + '"}'
    path = _saved(model, tmp_path / kind)
    if kind.endswith(".h5"):
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = text
    else:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in (members | {file_sizes.CONFIG: text.encode()}).items():
                archive.writestr(name, data)
    _refused(path, "describes its layers in more than 16 MiB of text")


def test_a_method_of_packing_whose_length_cannot_be_bounded(model: keras.Model, tmp_path: Path):
    path = _saved(model, tmp_path / "stored.keras")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("assets/more", bytes(1000))
    _refused(path, "is packed by another method than an archive of Keras")


def test_more_members_and_arrays_than_any_model_has(model: keras.Model, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(file_sizes, "MOST_PARTS", 50)
    archive = _saved(model, tmp_path / "deflated.keras")
    with zipfile.ZipFile(archive, "a") as file:
        for k in range(50):
            file.writestr(f"assets/{k}", b"")
    _refused(archive, "has more than 50 members")
    for kind in KINDS:
        path = _saved(model, tmp_path / kind, lambda file: [file.create_group(f"g/{k}") for k in range(50)])
        _refused(path, "has more than 50 groups and arrays")


def test_an_archive_of_arrays_within_the_archive(model: keras.Model, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(file_sizes, "LARGEST_UNPACKED", 2**20)
    path = _saved(model, tmp_path / "stored.keras")
    arrays = io.BytesIO()
    np.savez_compressed(arrays, zeros=np.zeros(2**18))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.npz", arrays.getvalue())
    _refused(path, "unpacks to 0.0 GiB")


# What is not


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_is_read_however_it_is_packed(kind: str, model: keras.Model, tmp_path: Path):
    _read(_saved(model, tmp_path / kind), model)


@pytest.mark.parametrize("kind", KINDS)
def test_links_within_the_file_and_groups_nested_deep_do_no_harm(kind: str, model: keras.Model, tmp_path: Path):
    def add(file: h5py.File) -> None:
        file["round"] = file["/"]
        file["soft"] = h5py.SoftLink("/nowhere")
        file["nothing"] = h5py.Empty("f4")
        file["text"] = "a word"
        group = file
        for _ in range(3000):
            group = group.create_group("g")

    _read(_saved(model, tmp_path / kind, add), model)


def test_the_bound_counts_each_array_once(model: keras.Model, tmp_path: Path, monkeypatch):
    def add(file: h5py.File) -> None:
        file["large"] = np.zeros(10_000, "f4")
        for k in range(30):
            file[f"again{k}"] = file["large"]

    path = _saved(model, tmp_path / "plain.h5", add)
    monkeypatch.setattr(file_sizes, "LARGEST_UNPACKED", 50_000)
    _read(path, model)
    monkeypatch.setattr(file_sizes, "LARGEST_UNPACKED", 40_000)
    _refused(path, "unpacks to")
