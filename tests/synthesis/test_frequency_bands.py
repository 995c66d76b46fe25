"""Bands divide a half spectrum without gaps, and sums over them are sums over a picture's frequencies."""

import numpy as np
import pytest
import tensorflow as tf

from nbfeatviz.synthesis.frequency_bands import band_counts, band_spread, band_sums, bands, half_weights

SHAPES = [(224, 224), (28, 28), (31, 45), (64, 96), (5, 7), (1, 1)]


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_bands_have_no_gap_and_grow_with_the_frequency(height, width):
    columns = width // 2 + 1
    number = bands(height, columns)
    assert number.shape == (height, columns)
    assert (number == 0).sum() == 1 and number[0, 0] == 0
    assert set(np.unique(number)) == set(range(number.max() + 1))
    assert (np.diff(number[0]) >= 0).all() and (np.diff(number[: height // 2 + 1, 0]) >= 0).all()
    assert band_counts(height, columns).sum() == height * columns


@pytest.mark.parametrize(("height", "width"), SHAPES)
def test_weighted_band_sums_add_up_to_a_pictures_energy(height, width):
    picture = np.random.default_rng(0).random((height, width)).astype(np.float32)
    energy = (np.abs(np.fft.rfft2(picture)) ** 2 / picture.size**2).astype(np.float32)
    often = np.broadcast_to(half_weights(width), energy.shape)
    sums = band_sums(tf.constant(energy[None, None]), often).numpy()[0, 0]
    assert sums[0] == pytest.approx(picture.mean() ** 2, rel=1e-4)
    assert sums[1:].sum() == pytest.approx(picture.var(), rel=1e-3, abs=1e-7)


def test_what_is_spread_is_the_value_of_the_band():
    number = bands(12, 7)
    values = np.random.default_rng(0).random((2, 3, number.max() + 1)).astype(np.float32)
    np.testing.assert_array_equal(band_spread(tf.constant(values), 12, 7).numpy(), values[:, :, number])
