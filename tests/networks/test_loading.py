"""From a name, a file or a model to a network; and a sentence for all that is none of these."""

from __future__ import annotations

import logging
import socket
import threading
import time
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks import loading
from nbfeatviz.networks.network import Network

PICTURE = np.random.default_rng(4).random((6, 6, 3), dtype=np.float32)


def _model(channels: int = 3, units: int = 3, activation: str = "softmax", name: str = "mine") -> keras.Model:
    x = keras.Input((6, 6, channels))
    y = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(x))
    return keras.Model(x, layers.Dense(units, activation=activation, name="head")(y), name=name)


def _load(model, **options) -> Network:
    return nv.load(model, **{"input_range": (0, 1), **options})


# What can be loaded


def test_the_default_is_efficientnet_lite0():
    default = nv.load()
    assert default.name == loading.DEFAULT == "efficientnet-lite0"
    assert default.trained
    assert len(default.class_names) == default.classes == 1000


def test_mnist():
    digits = nv.load("mnist-cnn")
    assert digits.class_names == tuple("0123456789")
    assert digits.contract.channels == 1
    blank = np.zeros((28, 28, 1), np.float32)
    assert sum(probability for *_, probability in digits.predict(blank, top=10)) == pytest.approx(1, abs=1e-5)


def test_a_network_of_keras_applications_without_weights(inception):
    assert not inception.trained
    assert "untrained" in repr(inception)
    assert inception.contract.size == (299, 299)
    assert inception.contract.low == (-1, -1, -1)
    assert inception.contract.high == (1, 1, 1)
    assert inception.call(inception.head_layer.path).operation.activation is keras.activations.linear


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_file(suffix: str, tmp_path: Path):
    model = _model()
    path = tmp_path / f"mine{suffix}"
    model.save(path)
    for given in (path, str(path)):
        network = _load(given)
        assert network.name == "mine"
        expected = np.asarray(model(PICTURE[None]))[0]
        found = {index: probability for index, _, probability in network.predict(PICTURE, top=3)}
        np.testing.assert_allclose([found[k] for k in range(3)], expected, rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_any_number_of_channels(channels: int):
    network = _load(_model(channels))
    picture = np.random.default_rng(0).random((6, 6, channels), dtype=np.float32)
    assert network.contract.channels == channels
    expected = int(np.argmax(network.model(picture[None])))
    assert network.predict(picture)[0][0] == expected


@pytest.mark.parametrize(("activation", "units"), [("softmax", 3), ("sigmoid", 3), ("sigmoid", 1)])
def test_predictions_are_the_users_models(activation: str, units: int):
    model = _model(units=units, activation=activation)
    predicted = _load(model).predict(PICTURE, top=units)
    expected = np.asarray(model(PICTURE[None]))[0]
    assert [index for index, *_ in predicted] == list(np.argsort(-expected))
    np.testing.assert_allclose([p for *_, p in predicted], np.sort(expected)[::-1], rtol=1e-5)


def test_the_users_model_is_not_altered():
    model = _model()
    config, weights, answers = model.get_config(), model.get_weights(), np.asarray(model(PICTURE[None]))
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    network = _load(model)
    network.predict(PICTURE)
    nv.receptive_field(network, "conv2d")
    assert model.get_config() == config
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    np.testing.assert_array_equal(model(PICTURE[None]), answers)
    assert all(np.array_equal(old, new) for old, new in zip(weights, model.get_weights(), strict=True))


def test_calling_the_networks_model_gives_no_warning():
    network = _load(_model())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.model(PICTURE[None])


def test_a_network_stays_what_it_is():
    network = _load(_model())
    assert nv.load(network) is network


# The input contract of a foreign model


def test_a_range_left_out_is_assumed_with_a_warning_that_points_at_the_caller():
    with pytest.warns(UserWarning, match=r"input range of 'mine' is not known: assumed 0 to 1, RGB.*input_range=") as r:
        network = nv.load(_model())
    assert [Path(warning.filename) for warning in r] == [Path(__file__)]
    assert (network.contract.low, network.contract.high) == ((0, 0, 0), (1, 1, 1))


def test_the_warning_points_at_the_caller_for_a_file_too(tmp_path: Path):
    _model().save(tmp_path / "mine.keras")
    with pytest.warns(UserWarning, match="assumed 0 to 1") as caught:
        nv.load(tmp_path / "mine.keras")
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]


