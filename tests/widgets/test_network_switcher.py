"""The networks of a panel: what may be given, what is offered with it, and which layer is shown first."""

from __future__ import annotations

import gc
from pathlib import Path

import keras
import pytest

import nbfeatviz as nv
from nbfeatviz.widgets import network_switcher as networks
from nbfeatviz.widgets.execution.worker import SameThread
from nbfeatviz.widgets.network_switcher import choices, shown, suggested_layer
from tests.synthesis.conftest import make_network


def test_the_embedded_ones_are_always_offered(net):
    assert list(choices(None)[0]) == ["efficientnet-lite0", "mnist-cnn"]
    offered, name = choices(net)
    assert (list(offered), name) == (["tiny", "efficientnet-lite0", "mnist-cnn"], "tiny")
    assert offered["tiny"].quick
    assert offered["tiny"].load() is net
    assert not offered["mnist-cnn"].quick


def test_a_dict_gives_names(net):
    offered, name = choices({"mine": net, "digits": "mnist-cnn"})
    assert (list(offered), name) == (["mine", "digits", "efficientnet-lite0", "mnist-cnn"], "mine")
    assert offered["digits"].load().name == "mnist-cnn"


def test_a_file_and_a_model(net, tmp_path: Path):
    path = tmp_path / "digits.keras"
    nv.load("mnist-cnn").model.save(path)
    with pytest.warns(UserWarning, match="range"):
        offered, name = choices(path)
    assert name == "digits"
    assert offered[name].load().contract.channels == 1


def test_an_embedded_network_is_loaded_once_and_shared_and_given_back(monkeypatch):
    first = choices(None)[0]["mnist-cnn"].load()
    assert choices(None)[0]["mnist-cnn"].load() is first
    del first
    gc.collect()
    assert "mnist-cnn" not in networks._shared


@pytest.mark.parametrize(
    ("net", "error", "sentence"),
    [
        ("mnist-cn", ValueError, "nearest: 'mnist-cnn'"),
        ({}, ValueError, "the dict of networks is empty"),
        ({"a": "inceptionv4"}, ValueError, "'InceptionV3'"),
        ("missing.keras", ValueError, "missing.keras"),
        (7, (TypeError, ValueError), "7"),
    ],
)
def test_what_is_no_network_is_refused_in_a_sentence(net, error, sentence: str):
    with pytest.raises(error, match=sentence):
        choices(net)


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_that_cannot_be_shown_are_refused(channels: int):
    with pytest.raises(ValueError, match=f"takes {channels} channels; a panel shows 1, 3 or 4"):
        choices(make_network(channels=channels))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pictures_that_can_be_shown(channels: int):
    net = make_network(channels=channels)
    assert shown(net) is net


def test_the_first_layer_to_see(net):
    assert suggested_layer(net) == "conv2"  # of two convolutions the one nearer two thirds
    picture = keras.Input((8, 8, 3), name="picture")
    left = keras.layers.Conv2D(3, 3, padding="same", name="left")(picture)
    merged = keras.layers.Add(name="sum")([picture, left])
    last = keras.layers.Conv2D(3, 3, name="last")(merged)
    assert suggested_layer(nv.load(keras.Model(picture, last), input_range=(0, 1))) == "sum"


def test_the_first_layer_of_a_network_without_any_convolution():
    picture = keras.Input((8, 8, 3), name="picture")
    x = keras.layers.Dense(2, name="dense")(keras.layers.Flatten(name="flat")(picture))
    assert suggested_layer(nv.load(keras.Model(picture, x), input_range=(0, 1))) == "flat"


def test_switches_of_the_network_give_back_what_they_took():
    """Objects, not bytes: what the allocator keeps of freed weights depends on when garbage is collected."""
    explorer = nv.FeatureExplorer(worker=SameThread())

    def weigh(switches: int) -> int:
        for _ in range(switches // 2):
            for name in explorer.panel.networks.offered:
                explorer.change("network", name)
        gc.collect()
        weights = (one for one in gc.get_objects() if isinstance(one, keras.Variable))
        return sum(one.value.numpy().nbytes for one in weights)

    before = weigh(4)
    assert weigh(12) - before <= 1e6
    explorer.close()
