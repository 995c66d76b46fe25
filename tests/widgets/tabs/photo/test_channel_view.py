"""ChannelView: one channel over the photo, and the neuron that is picked in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.question import asked
from nbfeatviz.widgets.execution.chunked_task import Result, ResultCache
from nbfeatviz.widgets.tabs.photo import results as results
from nbfeatviz.widgets.tabs.photo.channel_view import ChannelView
from tests.synthesis.conftest import make_network

PICTURE = np.random.default_rng(3).random((16, 16, 3), dtype=np.float32)


class Rig:
    """Answers at once."""

    def __init__(self, network: Any) -> None:
        self.network, self.got = network, []
        self.view = results.View(asked(network, PICTURE, 0), "photo", ResultCache())
        self.channels = ChannelView(lambda: self.network, self.begin)

    def begin(self, start: Any) -> None:
        self.got = [dispatch.content for dispatch in start(self.view)]


@pytest.fixture
def controller(net):
    return Rig(net)


def test_a_channel_in_full(controller, net):
    controller.channels.open("conv2", 3)
    (channel,) = controller.got
    values = nv.activations(net, PICTURE, "conv2")[..., 3]
    assert (channel["kind"], channel["layer"], channel["unit"], channel["shape"]) == ("channel", "conv2", 3, (8, 8))
    assert channel["mean"] == pytest.approx(values.mean(), abs=1e-6)
    assert channel["max"] == pytest.approx(values.max(), abs=1e-6)
    assert controller.channels.shown == ("conv2", 3, None, None)


@pytest.mark.parametrize("unit", [5, -1, True, 2.0, "3", None, [], 10**30], ids=repr)
def test_a_channel_that_does_not_exist_is_a_sentence_and_the_view_stays(controller, unit: Any):
    controller.channels.open("conv2", 1)
    with pytest.raises(ValueError, match="'conv2' has channels 0 to 4"):
        controller.channels.open("conv2", unit)
    assert controller.channels.shown == ("conv2", 1, None, None)


def test_a_layer_without_positions_has_bars_and_no_pictures(controller):
    with pytest.raises(ValueError, match="'head' has no positions"):
        controller.channels.open("head", 0)


def test_a_view_that_cannot_begin_is_not_opened(net):
    def refuse(start: Any) -> None:
        raise ValueError("there is no photo.")

    channels = ChannelView(lambda: net, refuse)
    with pytest.raises(ValueError, match="no photo"):
        channels.open("conv2", 0)
    assert channels.again() is None


def test_nothing_can_be_picked_before_a_channel_is_open(controller):
    for act in (
        lambda: controller.channels.position(0.5, 0.5),
        lambda: controller.channels.move(1, 0),
        lambda: controller.channels.shown,
    ):
        with pytest.raises(ValueError, match="no channel is open"):
            act()


def test_a_position_is_the_neuron_with_its_value_and_field(controller, net):
    controller.channels.open("conv2", 3)
    controller.channels.position(0.3, 0.8)
    (field,) = controller.got
    assert (field["row"], field["col"]) == (2, 6)
    assert field["value"] == pytest.approx(nv.activations(net, PICTURE, "conv2")[2, 6, 3], abs=1e-6)
    top, left, bottom, right = nv.receptive_field(net, "conv2").box(2, 6)
    assert field["box"] == (top / 16, left / 16, bottom / 16, right / 16)
    assert controller.channels.shown == ("conv2", 3, 2, 6)


@pytest.mark.parametrize(
    ("point", "place"), [((0, 0), (0, 0)), ((1, 1), (7, 7)), ((-5, 1e300), (0, 7)), ((0.5, 0.4999), (4, 3))]
)
def test_points_outside_are_the_nearest_neuron(controller, point: Any, place: Any):
    controller.channels.open("conv2", 0)
    controller.channels.position(*point)
    assert controller.channels.shown[2:] == place


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_point_that_is_none_is_a_sentence(controller, value: float):
    controller.channels.open("conv2", 0)
    controller.channels.position(0.1, 0.1)
    for point in ((value, 0.5), (0.5, value)):
        with pytest.raises(ValueError, match="fractions of the picture"):
            controller.channels.position(*point)
    assert controller.channels.shown[2:] == (0, 0)


def test_arrow_keys_begin_in_the_middle_and_stop_at_the_border(controller):
    controller.channels.open("conv2", 0)
    controller.channels.move(1, 0)
    assert controller.channels.shown[2:] == (4, 4)
    controller.channels.move(1, -1)
    assert controller.channels.shown[2:] == (5, 3)
    controller.channels.move(10**30, -(10**30))
    assert controller.channels.shown[2:] == (7, 0)


def test_another_channel_forgets_the_neuron(controller):
    controller.channels.open("conv2", 0)
    controller.channels.move(0, 0)
    controller.channels.open("conv2", 1)
    assert controller.channels.shown == ("conv2", 1, None, None)
    controller.channels.close()
    assert controller.channels.again() is None


def test_a_neuron_picked_before_the_channel_came_brings_the_channel_too(net):
    waiting: list[Any] = []
    channels = ChannelView(lambda: net, waiting.append)
    channels.open("conv2", 2)
    channels.position(0, 0)  # this answer takes the place of the one before
    view = Rig(net).view
    kinds = [(dispatch.content or {})["kind"] for dispatch in waiting[-1](view)]
    assert kinds == ["channel", "field"]
    channels.position(1, 1)
    assert [(dispatch.content or {})["kind"] for dispatch in waiting[-1](view)] == ["field"]


def test_all_of_it_again_for_a_page_that_has_come_back(controller):
    controller.channels.open("conv2", 2)
    controller.begin(controller.channels.again())
    assert [content["kind"] for content in controller.got] == ["grid", "channel"]
    controller.channels.position(0.5, 0.5)
    controller.begin(controller.channels.again())
    assert [content["kind"] for content in controller.got] == ["grid", "channel", "field"]


def test_a_network_that_leaves_its_sizes_open_has_as_many_neurons_as_the_photo_gives():
    controller = Rig(make_network(size=(None, None), flatten=False))
    size = controller.view.question.picture.shape[0] // 2
    controller.channels.open("conv2", 0)
    controller.channels.position(0.999, 0.5)
    assert controller.channels.shown[2:] == (size - 1, size // 2)


def test_answers_are_answers(controller):
    controller.channels.open("conv2", 0)
    assert all(isinstance(dispatch, Result) for dispatch in controller.channels.again()(controller.view))
