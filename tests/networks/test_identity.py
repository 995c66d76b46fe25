"""A network's digest: the same in every process, another for whatever computes something else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.engine import keras
from nbfeatviz.networks.identity import network_hash


def model(activation: str = "relu", padding: str = "same", epsilon: float = 1e-3) -> keras.Model:
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3, activation=activation, padding="same", name="first"),
            layers.BatchNormalization(epsilon=epsilon, name="norm"),
            layers.Conv2D(4, 1, padding=padding, name="second"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, name="head"),
        ]
    )


def hashed(made: keras.Model, **options: object) -> str:
    return network_hash(nv.load(made, input_range=(0, 1), head="linear", **options))


@pytest.mark.parametrize(
    "other",
    [{"activation": "gelu"}, {"padding": "valid"}, {"epsilon": 1e-2}],
    ids=["activation", "padding", "epsilon"],
)
def test_settings_that_leave_weights_and_shapes_alone_make_another_network(other: dict):
    assert hashed(model()) == hashed(model())
    assert hashed(model(**other)) != hashed(model())


def test_a_weight_an_input_range_and_an_output_make_another_network():
    changed = model()
    changed.layers[0].bias.assign([0, 0, 0, 1e-6])
    network = nv.load(model(), input_range=(0, 255), head="linear")
    assert len({hashed(model()), hashed(changed), network_hash(network)}) == 3


def test_an_input_that_is_held_counts():
    layers = keras.layers
    keras.utils.set_random_seed(3)
    picture, age = keras.Input((12, 12, 1), name="picture"), keras.Input((1,), name="age")
    seen = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(picture))
    both = keras.Model([picture, age], layers.Dense(2)(layers.Concatenate()([seen, age])))
    young, old = (hashed(both, held={"age": years}) for years in (4.0, 40.0))
    assert young != old
    assert young == hashed(both, held={"age": 4.0})


def test_another_process_finds_the_same(tmp_path: Path):
    file = tmp_path / "model.keras"
    model().save(file)
    program = (
        "import nbfeatviz as nv; from nbfeatviz.networks.identity import network_hash; "
        f"print(network_hash(nv.load({str(file)!r}, input_range=(0, 1), head='linear')), "
        "network_hash(nv.load('mnist-cnn')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    here = nv.load(str(file), input_range=(0, 1), head="linear")
    assert done.stdout.split() == [network_hash(here), network_hash(nv.load("mnist-cnn"))]


def test_what_is_computed_does_not_change_it():
    network = nv.load("mnist-cnn")
    before = network_hash(network)
    network.predict(np.zeros((28, 28, 1), np.float32))
    assert network_hash(network) == before
