"""Files of models: what is read, and a sentence with the cause and what to do for all that is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.own_models import model_file

PICTURE = np.random.default_rng(4).random((6, 6, 3), dtype=np.float32)


def _model() -> keras.Model:
    x = keras.Input((6, 6, 3))
    y = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(x))
    return keras.Model(x, layers.Dense(3, activation="softmax", name="head")(y), name="mine")


def _load(model, **options) -> Network:
    return nv.load(model, **{"input_range": (0, 1), **options})


# Files that bring code


def _marking(mark: Path) -> keras.Model:
    """A model whose Lambda leaves a file behind when it runs."""
    text = str(mark)
    x = keras.Input((6, 6, 3))
    return keras.Model(x, layers.Flatten()(layers.Lambda(lambda t: (open(text, "w").close(), t)[1])(x)))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_never_runs_unless_it_is_allowed(suffix: str, tmp_path: Path):
    mark = tmp_path / "ran"
    path = tmp_path / f"code{suffix}"
    _marking(mark).save(path)
    mark.unlink(missing_ok=True)
    with pytest.raises(ValueError, match=r"holds a Lambda layer.*load\(path, allow_lambda=True\)"):
        _load(path)
    assert not mark.exists()
    _load(path, allow_lambda=True).predict(PICTURE)
    assert mark.exists()


def test_a_lambda_in_an_h5_file_is_refused_before_keras_reads_it(tmp_path: Path, monkeypatch):
    # Older releases of Keras run it in spite of safe mode.
    x = keras.Input((6, 6, 3))
    inner = _marking(tmp_path / "ran")
    keras.Sequential([x, inner]).save(tmp_path / "nested.h5")
    monkeypatch.setattr(keras.models, "load_model", lambda *args, **settings: pytest.fail("Keras was asked"))
    with pytest.raises(ValueError, match="holds a Lambda layer"):
        _load(tmp_path / "nested.h5")


def test_the_word_lambda_in_a_path_is_no_lambda(tmp_path: Path):
    path = tmp_path / "lambda_unsafe_deserialization.keras"
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="is not a Keras model that can be read"):
        _load(path)


# Files that are not models


def test_a_file_that_is_not_there():
    with pytest.raises(ValueError, match=r"there is no file '.*nowhere\.keras'"):
        nv.load("nowhere.keras")


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5", ".txt", ""])
def test_a_file_that_is_not_a_model(suffix: str, tmp_path: Path):
    path = tmp_path / f"notes{suffix}"
    path.write_text("this is not a model")
    with pytest.raises(
        ValueError, match=r"is not a Keras model that can be read .*written by model\.save\(\) would be"
    ):
        nv.load(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_a_truncated_file(suffix: str, share: float, tmp_path: Path):
    path = tmp_path / f"half{suffix}"
    _model().save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match="is not a Keras model that can be read"):
        nv.load(path)


def test_a_file_of_weights_alone(tmp_path: Path):
    path = tmp_path / "only.weights.h5"
    _model().save_weights(path)
    with pytest.raises(ValueError, match="is not a Keras model that can be read"):
        nv.load(path)


def test_an_h5_file_with_a_broken_description(tmp_path: Path):
    path = tmp_path / "broken.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{not json"
    with pytest.raises(ValueError, match="is not a Keras model that can be read"):
        nv.load(path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file_without_content_says_so(suffix: str, tmp_path: Path):
    path = tmp_path / f"none{suffix}"
    path.touch()
    with pytest.raises(ValueError, match=r"none\..* can be read \(it is empty\); a whole \.keras or \.h5 file"):
        nv.load(path)


def test_a_file_of_another_kind_is_told_by_how_it_begins(tmp_path: Path):
    (tmp_path / "pointer.h5").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match=r"it begins with b'version https://git-lfs"):
        nv.load(tmp_path / "pointer.h5")


@pytest.mark.parametrize(("suffix", "why"), [(".keras", "the directory of the archive is missing"), (".h5", "trunc")])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_off_is_called_that(suffix: str, why: str, share: float, tmp_path: Path):
    path = tmp_path / f"half{suffix}"
    _model().save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=rf"it is cut off: .*{why}.*copy, download or save it again") as caught:
        nv.load(path)
    assert "File not found" not in str(caught.value)


@pytest.mark.parametrize(("suffix", "other"), [(".keras", ".h5"), (".h5", ".keras"), (".h5", ""), (".keras", ".zip")])
def test_a_file_under_another_name_is_told_which(suffix: str, other: str, tmp_path: Path):
    _model().save(tmp_path / f"mine{suffix}")
    path = (tmp_path / f"mine{suffix}").rename(tmp_path / f"other{other}")
    with pytest.raises(ValueError, match=rf"its name ends in '{other}'\); rename it to end in {suffix}"):
        nv.load(path)
    assert _load(path.rename(tmp_path / f"again{suffix}")).classes == 3


def test_an_archive_that_keras_did_not_write(tmp_path: Path):
    path = tmp_path / "pictures.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat.jpg", b"...")
    with pytest.raises(ValueError, match=r"its archive holds no config\.json"):
        nv.load(path)


def test_a_file_of_weights_alone_is_told_what_to_do(tmp_path: Path):
    path = tmp_path / "only.weights.h5"
    _model().save_weights(path)
    with pytest.raises(ValueError, match=r"holds weights alone.*call its load_weights\(\) with this file"):
        nv.load(path)
    model = _model()
    model.load_weights(path)  # what the sentence says
    assert _load(model).classes == 3


def test_an_hdf5_file_of_something_else(tmp_path: Path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["pictures"] = np.zeros(3)
    with pytest.raises(ValueError, match="this HDF5 file has no description of layers"):
        nv.load(tmp_path / "data.h5")


def test_layers_of_ones_own_are_named_and_the_way_is_said(tmp_path: Path):
    class Mine(layers.Layer):
        def call(self, inputs):
            return inputs

    x = keras.Input((6, 6, 3))
    for suffix in (".keras", ".h5"):
        path = tmp_path / f"mine{suffix}"
        keras.Model(x, layers.Flatten()(Mine()(x))).save(path)
        with pytest.raises(ValueError, match=r"'Mine'.*custom_objects=\.\.\.\) and give the model"):
            nv.load(path)


def test_the_cause_is_not_cut_off_before_it_comes(tmp_path: Path):
    # Keras quotes the whole configuration of the layer first.
    path = tmp_path / "unknown.keras"
    _model().save(path)
    _changed(path, '"filters": 2', '"filters": 2, "colour_of_the_kernel": "green"')
    with pytest.raises(
        ValueError, match=r"TypeError: .*Conv2D: \{'colour_of_the_kernel': 'green'\}\); a whole"
    ) as caught:
        nv.load(path)
    assert "kernel_initializer" not in str(caught.value)


def test_a_long_cause_keeps_its_beginning_and_its_end():
    found = model_file.cause(ValueError("begin " + "x" * 5000 + " end."))
    assert found.startswith("begin x") and found.endswith("x end") and len(found) < 700
    assert model_file.cause(ValueError("Layer\n\n  \x1b[1mdoes not\x1b[0m fit.")) == "Layer does not fit"


def _changed(path: Path, old: str, new: str) -> None:
    """Alters the description of the layers in an archive."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["config.json"].decode()
    assert old in text
    members["config.json"] = text.replace(old, new).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("depth", [100, 100_000])
