"""Every published recipe against its loop, written down again in NumPy with the gradient by hand."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.natural_phase import natural_magnitude
from nbfeatviz.synthesis.recipe_parts.natural_prior import with_weight
from nbfeatviz.synthesis.recipe_parts.parameterizations import Centred, colour_matrix
from nbfeatviz.synthesis.recipe_parts.pixel_updates import Blur, Decay, Denoise, SplitBregman, StepContext
from nbfeatviz.synthesis.recipe_parts.transforms import Crops, Roll, Views, transformed
from tests.synthesis.conftest import Applied, make_one_layer

HEIGHT, WIDTH = 9, 12
RANDOM = np.random.default_rng(20)
LINEAR, SQUARE = RANDOM.normal(size=(HEIGHT, WIDTH, 3)), RANDOM.normal(-0.5, 0.3, (HEIGHT, WIDTH, 3))
UNIT = objectives.channel("layer", 0)


def value(x):
    """The mean over positions of sum over channels of a x + b x²."""
    return (LINEAR * x + SQUARE * x**2).sum(-1).mean()


def slope(x, sharpness=0.0):
    """Its gradient; the softmax of the positions' values in their standard deviations weighs them."""
    positions = (LINEAR * x + SQUARE * x**2).sum(-1)
    weights = np.exp(sharpness * (positions - positions.max()) / positions.std())
    return (weights / weights.sum())[..., None] * (LINEAR + 2 * SQUARE * x)


@pytest.fixture(scope="module")
def quadratic():
    linear, square = LINEAR.astype(np.float32), SQUARE.astype(np.float32)
    layer = Applied(lambda x: tf.reduce_sum(linear * x + square * x * x, axis=-1, keepdims=True) + 0 * x, name="layer")
    return make_one_layer(layer, (HEIGHT, WIDTH))


def compared(ascent, reference, atol):
    """Every step's picture and loss, and the last picture."""
    for step, (picture, loss) in zip(ascent, reference, strict=False):
        np.testing.assert_allclose(step.image, picture, atol=atol)
        assert step.loss == pytest.approx(loss, rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(ascent.picture(), np.clip(next(reference)[0], 0, 1), atol=atol)


def mirrored_blur(x, deviation):
    """SciPy's gaussian_filter of each channel: cut off at 4 deviations, mirrored with the edge twice."""
    reach = int(4 * deviation + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(reach, reach) if side == axis else (0, 0) for side in range(3)]
        padded = np.pad(x, padding, mode="symmetric")
        x = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), axis, padded)
    return x


MEAN = np.array([123.68, 116.779, 103.939])


def yosinski(x, steps, *, decay=0.0, blur=None, norm=None, contribution=None, progress=None, constant=None):
    for index in range(steps + 1):
        x = np.clip(x + MEAN, 0, 255) - MEAN
        picture = (x + MEAN) / 255
        yield picture, value(picture)
        g = slope(picture) / 255
        if constant:  # as on a network whose gradients hold 10 levels against a decay of 0.3
            g = g / np.sqrt((g**2).mean()) * (10 * 0.3 / (1 - 0.3) / 100)
        x = x + (min(progress[1], progress[0] / (g**2).sum()) if progress else constant) * g
        x = x * (1 - decay)
        if blur is not None and index % 4 == 0:
            x = mirrored_blur(x, blur / 227 * WIDTH)
        if norm is not None:
            sizes = np.linalg.norm(x, axis=-1)
            x = np.where((sizes < np.percentile(sizes, norm))[..., None], 0, x)
        if contribution is not None:
            sizes = abs((g * -x).sum(-1))
            x = np.where((sizes < np.percentile(sizes, contribution))[..., None], 0, x)


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("yosinski-1", {"blur": 0.5, "norm": 50, "progress": (2.0, 100.0)}),
        ("yosinski-2", {"decay": 0.3, "norm": 20, "constant": 100.0}),
        ("yosinski-3", {"decay": 1e-4, "blur": 1.0, "constant": 100.0}),
        ("yosinski-4", {"blur": 0.5, "contribution": 90, "progress": (2.0, 1e8)}),
    ],
)
def test_yosinskis_loop(quadratic, name, published):
    start = RANDOM.uniform(0.1, 0.9, (HEIGHT, WIDTH, 3)).astype(np.float32)
    # progress of 2 is far in a network whose values are below 1
    faster = {"step_size": 2e-4} if "progress" in published else {}
    if faster:
        published = {**published, "progress": (2e-4, published["progress"][1])}
    recipe = recipes.get(name)
    if published.get("blur"):  # at 12 pixels half a pixel of 227 is nothing: one of 12 times the width is seen
        recipe = recipe.replace(after=tuple(_wider(change) for change in recipe.after))
        published = {**published, "blur": published["blur"] * 12}
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=9, start=start, **faster)
    compared(ascent, yosinski(start * 255 - MEAN, 9, **published), atol=2e-4)


