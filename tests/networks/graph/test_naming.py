"""Names of layers that do not depend on what else the process has built."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from nbfeatviz.networks.graph.naming import automatic_stem, stable_names
from nbfeatviz.networks.graph.reader import read_graph


def _paths(model: keras.Model) -> list[str]:
    return [call.path for call in read_graph(model).calls]


def test_automatic_names_are_counted_from_the_models_own_first():
    found = stable_names([("conv2d_94", "Conv2D"), ("re_lu_7", "ReLU"), ("conv2d_97", "Conv2D"), ("stem", "Conv2D")])
    assert found == {
        "conv2d_94": ("conv2d", True),
        "conv2d_97": ("conv2d_1", True),
        "re_lu_7": ("re_lu", True),
        "stem": ("stem", False),
    }


def test_numbers_tell_the_order_of_creation_and_not_that_of_the_list():
    found = stable_names([("dense_12", "Dense"), ("dense_9", "Dense"), ("dense", "Dense")])
    assert [found[name][0] for name in ("dense", "dense_9", "dense_12")] == ["dense", "dense_1", "dense_2"]


@pytest.mark.parametrize("name", ["block1_conv1", "conv2d_a", "my_conv2d", "conv2d_", "Conv2D"])
def test_a_name_that_a_person_chose_stays(name: str):
    assert stable_names([(name, "Conv2D")]) == {name: (name, False)}


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(1, 1),
        lambda: layers.Conv2DTranspose(1, 1),
        lambda: layers.GlobalAveragePooling2D(),
        lambda: layers.ReLU(),
        lambda: layers.PReLU(),
        lambda: layers.ELU(),
        lambda: layers.LSTM(1),
        lambda: layers.UpSampling2D(),
    ],
)
def test_the_stem_is_what_keras_makes_of_the_class(make):
    layer = make()
    assert layer.name.startswith(automatic_stem(type(layer).__name__))
    assert stable_names([(layer.name, type(layer).__name__)])[layer.name][1]


def _functional() -> keras.Model:
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(2, 1)(layers.Conv2D(2, 1)(x) * 2)
    return keras.Model(x, layers.Dense(2)(layers.Flatten()(y)))


def _sequential() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 1), layers.Flatten(), layers.Dense(2)])


def _sequential_built_late() -> keras.Model:
    model = keras.Sequential([layers.Conv2D(2, 1), layers.Flatten(), layers.Dense(2)])
    model.build((None, 8, 8, 3))
    return model


def _nested() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 3)), _functional(), layers.Dense(3)])


def _from_the_middle_of_another() -> keras.Model:
    other = _functional()
    return keras.Model(other.layers[1].output, other.output)


def _cloned() -> keras.Model:
    return keras.models.clone_model(_functional())


@pytest.mark.parametrize(
    "make", [_functional, _sequential, _sequential_built_late, _nested, _from_the_middle_of_another, _cloned]
)
def test_paths_are_the_same_however_often_a_model_is_built(make):
    first = _paths(make())
    layers.Conv2D(1, 1), layers.Dense(1), keras.Input((1,))  # whatever else the process makes
    assert _paths(make()) == first
    assert first[0] == "input_layer"


def test_a_second_network_of_keras_applications_has_the_paths_of_the_first():
    def build() -> list[str]:
        return _paths(keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3)))

    assert build() == build()


def test_inception_in_a_process_full_of_layers_has_canonical_paths(inception):
    paths = [layer.path for layer in inception.convolutions]
    assert paths == ["conv2d", *(f"conv2d_{k}" for k in range(1, 94))]
