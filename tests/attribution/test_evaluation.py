"""Deletion and insertion curves are the scores of pictures that can be made by hand."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.evaluation import deletion_insertion_steps
from nbfeatviz.attribution.question import asked


def _probability(network, picture, target):
    return {index: share for index, _, share in network.predict(picture, top=3)}[target]


def test_each_point_is_the_score_of_its_picture(pooled, image):
    order = np.random.default_rng(3).permutation(144)
    ranks = np.argsort(order).reshape(12, 12)
    found = nv.deletion_insertion(pooled, image, -ranks.astype(float), 1, steps=4, fill="black", backdrop="grey")
    np.testing.assert_array_equal(found.fractions, [0, 0.25, 0.5, 0.75, 1])
    for point, fraction in enumerate(found.fractions):
        taken = (ranks < 144 * fraction)[..., None]
        deleted, inserted = np.where(taken, 0, image), np.where(taken, image, 0.5)
        np.testing.assert_allclose(found.deletion[point], _probability(pooled, deleted, 1), rtol=1e-4)
        np.testing.assert_allclose(found.insertion[point], _probability(pooled, inserted, 1), rtol=1e-4)


def test_the_area_is_that_of_the_trapezoids(pooled, image):
    found = nv.deletion_insertion(pooled, image, np.ones((12, 12)), 1, steps=2)
    for curve, area in ((found.deletion, found.deletion_auc), (found.insertion, found.insertion_auc)):
        assert area == pytest.approx((curve[0] + 2 * curve[1] + curve[2]) / 4)


def test_on_a_linear_model_the_true_order_is_best(linear):
    picture = np.random.default_rng(2).random((4, 4, 3), dtype=np.float32)
    target = objectives.class_logit(0) + objectives.class_logit(1)
    true = nv.occlusion(linear, picture, target, patch=1, stride=1, fill="black")
    sides = {"fill": "black", "backdrop": "black", "steps": 16}
    best, worst = (nv.deletion_insertion(linear, picture, sign * true, target, **sides) for sign in (1, -1))
    assert best.deletion[0] == best.insertion[-1] == pytest.approx(1)  # relative to the whole picture's value
    whole = nv.deletion_insertion(linear, picture, true, target, **sides).deletion[0]
    value = linear.model(picture[None]).numpy()[0, :2].sum()
    sign = np.sign(value)  # of a negative value the share falls where the value rises
    assert sign * best.deletion_auc < sign * worst.deletion_auc
    assert sign * best.insertion_auc > sign * worst.insertion_auc
    assert whole == pytest.approx(1)


def test_channels_are_reduced_by_their_mean_absolute_value(pooled, image):
    signed = np.random.default_rng(3).standard_normal((12, 12, 3))
    one = nv.deletion_insertion(pooled, image, signed, 1, steps=5)
    two = nv.deletion_insertion(pooled, image, np.abs(signed).mean(axis=-1), 1, steps=5)
    np.testing.assert_array_equal(one.deletion, two.deletion)


def test_progress(pooled, image):
    parts = list(deletion_insertion_steps(asked(pooled, image, 1), np.ones((12, 12)), steps=100))
    assert [len(part.fractions) for part in parts] == [64, 101]
    np.testing.assert_array_equal(parts[0].deletion, parts[1].deletion[:64])


@pytest.mark.parametrize(
    ("attribution", "says"),
    [
        (np.ones((6, 6)), r"the attribution is \(6, 6\); for this network it must be \(12, 12\), or \(12, 12, 3\)"),
        (np.full((12, 12), np.nan), "NaN or infinity"),
    ],
)
def test_wrong_maps(pooled, image, attribution, says):
    with pytest.raises(ValueError, match=says):
        nv.deletion_insertion(pooled, image, attribution, 1)


def test_a_target_that_is_nothing_has_no_shares(pooled, image):
    nothing = objectives.channel("conv1", 0) - objectives.channel("conv1", 0)
    with pytest.raises(ValueError, match="is 0 for the whole picture"):
        nv.deletion_insertion(pooled, image, np.ones((12, 12)), nothing)
