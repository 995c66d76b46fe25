"""LayerTreeView: the rows of a network, names passed on as data."""

from __future__ import annotations

import keras
import pytest

import nbfeatviz as nv
from nbfeatviz.widgets.comm.frontend import Commands
from nbfeatviz.widgets.layer_tree import LayerTreeView


@pytest.fixture
def view() -> LayerTreeView:
    return LayerTreeView(commands=Commands())


def test_a_row_for_every_entry_in_order(view: LayerTreeView):
    net = nv.load("mnist-cnn")
    view.show(net.layers)
    entries = list(net.layers.walk())
    assert [row["path"] for row in view.rows] == [entry.path for entry in entries]
    assert [row["selectable"] for row in view.rows] == [entry.selectable for entry in entries]
    assert [row["group"] for row in view.rows] == [bool(entry.children) for entry in entries]
    convolution = next(row for row in view.rows if row["kind"] == "Conv2D")
    layer = net.layers[convolution["path"]]
    assert convolution["units"] == layer.units
    assert convolution["shape"] == " × ".join(map(str, layer.output_shape or ()))


def test_entries_inside_groups_are_deeper(view: LayerTreeView):
    picture = keras.Input((None, None, 3), name="picture")
    x = keras.layers.Conv2D(2, 3, name="block1_conv1")(picture)
    x = keras.layers.Conv2D(2, 3, name="block1_conv2")(x)
    view.show(nv.load(keras.Model(picture, x), input_range=(0, 1)).layers)
    depths = {row["path"]: row["depth"] for row in view.rows}
    assert depths["picture"] == depths["block1_…"] == 1
    assert depths["block1_conv1"] == depths["block1_conv2"] == 2
    assert next(row["shape"] for row in view.rows if row["path"] == "block1_conv1") == "? × ? × 2"


def test_names_are_data(view: LayerTreeView):
    name = "<script>alert(1)<:script>"
    picture = keras.Input((8, 8, 3), name="picture")
    view.show(nv.load(keras.Model(picture, keras.layers.Conv2D(2, 3, name=name)(picture)), input_range=(0, 1)).layers)
    assert view.rows[-1]["name"] == view.rows[-1]["path"] == name


def test_no_network_has_no_rows(view: LayerTreeView):
    view.show(nv.load("mnist-cnn").layers)
    view.show(None)
    assert view.rows == []
