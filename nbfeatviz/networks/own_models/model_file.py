"""A Keras model from a file; and a sentence for every file that gives none, with the cause and what to do."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from nbfeatviz.engine import keras
from nbfeatviz.networks.own_models import file_sizes, keras2

FILES = (".keras", ".h5", ".hdf5")
_HDF5_FILES = (".h5", ".hdf5")
_LONGEST_CAUSE = 600


class _Refused(Exception):  # noqa: N818 - not an error of the program's
    """A file is not read: why not, and what to do."""


class _Description(NamedTuple):
    """What a file says of its model: layers, parsed from JSON, the version of Keras, and how the model was compiled."""

    config: Any
    version: Any
    compiled: Any = None


def read_model(path: Path, allow_lambda: bool = False, custom_objects: dict[str, Any] | None = None) -> keras.Model:
    """Reads a model, after a look at what the file declares (see `file_sizes` for the bounds).

    Args:
        path: of a .keras or .h5 file.
        allow_lambda: whether the file may bring its own Python code.
        custom_objects: classes that Keras would not find by itself, by their names.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: there is no such file, it is no model that Keras 3 reads, it unpacks to more than
            `file_sizes.LARGEST_UNPACKED`, or it brings code.
    """
    check_file(path)
    name, description = called(path), None
    try:
        description = _description(path)
        if not allow_lambda and _holds_lambda(description.config):
            raise _LambdaError
        return _loaded(path, allow_lambda, custom_objects)
    except _LambdaError as error:
        raise ValueError(
            f"{name} holds a Lambda layer, which is Python code that would run on loading. "
            "If you trust where the file comes from: load(path, allow_lambda=True)."
        ) from error
    except file_sizes.SizeError as error:
        raise ValueError(
            f"{name} {error}. If you know that it is sound, load it by keras.models.load_model() and give the model."
        ) from error
    except _Refused as error:
        why, todo = error.args
        raise ValueError(f"{name} is not a Keras model that can be read ({why}); {todo}.") from error.__cause__
    except Exception as error:
        if description is not None and keras2.wrote(description.version):
            version, config = description.version, description.config
            archive = path.suffix not in _HDF5_FILES
            raise ValueError(keras2.refusal(name, version, config, cause(error), archive=archive)) from error
        raise ValueError(
            f"{name} is not a Keras model that can be read ({type(error).__name__}: {cause(error)}); "
            "a whole .keras or .h5 file written by model.save() would be. A model with layers of your own: load it "
            "with keras.models.load_model(path, custom_objects=...) and give the model."
        ) from error


def saved_loss(path: Path) -> Any:
    """The loss that the model of a readable file was compiled with, by its name (a list or dict of several); or None.

    Nothing of the file is made into an object for that: a loss may be code of its own.
    """
    compiled = _description(path).compiled
    return _names(compiled.get("loss")) if isinstance(compiled, dict) else None


def _names(loss: Any) -> Any:
    if isinstance(loss, dict) and "class_name" in loss:
        given = loss.get("config")
        return given if isinstance(given, str) else str(loss["class_name"])
    if isinstance(loss, dict):
        return {str(key): _names(value) for key, value in loss.items()}
    return [_names(value) for value in loss] if isinstance(loss, list) else loss if isinstance(loss, str) else None


def check_file(path: Path) -> None:
    """Raises ValueError if there is no such file."""
    name = called(path)
    try:
        if path.is_file():
            return
        inside = {entry.name for entry in path.iterdir()} if path.is_dir() else None
    except OSError as error:
        raise ValueError(f"there can be no file {name}: {error.strerror} ({len(str(path)):,} characters).") from None
    if inside is None:
        raise ValueError(f"there is no file {name}.")
    if {"saved_model.pb", "saved_model.pbtxt"} & inside:
        raise ValueError(
            f"{name} is a SavedModel, a folder of TensorFlow's that holds no graph of Keras layers to look into. Load "
            "it with the Keras that made it (Keras 2: tf_keras.models.load_model), or take the model that it was "
            "exported from, and save that as one file: model.save('model.keras'), or 'model.h5' with Keras 2."
        )
    if file_sizes.CONFIG in inside:
        raise ValueError(
            f"{name} is a folder, what a .keras file unpacks to: load it by keras.models.load_model() and give the "
            "model, or give the .keras file itself."
        )
    raise ValueError(f"{name} is a folder and no file: give the path of one .keras or .h5 file in it.")


def called(path: str | Path) -> str:
    """A path as sentences call it: quoted, and not longer than can be read."""
    text = str(path)
    return repr(text if len(text) <= 200 else f"{text[:100]}…{text[-60:]}")


def cause(error: BaseException) -> str:
    """What was wrong, out of an error of Keras's: such a text quotes whole configurations before it comes to that."""
    if isinstance(error, RecursionError):
        return "its layers are described in a text that is nested too deep"
    text = str(error).rpartition("Exception encountered:")[2].strip()
    text = re.sub("\x1b\\[[0-9;]*m", "", text)  # the colours of a terminal
    text = re.sub(r"(Full object config: |^config=).*", "", text, flags=re.DOTALL | re.MULTILINE)
    text = " ".join(text.split()).rstrip(".")
    half = _LONGEST_CAUSE // 2
    return text if len(text) <= _LONGEST_CAUSE else f"{text[:half]} … {text[-half:]}"