@pytest.mark.parametrize("scale", [1 / 255, 1 / 127.5, [1 / 255, 1 / 255, 1 / 255]])
def test_a_rescaling_layer_tells_the_range(scale):
    x = keras.Input((6, 6, 3))
    model = keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Rescaling(scale, offset=0.0)(x))))
    with pytest.warns(UserWarning, match="assumed 0 to 255"):
        assert nv.load(model).contract.high == (255, 255, 255)


def test_a_stated_contract_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = nv.load(_model(), input_range=([-1, -2, -3], [1, 2, 3]), channel_order="bgr")
    np.testing.assert_array_equal(network.contract.apply(np.array([1, 0.5, 0], np.float32)), [-1, 0, 3])


def test_an_open_size_is_224_or_as_asked():
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    assert _load(model).contract.size == (224, 224)
    assert _load(model, size=50).contract.size == (50, 50)
    assert _load(model, size=(50, 60)).contract.size == (50, 60)


# Classes


def test_class_names_name_the_units_of_the_head():
    network = _load(_model(), class_names=["cat", "dog", "eel"])
    assert network.layers["head"].unit_names == ("cat", "dog", "eel")
    assert network.class_index("DOG") == 1
    assert {name for _, name, _ in network.predict(PICTURE)} == {"cat", "dog", "eel"}


def test_class_names_that_are_alike_are_told_apart():
    network = _load(_model(), class_names=["crane", "dog", "Crane"])
    assert network.class_names == ("crane (0)", "dog", "Crane (2)")
    assert network.class_index("crane (2)") == 2


def test_an_unknown_class_name_names_the_nearest():
    network = _load(_model(), class_names=["cat", "dog", "eel"])
    with pytest.raises(ValueError, match=r"no class 'dogg' in 'mine'; nearest: 'dog'"):
        network.class_index("dogg")


def test_a_class_name_without_names_asks_for_the_index():
    with pytest.raises(ValueError, match=r"'mine' has no class names, so 'dog' cannot be found: give the index"):
        _load(_model()).class_index("dog")


@pytest.mark.parametrize("index", [-1, 3, np.int64(99)])
def test_a_class_out_of_range_names_the_range(index):
    with pytest.raises(ValueError, match=r"out of range: 'mine' has classes 0 to 2"):
        _load(_model()).class_index(index)


@pytest.mark.parametrize("target", [1.0, True, None, [1]])
def test_a_class_of_another_type_is_refused(target):
    with pytest.raises(TypeError, match="a class is an index or a name"):
        _load(_model()).class_index(target)


def test_a_model_without_a_head_says_that_it_does_not_classify():
    x = keras.Input((6, 6, 3))
    network = _load(keras.Model(x, layers.Conv2D(2, 3)(x), name="maps"))
    assert not network.classifies
    assert _load(_model()).classifies
    with pytest.raises(ValueError, match=r"'maps' does not classify: its output is \(4, 4, 2\)"):
        network.predict(PICTURE)


def test_class_names_by_index():
    names = {1: "dog", 0: "cat", 2: "eel"}
    assert _load(_model(), class_names=names).class_names == ("cat", "dog", "eel")
    by_name = {name: index for index, name in names.items()}  # as Keras's generators have them
    assert _load(_model(), class_names=by_name).class_names == ("cat", "dog", "eel")


@pytest.mark.parametrize(
    "names", [{0: "cat", 2: "eel", 1: "dog", 3: "elk"}, {0: "cat", 1: "dog", 3: "elk"}, {0: "cat"}]
)
def test_class_names_that_do_not_name_every_output_are_refused(names: dict):
    with pytest.raises(ValueError, match="does not name every output|class names were given for 3 outputs"):
        _load(_model(), class_names=names)


# Names, weights, and models that cannot be looked into


@pytest.mark.parametrize(
    ("name", "nearest"), [("inceptionv3", "InceptionV3"), ("efficientnet-lite", "efficientnet-lite0"), ("vgg", "VGG1")]
)
def test_an_unknown_name_names_the_nearest(name: str, nearest: str):
    with pytest.raises(ValueError, match=rf"no network '{name}', and no such file; nearest: .*'{nearest}"):
        nv.load(name)


@pytest.mark.parametrize("thing", [5, None, np.zeros(3), layers.Flatten()])
def test_something_else_is_refused(thing):
    with pytest.raises(TypeError, match=r"a network is a name, a path or a keras\.Model, not"):
        nv.load(thing)


