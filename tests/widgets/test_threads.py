"""One network from several threads at once: maps, runs and a panel give what each gives alone, also beside `fit`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from tests.widgets.conftest import error, wait

PICTURE = np.random.default_rng(3).random((16, 16, 3), dtype=np.float32)
UNIT = objectives.channel("conv1", 1, pre_activation=True)
ROUNDS = 3


def make(seed: int = 7) -> nv.Network:
    """Convolution, batch norm (which `fit` writes to), dropout, head."""
    keras.utils.set_random_seed(seed)
    picture = keras.Input((16, 16, 3), name="picture")
    x = keras.layers.Conv2D(6, 3, padding="same", name="conv1")(picture)
    x = keras.layers.BatchNormalization(name="norm1")(x)
    x = keras.layers.ReLU(name="relu1")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="conv2")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    x = keras.layers.Dropout(0.5, name="dropped")(x)
    model = keras.Model(picture, keras.layers.Dense(3, name="head")(x), name="threads")
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return nv.load(model, input_range=(0, 1), class_names=("ant", "bee", "cow"))


ACTS: dict[str, Callable[[nv.Network], np.ndarray]] = {
    "gradient": lambda net: nv.saliency(net, PICTURE, 1),
    "guided": lambda net: nv.saliency(net, PICTURE, 1, gradient="guided"),
    "grad-cam": lambda net: nv.grad_cam(net, PICTURE, 1, layer="relu1"),
    "integrated": lambda net: nv.integrated_gradients(net, PICTURE, 2, steps=8),
    "activations": lambda net: nv.activations(net, PICTURE, "conv2"),
    "prediction": lambda net: np.array([share for _, _, share in sorted(net.predict(PICTURE))]),
    "default": lambda net: nv.maximize(net, UNIT, steps=6, seed=2, precision="float32").image,
    "tutorial": lambda net: (
        nv.maximize(net, objectives.class_logit(1), recipe="tutorial13", steps=6, seed=1, precision="float32").image
    ),
    "sheet": lambda net: nv.maximize_grid(net, "conv2", [0, 1], steps=4, precision="float32").images,
}


def together(acts: list[Callable[[], Any]], beside: Callable[[], Any] = lambda: None) -> list[Any]:
    """Does all at once, each on a thread of its own, and `beside` on this one; then what they gave."""
    found: list[Any] = [None] * len(acts)
    begin = threading.Barrier(len(acts) + 1)

    def do(place: int) -> None:
        begin.wait()
        try:
            found[place] = acts[place]()
        except Exception as problem:
            found[place] = problem

    threads = [threading.Thread(target=do, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    begin.wait()
    beside()
    for thread in threads:
        thread.join()
    assert [one for one in found if isinstance(one, Exception)] == []
    return found


def same(found: np.ndarray, alone: np.ndarray) -> None:
    np.testing.assert_allclose(found, alone, rtol=1e-3, atol=1e-5)


@pytest.fixture
def alone() -> dict[str, np.ndarray]:
    """What each gives with nothing beside it, on a network of the same weights."""
    return {name: act(make()) for name, act in ACTS.items()}


def test_each_gives_what_it_gives_alone_whoever_traces_first(alone):
    network = make()
    every = [lambda act=act: [act(network) for _ in range(ROUNDS)] for act in ACTS.values()]
    for name, rounds in zip(ACTS, together(every), strict=True):
        for found in rounds:
            same(found, alone[name])


def test_the_same_from_several_threads_is_the_same(alone):
    network = make()
    for name in ("gradient", "default", "prediction"):
        for found in together([lambda act=ACTS[name]: act(network)] * 4):
            same(found, alone[name])


def test_a_panel_that_runs_and_answers_beside_scripts(alone, make_panel):
    network = make()
    settings = {"layer": "conv1", "unit": 1, "recipe": "default", "steps": 6, "seed": 2, "precision": "float32"}
    explorer = make_panel(network, background=True, **settings)
    explorer.panel.photo.open("saliency")
    explorer.image = PICTURE
    explorer.panel.photo.target({"kind": "class", "class": 1})
    sent: list[np.ndarray] = []
    explorer.run()

    def whole() -> None:
        wait(
            lambda: (
                explorer.panel.layout.live.status["state"] == "idle"
                and explorer.panel.optimize.runner.result is not None
            ),
            60,
        )
        wait(lambda: "saliency" in explorer.panel.photo._store._raw and not explorer.panel.photo._task.busy, 60)
        sent.append(explorer.panel.photo._store._raw["saliency"])

    _, *others = together([whole, *(lambda act=act: act(network) for act in ACTS.values())])
    assert error(explorer) == ""
    same(explorer.panel.optimize.runner.result.image, alone["default"])
    same(sent[0], alone["gradient"])
    for name, found in zip(ACTS, others, strict=True):
        same(found, alone[name])


def test_beside_fit_values_are_finite_and_right_before_and_after(alone):
    network = make()
    for name, act in ACTS.items():
        same(act(network), alone[name])
    before = network.model.get_weights()
    pictures, labels = np.random.default_rng(0).random((32, 16, 16, 3), np.float32), np.arange(32) % 3

    losses: list[float] = []
    learnt = threading.Event()

    def fit() -> None:
        try:
            for _ in range(8):
                losses.extend(network.model.fit(pictures, labels, verbose=0).history["loss"])
        finally:
            learnt.set()

    def until_learnt(act: Callable[[nv.Network], np.ndarray]) -> list[np.ndarray]:
        found = [act(network)]
        while not learnt.is_set():
            found.append(act(network))
        return found

    every = [lambda act=act: until_learnt(act) for act in ACTS.values()]
    for rounds in together(every, fit):
        assert all(np.isfinite(found).all() for found in rounds)
    assert np.isfinite(losses).all()
    after = network.model.get_weights()
    assert not np.allclose(before[0], after[0], atol=1e-6), "the weights have moved"
    assert not np.allclose(before[4], after[4], atol=1e-6), "the norm's statistics too"

    other = make()
    other.model.set_weights(after)
    for act in ACTS.values():
        same(act(network), act(other))
    network.model.set_weights(before)
    for name, act in ACTS.items():
        same(act(network), alone[name])


def test_fit_learns_beside_them_what_it_learns_alone():
    """Nothing that is computed beside `fit` writes to the model: neither weights nor statistics nor seeds."""
    pictures, labels = np.random.default_rng(0).random((32, 16, 16, 3), np.float32), np.arange(32) % 3

    def learnt(network: nv.Network, beside: bool) -> list[np.ndarray]:
        stop = threading.Event()

        def go_on() -> None:
            while not stop.is_set():
                nv.saliency(network, PICTURE, 1)
                nv.maximize(network, UNIT, steps=2)

        thread = threading.Thread(target=go_on)
        if beside:
            thread.start()
        try:
            for _ in range(6):
                network.model.fit(pictures, labels, verbose=0, shuffle=False)
        finally:
            stop.set()
            if beside:
                thread.join()
        return network.model.get_weights()

    for found, expected in zip(learnt(make(), True), learnt(make(), False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
