"""Every method is started in the same way and gives what its function gives."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.partial import finished
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import make_pooled

FUNCTIONS = {
    "gradient": nv.saliency,
    "guided": lambda *a: nv.saliency(*a, gradient="guided"),
    "rectified": lambda *a: nv.saliency(*a, gradient="rectified"),
    "gradient-times-input": nv.gradient_times_input,
    "smooth-grad": nv.smooth_grad,
    "var-grad": nv.var_grad,
    "integrated-gradients": nv.integrated_gradients,
    "grad-cam": nv.grad_cam,
    "grad-cam++": nv.grad_cam_plus_plus,
    "layer-cam": nv.layer_cam,
    "score-cam": nv.score_cam,
    "cam": nv.cam,
    "guided-grad-cam": nv.guided_grad_cam,
    "occlusion": nv.occlusion,
}


def test_all_are_there():
    assert list(METHODS) == list(FUNCTIONS)
    assert all(method.name == name for name, method in METHODS.items())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_method_gives_what_its_function_gives(pooled, image, name):
    method = METHODS[name]
    partials = list(method.start(asked(pooled, image, 1)))
    result = partials[-1].map
    np.testing.assert_array_equal(result, FUNCTIONS[name](pooled, image, 1))
    assert result.dtype == np.float32
    assert result.ndim == (3 if method.family == "saliency" or name == "guided-grad-cam" else 2)
    assert partials[-1].done == partials[-1].total
    assert (result < 0).any() or not method.signed
    assert method.signed or not (result < 0).any()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_without_waiting_it_traces_nothing_and_gives_the_same(pooled, image, name):
    network = make_pooled()
    found = finished(METHODS[name].start(asked(network, image, 1), eager=True))
    assert not network._compiled
    np.testing.assert_allclose(found, FUNCTIONS[name](pooled, image, 1), rtol=1e-3, atol=1e-5)


def test_layers_are_for_the_cams(pooled, image):
    question = asked(pooled, image, 1)
    for method in METHODS.values():
        if method.family == "cam" and method.name != "cam":
            assert finished(method.start(question, layer="conv1")).shape[:2] == (12, 12)