def test_a_description_that_is_nested_too_deep_is_a_sentence(suffix: str, depth: int, tmp_path: Path):
    path = tmp_path / f"deep{suffix}"
    _model().save(path)
    nested = "[" * depth + "]" * depth
    if suffix == ".keras":
        _changed(path, '"filters": 2', f'"filters": {nested}')
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = file.attrs["model_config"].replace('"filters": 2', f'"filters": {nested}')
    sentence = "nested too deep" if depth > 1000 else "is not a Keras model that can be read"
    with pytest.raises(ValueError, match=sentence):
        nv.load(path)


# Paths that are no files


def test_a_savedmodel_is_called_one_and_the_way_out_is_said(tmp_path: Path):
    _model().export(tmp_path / "exported", verbose=False)
    with pytest.raises(
        ValueError, match=r"'.*exported' is a SavedModel.*no graph of Keras layers.*model\.save\('model\.keras'\)"
    ):
        nv.load(tmp_path / "exported")
    tf.saved_model.save(tf.Module(), tmp_path / "model.keras")  # a folder may have any name
    with pytest.raises(ValueError, match="is a SavedModel"):
        nv.load(str(tmp_path / "model.keras"))


def test_what_an_archive_unpacks_to_is_called_that(tmp_path: Path):
    _model().save(tmp_path / "mine.keras")
    with zipfile.ZipFile(tmp_path / "mine.keras") as archive:
        archive.extractall(tmp_path / "mine")
    with pytest.raises(ValueError, match=r"what a \.keras file unpacks to: load it by keras\.models\.load_model"):
        nv.load(tmp_path / "mine")


def test_a_folder(tmp_path: Path):
    with pytest.raises(ValueError, match=rf"'{tmp_path}' is a folder and no file: give the path of one"):
        nv.load(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".keras", ".h5"])
def test_a_path_of_5000_characters_is_a_short_sentence(suffix: str):
    with pytest.raises(ValueError, match="no such file|there can be no file") as caught:
        nv.load("x" * 5000 + suffix)
    assert len(str(caught.value)) < 400
    with pytest.raises(ValueError, match="no such file|there can be no file"):
        nv.load(Path("x" * 5000 + suffix))


def test_a_path_with_a_nul_character():
    with pytest.raises(ValueError, match="there is no file"):
        nv.load("a\0b.h5")
