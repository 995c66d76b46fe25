"""A heat map over a picture: its colours, its scale, and what does not fit."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from nbfeatviz.encoding import overlay

GREY = np.full((4, 6, 3), 0.5, np.float32)
RAMP = np.linspace(0, 1, 24, dtype=np.float32).reshape(4, 6)


def test_opacity_goes_from_the_picture_to_the_colours():
    assert np.array_equal(overlay(GREY, RAMP, opacity=0), GREY)
    heat = overlay(GREY, RAMP, opacity=1)
    limit = np.percentile(RAMP, 99.5)
    expected = matplotlib.colormaps["inferno"](np.clip(RAMP / limit, 0, 1))[:, :, :3]
    np.testing.assert_allclose(heat, expected, atol=1e-6)
    np.testing.assert_allclose(overlay(GREY, RAMP, opacity=0.25), 0.75 * GREY + 0.25 * heat, atol=1e-6)
    assert heat.dtype == np.float32


def test_a_signed_map_diverges_around_zero():
    heat = overlay(GREY, RAMP - 0.5, opacity=1)
    assert heat[0, 0, 2] > heat[0, 0, 0]  # blue below zero
    assert heat[-1, -1, 0] > heat[-1, -1, 2]  # red above
    zero = overlay(GREY, np.zeros((4, 6)), opacity=1, signed=True)
    np.testing.assert_allclose(zero[0, 0], matplotlib.colormaps["RdBu_r"](0.5)[:3], atol=1e-6)


def test_channels_count_by_their_mean_magnitude():
    channels = np.stack([RAMP, -RAMP, 0 * RAMP], axis=-1)
    assert np.array_equal(overlay(GREY, channels), overlay(GREY, np.abs(channels).mean(axis=-1)))


def test_a_grey_picture_gets_colours():
    assert overlay(GREY[:, :, :1], RAMP).shape == (4, 6, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"attribution": np.zeros((5, 6))}, r"\(5, 6\) does not fit a picture of \(4, 6\)"),
        ({"attribution": RAMP, "opacity": 1.5}, "opacity 1.5 is out of range"),
        ({"attribution": RAMP, "colours": "jett"}, "no colour map 'jett'"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        overlay(GREY, **arguments)
