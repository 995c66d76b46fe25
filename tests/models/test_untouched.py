"""Loading leaves nothing behind: memory is given back, and a model does not grow by being loaded again and again."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.question import asked
from nbfeatviz.widgets.execution.worker import SameThread
from tests.models.kinds import randomize
from tests.models.unaltered import state_of

PICTURE = np.random.default_rng(6).random((8, 8, 3)).astype(np.float32)


def _model(nested: bool) -> keras.Model:
    hidden: list[Any] = [layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(), layers.ReLU()]
    if nested:
        hidden = [keras.Sequential([keras.Input((8, 8, 3)), *hidden], name="inner")]
    ends = [layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((8, 8, 3)), *hidden, *ends])
    randomize(model)
    return model


def _use(model: keras.Model, nested: bool) -> nv.Network:
    net = nv.load(model, input_range=(0, 1))
    layer = "inner/conv" if nested else "conv"
    net.predict(PICTURE)
    nv.saliency(net, PICTURE, 1)
    nv.grad_cam(net, PICTURE, 1, layer=layer)
    nv.integrated_gradients(net, PICTURE, 1, steps=2)
    nv.activations(net, PICTURE, layer)
    nv.maximize(net, objectives.channel(layer, 1), steps=2, precision="float32")
    return net


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_memory_is_given_back(nested: bool):
    model = _model(nested)
    net = _use(model, nested)
    alive = {"network": weakref.ref(net), "model": weakref.ref(model)}
    alive |= {f"layer {layer.name}": weakref.ref(layer) for layer in model.layers}
    alive["kernel"] = weakref.ref(model.weights[0])
    del net
    gc.collect()
    assert alive["network"]() is None
    assert alive["model"]() is model
    del model
    gc.collect()
    assert [name for name, reference in alive.items() if reference() is not None] == []


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_a_model_does_not_grow_by_ten_loads(nested: bool):
    model = _model(nested)
    before = state_of(model)
    _use(model, nested)
    gc.collect()
    layers_alive = _layers_alive()
    for _ in range(10):
        nv.load(model, input_range=(0, 1)).predict(PICTURE)
    gc.collect()
    assert _layers_alive() == layers_alive
    after = state_of(model)
    assert after == before


def _layers_alive() -> int:
    """How many layers of Keras there are in this process."""
    return sum(isinstance(thing, keras.layers.Layer) for thing in gc.get_objects())


def test_every_method_a_run_and_a_panel_leave_the_model_as_it_was():
    """Augmentation, dropout, statistics, an activity regularizer and a compiled loss: all that a call could touch."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.RandomFlip(seed=1),
            layers.Conv2D(4, 3, activation="relu", name="conv", activity_regularizer="l2"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, seed=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax", name="head"),
        ]
    )
    randomize(model)
    model.compile("sgd", "categorical_crossentropy")
    results = model.predict(PICTURE[None], verbose=0)  # leaves a loss of its own
    before = state_of(model)
    net = nv.load(model, input_range=(0, 1))
    for method in METHODS.values():
        at = {"layer": "conv"} if method.family == "cam" and method.name != "cam" else {}
        for _ in method.start(asked(net, PICTURE, 1), **at):
            pass
    nv.randomization_check(net, PICTURE, 1, stages=3)
    nv.deletion_insertion(net, PICTURE, nv.saliency(net, PICTURE, 1), 1, steps=4)
    nv.filters(net)
    nv.rises(net, objectives.channel("conv", 1), nv.maximize(net, objectives.channel("conv", 1), steps=2))
    explorer = nv.FeatureExplorer(net, worker=SameThread(), layer="conv", unit=1, steps=3)
    try:
        explorer.run(wait=True)
        explorer.image = PICTURE
        for tab in ("saliency", "grad-cam", "activations"):
            explorer.panel.photo.open(tab)
        assert len(explorer.panel.layout.tabs.predictions) == 3
    finally:
        explorer.close()
    assert state_of(model) == before
    np.testing.assert_array_equal(model.predict(PICTURE[None], verbose=0), results)
