"""The logits under a head: apply the head's function to them, and the user's model answers."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks.backbone import Backbone

PICTURES = np.random.default_rng(1).random((3, 6, 6, 3), dtype=np.float32)


def _start() -> tuple[keras.KerasTensor, keras.KerasTensor]:
    x = keras.Input((6, 6, 3), name="image")
    return x, layers.Flatten()(layers.Conv2D(2, 3)(x))


def _fused(activation: str, units: int = 4) -> keras.Model:
    x, y = _start()
    return keras.Model(x, layers.Dense(units, activation=activation, name="predictions")(y), name="mine")


def _behind(make: Callable[[keras.KerasTensor], keras.KerasTensor], units: int = 4) -> keras.Model:
    x, y = _start()
    return keras.Model(x, make(layers.Dense(units, name="predictions")(y)))


def _sequential(last: list[keras.layers.Layer]) -> keras.Model:
    return keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(2, 3), layers.Flatten(), *last])


def _nested(inner: keras.Model) -> keras.Model:
    x = keras.Input((6, 6, 3))
    return keras.Model(x, inner(layers.ReLU()(x)))


def _shared() -> keras.Model:
    x = keras.Input((6, 6, 3))
    head = layers.Dense(4, activation="softmax")
    head(layers.GlobalMaxPooling2D()(x))
    return keras.Model(x, head(layers.GlobalAveragePooling2D()(x)))


def _of_another_models_layers() -> keras.Model:
    other = _sequential([layers.Dense(4, activation="softmax")])
    return keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(3, 1), *other.layers])


def _convolutional() -> keras.Model:
    x = keras.Input((6, 6, 3))
    return keras.Model(x, layers.Conv2D(1, 3, activation="sigmoid")(x))


SOFTMAX = {
    "fused": lambda: _fused("softmax"),
    "layer": lambda: _behind(layers.Softmax()),
    "activation layer": lambda: _behind(layers.Activation("softmax")),
    "operation": lambda: _behind(keras.ops.softmax),
    "function": lambda: _behind(keras.activations.softmax),
    "sequential": lambda: _sequential([layers.Dense(4, activation="softmax")]),
    "sequential layer": lambda: _sequential([layers.Dense(4), layers.Softmax()]),
    "nested": lambda: _nested(_fused("softmax")),
    "nested sequential": lambda: _nested(_sequential([layers.Dense(4, activation="softmax")])),
    "nested layer": lambda: _nested(_behind(layers.Softmax())),
    "nested operation": lambda: _nested(_behind(keras.ops.softmax)),
    "nested twice": lambda: _nested(_nested(_fused("softmax"))),
    "shared": _shared,
    "tensorflow's": lambda: _fused(tf.nn.softmax),
    "a lambda": lambda: _fused(lambda values: tf.nn.softmax(values)),
    "an object": lambda: _fused(layers.Softmax()),
    "flattened": lambda: _behind(lambda y: layers.Flatten()(layers.Softmax()(layers.Reshape((1, 1, 4))(y)))),
    "reshaped": lambda: _behind(lambda y: layers.Reshape((4,))(layers.Softmax()(y))),
    "identity": lambda: _behind(lambda y: layers.Identity()(layers.Softmax()(y))),
    "cast": lambda: _behind(lambda y: keras.ops.cast(layers.Softmax()(y), "float32")),
    "linear behind": lambda: _behind(lambda y: layers.Activation("linear", dtype="float32")(layers.Softmax()(y))),
    "dropout behind": lambda: _behind(lambda y: layers.Dropout(0.5)(layers.Softmax()(y))),
    "a Lambda layer": lambda: _behind(layers.Lambda(lambda y: tf.nn.softmax(y))),
    "another model's": _of_another_models_layers,
}
SIGMOID = {
    "fused": lambda: _fused("sigmoid"),
    "single": lambda: _fused("sigmoid", 1),
    "activation layer": lambda: _behind(layers.Activation("sigmoid"), 1),
    "operation": lambda: _behind(keras.ops.sigmoid),
    "nested": lambda: _nested(_fused("sigmoid", 1)),
    "convolutional": _convolutional,
}
CASES = [pytest.param(make, "softmax", id=f"softmax {name}") for name, make in SOFTMAX.items()]
CASES += [pytest.param(make, "sigmoid", id=f"sigmoid {name}") for name, make in SIGMOID.items()]


def _load(model: keras.Model, **options) -> nv.Network:
    return nv.load(model, input_range=(0, 1), **options)


def _logits(network: nv.Network) -> np.ndarray:
    return np.asarray(Backbone(network, [network.logits])(PICTURES)[network.logits])


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_the_function_of_the_logits_is_what_the_model_says(make: Callable[[], keras.Model], kind: str):
    model = make()
    network = _load(model)
    assert network.head == kind
    logits, expected = _logits(network), model.predict(PICTURES, verbose=0)
    assert logits.shape == expected.shape
    np.testing.assert_allclose(getattr(keras.ops, kind)(logits), expected, rtol=1e-5, atol=1e-6)
    assert np.abs(logits - expected).max() > 1e-3


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_the_model_is_the_users_own_and_not_altered(make: Callable[[], keras.Model], kind: str):
    model = make()
    answers, config, weights = np.asarray(model(PICTURES)), model.get_config(), model.get_weights()
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    network = _load(model)
    assert network.model is model
    _logits(network)
    np.testing.assert_array_equal(model(PICTURES), answers)
    assert model.get_config() == config
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    assert all(np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_units_of_the_output_are_logits_and_its_activations_what_keras_gives(
    make: Callable[[], keras.Model], kind: str
):
    model = make()
    network = _load(model)
    head = network.head_layer.path
    step = next(nv.ascend(network, objectives.channel(head, 0), recipe="tutorial13"))
    seen = step.image[None]
    logits = np.asarray(Backbone(network, [network.logits])(seen)[network.logits])
    assert step.loss == pytest.approx(float(logits[..., 0].mean()), rel=1e-4, abs=1e-5)
    given = nv.activations(network, PICTURES[0], head)
    np.testing.assert_allclose(given, model.predict(PICTURES[:1], verbose=0)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", [lambda x: keras.ops.softmax(x * 3), "hard_sigmoid"])
def test_a_function_of_ones_own_is_seen_by_what_it_does(activation):
    network = _load(_fused(activation), head=None if callable(activation) else "sigmoid")
    np.testing.assert_allclose(
        getattr(keras.ops, network.head)(_logits(network)), network.model.predict(PICTURES, verbose=0), atol=1e-5
    )


def test_where_the_logits_cannot_be_reached_logarithms_stand_for_them_and_it_is_said():
    @keras.saving.register_keras_serializable("tests")
    class Own(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(shape[-1], 4))

        def call(self, inputs):
            return keras.ops.softmax(keras.ops.matmul(inputs, self.kernel))

    x, y = _start()
    model = keras.Model(x, Own(name="own")(y))
    with pytest.warns(UserWarning, match=r"'own'.*logarithms of the probabilities stand for them"):
        network = _load(model)
    expected = model.predict(PICTURES, verbose=0)
    np.testing.assert_allclose(_logits(network), np.log(expected), rtol=1e-5)
    found = network.predict(PICTURES[0], top=4)
    np.testing.assert_allclose([value for _, _, value in sorted(found)], expected[0], rtol=1e-5)


# Heads that are no probabilities

COMPILED = {
    "from logits": (keras.losses.CategoricalCrossentropy(from_logits=True), 4, "softmax"),
    "sparse": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), 4, "softmax"),
    "binary": (keras.losses.BinaryCrossentropy(from_logits=True), 1, "sigmoid"),
    "several labels": (keras.losses.BinaryCrossentropy(from_logits=True), 4, "sigmoid"),
    "mse": ("mse", 4, "linear"),
    "huber": (keras.losses.Huber(), 1, "linear"),
    "a function": (keras.losses.mean_absolute_error, 4, "linear"),
}


@pytest.mark.parametrize(("loss", "units", "kind"), COMPILED.values(), ids=COMPILED)
def test_the_loss_says_what_values_mean(loss, units: int, kind: str, recwarn):
    model = _fused("linear", units)
    model.compile(loss=loss)
    assert _load(model).head == kind
    assert not recwarn.list


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("loss", "units", "kind"), COMPILED.values(), ids=COMPILED)
def test_so_does_that_of_a_file(loss, units: int, kind: str, suffix: str, tmp_path, recwarn):
    model = _fused("linear", units)
    model.compile(loss=loss)
    model.save(tmp_path / f"mine{suffix}")
    recwarn.clear()
    assert _load(tmp_path / f"mine{suffix}").head == kind
    assert not recwarn.list


@pytest.mark.parametrize(("units", "kind", "word"), [(4, "softmax", "logits of a softmax"), (1, "linear", "quantity")])
def test_without_evidence_it_is_assumed_and_said(units: int, kind: str, word: str):
    x, y = _start()
    with pytest.warns(UserWarning, match=rf"{word}.*head="):
        network = _load(keras.Model(x, layers.Dense(units)(y)))
    assert network.head == kind


@pytest.mark.parametrize(
    ("name", "units", "kind"),
    [("logits", 4, "softmax"), ("logit", 1, "sigmoid"), ("classifier", 4, "softmax"), ("bbox_out", 4, "linear"),
     ("ages", 4, "linear"), ("key_points.regression", 4, "linear")],
)  # fmt: skip
def test_names_are_evidence(name: str, units: int, kind: str, recwarn):
    x, y = _start()
    assert _load(keras.Model(x, layers.Dense(units, name=name)(y))).head == kind
    assert not recwarn.list


@pytest.mark.parametrize("name", ["stage4", "image_out", "averages"])
def test_a_part_of_a_word_is_none(name: str):
    x, y = _start()
    with pytest.warns(UserWarning, match="assumed to be the logits of a softmax"):
        assert _load(keras.Model(x, layers.Dense(4, name=name)(y))).head == "softmax"


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_squashed_values_are_no_logits(activation: str):
    assert _load(_fused(activation)).head == "linear"


@pytest.mark.parametrize("kind", ["softmax", "sigmoid", "linear"])
def test_what_is_said_counts(kind: str, recwarn):
    network = _load(_fused("linear"), head=kind)
    assert network.head == kind
    assert not recwarn.list
    values = network.model.predict(PICTURES[:1], verbose=0)[0]
    expected = values if kind == "linear" else np.asarray(getattr(keras.ops, kind)(values))
    np.testing.assert_allclose([value for *_, value in sorted(network.predict(PICTURES[0]))], expected, rtol=1e-5)


def test_what_is_said_against_the_model_is_refused():
    with pytest.raises(ValueError, match=r"head='sigmoid' contradicts.*softmax"):
        _load(_fused("softmax"), head="sigmoid")
    network = _load(_fused("softmax"), head="linear")
    np.testing.assert_allclose(_logits(network), network.model.predict(PICTURES, verbose=0), atol=1e-6)


def test_a_linear_head_shows_values_with_names_and_has_no_probability():
    x, y = _start()
    network = _load(keras.Model(x, layers.Dense(1, name="age")(y)))
    value = float(network.model.predict(PICTURES[:1], verbose=0)[0, 0])
    ((index, name, found),) = network.predict(PICTURES[0])
    assert (index, name) == (0, "age")
    assert found == pytest.approx(value, rel=1e-5)
    with pytest.raises(ValueError, match="no probability to maximize"):
        nv.maximize(network, objectives.class_probability(0), steps=1)


# Several outputs


def _several() -> keras.Model:
    x, y = _start()
    outputs = {"b": layers.Dense(4, activation="softmax", name="kind")(y),
               "a": layers.Dense(2, activation="sigmoid", name="tags")(y)}  # fmt: skip
    return keras.Model(x, outputs)


def test_of_several_outputs_the_one_that_is_named_counts():
    model = _several()
    expected = model.predict(PICTURES, verbose=0)
    for output, key, kind in [("b", "b", "softmax"), ("tags", "a", "sigmoid"), (0, "a", "sigmoid")]:
        network = _load(model, output=output)
        assert network.head == kind
        np.testing.assert_allclose(getattr(keras.ops, kind)(_logits(network)), expected[key], rtol=1e-5)


def test_of_several_outputs_none_is_taken_without_a_word():
    with pytest.warns(UserWarning, match=r"2 outputs \('a', 'b'\): 'a' is looked at.*output='b'"):
        _load(_several())
    with pytest.raises(ValueError, match=r"output 'c' is none of the outputs"):
        _load(_several(), output="c")


def test_units_of_another_output_are_its_logits_too():
    model = _several()
    network = _load(model, output="b")
    step = next(nv.ascend(network, objectives.channel("tags", 1), recipe="tutorial13"))
    probability = model.predict(step.image[None], verbose=0)["a"][0, 1]
    assert step.loss == pytest.approx(float(np.log(probability / (1 - probability))), rel=1e-3)