class _LambdaError(Exception):
    """A file holds a Lambda layer."""


_WHOLE = "a whole .keras or .h5 file written by model.save() would be"
_AGAIN = "copy, download or save it again"


def _description(path: Path) -> _Description:
    """What a file says of its model, if it is one of a kind that Keras reads, and not too large."""
    if zipfile.is_zipfile(path):
        _check_suffix(path, "an archive, as Keras writes", (".keras",))
        return _archive_description(path)
    if h5py.is_hdf5(path):
        _check_suffix(path, "HDF5", _HDF5_FILES)
        return _hdf5_description(path)
    with path.open("rb") as file:
        begin = file.read(24)
    if begin.startswith(b"PK\x03\x04"):
        raise _Refused("it is cut off: the directory of the archive is missing at its end", _AGAIN)
    raise _Refused(f"it begins with {begin!r}, as neither kind does" if begin else "it is empty", _WHOLE)


def _archive_description(path: Path) -> _Description:
    texts = file_sizes.read_archive(path)
    if file_sizes.CONFIG not in texts:
        raise _Refused(f"its archive holds no {file_sizes.CONFIG}", _WHOLE)
    metadata = json.loads(texts.get(file_sizes.METADATA, b"{}"))
    version = metadata.get("keras_version") if isinstance(metadata, dict) else None
    config = json.loads(texts[file_sizes.CONFIG])
    return _Description(config, version, config.get("compile_config") if isinstance(config, dict) else None)


def _hdf5_description(path: Path) -> _Description:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        if "truncated" in str(error):
            raise _Refused(f"it is cut off: {cause(error)}", _AGAIN) from error
        raise
    with file:
        file_sizes.check_arrays(file)
        config, version = file_sizes.read_config(file), file.attrs.get("keras_version")
        compiled = json.loads(file.attrs.get("training_config", "null"))
        if config is None and (
            "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file
        ):
            raise _Refused(
                "it holds weights alone, and does not say of which layers",
                "build the model, call its load_weights() with this file, and give the model",
            )
        if config is None:
            raise _Refused("this HDF5 file has no description of layers", _WHOLE)
    return _Description(json.loads(config), version.decode() if isinstance(version, bytes) else version, compiled)


def _check_suffix(path: Path, kind: str, suffixes: tuple[str, ...]) -> None:
    """Keras goes by the end of a name, and says of another that the file is not there."""
    if path.suffix not in suffixes:
        raise _Refused(f"it is {kind}, and its name ends in {path.suffix!r}", f"rename it to end in {suffixes[0]}")


def _loaded(path: Path, allow_lambda: bool, custom_objects: dict[str, Any] | None) -> keras.Model:
    try:
        return keras.models.load_model(path, custom_objects, compile=False, safe_mode=not allow_lambda)
    except Exception as error:
        # not in the path, which Keras quotes
        if not allow_lambda and "unsafe_deserialization" in str(error).replace(str(path), ""):
            raise _LambdaError from error
        raise


def _holds_lambda(config: Any) -> bool:
    """Whether there is a Lambda layer: in a .h5 file, releases of Keras before 3.11.3 run it in spite of safe mode."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("class_name") in ("Lambda", "__lambda__"):
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
