"""Measures with known values."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, quality, samples
from tests.synthesis.conftest import output_of

RANDOM = np.random.default_rng(1)


def test_saturation_is_the_share_at_the_ends():
    picture = np.full((10, 10, 3), 0.5, np.float32)
    picture[:2], picture[2] = 0.0, 1.0
    assert quality.saturation(picture) == pytest.approx(0.3)
    assert quality.saturation(np.full((4, 4, 1), 0.02, np.float32)) == 0


def test_high_frequencies_are_those_above_a_quarter_of_a_cycle():
    x = np.arange(64)
    slow, fast = 0.5 + 0.2 * np.sin(2 * np.pi * x * 8 / 64), 0.5 + 0.1 * np.sin(2 * np.pi * x * 24 / 64)
    rows = np.broadcast_to(slow[:, None, None], (64, 64, 3)), np.broadcast_to(fast[None, :, None], (64, 64, 3))
    assert quality.high_frequency_ratio(rows[0]) == pytest.approx(0, abs=1e-9)
    assert quality.high_frequency_ratio(rows[1]) == pytest.approx(1)
    assert quality.high_frequency_ratio(rows[0] + rows[1]) == pytest.approx(
        0.01 / (0.01 + 0.04)
    )  # squares of amplitudes
    assert quality.high_frequency_ratio(np.full((8, 8, 3), 0.3)) == 0
    noise = RANDOM.random((64, 64, 1))
    assert quality.high_frequency_ratio(noise) == pytest.approx(1 - np.pi / 16, abs=0.02)  # outside the disc


def test_contrast_and_colourfulness():
    half = np.zeros((4, 4, 3))
    half[:2] = 1
    assert quality.contrast(half) == pytest.approx(0.5)
    assert quality.colourfulness(half) == 0
    half[:2] = [1.0, 0.5, 0.25]
    assert quality.colourfulness(half) == pytest.approx(0.375)
    assert quality.colourfulness(np.ones((2, 2, 1))) == 0


def test_photographs_are_natural():
    photos = [str(sample.path) for sample in samples.ALL]
    found = quality.natural(photos, (128, 128))
    each = [quality.measures(nv.read_image(photo, size=(128, 128))) for photo in photos]
    assert found.contrast == pytest.approx(np.mean([one.contrast for one in each]))
    assert 0 < found.high_frequency_ratio < 0.1
    assert 0.1 < found.contrast < 0.4
    assert 0.05 < found.colourfulness < 0.6
    assert found.saturation < 0.3
    with pytest.raises(ValueError, match="at least one"):
        quality.natural([])
    crops = quality.crops_of(photos, 20, (32, 40), seed=2)
    assert crops.shape == (20, 32, 40, 3)
    assert np.array_equal(crops, quality.crops_of(photos, 20, (32, 40), seed=2))


def test_the_percentile_among_values():
    natural = np.arange(100.0)
    assert quality.percentile_among(-1, natural) == 0
    assert quality.percentile_among(49.5, natural) == 50
    assert quality.percentile_among(200, natural) == 100
    assert quality.percentile_among(0.0, np.zeros(5)) == 50


def test_values_and_means_are_those_of_the_network(net):
    pictures = RANDOM.random((5, 16, 16, 3)).astype(np.float32)
    outputs = [output_of(net, "conv2", picture) for picture in pictures]
    objective = objectives.channel("conv2", 2) - 0.5 * objectives.neuron("conv2", 1, 0, 3)
    expected = [output[..., 2].mean() - 0.5 * output[0, 3, 1] for output in outputs]
    for batch in (2, 16):
        np.testing.assert_allclose(
            quality.values_of(net, objective, pictures, batch=batch), expected, rtol=1e-4, atol=1e-6
        )
        means = quality.channel_means(net, "conv2", pictures, batch=batch)
        np.testing.assert_allclose(means, [output.mean((0, 1)) for output in outputs], rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="no layer 'conv9'"):
        quality.channel_means(net, "conv9", pictures)


def test_selectivity_is_the_lead_in_standard_deviations():
    natural = np.array([[0.0, 0.0, 5.0], [2.0, 4.0, 5.0]])  # mean 1, 2, 5; deviation 1, 2, 0
    means = np.array([4.0, 4.0, 9.0])
    np.testing.assert_allclose(quality.z_scores(means, natural), [3, 1, 0])
    assert quality.selectivity(means, natural, 0) == 2
    assert quality.selectivity(means, natural, 1) == -2


def test_maximizing_a_unit_raises_its_percentile_and_selectivity(net):
    natural = quality.crops_of([str(sample.path) for sample in samples.ALL], 64, (16, 16))
    image = nv.maximize(net, objectives.channel("conv2", 1), recipe="tutorial13", steps=150).image[None]
    unit = objectives.channel("conv2", 1)
    percentile = quality.percentile_among(quality.values_of(net, unit, image)[0], quality.values_of(net, unit, natural))
    assert percentile == 100
    means, usual = quality.channel_means(net, "conv2", image)[0], quality.channel_means(net, "conv2", natural)
    assert quality.selectivity(means, usual, 1) > 0