def _wider(change):
    return Blur(change.deviation * 12, every=4) if isinstance(change, Blur) else change


def test_yosinskis_counts_and_sets():
    published = {recipe.name: (recipe.steps, recipe.step_size) for recipe in recipes.YOSINSKI}
    assert published == {
        "yosinski-1": (500, 2.0), "yosinski-2": (750, 100.0), "yosinski-3": (1000, 100.0), "yosinski-4": (1000, 2.0)
    }  # fmt: skip
    assert recipes.get("yosinski-1").step_rule == recipes.Progress(100.0)
    assert recipes.get("yosinski-4").step_rule == recipes.Progress(1e8)


def test_yosinskis_start_noise_decay_and_blur_have_the_published_norms():
    noise = Centred().initial(np.random.RandomState(0), (227, 227, 3))
    assert np.linalg.norm(noise.astype(np.float64)) == pytest.approx(3921.523644968777, rel=1e-6)
    assert noise.std() == pytest.approx(9.97384688004555, rel=1e-6)
    context = StepContext(Centred(), tf.constant(0), tf.constant(9))
    x = Decay(1e-4).apply(tf.constant(noise[None]), context)
    x = Blur(1.0 / 227).apply(x, context)
    assert np.linalg.norm(x.numpy()) == pytest.approx(1118.408, abs=2e-3)


def test_progress_predicts_what_was_asked(quadratic):
    recipe = recipes.get("yosinski-1").replace(step_rule=recipes.Progress(1e12), after=())
    for step in nv.ascend(quadratic, UNIT, recipe=recipe, steps=3, step_size=0.003):
        gradient = slope(step.image) / 255
        assert step.step_size * (gradient**2).sum() == pytest.approx(0.003, rel=1e-4)


def spectral_matrix(decay, chroma):
    """The linear map from a spectrum to the values before the sigmoid, column by column: (pixels * 3, variables)."""
    columns = WIDTH // 2 + 1
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None])
    scale = np.sqrt(HEIGHT * WIDTH) / np.maximum(frequency, 1 / WIDTH) ** decay / 4
    colours = colour_matrix() * [1, chroma, chroma]
    found = []
    for part, plane, row, column in np.ndindex(2, 3, HEIGHT, columns):
        wave = np.zeros((HEIGHT, columns), complex)
        wave[row, column] = (1j if part else 1) * scale[row, column]
        found.append((np.fft.irfft2(wave, (HEIGHT, WIDTH))[..., None] * colours[:, plane]).ravel())
    return np.stack(found, axis=1)


def adam_on_a_spectrum(v, steps, step_size, decay=1.0, chroma=1.0, weight=0.0, settles=False, focus=(0.0, 0.0)):
    """Adam (Kingma and Ba 2015) upwards.

    The penalty has the factor `weight` and is on what lies beyond 2.5 before the sigmoid. Where the picture settles,
    the steps of the last 60 % of the run fall to nothing in a straight line. `focus` goes from a sharpness to another.
    """
    matrix, first, second = spectral_matrix(decay, chroma), 0.0, 0.0
    v = v.astype(np.float64).ravel()
    for index in range(1, steps + 2):
        z = matrix @ v
        picture = 1 / (1 + np.exp(-z))
        whole = picture.reshape(HEIGHT, WIDTH, 3)
        yield whole, value(whole)
        g = slope(whole, focus[0] + (focus[1] - focus[0]) * (index - 1) / (steps - 1)).ravel() * picture * (1 - picture)
        g = matrix.T @ (g - weight * 2 * np.maximum(abs(z) - 2.5, 0) * np.sign(z) / z.size)
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        pace = min(1, (1 - (index - 1) / steps) / 0.6) if settles else 1
        v = v + pace * step_size * first / (1 - 0.9**index) / (np.sqrt(second / (1 - 0.999**index)) + 1e-8)


