"""What comes from Keras 2: its .h5 files are read where Keras 3 can, and all else is a sentence that says what to do.

Keras 2 is not needed for this: its files are written here as it wrote them.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv

PICTURE = np.random.default_rng(4).random((6, 6, 3), dtype=np.float32)
RANDOM = np.random.default_rng(7)
CONVOLUTION = {
    "trainable": True, "dtype": "float32", "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid",
    "data_format": "channels_last", "dilation_rate": [1, 1], "groups": 1, "activation": "relu", "use_bias": True,
    "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None, "bias_regularizer": None,
    "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None,
}  # fmt: skip
UNIFORM = {"class_name": "GlorotUniform", "config": {"seed": None}}
WEIGHTS = {
    "conv2d": {"kernel": RANDOM.normal(size=(3, 3, 3, 2)).astype("f4"), "bias": np.zeros(2, "f4")},
    "dense": {"kernel": RANDOM.normal(size=(32, 3)).astype("f4"), "bias": np.ones(3, "f4")},
}
DEPTHWISE = {
    "class_name": "DepthwiseConv2D",
    "config": {
        **{key: value for key, value in CONVOLUTION.items() if not key.startswith("kernel_")},
        "name": "middle", "kernel_size": [1, 1], "depth_multiplier": 1, "depthwise_initializer": UNIFORM,
        "depthwise_regularizer": None, "depthwise_constraint": None,
    },
}  # fmt: skip
MULTIPLY = {
    "class_name": "TFOpLambda",
    "config": {"name": "middle", "trainable": True, "dtype": "float32", "function": "math.multiply"},
}
FLIP = {"class_name": "RandomFlip", "config": {"name": "middle", "mode": "horizontal", "rng_type": "stateful"}}
OWN = {"class_name": "MyLayer", "config": {"name": "middle"}}


def _config(middle: dict[str, Any] | None = None) -> dict[str, Any]:
    """A model with a convolution, what is given, and a dense layer, as Keras 2 described it."""
    entry = {"batch_input_shape": [None, 6, 6, 3], "dtype": "float32", "sparse": False, "ragged": False}
    given = [
        {"class_name": "InputLayer", "config": {**entry, "name": "input_1"}},
        {
            "class_name": "Conv2D",
            "config": {**CONVOLUTION, "name": "conv2d", "filters": 2, "kernel_initializer": UNIFORM},
        },
        *([middle] if middle else []),
        {"class_name": "Flatten", "config": {"name": "flatten", "trainable": True, "dtype": "float32"}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 3, "activation": "softmax"}},
    ]
    names = [layer["config"]["name"] for layer in given]
    extra = [{"y": 2.0, "name": None} if layer is MULTIPLY else {} for layer in given]
    nodes = [[]] + [[[[name, 0, 0, more]]] for name, more in zip(names, extra[1:], strict=False)]
    described = [
        {**layer, "name": name, "inbound_nodes": node} for layer, name, node in zip(given, names, nodes, strict=True)
    ]
    ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [["dense", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "old", "trainable": True, "layers": described, **ends}}


def _h5(path: Path, middle: dict[str, Any] | None = None, version: str | bytes = "2.15.0") -> Path:
    weights = dict(WEIGHTS)
    if middle is DEPTHWISE:
        weights["middle"] = {"depthwise_kernel": np.ones((1, 1, 2, 1), "f4"), "bias": np.zeros(2, "f4")}
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {"backend": "tensorflow", "keras_version": version, "model_config": json.dumps(_config(middle))}
        )
        group = file.create_group("model_weights")
        names = [layer["name"] for layer in _config(middle)["config"]["layers"]]
        group.attrs.update({"backend": "tensorflow", "keras_version": version, "layer_names": names})
        for name in names:
            own = group.create_group(name)
            own.attrs["weight_names"] = [f"{name}/{part}:0" for part in weights.get(name, {})]
            for part, value in weights.get(name, {}).items():
                own[f"{name}/{part}:0"] = value
    return path


def _archive(path: Path, middle: dict[str, Any] | None = None, module: str = "keras.src.engine.functional") -> Path:
    config = {"module": module, "registered_name": "Functional", **_config(middle)}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        for name, parts in WEIGHTS.items():
            for number, value in enumerate(parts.values()):
                file[f"_layer_checkpoint_dependencies/{name}/vars/{number}"] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0", "date_saved": "2024-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def _anew(middle: layers.Layer | None = None) -> keras.Model:
    x = keras.Input((6, 6, 3))
    y = layers.Conv2D(2, 3, activation="relu", name="conv2d")(x)
    y = middle(y) if middle else y
    return keras.Model(x, layers.Dense(3, activation="softmax", name="dense")(layers.Flatten(name="flatten")(y)))


def _same(one: keras.Model, other: keras.Model) -> None:
    np.testing.assert_allclose(one(PICTURE[None]), other(PICTURE[None]), rtol=1e-5)


@pytest.mark.parametrize("version", ["2.15.0", b"2.1.6-tf"])
def test_an_h5_file_that_keras_3_reads_is_read(version, tmp_path: Path):
    network = nv.load(_h5(tmp_path / "old.h5", version=version), input_range=(0, 1))
    expected = _anew()
    expected.set_weights([part for own in WEIGHTS.values() for part in own.values()])
    answers = [value for *_, value in network.predict(PICTURE, top=3)]
    np.testing.assert_allclose(answers, sorted(np.asarray(expected(PICTURE[None]))[0], reverse=True), rtol=1e-5)


def _sentence(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        nv.load(path)
    text = str(caught.value)
    assert f"'{path}' was written by Keras 2 (2.15.0), and Keras 3 cannot read it: " in text
    return text.partition("cannot read it: ")[2]


def test_groups_of_a_depthwise_convolution_and_both_ways_out(tmp_path: Path):
    path = _h5(tmp_path / "old.h5", DEPTHWISE)
    text = _sentence(path)
    assert text.startswith(
        "its layer 'middle' is a DepthwiseConv2D with `groups`, which that of Keras 3 does not take. "
    )
    assert "build the same architecture with Keras 3 (a network of keras.applications: with weights=None)" in text
    assert f"call its load_weights('{path}') and give that model" in text
    assert "custom_objects={'DepthwiseConv2D': Own})" in text

    class Own(layers.DepthwiseConv2D):
        def __init__(self, *arguments, groups=1, **settings):
            super().__init__(*arguments, **settings)

    anew = _anew(layers.DepthwiseConv2D(1, activation="relu", name="middle"))
    anew.load_weights(path)
    read = keras.models.load_model(path, compile=False, custom_objects={"DepthwiseConv2D": Own})
    _same(anew, read)
    for model in (anew, read):
        assert nv.load(model, input_range=(0, 1)).classes == 3


@pytest.mark.parametrize("write", [_h5, _archive])
def test_tensorflow_operations_and_the_way_out(write, tmp_path: Path):
    path = write(tmp_path / ("old.h5" if write is _h5 else "old.keras"), MULTIPLY)
    text = _sentence(path)
    assert text.startswith("it holds TensorFlow operations as layers (TFOpLambda), which Keras 3 does not have. ")
    assert "Saving it again does not help: build the same" in text and f"load_weights('{path}')" in text
    if write is _h5:
        anew = _anew(layers.Rescaling(2.0))
        anew.load_weights(path)
        np.testing.assert_array_equal(anew.get_layer("dense").get_weights()[0], WEIGHTS["dense"]["kernel"])


@pytest.mark.parametrize("module", ["keras.src.engine.functional", "tf_keras.src.engine.functional"])
def test_an_archive_and_the_way_out(module: str, tmp_path: Path):
    text = _sentence(_archive(tmp_path / "old.keras", module=module))
    assert text.startswith("Could not ") and "class 'Functional'" in text.partition(". ")[0]
    assert "Load it with Keras 2 (the package tf_keras), save it as .h5 and give that file. Or build the same" in text
    assert "decorator" not in text


def test_groups_in_an_archive_are_not_said_to_be_mended_by_another_file(tmp_path: Path):
    text = _sentence(_archive(tmp_path / "old.keras", DEPTHWISE))
    assert "with `groups`" in text and "Saving it again does not help" in text and "custom_objects" not in text


@pytest.mark.parametrize(("layer", "cause"), [(FLIP, "RandomFlip: {'rng_type': 'stateful'}"), (OWN, "'MyLayer'")])
def test_any_other_reason_is_what_keras_said(layer: dict, cause: str, tmp_path: Path):
    path = _h5(tmp_path / "old.h5", layer)
    text = _sentence(path)
    assert cause in text.partition(". ")[0]
    assert f"load_model('{path}', custom_objects=...)" in text and f"load_weights('{path}')" in text


def test_a_lambda_is_called_one_in_files_of_keras_2_too(tmp_path: Path):
    function = {"class_name": "Lambda", "config": {"name": "middle", "function": ["4wEA", None, None]}}
    with pytest.raises(ValueError, match="holds a Lambda layer"):
        nv.load(_h5(tmp_path / "old.h5", function))


@pytest.mark.parametrize(
    "module", ["tf_keras.src.engine.functional", "keras.engine.training", "keras.src.engine.training"]
)
def test_a_model_object_of_keras_2_is_named_and_the_way_out_is_said(module: str):
    kind = type("Functional", (), {"__module__": module, "name": "old"})
    own = type("Mine", (kind,), {})
    with pytest.raises(
        TypeError, match=rf"^{module}\.Functional is of Keras 2 \({module.partition('.')[0]}\).*'model\.h5'"
    ):
        nv.load(kind())
    with pytest.raises(TypeError, match=r"Mine is of Keras 2.*without TF_USE_LEGACY_KERAS"):
        nv.load(own())


def test_what_only_sounds_like_keras_2_is_not():
    with pytest.raises(TypeError, match=r"a network is a name, a path or a keras\.Model, not"):
        nv.load(type("Model", (), {"__module__": "tf_keras_like"})())
