"""Kinds of models × operations: the right value, the same again, and a model that is not altered.

What is right is `model.predict` and tapes written out in `expected.py`. A further kind is one function with `@kind`
above it, in one of the modules of `table.py`.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from tests.models import expected
from tests.models.kinds import Kind
from tests.models.table import KINDS
from tests.models.unaltered import state_of

STEPS = 3


class Case:
    """One kind, loaded once; every operation is done twice in a row."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.picture = expected.some_picture(kind)
        self.predicted = expected.predicted(kind, self.picture)
        self.classifies = self.predicted.ndim == 1
        self.several = self.classifies and len(self.predicted) > 1
        self.unit = 1 if self.several else 0
        self.difference = kind.head == "softmax" and kind.logits is None and not kind.ends_in_logits
        self.before = state_of(kind.model)

    @cached_property
    def net(self) -> nv.Network:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an assumed range is told
            return nv.load(self.kind.model, **self.kind.options)

    @property
    def target(self) -> Any:
        """A class (of a model that does not classify, a unit of its output), where its logit is known from outside."""
        if self.difference:
            return self.rather
        return self.unit if self.classifies else objectives.channel(self.net.head_layer.path, self.unit)

    @property
    def rather(self) -> Any:
        """Class 0 less class 1, where there are several."""
        return objectives.class_logit(0) - objectives.class_logit(1) if self.several else self.target

    def right(self, output: Any) -> Any:
        """The value of `rather`, (n,), by the model's output."""
        if self.several:
            return expected.difference_of(self.kind, output)
        return expected.unit_of(self.kind, output, None, self.unit)

    @cached_property
    def prediction(self) -> Any:
        return _twice(lambda: self.net.predict(self.picture, top=99))

    @cached_property
    def activations(self) -> Any:
        return _twice(lambda: nv.activations(self.net, self.picture, self.kind.layer))

    @cached_property
    def saliency(self) -> Any:
        return _twice(lambda: nv.saliency(self.net, self.picture, self.rather))

    @cached_property
    def grad_cam(self) -> Any:
        layer = self.kind.layer
        return _twice(lambda: nv.grad_cam(self.net, self.picture, self.target, layer=layer, resize=False))

    @cached_property
    def integrated_gradients(self) -> Any:
        return _twice(lambda: nv.integrated_gradients(self.net, self.picture, self.rather, steps=STEPS, spacing="even"))

    @cached_property
    def maximized(self) -> Any:
        """Two runs: the steps of each, and its last picture."""

        def run() -> Any:
            steps: list[Any] = []
            objective = objectives.channel(self.kind.layer, 1)
            settings: dict[str, Any] = {"recipe": "tutorial13", "steps": STEPS, "seed": 3, "precision": "float32"}
            image = nv.maximize(self.net, objective, on_step=steps.append, **settings).image
            return steps, image

        return run(), run()


def _twice(ask: Any) -> Any:
    first, second = ask(), ask()
    np.testing.assert_array_equal(first, second)
    return first


@pytest.fixture(scope="module", params=list(KINDS))
def case(request: pytest.FixtureRequest) -> Case:
    return Case(KINDS[request.param]())


def _close(found: Any, right: Any, tolerance: float) -> None:
    """Nearly equal, by the largest value; and what is right says something."""
    right = np.asarray(right, np.float64)
    largest = np.abs(right).max()
    assert 1e-6 < largest < 1e6
    assert np.shape(found) == right.shape
    np.testing.assert_allclose(found, right, rtol=0, atol=tolerance * largest)


def test_the_kind_written_out_by_hand_is_the_model(case: Case):
    """Not of the package: what the other tests expect is right."""
    kind, pictures = case.kind, case.picture[None]
    by_hand = expected.inference(lambda x: kind.after(kind.before(x), x), expected.network_input(kind, pictures))
    _close(np.asarray(by_hand, np.float64)[0], case.predicted, kind.tolerance)
    _close(np.asarray(expected.answer(kind, pictures), np.float64)[0], case.predicted, kind.tolerance)
    if kind.logits is not None:
        x = expected.network_input(kind, pictures)
        logits = np.asarray(expected.inference(lambda x: kind.logits(kind.before(x), x), x), np.float64)[0]
        ends = {
            "softmax": np.exp(logits) / np.exp(logits).sum(-1, keepdims=True),
            "sigmoid": 1 / (1 + np.exp(-logits)),
            "linear": logits,
        }
        _close(logits if kind.ends_in_logits else ends[kind.head], case.predicted, kind.tolerance)


def test_predict(case: Case):
    assert case.net.head == case.kind.head
    assert case.net.classifies == case.classifies
    if not case.classifies:
        with pytest.raises(ValueError, match="does not classify"):
            case.net.predict(case.picture)
        return
    right = expected.as_probabilities(case.kind, case.predicted)
    assert sorted(index for index, _, _ in case.prediction) == list(range(len(right)))
    _close([value for _, _, value in sorted(case.prediction)], right, case.kind.tolerance)
    values = [value for _, _, value in case.prediction]
    assert values == sorted(values, reverse=True)


def test_activations(case: Case):
    right = np.asarray(expected.hidden(case.kind, case.picture[None]), np.float64)[0]
    _close(case.activations, right, case.kind.tolerance)


def test_saliency(case: Case):
    """The logarithms of two probabilities differ as their logits do, so that nothing need be known of the logits."""
    kind = case.kind
    right = expected.gradient(kind, lambda pictures: case.right(expected.answer(kind, pictures)), case.picture[None])
    _close(case.saliency, right, kind.tolerance)


def test_grad_cam(case: Case):
    """Of one class: its logit is computed by hand, where that can be done."""
    if not case.kind.grad_cam:
        with pytest.raises(ValueError, match="needs rows and columns"):
            nv.grad_cam(case.net, case.picture, case.target, layer=case.kind.layer)
        return
    right = expected.grad_cam(case.kind, case.picture, case.unit, difference=case.difference)
    _close(case.grad_cam, right, case.kind.tolerance)


def test_integrated_gradients(case: Case):
    kind = case.kind
    right = expected.integrated_gradients(
        kind, lambda pictures: case.right(expected.answer(kind, pictures)), case.picture, STEPS
    )
    _close(case.integrated_gradients, right, kind.tolerance)


def test_maximize(case: Case):
    (steps, image), (steps_again, image_again) = case.maximized
    np.testing.assert_array_equal(image, image_again)
    assert [step.loss for step in steps] == [step.loss for step in steps_again]
    assert len(steps) == STEPS and np.isfinite(image).all() and 0 <= image.min() < image.max() <= 1
    for step in steps:
        a = np.asarray(expected.hidden(case.kind, step.image[None]), np.float64)
        assert step.loss == pytest.approx(a[..., 1].mean(), abs=case.kind.tolerance * np.abs(a).max())
    assert np.abs(steps[0].image - steps[1].image).max() > 1e-4


def test_the_model_is_not_altered(case: Case):
    """After loading and everything that the tests above do, also if this test is run alone."""
    _ = case.activations, case.saliency, case.integrated_gradients, case.maximized
    if case.classifies:
        _ = case.prediction
    if case.kind.grad_cam:
        _ = case.grad_cam
    after = state_of(case.kind.model)
    for name, value in case.before.items():
        assert after[name] == value, name
    np.testing.assert_array_equal(expected.predicted(case.kind, case.picture), case.predicted)