@pytest.mark.parametrize(
    ("name", "published"),
    [("lucid", (0.05,)), ("default", (2 * 0.0275, 1.25, 2.4, 1.2, True, (0.25, 2.0)))],
    ids=["lucid", "default"],
)
def test_the_loop_on_a_spectrum(quadratic, name, published):
    recipe = recipes.get(name)
    still = tuple(part for part in recipe.transforms if isinstance(part, Views))  # views that all see the same
    free = with_weight(recipe.regularizers, 0.0)  # what holds it to natural statistics is tested by itself
    recipe = recipe.replace(transforms=still, regularizers=free)
    picture = RANDOM.uniform(0.02, 0.98, (HEIGHT, WIDTH, 3)).astype(np.float32)  # 2.5 before the sigmoid is 0.076
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=6, start=picture)
    variables = recipe.parameterization.from_picture(picture)
    compared(ascent, adam_on_a_spectrum(variables, 6, *published), atol=1e-3)


def keras_vis(x, steps, scale=None, found=None):
    """`scale` is the root mean square of the objective's gradient in 784 values; None leaves it as it is."""
    cache, count = 0.0, x.size
    for _ in range(steps + 1):
        picture = x / 255
        yield picture, value(picture)
        g = slope(picture) / 255
        if scale is not None:
            pull = scale * 784 / count / np.sqrt((g**2).mean())
            g = g * pull
            down, right = x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]
            penalty = 10 / count * ((np.abs(x) ** 6).sum() ** (1 / 6) + (down**2 + right**2).sum())
            found.append((pull * value(picture) - penalty, picture))
        power = (np.abs(x) ** 6).sum()
        g = g - 10 / count * power ** (1 / 6 - 1) * np.abs(x) ** 5 * np.sign(x)
        down, right = x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]
        variation = np.zeros_like(x)
        variation[1:, :-1] += 2 * down
        variation[:-1, 1:] += 2 * right
        variation[:-1, :-1] -= 2 * (down + right)
        g = g - 10 / count * variation
        g = g / np.sqrt((g**2).sum())
        cache = 0.95 * cache + 0.05 * g**2
        x = np.clip(x + g / np.sqrt(cache + 1e-7), 0, 255)


def test_the_tutorials_loop_on_digits(quadratic):
    """Pedersen's update in 0..1: a step of one standard deviation is as large as the whole range."""

    def loop(x, steps, step_size):
        for _ in range(steps + 1):
            yield x, value(x)
            g = slope(x)
            x = np.clip(x + step_size / (g.std() + 1e-8) * g, 0, 1)

    recipe = recipes.get("tutorial13-mnist")
    assert (recipe.steps, recipe.step_size) == (30, 1.0)
    for step_size in (1.0, 0.05):
        ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=6, step_size=step_size, seed=5)
        begin = 0.1 * np.random.default_rng(5).random((HEIGHT, WIDTH, 3)) + 0.45
        compared(ascent, loop(begin, 6, step_size), atol=1e-4)


