"""From variables to pictures: the published formulas, written down again here without the library's code."""

import math

import numpy as np
import pytest
import tensorflow as tf

from nbfeatviz import recipes
from nbfeatviz.synthesis.recipe_parts.optimizers import Adam
from nbfeatviz.synthesis.recipe_parts.parameterizations import Fourier, Pixels, colour_matrix

LUCID_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
SHAPES = [(6, 8, 3), (7, 5, 3), (5, 8, 1), (8, 7, 4), (4, 4, 5), (1, 1, 3), (2, 3, 3)]


def reference(variables, height, width, decay, mix):
    """The Fourier picture by explicit loops over frequencies, in float64."""
    channels = variables.shape[1]
    spectrum = np.zeros((channels, height, width // 2 + 1), complex)
    for row in range(height):
        for col in range(width // 2 + 1):
            up = (row if row <= (height - 1) // 2 else row - height) / height
            frequency = math.hypot(up, col / width)
            scale = math.sqrt(width * height) / max(frequency, 1 / max(width, height)) ** decay
            spectrum[:, row, col] = (variables[0, :, row, col] + 1j * variables[1, :, row, col]) * scale
    pixels = np.stack([np.fft.irfft2(plane, (height, width)) for plane in spectrum], axis=-1) / 4
    if mix:
        pixels = pixels @ (LUCID_COLOURS / 0.461952).T
    return 1 / (1 + np.exp(-pixels))


def test_the_colour_matrix_is_lucids_over_its_largest_column_norm():
    assert np.linalg.norm(LUCID_COLOURS, axis=0).max() == pytest.approx(0.461952, abs=5e-7)
    np.testing.assert_allclose(colour_matrix(), LUCID_COLOURS / 0.461952, rtol=2e-6)  # the constant has 6 digits


def test_colours_are_mixed_as_pixel_times_transposed_matrix():
    form = Fourier()
    for colour in range(3):
        variables = np.zeros((1, 2, 3, 4, 3), np.float32)
        variables[0, 0, colour, 0, 0] = 1.0
        picture = form.picture(variables, (4, 4, 3)).numpy()[0]
        # the constant wave: 1 * sqrt(16) * 4, over the 16 pixels of the inverse transform, over 4
        expected = 1 / (1 + np.exp(-LUCID_COLOURS[:, colour] / 0.461952 * 4 * 4 / 16 / 4))
        np.testing.assert_allclose(picture, np.broadcast_to(expected, (4, 4, 3)), atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("decay", [1.0, 1.5])
def test_a_spectrum_becomes_the_published_picture(shape, decay):
    height, width, channels = shape
    form = Fourier(deviation=0.05, decay=decay)
    variables = form.initial(np.random.default_rng(1), shape)
    assert variables.shape == (2, channels, height, width // 2 + 1)
    picture = form.picture(variables[None], shape).numpy()[0]
    expected = reference(variables, height, width, decay, mix=channels == 3)
    np.testing.assert_allclose(picture, expected, atol=1e-5)  # a float32 transform against one in float64


def test_colours_can_be_left_unmixed():
    variables = Fourier(0.05).initial(np.random.default_rng(1), (6, 6, 3))
    picture = Fourier(0.05, decorrelate=False).picture(variables[None], (6, 6, 3)).numpy()[0]
    np.testing.assert_allclose(picture, reference(variables, 6, 6, 1.0, mix=False), atol=1e-5)


def test_the_starting_spectrum_has_the_published_deviation():
    spectrum = recipes.get("lucid").parameterization.initial(np.random.default_rng(0), (64, 64, 3))
    assert spectrum.std() == pytest.approx(0.01, rel=0.03)  # 12,000 draws: 0.6 % is one standard error
    assert abs(spectrum.mean()) < 5e-4


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_picture_has_a_spectrum(shape):
    target = np.random.default_rng(2).uniform(1 / 255, 254 / 255, shape).astype(np.float32)
    form = Fourier()
    back = form.picture(form.from_picture(target)[None], shape).numpy()[0]
    np.testing.assert_allclose(back, target, atol=2e-6)  # float32 there and back


def test_black_and_white_are_met_to_half_a_level():
    target = np.zeros((6, 6, 3), np.float32)
    target[::2] = 1.0
    back = Fourier().picture(Fourier().from_picture(target)[None], (6, 6, 3)).numpy()[0]
    assert abs(back - target).max() <= 1 / 510 + 1e-6


def test_ascent_fits_any_picture():
    shape = (16, 15, 3)
    target = np.random.default_rng(3).uniform(0.1, 0.9, shape).astype(np.float32)
    form, rule = Fourier(), Adam()
    variables = tf.constant(form.initial(np.random.default_rng(4), shape)[None])

    @tf.function
    def advance(variables, slots, index, step_size):
        with tf.GradientTape() as tape:
            tape.watch(variables)
            closeness = -tf.reduce_mean((form.picture(variables, shape) - target) ** 2)
        gradient = tape.gradient(closeness, variables)
        return *rule.update(variables, gradient, slots, index, step_size)[:2], closeness

    slots = tuple(map(tf.constant, rule.slots(variables.numpy())))
    losses = []
    for index in range(500):
        step_size = tf.constant(0.5 * (1 - index / 500))  # Adam settles only as its steps get smaller
        variables, slots, closeness = advance(variables, slots, tf.constant(index), step_size)
        losses.append(-float(closeness))
    assert losses[0] > 0.03
    assert losses[-1] < 1e-4


@pytest.mark.parametrize("shape", [(2, 3, 3), (3, 4, 3), (4, 5, 1)], ids=str)
def test_its_gradient_is_the_difference_quotient(shape):
    form, random = Fourier(), np.random.default_rng(5)
    weights = random.normal(size=(1, *shape)).astype(np.float32)
    variables = form.initial(random, shape)[None] * 30

    def value(changed):
        height, width, channels = shape
        return (reference(changed[0], height, width, 1.0, channels == 3) * weights[0]).sum()

    x = tf.constant(variables)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(form.picture(x, shape) * weights)
    gradient = tape.gradient(total, x).numpy()
    for place in np.ndindex(*variables.shape):
        step = np.zeros(variables.shape)
        step[place] = 1e-5
        quotient = (value(variables + step) - value(variables - step)) / 2e-5
        assert gradient[place] == pytest.approx(quotient, abs=2e-5)


def test_every_spectrum_is_a_valid_picture():
    variables = np.random.default_rng(6).normal(0, 1e6, (1, 2, 3, 8, 5)).astype(np.float32)
    picture = Fourier().picture(variables, (8, 8, 3)).numpy()
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.array_equal(Fourier().constrained(variables), variables)


@pytest.mark.parametrize(
    ("name", "low", "high", "white"), [("tutorial13", 128.0, 129.0, 255.0), ("tutorial13-mnist", 0.45, 0.55, 1.0)]
)
def test_the_tutorials_start_is_uniform_noise(name, low, high, white):
    form = recipes.get(name).parameterization
    start = form.initial(np.random.default_rng(0), (64, 64, 3))
    # [low, high) in float64; float32 may round the very largest up to `high`
    assert low <= start.min() < low + (high - low) / 1000
    assert high - (high - low) / 1000 < start.max() <= high
    assert start.std() == pytest.approx((high - low) / math.sqrt(12), rel=0.02)
    np.testing.assert_allclose(form.picture(start, (64, 64, 3)), start / white)


def test_pixels_are_clipped_and_go_there_and_back():
    form = Pixels()
    assert form.constrained(np.array([-3.0, 0.0, 77.7, 255.0, 300.0], np.float32)).numpy() == pytest.approx(
        [0.0, 0.0, 77.7, 255.0, 255.0]
    )
    picture = np.random.default_rng(1).random((4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(form.picture(form.from_picture(picture), (4, 4, 3)), picture, rtol=3e-7)
