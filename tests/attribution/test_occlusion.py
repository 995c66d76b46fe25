"""Occlusion is the drop of the target's value, patch by patch."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.occlusion import occlusion_steps
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import logits_of


def _logits(network, picture):
    return logits_of(network.model, network.contract.apply(np.asarray(picture, np.float32)[None])).numpy()[0]


@pytest.mark.parametrize(("fill", "level"), [("grey", 0.5), ("black", 0.0), ("mean", None), (0.25, 0.25)])
def test_a_patch_as_large_as_the_picture_gives_the_drop_everywhere(pooled, image, fill, level):
    blank = np.broadcast_to(image.mean(axis=(0, 1)) if level is None else np.float32(level), image.shape)
    drop = (_logits(pooled, image) - _logits(pooled, blank))[1]
    for patch in (12, 50):
        found = nv.occlusion(pooled, image, 1, patch=patch, fill=fill)
        assert (found.shape, found.dtype) == ((12, 12), np.float32)
        np.testing.assert_allclose(found, drop, rtol=1e-4, atol=1e-6)
        grid = nv.occlusion(pooled, image, 1, patch=patch, fill=fill, resize=False)
        np.testing.assert_allclose(grid, [[drop]], rtol=1e-4, atol=1e-6)


def test_each_patch_is_its_drop_and_each_pixel_their_mean(pooled, image):
    patch, starts = 5, [0, 4, 7]  # the last one ends at the edge
    grid = nv.occlusion(pooled, image, 2, patch=patch, stride=4, fill="black", resize=False)
    assert grid.shape == (3, 3)
    total, count = np.zeros((12, 12)), np.zeros((12, 12))
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            covered = image.copy()
            covered[top : top + patch, left : left + patch] = 0
            drop = (_logits(pooled, image) - _logits(pooled, covered))[2]
            np.testing.assert_allclose(grid[row, column], drop, rtol=1e-3, atol=1e-6)
            total[top : top + patch, left : left + patch] += drop
            count[top : top + patch, left : left + patch] += 1
    found = nv.occlusion(pooled, image, 2, patch=patch, stride=4, fill="black")
    np.testing.assert_allclose(found, total / count, rtol=1e-3, atol=1e-6)


def test_exact_on_a_linear_model(linear):
    picture = np.random.default_rng(2).random((4, 4, 3), dtype=np.float32)
    weights = np.asarray(linear.model.get_layer("head").kernel)[:, 0].reshape(4, 4, 3)
    found = nv.occlusion(linear, picture, 0, patch=1, stride=1, fill="black")
    np.testing.assert_allclose(found, (weights * picture).sum(axis=-1), rtol=1e-4, atol=1e-5)


def test_any_objective(pooled, image):
    target = objectives.channel("conv1", 2)
    found = nv.occlusion(pooled, image, target, patch=12)
    expected = nv.activations(pooled, image, "conv1")[..., 2].mean()
    expected -= nv.activations(pooled, np.full((12, 12, 3), 0.5, np.float32), "conv1")[..., 2].mean()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_it_fills_in_and_can_be_left(pooled, image):
    steps = occlusion_steps(asked(pooled, image, 1), patch=2, stride=1)
    first = next(steps)
    assert (first.done, first.total) == (64, 121)
    assert first.map[:3].any()
    assert not first.map[8:].any()
    before = first.map.copy()
    last = list(steps)[-1]
    np.testing.assert_array_equal(first.map, before)  # a piece that was handed out is not written to
    np.testing.assert_array_equal(last.map[:4], before[:4])


def test_the_patch_fits_the_picture_by_default(digits, seven):
    assert next(occlusion_steps(asked(digits, seven, 7))).total == 13 * 13


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"patch": 0}, "patch 0 is out of range"),
        ({"patch": 3, "stride": 4}, "stride 4 would leave gaps between patches of 3 pixels: give at most 3"),
        ({"fill": "plaid"}, "'plaid' is unknown: give 'black', 'grey', 'white', 'mean', 'blur'"),
        ({"fill": -0.5}, "-0.5 is out of range"),
    ],
)
def test_wrong_settings(pooled, image, settings, says):
    with pytest.raises(ValueError, match=says):
        nv.occlusion(pooled, image, 1, **settings)