def test_deep_dreams_loop(quadratic):
    """One octave (Mordvintsev et al. 2015): the step is a multiple of the gradient by its mean magnitude, in 0..255;
    the picture is rolled before the network sees it, and the gradient rolled back."""

    def loop(x, steps, shifts):
        for index in range(steps + 1):
            picture, shift = x / 255, shifts[index]
            seen = np.roll(picture, shift, (0, 1))
            yield picture, value(seen)
            g = np.roll(slope(seen) / 255, (-shift[0], -shift[1]), (0, 1))
            x = np.clip(x + 1.5 / np.abs(g).mean() * g, 0, 255)

    recipe = recipes.get("deep-dream")
    assert (recipe.steps, recipe.step_size) == (10, 1.5)
    recipe = recipe.replace(transforms=(Roll(0.5),))  # at 12 pixels 32 of 224 are less than 2
    places = np.arange(HEIGHT * WIDTH, dtype=np.float32).reshape(1, HEIGHT, WIDTH, 1)
    shifts = []
    for index in range(9):
        corner = int(transformed(tf.constant(places), recipe.transforms, tf.constant([7, index])).numpy()[0, 0, 0, 0])
        shifts.append((-(corner // WIDTH), -(corner % WIDTH)))
    assert len(set(shifts)) > 4
    start = RANDOM.uniform(0.1, 0.9, (HEIGHT, WIDTH, 3)).astype(np.float32)
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=8, start=start, seed=7)
    compared(ascent, loop(start.astype(np.float64) * 255, 8, shifts), atol=2e-4)


def test_inversions_loop():
    """The photo's activations through a linear layer from noise, smoothed after every round of 20 but the last."""
    photo = RANDOM.uniform(0.2, 0.8, (HEIGHT, WIDTH, 3)).astype(np.float32)
    scale = RANDOM.uniform(0.5, 2.0, (HEIGHT, WIDTH, 3))
    factor = scale.astype(np.float32)
    network = make_one_layer(Applied(lambda x: x * factor, name="layer"), (HEIGHT, WIDTH))
    wanted = scale * photo
    norm = (wanted**2).mean()

    def loop(x, steps):
        first = second = 0.0
        for index in range(steps + 1):
            picture = 1 / (1 + np.exp(-x))
            apart = scale * picture - wanted
            yield picture, -(apart**2).mean() / norm
            g = -2 * scale * apart / apart.size / norm * picture * (1 - picture)
            g = g / g.std()
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
            count = index + 1
            x = x + 0.1 * (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.999**count)) + 1e-7)
            if count % 20 == 0 and count < steps:
                x = mirrored_blur(x, WIDTH / 20)

    recipe = recipes.get("inversion")
    (blur,) = recipe.after
    assert (recipe.steps, recipe.step_size) == (400, 0.1)
    assert blur == Blur(0.5 / 224, every=20, first=19, last=False)
    recipe = recipe.replace(after=(Blur(1 / 20, every=20, first=19, last=False),))  # half a pixel of 224 is nothing
    ascent = nv.ascend(network, objectives.content("layer", photo), recipe=recipe, steps=40, seed=4)
    begin = recipe.parameterization.initial(np.random.default_rng(4), (HEIGHT, WIDTH, 3)).astype(np.float64)
    compared(ascent, loop(begin, 40), atol=2e-3)


def test_keras_vis_loop(quadratic):
    recipe = recipes.get("keras-vis").replace(transforms=(), keep_best=False)
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=12, seed=3)
    begin = recipe.parameterization.initial(np.random.default_rng(3), (HEIGHT, WIDTH, 3)).astype(np.float64)
    compared(ascent, keras_vis(begin, 12), atol=5e-4)


def test_keras_vis_on_gradients_of_the_published_size(quadratic):
    """The penalties weigh beside the objective as they did, and the best step is the best of both at that scale."""
    scale, roll = recipes.get("keras-vis").transforms
    assert isinstance(roll, Roll)
    recipe = recipes.get("keras-vis").replace(transforms=(scale,))
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=12, seed=3)
    begin = recipe.parameterization.initial(np.random.default_rng(3), (HEIGHT, WIDTH, 3)).astype(np.float64)
    found = []
    reference = keras_vis(begin, 12, scale=0.2, found=found)
    for step, (picture, loss) in zip(ascent, reference, strict=False):
        np.testing.assert_allclose(step.image, picture, atol=5e-4)
        assert step.loss == pytest.approx(loss, rel=1e-3, abs=1e-5)
    next(reference)
    assert len(found) == 12
    best = max(found, key=lambda one: one[0])[1]
    np.testing.assert_allclose(ascent.picture(), np.clip(best, 0, 1), atol=5e-4)


@pytest.mark.parametrize("factor", [1e-20, 1.0, 1e6])
def test_a_scaled_gradient_is_as_large_whatever_the_network_says(factor):
    layer = Applied(lambda x: factor * tf.reduce_sum(x * x, axis=-1, keepdims=True), name="layer")
    network = make_one_layer(layer, (HEIGHT, WIDTH))
    start = RANDOM.uniform(0.4, 0.6, (HEIGHT, WIDTH, 3)).astype(np.float32)
    for values, rms in ((0, 3.0), (HEIGHT * WIDTH * 3 * 2, 6.0)):
        recipe = recipes.get("tutorial13").replace(
            step_rule=recipes.Plain(), transforms=(recipes.GradientScale(3.0, values=values),)
        )
        ascent = nv.ascend(network, UNIT, recipe=recipe, steps=1, start=start)
        next(ascent)
        moved = (ascent.picture() - start) * 255
        np.testing.assert_allclose(moved, start * rms / np.sqrt((start**2).mean()), rtol=1e-3)
    dead = Applied(lambda x: tf.nn.relu(tf.reduce_sum(x, axis=-1, keepdims=True) - 99), name="layer")
    ascent = nv.ascend(make_one_layer(dead, (HEIGHT, WIDTH)), UNIT, recipe=recipe, steps=1, start=start)
    next(ascent)
    np.testing.assert_allclose(ascent.picture(), start, atol=1e-6)


