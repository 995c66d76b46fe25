"""What stands where a picture is taken away."""

import numpy as np
import pytest

from nbfeatviz.attribution.fills import FILLS, filled

PICTURE = np.random.default_rng(1).random((20, 30, 3), dtype=np.float32)


@pytest.mark.parametrize("fill", [*FILLS, 0.3, PICTURE[::-1]])
def test_every_fill_is_a_picture_of_the_same_shape(fill):
    result = filled(PICTURE, fill)
    assert (result.shape, result.dtype) == (PICTURE.shape, np.float32)
    assert 0 <= result.min() <= result.max() <= 1


def test_blur_keeps_a_plain_picture_and_the_mean_and_loses_detail():
    np.testing.assert_allclose(filled(np.full((9, 9, 1), 0.7, np.float32), "blur"), 0.7, rtol=1e-6)
    blurred = filled(PICTURE, "blur")
    assert blurred.std() < 0.5 * PICTURE.std()
    np.testing.assert_allclose(blurred.mean(), PICTURE.mean(), atol=0.01)
    spot = np.zeros((41, 41, 1), np.float32)
    spot[20, 20] = 1
    result = filled(spot, "blur")[..., 0]
    sigma = 0.05 * 41
    np.testing.assert_allclose(result[20, 22] / result[20, 20], np.exp(-(2**2) / (2 * sigma**2)), rtol=1e-4)


def test_mean_is_the_colour():
    np.testing.assert_allclose(filled(PICTURE, "mean")[3, 4], PICTURE.mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize("fill", [None, True])
def test_what_is_no_fill(fill):
    with pytest.raises(TypeError, match="is no fill"):
        filled(PICTURE, fill)
