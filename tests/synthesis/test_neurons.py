"""Single neurons of several layers: whole pictures, and zoomed into what each neuron sees."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives

from .conftest import make_network


def test_each_view_is_the_run_of_that_neuron(net):
    views = nv.neuron_views(net, ["conv1", "conv2"], unit=[3, 1], steps=3, seed=4)
    for view, layer, unit in zip(views, ("conv1", "conv2"), (3, 1), strict=True):
        alone = nv.maximize(net, objectives.neuron(layer, unit), recipe="tutorial13", steps=3, seed=4)
        assert np.array_equal(view.whole, alone.image)
        assert view.visualization.settings == alone.settings
        assert (view.layer, view.unit) == (layer, unit)
        assert view.box == nv.receptive_field(net, layer).box(view.row, view.col)


def test_the_field_is_all_that_changes():
    digits = nv.load("mnist-cnn")
    (view,) = nv.neuron_views(digits, "conv1", unit=2, row=4, col=9, steps=3)
    start = next(nv.ascend(digits, objectives.neuron("conv1", 2, 4, 9), recipe="tutorial13")).image
    assert view.box == (3, 8, 6, 11)
    assert np.array_equal(view.zoomed, view.whole[3:6, 8:11])
    changed = (view.whole != start).any(axis=-1)
    assert changed[3:6, 8:11].any()
    changed[3:6, 8:11] = False
    assert not changed.any()


def test_the_middle_also_where_the_network_leaves_its_size_open():
    network = make_network(size=(None, None), flatten=False)
    size = network.contract.size
    (view,) = nv.neuron_views(network, ["conv1"], steps=1)
    assert (view.row, view.col) == (size[0] // 2, size[1] // 2)


def test_every_step_is_told_with_its_layer(net):
    told = []
    nv.neuron_views(net, ("conv1", "conv2"), steps=2, on_step=lambda layer, step: told.append((layer, step.index)))
    assert told == [("conv1", 0), ("conv1", 1), ("conv2", 0), ("conv2", 1)]


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"layers": []}, ValueError, "at least one"),
        ({"layers": ["conv1", "con2"]}, ValueError, "no layer 'con2'"),
        ({"layers": ["conv1", "head"]}, ValueError, "no positions"),
        ({"layers": ["conv1", "conv2"], "unit": [1]}, ValueError, "1 units do not suit 2 layers"),
        ({"layers": ["conv1", "conv2"], "unit": [0, 5]}, ValueError, "unit 5"),
        ({"layers": None}, TypeError, "layers are paths, strings, not None"),
        ({"layers": "conv1", "row": 16}, ValueError, "row 16"),
        ({"layers": "conv1", "net": "conv1"}, TypeError, "is not a Network"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(net, wrong, error, says):
    def never(layer, step):
        pytest.fail("a step was computed")

    with pytest.raises(error, match=says):
        nv.neuron_views(**{"net": net, "on_step": never, **wrong})