def test_keras_vis_starts_around_grey_and_keeps_the_best(quadratic):
    recipe = recipes.get("keras-vis")
    noise = recipe.parameterization.initial(np.random.default_rng(0), (128, 128, 3))
    assert noise.mean() == pytest.approx(127.5, abs=0.2)
    assert noise.std() == pytest.approx(12.75, rel=0.01)
    # a loop that fades the picture to black loses what it had
    fading = recipe.replace(after=(Decay(0.5),), transforms=(), regularizers=())
    run = nv.maximize(quadratic, -UNIT, recipe=fading, steps=6)
    losses = [numbers.loss for numbers in run.steps]
    assert np.argmax(losses) < 3
    assert -value(run.image) == pytest.approx(max(losses), rel=1e-4)
    assert -value(run.frames[-1]) < max(losses) - 0.1
    batch = nv.ascend(quadratic, -UNIT, recipe=fading, steps=6, seed=[0, 5])
    tops = np.max([step.loss for step in batch], axis=0)
    np.testing.assert_allclose([-value(picture) for picture in batch.picture()], tops, rtol=1e-4)


def test_the_jitter_of_keras_vis_wraps_around():
    picture = RANDOM.random((1, 20, 24, 3)).astype(np.float32)
    shifts = set()
    for index in range(60):
        rolled = transformed(tf.constant(picture), (Roll(0.25),), tf.constant([0, index])).numpy()
        matches = [(r, c) for r in range(-4, 5) for c in range(-4, 5)
                   if np.array_equal(np.roll(picture, (r, c), (1, 2)), rolled)]  # fmt: skip
        assert len(matches) == 1
        shifts.update(matches)
    assert {r for r, _ in shifts} == {c for _, c in shifts} == {-3, -2, -1, 0, 1, 2, 3}


def test_sainburgs_loop(quadratic):
    def loop(x, steps):
        first = second = 0.0
        for index in range(steps + 1):
            picture = 1 / (1 + np.exp(-x))
            yield picture, value(picture)
            g = slope(picture) * picture * (1 - picture)
            g = g / g.std()
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
            count = index + 1
            x = x + 0.1 * (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.999**count)) + 1e-7)
            x = np.clip(x, -50, 50)
            x = (x - x.mean()) / x.std() * 1.5
            if count % 20 == 0 and count < steps:
                for axis, length in ((0, HEIGHT), (1, WIDTH)):
                    place = (np.arange(length) - (length - 1) / 2) / 1.01 + (length - 1) / 2
                    x = np.apply_along_axis(lambda line, at=place: np.interp(at, np.arange(len(line)), line), axis, x)
                x = mirrored_blur(x, WIDTH / 20)

    recipe = recipes.get("sainburg")
    bound, score, zoom, blur = recipe.after
    assert (bound.most, score.scale, zoom.factor, zoom.every, blur.deviation, blur.every) == (
        50,
        1.5,
        1.01,
        20,
        1 / 224,
        20,
    )
    recipe = recipe.replace(after=(bound, score, zoom, Blur(1 / 20, every=20, first=19, last=False)))
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=40, seed=4)
    begin = np.random.default_rng(4).random((HEIGHT, WIDTH, 3))
    compared(ascent, loop(begin, 40), atol=2e-3)  # 40 standardised steps in float32
    assert recipe.steps == 1000