@pytest.fixture
def no_answer(monkeypatch):
    """A network that takes connections and never answers, as behind a firewall."""
    server = socket.create_server(("127.0.0.1", 0))
    connect, home = socket.create_connection, server.getsockname()
    monkeypatch.setattr(socket, "create_connection", lambda address, *rest, **more: connect(home, *rest, **more))
    monkeypatch.setattr("nbfeatviz.networks.zoo.applications._FETCH_SECONDS", 0.2)
    yield
    server.close()


def test_weights_behind_a_firewall_are_one_message_and_no_waiting(no_answer, capfd):
    began, before = time.monotonic(), socket.getdefaulttimeout()
    talks = keras.config.is_interactive_logging_enabled()
    with pytest.raises(ValueError, match=r"weights of 'MobileNet' could not be had.*use 'efficientnet-lite0'.*None"):
        nv.load("MobileNet")
    assert time.monotonic() - began < 15
    assert "Downloading" not in capfd.readouterr().out
    # What was changed for the attempt is as before.
    assert socket.getdefaulttimeout() == before
    assert keras.config.is_interactive_logging_enabled() == talks


def test_weights_offline_are_the_same_message(monkeypatch):
    def unreachable(*args, **settings):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(ValueError, match="With an internet connection Keras downloads them once; without one"):
        nv.load("MobileNet")


@pytest.mark.parametrize("weights", ["noisy-student", "file.h5", 5])
def test_unknown_weights(weights):
    with pytest.raises(ValueError, match=r"are unknown: give 'imagenet' or None"):
        nv.load("MobileNet", weights=weights)


def test_a_subclassed_model_is_told_how_to_wrap_itself():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(ValueError, match=r"subclassed model.*Wrap it: inputs = keras\.Input"):
        nv.load(Own())


def test_a_sequential_model_that_is_not_built():
    with pytest.raises(ValueError, match=r"is not built: start it with keras\.Input"):
        nv.load(keras.Sequential([layers.Dense(3)]))


@pytest.mark.parametrize("shape", [(10,), (10, 3), (4, 6, 6, 3), (6, 6, None)])
def test_a_model_without_a_picture_input(shape: tuple):
    x = keras.Input(shape)
    model = keras.Model(x, layers.ReLU()(x))
    with pytest.raises(ValueError, match=r"no picture\. Wanted is \(batch, height, width, channels\)"):
        nv.load(model)


def test_a_model_of_several_inputs():
    one, two = keras.Input((6, 6, 3), name="left"), keras.Input((6, 6, 3), name="right")
    with pytest.raises(ValueError, match=r"2 inputs \('left', 'right'\); one picture input is needed"):
        nv.load(keras.Model([one, two], layers.Add()([one, two])))


