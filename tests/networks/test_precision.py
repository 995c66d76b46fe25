"""Precision: measured once a machine and network, kept in a file that may hold anything, never an error."""

from __future__ import annotations

import json
import logging
import math

import keras
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks import precision
from nbfeatviz.networks.precision import Mode, measured, mode


def network(name="tiny", **more):
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv", **more)(inputs)
    return nv.load(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name=name), input_range=(0, 1))


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file in a folder of its own; every network is large enough to be measured."""
    monkeypatch.setattr(precision, "path", lambda: tmp_path / "folder" / "precision.json")
    monkeypatch.setattr(precision, "SMALL", 0)
    return tmp_path / "folder" / "precision.json"


def remember(kept, net, **times):
    kept.parent.mkdir(exist_ok=True)
    key = f"{precision._machine()} | {precision.fingerprint(net)}"
    kept.write_text(json.dumps({key: times}))


def test_a_small_network_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "path", lambda: tmp_path / "precision.json")
    assert mode(network()) == Mode("float32")
    assert not (tmp_path / "precision.json").exists()


def test_what_is_asked_for_is_taken(kept):
    assert mode(network(), "bfloat16") == Mode("bfloat16")
    assert mode(network(), "float32") == Mode("float32")
    assert not kept.exists()


@pytest.mark.parametrize(("half", "wanted"), [(8.9, "bfloat16"), (9.1, "float32"), (math.inf, "float32")])
def test_half_the_bits_must_win_clearly(kept, half, wanted):
    net = network()
    remember(kept, net, float32=10.0, bfloat16=half)
    assert mode(net) == Mode(wanted)


def test_it_is_measured_once_and_kept(kept, caplog):
    with caplog.at_level(logging.INFO, "nbfeatviz"):
        first = mode(network())
    assert "float32" in caplog.text
    assert "bfloat16" in caplog.text
    (row,) = json.loads(kept.read_text()).values()
    assert set(row) == {"float32", "bfloat16"}
    caplog.clear()
    with caplog.at_level(logging.INFO, "nbfeatviz"):
        assert mode(network()) == first  # another Network of the same layers
        assert caplog.text == ""
        mode(network(padding="same"))
    assert "bfloat16" in caplog.text  # of other layers
    assert len(json.loads(kept.read_text())) == 2


@pytest.mark.parametrize("text", ["", "no json", "[1, 2]", '{"a": 3}', '{"a": {"float32": "fast"}}', "[" * 100_000])
def test_a_file_that_holds_something_else_is_written_anew(kept, text):
    kept.parent.mkdir()
    kept.write_text(text)
    mode(network())
    assert len(json.loads(kept.read_text())) == 1


@pytest.mark.parametrize("times", [{"float32": -1, "bfloat16": 2}, {"float32": 3}, {"float32": True, "bfloat16": 1}])
def test_times_that_cannot_be_are_measured_again(kept, times):
    net = network()
    remember(kept, net, **times)
    mode(net)
    assert all(value > 0 and value is not True for value in json.loads(kept.read_text()).popitem()[1].values())


def test_a_folder_that_cannot_be_written_to(kept, caplog):
    kept.parent.write_text("a file where the folder should be")
    with caplog.at_level(logging.INFO, "nbfeatviz"):
        assert mode(network()).precision in ("float32", "bfloat16")
    assert "cannot be kept" in caplog.text


def test_a_network_that_cannot_be_computed_is_no_error_yet(kept, caplog):
    class Failing(keras.layers.Layer):
        fails = False

        def call(self, inputs):
            if self.fails:
                raise RuntimeError("out of order")
            return inputs

    inputs = keras.Input((12, 12, 3))
    net = nv.load(keras.Model(inputs, Failing()(keras.layers.Conv2D(4, 3)(inputs))), input_range=(0, 1))
    Failing.fails = True
    with caplog.at_level(logging.INFO, "nbfeatviz"):
        assert mode(net) == Mode("float32")
    assert "out of order" in caplog.text


def test_a_model_with_a_precision_of_its_own_keeps_it(kept):
    assert mode(network(dtype="mixed_bfloat16"), "bfloat16") == Mode("float32")
    assert not kept.exists()


def test_xla_is_a_way_too(kept):
    """As on a GPU, where each way is compiled."""
    times = measured(network(), [Mode("float32"), Mode("float32", xla=True)], compiled=True)
    assert all(0 < value < math.inf for value in times.values())


@pytest.mark.parametrize("wrong", ["float16", "", None, 32])
def test_another_precision_is_refused(wrong):
    with pytest.raises(ValueError, match="'auto', 'float32' or 'bfloat16'"):
        nv.ascend(network(), objectives.channel("conv", 1), precision=wrong)


def test_the_settings_say_which_it_was(kept):
    net = network()
    remember(kept, net, float32=10.0, bfloat16=3.0)
    found = nv.maximize(net, objectives.channel("conv", 1), steps=2)
    assert found.settings.precision == "bfloat16"
    assert "precision='bfloat16'" in found.settings.code()
    again = nv.maximize(net, objectives.channel("conv", 1), steps=2, precision="bfloat16")
    exact = nv.maximize(net, objectives.channel("conv", 1), steps=2, precision="float32")
    assert (found.image == again.image).all()
    assert (found.image != exact.image).any()
    assert exact.settings.precision == "float32"