def test_macos_loop(quadratic):
    """The gradient by every single phase, from the definition of the inverse transform."""
    magnitude = natural_magnitude(HEIGHT, WIDTH, 3).astype(np.float64)

    def logits(phase):
        planes = np.fft.irfft2(magnitude * np.exp(1j * phase), (HEIGHT, WIDTH))
        return planes.transpose(1, 2, 0) @ colour_matrix().T

    def loop(phase, steps):
        first, second, product = 0.0, 0.0, 1.0
        for index in range(steps + 1):
            picture = 1 / (1 + np.exp(-logits(phase)))
            yield picture, value(picture)
            upstream = slope(picture) * picture * (1 - picture)
            g = np.zeros_like(phase)
            for place in np.ndindex(*phase.shape):
                wave = np.zeros(phase.shape, complex)
                wave[place] = 1j * magnitude[place] * np.exp(1j * phase[place])
                moved = np.fft.irfft2(wave, (HEIGHT, WIDTH)).transpose(1, 2, 0) @ colour_matrix().T
                g[place] = (upstream * moved).sum()
            count = index + 1
            now, then = (0.9 * (1 - 0.5 * 0.96**power) for power in (count, count + 1))
            product *= now
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
            corrected = then * first / (1 - product * then) + (1 - now) * g / (1 - product)
            phase = phase + 0.05 * corrected / (np.sqrt(second / (1 - 0.999**count)) + 1e-5)

    # where a gradient is 0 in exact arithmetic, Adam's kin would divide rounding by rounding: a larger epsilon
    recipe = recipes.get("maco").replace(transforms=(), step_rule=recipes.Nadam(epsilon=1e-5))
    begin = recipe.parameterization.initial(np.random.default_rng(6), (HEIGHT, WIDTH, 3)).astype(np.float64)
    ascent = nv.ascend(quadratic, UNIT, recipe=recipe, steps=5, seed=6, step_size=0.05)
    compared(ascent, loop(begin, 5), atol=2e-3)


def test_macos_settings():
    maco = recipes.get("maco")
    (crops,) = maco.transforms
    assert (maco.steps, maco.step_size, crops.count, crops.noise) == (256, 1.0, 32, 0.08)
    assert crops.box == recipes.Ramp(0.5, 0.05)
    assert maco.numbers(0, 256)[0] == 0.5
    assert maco.numbers(255, 256)[0] == pytest.approx(0.05)


def test_crops_are_parts_of_the_picture_of_the_asked_size_with_noise():
    ramps = np.stack(np.mgrid[:60, :80] / np.array([59, 79]).reshape(2, 1, 1), axis=-1).astype(np.float32)
    crops = Crops(count=400, box=0.3, spread=0.05, wobble=0.02, noise=0.0)
    seen = transformed(tf.constant(ramps[None]), (crops,), tf.constant([1, 2]), (15, 16)).numpy()
    assert seen.shape == (400, 15, 16, 2)
    middles, sides = (seen[:, 0, 0] + seen[:, -1, -1]) / 2, seen[:, -1, -1] - seen[:, 0, 0]
    assert middles.mean() == pytest.approx(0.5, abs=0.01)
    assert middles.std() == pytest.approx(0.05, rel=0.15)
    assert sides.mean() == pytest.approx(0.3, rel=0.02)
    assert sides.std() == pytest.approx(0.02, rel=0.15)
    noisy = transformed(
        tf.constant(ramps[None]), (Crops(400, 0.3, 0.05, 0.02, noise=0.08),), tf.constant([1, 2]), (15, 16)
    )
    grain = noisy.numpy() - seen
    assert grain.std() == pytest.approx(0.08 * (1 + 1 / 12) ** 0.5, rel=0.02)


def test_the_objective_of_crops_is_their_mean(quadratic):
    recipe = recipes.get("maco").replace(transforms=(Crops(count=5, box=0.6, noise=0.0),))
    step = next(nv.ascend(quadratic, UNIT, recipe=recipe, seed=2))
    stamp = tf.constant([2, 0])
    seen = transformed(tf.constant(step.image[None]), recipe.transforms, stamp, (HEIGHT, WIDTH)).numpy()
    assert step.loss == pytest.approx(np.mean([value(crop) for crop in seen]), rel=1e-4, abs=1e-6)
    two = next(nv.ascend(quadratic, [UNIT, UNIT], recipe=recipe, seed=2))
    np.testing.assert_allclose(two.loss, [step.loss] * 2, rtol=1e-4, atol=1e-6)


def smoothed(part, pictures):
    """What that part makes of pictures, compiled as in a run."""
    return tf.function(lambda x: part.apply(x, None))(tf.constant(pictures, tf.float32)).numpy()


def slow_denoise(x, weight, steps=4000):
    """The dual of total variation denoising by plain projected gradients (Chambolle 2004), one plane."""
    down = np.zeros((2, *x.shape))

    def divergence(p):
        total = np.zeros(x.shape)
        total[:-1] += p[0, :-1]
        total[1:] -= p[0, :-1]
        total[:, :-1] += p[1, :, :-1]
        total[:, 1:] -= p[1, :, :-1]
        return total

    for _ in range(steps):
        u = x + divergence(down) / weight
        g = np.zeros((2, *x.shape))
        g[0, :-1], g[1, :, :-1] = u[1:] - u[:-1], u[:, 1:] - u[:, :-1]
        down = down + weight / 8 * g
        down /= np.maximum(1, np.sqrt((down**2).sum(0)))
    return x + divergence(down) / weight


