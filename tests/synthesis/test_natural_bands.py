"""Whatever the variables are, every band of the picture has the energy of photographs."""

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.frequency_bands import band_sums, bands, half_weights
from nbfeatviz.synthesis.natural_bands import NaturalBands
from nbfeatviz.synthesis.natural_phase import natural_magnitude
from nbfeatviz.synthesis.parameterizations import colour_matrix
from nbfeatviz.synthesis.step_rules import BandAdam


def energies(logits):
    """(channels, bands) of one picture before its sigmoid."""
    height, width, channels = logits.shape
    planes = logits @ np.linalg.inv(colour_matrix()).T if channels == 3 else logits
    spectrum = np.abs(np.fft.rfft2(planes.transpose(2, 0, 1))) ** 2 / (height * width) ** 2
    often = np.broadcast_to(half_weights(width), spectrum.shape[1:])
    return band_sums(tf.constant(spectrum.astype(np.float32)), often).numpy()


def natural_energies(shape):
    height, width, channels = shape
    spectrum = natural_magnitude(height, width, channels).astype(np.float64) ** 2 / (height * width) ** 2
    often = np.broadcast_to(half_weights(width), spectrum.shape[1:])
    return band_sums(tf.constant(spectrum.astype(np.float32)), often).numpy()


# the imaginary parts of frequencies that are their own mirror image do not enter a picture: small sizes have many
@pytest.mark.parametrize(("shape", "near"), [((224, 224, 3), 0.15), ((64, 96, 3), 0.2), ((63, 45, 1), 0.3)], ids=str)
@pytest.mark.parametrize("size", [1e-3, 1.0, 100.0])
def test_bands_have_natural_energy_whatever_the_size_of_the_variables(shape, near, size):
    form = NaturalBands()
    variables = form.initial(np.random.default_rng(3), shape) * size
    found = energies(form.logits(tf.constant(variables[None].astype(np.float32)), shape).numpy()[0])
    wanted = natural_energies(shape)
    fine = np.bincount(bands(shape[0], shape[1] // 2 + 1).ravel()) > 60
    np.testing.assert_allclose(found[:, fine], wanted[:, fine], rtol=near)
    assert (found[:, 0] <= wanted[:, 0] * 1.01).all()


def test_factors_scale_contrast_colour_and_ends_of_the_spectrum():
    shape = (224, 224, 3)
    noise = NaturalBands().initial(np.random.default_rng(1), shape)[None]
    plain = energies(NaturalBands().logits(tf.constant(noise), shape).numpy()[0])
    form = NaturalBands(contrast=2.0, colour=0.5, coarse=0.5, fine=3.0)
    changed = energies(form.logits(tf.constant(noise), shape).numpy()[0])
    ratio = changed / plain
    middle, finest = ratio.shape[1] // 2 + 1, ratio.shape[1] - 1
    np.testing.assert_allclose(ratio[0, [2, middle, finest]], [1.0, 4.0, 36.0], rtol=0.01)
    np.testing.assert_allclose(ratio[1:, middle], 1.0, rtol=0.01)


def test_pictures_are_finite_and_neither_grey_nor_saturated_from_the_start():
    form = recipes.get("default").parameterization
    for shape in ((224, 224, 3), (28, 28, 1), (299, 299, 3), (9, 9, 4), (1, 1, 1)):
        variables = form.initial(np.random.default_rng(0), shape)
        picture = form.picture(tf.constant(variables[None]), shape).numpy()[0]
        assert np.isfinite(picture).all() and picture.shape == shape
        if shape[0] > 9:
            assert 0.12 < picture.std() < 0.4
            assert ((picture < 0.01) | (picture > 0.99)).mean() < 0.05
    nothing = tf.zeros([1, 2, 3, 32, 17])
    assert np.isfinite(form.picture(nothing, (32, 32, 3)).numpy()).all()


def test_a_photo_as_start_is_recognised_in_the_picture():
    photo = np.zeros((64, 64, 3), np.float32) + 0.3
    photo[16:40, 20:50] = [0.9, 0.7, 0.2]
    form = NaturalBands()
    back = form.picture(tf.constant(form.from_picture(photo)[None]), photo.shape).numpy()[0]
    assert np.corrcoef(back.ravel(), photo.ravel())[0, 1] > 0.8


def test_band_adam_is_adam_with_the_mean_square_of_a_band():
    rule, random = BandAdam(), np.random.default_rng(0)
    shape, number = (2, 2, 3, 8, 5), bands(8, 5)
    variables = random.normal(size=shape).astype(np.float32)
    slots, now = rule.slots(variables), tf.constant(variables)
    first, second, expected = np.zeros(shape), np.zeros((2, 3, number.max() + 1)), variables.astype(np.float64)
    for index in range(4):
        gradient = (random.normal(size=shape) * (1 + number)).astype(np.float32)
        now, slots, factor = rule.update(now, tf.constant(gradient), slots, tf.constant(index), tf.constant(0.1))
        first = 0.9 * first + 0.1 * gradient
        squares = (gradient**2).mean(1)
        square = np.stack([squares[:, :, number == band].mean(-1) for band in range(number.max() + 1)], -1)
        second = 0.999 * second + 0.001 * square
        scale = np.sqrt(second / (1 - 0.999 ** (index + 1)))[:, :, number][:, None]
        expected = expected + 0.1 * first / (1 - 0.9 ** (index + 1)) / scale
        np.testing.assert_allclose(now.numpy(), expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(factor.numpy(), [0.1, 0.1], rtol=1e-6)


def test_band_adam_says_what_it_needs():
    with pytest.raises(ValueError, match="BandAdam needs the variables of a spectrum"):
        BandAdam().slots(np.zeros((1, 8, 8, 3), np.float32))


def test_the_objectives_scale_does_not_matter(net):
    unit, recipe = objectives.channel("conv2", 1), recipes.get("default").replace(passed_gradients=0)
    plain = nv.maximize(net, unit, recipe=recipe, steps=6, seed=2).image
    scaled = nv.maximize(net, 50 * unit, recipe=recipe, steps=6, seed=2).image
    np.testing.assert_allclose(scaled, plain, atol=2e-3)