# Wrong options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"channel_order": "gbr"}, r"channel order 'gbr' is unknown: it is 'rgb' or 'bgr'"),
        ({"input_range": 255}, r"input_range 255 must be two values"),
        ({"input_range": (0, 1, 2)}, r"must be two values"),
        ({"input_range": (1, 0)}, r"is empty: the second must be larger"),
        ({"input_range": ((0, 0), 1)}, r"has 2 values for 3 channels"),
        ({"input_range": ("a", 1)}, r"'a' is not a number"),
        ({"size": 0}, r"size 0 is not a size"),
        ({"size": (6, 6, 3)}, r"is not a size: give one number or \(height, width\)"),
        ({"size": True}, r"size True is not a size"),
        ({"size": 6.0}, r"size 6\.0 is not a size"),
        ({"size": 9999}, r"each from 1 to 4096"),
        ({"size": 7}, r"size \(7, 7\) does not fit: 'mine' takes 6×6"),
        ({"class_names": ["a", "b"]}, r"2 class names were given for 3 outputs of 'mine'"),
    ],
)
def test_wrong_options_are_sentences(options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        _load(_model(), **options)


def test_one_text_is_not_a_sequence_of_class_names():
    with pytest.raises(TypeError, match="class_names is a sequence of names"):
        _load(_model(), class_names="abc")


def test_bgr_needs_three_channels():
    with pytest.raises(ValueError, match="'bgr' needs 3 channels; this network has 1"):
        _load(_model(channels=1), channel_order="bgr")


@pytest.mark.parametrize("name", ["mnist-cnn", "efficientnet-lite0", "InceptionV3"])
@pytest.mark.parametrize("options", [{"input_range": (0, 1)}, {"channel_order": "bgr"}, {"class_names": ["a"]}])
def test_an_option_that_would_be_ignored_is_refused(name: str, options: dict):
    option = next(iter(options))
    with pytest.raises(ValueError, match=rf"the {option} of '{name}' is known: leave out {option}="):
        nv.load(name, **options)


@pytest.mark.parametrize("name", loading.EMBEDDED)
def test_an_embedded_network_has_its_own_weights_and_size(name: str):
    with pytest.raises(ValueError, match="has its own weights: leave out weights=None"):
        nv.load(name, weights=None)
    with pytest.raises(ValueError, match=f"the size of '{name}' is known"):
        nv.load(name, size=100)


# Compiled functions


def test_functions_of_one_source_compile_without_a_warning_of_retracing():
    network, said = _load(_model()), []
    handler = logging.Handler()
    handler.emit = said.append
    tf.get_logger().addHandler(handler)
    try:
        for k in range(12):
            network.compiled(("several", k), lambda k=k: lambda x: x + k)(tf.constant(1.0))
    finally:
        tf.get_logger().removeHandler(handler)
    assert not said


def test_compiled_functions_are_kept_bounded_and_the_oldest_go_first():
    network = _load(_model())
    functions = {k: network.compiled(k, lambda: lambda x: x + 1) for k in range(24)}
    assert network.compiled(0, lambda: pytest.fail("compiled twice")) is functions[0]
    network.compiled(24, lambda: lambda x: x)
    assert network.compiled(0, lambda: pytest.fail("0 was used last")) is functions[0]
    assert network.compiled(1, lambda: lambda x: x) is not functions[1]


def test_predicting_again_compiles_nothing():
    network = _load(_model())
    network.predict(PICTURE)
    assert network.is_compiled(("predict", (1, 6, 6, 3)))
    function = network.compiled(("predict", (1, 6, 6, 3)), lambda: pytest.fail("compiled twice"))
    for _ in range(3):
        network.predict(PICTURE)
    assert function.experimental_get_tracing_count() == 1


def test_threads_share_one_compiled_function():
    network = _load(_model())
    made: list = []
    threads = [
        threading.Thread(target=lambda: made.append(network.compiled("key", lambda: lambda x: x))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(function) for function in made}) == 1


# Answers that cannot be had or relied on


def test_a_size_that_no_memory_holds_is_refused_at_once():
    x = keras.Input((1_000_000, 1_000_000, 3))
    model = keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)), name="vast")
    with pytest.raises(ValueError, match=r"'vast' takes pictures of 1000000×1000000; a side of at most 4096"):
        nv.load(model)


def test_channels_first_is_refused_with_the_way_to_turn_it():
    x = keras.Input((3, 8, 8))
    y = layers.Conv2D(4, 3, data_format="channels_first", name="conv")(x)
    model = keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D(data_format="channels_first")(y)))
    with pytest.raises(
        ValueError, match=r"'conv' is channels_first, and 1 more.*set_image_data_format\('channels_last'\)"
    ):
        nv.load(model)


class Noisy(layers.Layer):
    """Draws random numbers whatever it is told."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dropout = layers.Dropout(0.5, seed=1)

    def call(self, inputs):
        return self.dropout(inputs, training=True)


def test_answers_that_differ_from_call_to_call_are_said_and_repeated_here():
    x = keras.Input((6, 6, 3))
    y = layers.GlobalAveragePooling2D()(Noisy(name="noisy")(layers.Conv2D(8, 3)(x)))
    model = keras.Model(x, layers.Dense(3, activation="softmax")(y))
    with pytest.warns(UserWarning, match=r"differently from call to call.*'noisy' \(Noisy\)"):
        network = _load(model)
    before = np.asarray(model.layers[2].dropout.seed_generator.state)
    assert network.predict(PICTURE) == network.predict(PICTURE)
    np.testing.assert_array_equal(nv.saliency(network, PICTURE, 0), nv.saliency(network, PICTURE, 0))
    np.testing.assert_array_equal(model.layers[2].dropout.seed_generator.state, before)


def test_layers_of_ones_own_that_draw_nothing_are_not_said(recwarn):
    class Doubled(layers.Layer):
        def call(self, inputs):
            return inputs * 2

    x = keras.Input((6, 6, 3))
    _load(keras.Model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(Doubled()(x)))))
    assert not recwarn.list
