"""The Compare tab's answers: maps with their areas, what is left out and why, and the randomization check."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.widgets.execution.chunked_task import ResultCache
from nbfeatviz.widgets.tabs.photo import comparisons
from tests.synthesis.conftest import make_network
from tests.widgets.tabs.photo.test_results import PICTURE, view_of


def _maps(found):
    return [dispatch for dispatch in found if dispatch.buffers]


def test_compared_maps_have_their_areas_and_are_kept(net, counted):
    kept = ResultCache()
    shown = [
        dispatch
        for dispatch in comparisons.compared(view_of(net, 1, kept), ("gradient", "grad-cam"))
        if dispatch.buffers
    ]
    assert [dispatch.content["method"] for dispatch in shown] == ["gradient", "grad-cam"]
    for dispatch, raw in zip(shown, (nv.saliency(net, PICTURE, 1), nv.grad_cam(net, PICTURE, 1)), strict=True):
        curves = nv.deletion_insertion(net, PICTURE, raw, 1, steps=comparisons.FAITHFULNESS_STEPS)
        assert dispatch.content["deletion"] == pytest.approx(curves.deletion_auc, abs=1e-3)
        assert dispatch.content["insertion"] == pytest.approx(curves.insertion_auc, abs=1e-3)
    again = [
        dispatch
        for dispatch in comparisons.compared(view_of(net, 1, kept), ("gradient", "grad-cam"))
        if dispatch.buffers
    ]
    assert len(counted) == 1
    assert [dispatch.content for dispatch in again] == [dispatch.content for dispatch in shown]


def test_progress_of_a_comparison_never_goes_back(net):
    done = [a.done / a.total for a in comparisons.compared(view_of(net, 1), ("gradient", "smooth-grad", "occlusion"))]
    assert done == sorted(done)
    assert done[-1] == 1


def _kinds(found):
    """The methods that are shown, and what the page is told at last of those that are left out."""
    contents = [dispatch.content for dispatch in found if dispatch.content]
    left = [content["entries"] for content in contents if content["kind"] == "left-out"]
    return [content["method"] for content in contents if content["kind"] == "compared"], left


def test_a_method_that_cannot_be_is_left_out_and_said(net):
    shown, left = _kinds(comparisons.compared(view_of(net, 1), ("gradient", "cam", "layer-cam")))
    assert shown == ["gradient", "layer-cam"]
    assert left[0] == [], "those of the comparison before are not about this one"
    ((titles, reason),) = left[-1]
    assert (titles, reason[:50]) == ("CAM", "plain CAM needs a head of global average pooling a")


def make_dense(activation="relu"):
    """A network without rows and columns: two dense layers."""
    picture = keras.Input((16, 16, 3), name="picture")
    x = keras.layers.Dense(8, activation=activation, name="hidden")(keras.layers.Flatten(name="flat")(picture))
    return nv.load(keras.Model(picture, keras.layers.Dense(3, name="head")(x)), input_range=(0, 1))


def test_of_a_network_of_dense_layers_all_is_compared_that_can_be():
    shown, left = _kinds(
        comparisons.compared(view_of(make_dense(), 1), ("gradient", "guided", "grad-cam", "layer-cam"))
    )
    assert shown == ["gradient", "guided"]
    ((titles, reason),) = left[-1]
    assert titles == "Grad-CAM, LayerCAM"
    assert "no layer before 'head' has rows and columns" in reason
    shown, left = _kinds(comparisons.compared(view_of(make_dense("tanh"), 1), ("gradient", "guided", "grad-cam")))
    assert shown == ["gradient"]
    assert [titles for titles, _ in left[-1]] == ["Guided backpropagation", "Grad-CAM"]
    assert "the activations are tanh" in left[-1][0][1]


def test_where_nothing_can_be_compared_it_is_an_error():
    with pytest.raises(ValueError, match="no layer before 'head' has rows and columns"):
        list(comparisons.compared(view_of(make_dense(), 1), ("grad-cam", "layer-cam")))


def test_a_map_that_says_nothing_has_no_scores_but_a_reason():
    network = make_network()
    head = network.model.get_layer("head")
    head.set_weights([np.zeros_like(head.kernel), np.ones(3, np.float32)])
    for _ in range(2):
        contents = [a.content for a in _maps(comparisons.compared(view_of(network, 1), ("gradient", "grad-cam")))]
        assert [content["deletion"] for content in contents] == [None, None]
        assert [content["insertion"] for content in contents] == [None, None]
        assert all("is 0" in content["note"] for content in contents)
    first, *_ = comparisons.randomized(view_of(network, 1), "gradient")
    assert first.content["note"].startswith("the gradient of 'bee' (whose value is 1) is 0 at every pixel")


def test_the_sanity_check_is_the_headless_one_and_kept(net, monkeypatch):
    kept = ResultCache()
    stages = list(comparisons.randomized(view_of(net, 1, kept), "gradient"))
    expected = nv.randomization_check(net, PICTURE, 1, stages=comparisons.RANDOMIZED_STAGES)
    assert [stage.content["layer"] for stage in stages] == [stage.layer or "" for stage in expected]
    for stage, other in zip(stages, expected, strict=True):
        assert stage.content["similarity"] == pytest.approx(other.similarity, abs=0.02)
    monkeypatch.setattr(comparisons, "randomization_stages", lambda *_, **__: pytest.fail("computed again"))
    again = list(comparisons.randomized(view_of(net, 1, kept), "gradient"))
    assert [stage.content for stage in again] == [stage.content for stage in stages]


def test_a_check_that_was_cancelled_is_not_kept_as_if_complete(net):
    kept = ResultCache()
    steps = comparisons.randomized(view_of(net, 1, kept), "gradient")
    next(steps)
    steps.close()
    assert len(list(comparisons.randomized(view_of(net, 1, kept), "gradient"))) > 1