def split_bregman(x, weight, iterations):
    """The iterations of scikit-image written down pixel by pixel, but white squares after black ones; one plane."""
    u, (height, width), split = x.copy(), x.shape, 2 * weight
    d, b = np.zeros((2, height, width)), np.zeros((2, height, width))
    for _ in range(iterations):
        for colour in (1, 0):
            for r, c in np.argwhere(np.add.outer(np.arange(height), np.arange(width)) % 2 == colour):
                around = [u[max(r - 1, 0), c], u[min(r + 1, height - 1), c], u[r, max(c - 1, 0)],
                          u[r, min(c + 1, width - 1)]]  # fmt: skip
                before = (d - b)[0, r - 1, c] if r else 0.0, (d - b)[1, r, c - 1] if c else 0.0
                pull = before[0] - (d - b)[0, r, c] + before[1] - (d - b)[1, r, c]
                u[r, c] = (split * (sum(around) + pull) + weight * x[r, c]) / (weight + 4 * split)
        t = b.copy()
        t[0, :-1] += u[1:] - u[:-1]
        t[1, :, :-1] += u[:, 1:] - u[:, :-1]
        s = np.sqrt((t**2).sum(0))
        d = t * s * split / (s * split + 1)
        b = t - d
    return u


@pytest.mark.parametrize("weight", [0.001, 0.05, 2.0])
def test_the_published_denoising_is_split_bregman(weight):
    x = RANDOM.uniform(60, 200, (7, 8, 2))
    found = smoothed(SplitBregman(weight, iterations=30), x[None])[0]
    expected = np.stack([split_bregman(x[..., k], weight, 30) for k in (0, 1)], axis=-1)
    np.testing.assert_allclose(found, expected, atol=2e-2)


def test_the_published_denoising_leaves_the_shapes_that_the_minimum_wipes_out():
    rows, cols = np.mgrid[:64, :64] / 4
    blobs = (20 * np.sin(rows) * np.sin(cols))[None, :, :, None].astype(np.float32)
    kept = smoothed(SplitBregman(0.01), blobs)
    assert np.corrcoef(kept.ravel(), blobs.ravel())[0, 1] > 0.95
    assert kept.std() > 4 > 40 * smoothed(Denoise(0.01, iterations=1000), blobs).std()
    uses = {type(part) for phase in recipes.get("multifaceted").phases for part in phase.after}
    assert uses == {recipes.Clip, SplitBregman}


@pytest.mark.parametrize("weight", [0.02, 0.2, 2.0])
def test_denoising_finds_the_minimum(weight):
    x = RANDOM.uniform(0, 255, (10, 11, 2))
    found = smoothed(Denoise(weight, iterations=400), x[None])[0]
    expected = np.stack([slow_denoise(x[..., k], weight) for k in (0, 1)], axis=-1)
    np.testing.assert_allclose(found, expected, atol=0.5)


def test_denoising_moves_two_halves_towards_each_other_by_their_edge():
    """The known solution: a strip of length n moves by edge / (area * weight)."""
    x = np.zeros((1, 8, 10, 1), np.float32)
    x[:, :, 4:] = 100.0
    found = smoothed(Denoise(0.05, iterations=500), x)[0, :, :, 0]
    np.testing.assert_allclose(found[:, :4], 1 / (4 * 0.05), atol=0.2)
    np.testing.assert_allclose(found[:, 4:], 100 - 1 / (6 * 0.05), atol=0.2)


def test_the_schedule_of_multifaceted_is_the_published_one():
    recipe = recipes.get("multifaceted")
    assert recipe.steps == sum(phase.steps for phase in recipe.phases) == 530
    rows = [
        (phase.steps, phase.probability, phase.enlarge, phase.window.spread, len(phase.gradient))
        for phase in recipe.phases
    ]
    assert rows == [
        (190, True, 1.0, 0.3, 0), (150, True, 1.2, 0.3, 0), (150, False, 1.2, 0.3, 0), (30, False, 1.0, 0.1, 1),
        (10, False, 1.0, 0.3, 0),
    ]  # fmt: skip
    places = [recipe.phase_at(index, 530) for index in (0, 189, 190, 339, 340, 490, 519, 520, 529)]
    assert [place for place, *_ in places] == [0, 0, 1, 1, 2, 3, 3, 4, 4]
    assert [now.step_size for _, now, *_ in places] == [11, 11, 6, 6, 1, 3, 3, 6, pytest.approx(3.3)]
    weights = [now.numbers(index, steps) for _, now, index, steps in places]
    assert weights[0] == pytest.approx([0.001, 0.3])  # denoising, place of the window
    assert weights[2] == pytest.approx([0.01, 0.3])
    assert weights[5] == pytest.approx([0.1, 0.1])
    assert [recipe.phase_at(index, 53)[0] for index in (0, 18, 19, 33, 34, 48, 49, 51, 52)] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        4,
    ]


def test_multifaceteds_loop(quadratic):
    """Window, margin, step by the mean gradient, clip, denoising, and growth between phases."""
    mean = np.array([123.0, 117.0, 104.0])
    recipe = recipes.get("multifaceted")
    phases = tuple(
        recipes.Phase(
            steps=2, step_size=size, enlarge=enlarge, gradient=(recipes.Margin(margin / WIDTH),) if margin else (),
            after=(recipes.Clip(), Denoise(weight, iterations=400)), window=recipes.Window(0.3),
        )
        for size, enlarge, margin, weight in ((11, 1.0, 0, 0.05), (6, 1.5, 0, 0.08), (3, 1.0, 2, 2.0))
    )  # fmt: skip
    recipe = recipe.replace(phases=phases, steps=6)
    start = RANDOM.uniform(0.2, 0.8, (HEIGHT, WIDTH, 3)).astype(np.float32)
    images = [step.image for step in nv.ascend(quadratic, UNIT, recipe=recipe, start=start, seed=3)]
    x = start.astype(np.float64) * 255 - mean
    for index, phase in enumerate(np.repeat(phases, 2)):
        if index == 2:
            grown = tf.image.resize(x.astype(np.float32)[None], (14, 18), "bicubic").numpy()[0].astype(np.float64)
            x = grown
        np.testing.assert_allclose(images[index], np.clip((x + mean) / 255, 0, 1), atol=2e-3)
        room = (x.shape[0] - HEIGHT, x.shape[1] - WIDTH)
        top, left = phase.window.place(room, tf.constant([3, index])).numpy()
        assert 0 <= top <= room[0]
        assert 0 <= left <= room[1]
        part = x[top : top + HEIGHT, left : left + WIDTH]
        g = slope((part + mean) / 255) / 255
        if phase.gradient:
            mask = np.zeros((HEIGHT, WIDTH, 1))
            mask[2:-2, 2:-2] = 1
            g = g * mask
        part = np.clip(part + phase.step_size / abs(g).mean() * g, -mean, 255 - mean)
        weight = phase.after[1].weight
        part = np.stack([slow_denoise(part[..., k] + mean[k], weight) - mean[k] for k in range(3)], axis=-1)
        x[top : top + HEIGHT, left : left + WIDTH] = part


def test_multifaceted_starts_from_light_grey_noise_grows_and_is_saved(quadratic, tmp_path):
    run = nv.maximize(quadratic, UNIT, recipe="multifaceted", steps=53, seed=1)
    assert run.frames[0].mean() * 255 == pytest.approx(175, abs=3)
    assert run.image.shape == (round(round(HEIGHT * 1.2) * 1.2), round(round(WIDTH * 1.2) * 1.2), 3)
    assert run.steps[0].step_size != run.steps[-1].step_size
    for ending in ("gif", "webp", "png"):
        image = Image.open(run.save(tmp_path / f"run.{ending}"))
        assert image.size == (run.image.shape[1], run.image.shape[0])


def test_class_logits_become_probabilities_in_its_first_phases(net):
    steps = list(nv.ascend(net, objectives.class_logit(1), recipe="multifaceted", steps=53))
    for step in steps[:34]:
        assert 0 <= step.loss <= 1
    first = steps[0]
    assert first.loss == pytest.approx(dict((k, p) for k, _, p in net.predict(first.image, 3))[1], rel=1e-3)
    phase = recipes.get("multifaceted").phases[3]
    later = recipes.get("multifaceted").replace(phases=(phase,))
    begun = next(nv.ascend(net, objectives.class_logit(1), recipe=later, start=first.image))
    plain = next(nv.ascend(net, objectives.class_logit(1), recipe="tutorial13", start=first.image))
    assert begun.loss == pytest.approx(plain.loss, rel=1e-4)
