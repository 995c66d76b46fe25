"""Transforms move what the network sees, in one resampling, and never the picture that is kept."""

import math

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.synthesis.recipe_parts.transforms import (
    Crops,
    Jitter,
    Noise,
    Pad,
    Part,
    Rotate,
    Scale,
    Views,
    transformed,
)

HEIGHT, WIDTH = 20, 24
IDENTITY = (Pad(0.5), Jitter(0.0), Scale(1.0, 1.0), Rotate(0.0), Rotate(30.0, still=1.0))


def seen(picture, transforms, seed=0, index=0):
    return transformed(tf.constant(picture[None]), transforms, tf.constant([seed, index])).numpy()[0]


def ramps():
    """Row number and column number as two channels: what a transform does can be read off them."""
    rows, cols = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows, cols], axis=-1).astype(np.float32)


def slopes(moved):
    """d(row seen) and d(col seen) by output row and column, and where the centre comes from, off the middle part."""
    middle = moved[HEIGHT // 2 - 3 : HEIGHT // 2 + 3, WIDTH // 2 - 3 : WIDTH // 2 + 3]
    by_row, by_col = np.diff(middle, axis=0).mean((0, 1)), np.diff(middle, axis=1).mean((0, 1))
    centre = middle.mean((0, 1)) - ((HEIGHT - 1) / 2, (WIDTH - 1) / 2)
    return np.stack([by_row, by_col], axis=1), centre


@pytest.fixture
def picture():
    return np.random.default_rng(1).random((HEIGHT, WIDTH, 3)).astype(np.float32)


@pytest.mark.parametrize("transform", IDENTITY, ids=repr)
def test_settings_that_move_nothing_leave_every_bit(picture, transform):
    for index in range(5):
        assert np.array_equal(seen(picture, (transform,), index=index), picture)


def test_jitter_shifts_by_whole_pixels_in_all_directions(picture):
    shifts = set()
    for index in range(60):
        moved = seen(ramps(), (Pad(-1.0), Jitter(6 / WIDTH)), index=index)
        turned, centre = slopes(moved)
        np.testing.assert_allclose(turned, np.eye(2), atol=1e-5)
        shifts.add(tuple(np.round(centre, 4)))
    assert all(float(value).is_integer() for shift in shifts for value in shift)
    for axis in (0, 1):
        assert {shift[axis] for shift in shifts} == {-3, -2, -1, 0, 1, 2, 3}


def test_a_shifted_picture_keeps_its_values_and_looks_into_the_margin(picture):
    for index in range(20):
        rows, cols = np.round(slopes(seen(ramps(), (Jitter(6 / WIDTH),), index=index))[1]).astype(int)
        expected = np.full((HEIGHT + 20, WIDTH + 20, 3), 0.25, np.float32)
        expected[10:-10, 10:-10] = picture
        expected = expected[10 + rows : 10 + rows + HEIGHT, 10 + cols : 10 + cols + WIDTH]
        # a draw belongs to a place in the list: the margin is named after the shift, so that the shift is the same
        assert np.array_equal(seen(picture, (Jitter(6 / WIDTH), Pad(0.25)), index=index), expected)


def test_scale_enlarges_about_the_centre_within_its_bounds():
    factors = []
    for index in range(60):
        turned, centre = slopes(seen(ramps(), (Scale(0.8, 1.25),), index=index))
        np.testing.assert_allclose(turned, np.eye(2) * turned[0, 0], atol=1e-4)
        np.testing.assert_allclose(centre, 0, atol=1e-4)
        factors.append(1 / turned[0, 0])
    assert 0.8 - 1e-4 <= min(factors) < 0.85
    assert 1.2 < max(factors) <= 1.25 + 1e-4


def test_rotation_turns_about_the_centre_and_is_still_for_its_share():
    angles = []
    for index in range(200):
        turned, centre = slopes(seen(ramps(), (Rotate(10.0, still=0.5),), index=index))
        np.testing.assert_allclose(turned @ turned.T, np.eye(2), atol=1e-4)
        np.testing.assert_allclose(centre, 0, atol=1e-4)
        angles.append(math.degrees(math.asin(np.clip(turned[1, 0], -1, 1))))
    assert -10.01 <= min(angles) < -9
    assert 9 < max(angles) <= 10.01
    still = sum(abs(angle) < 1e-3 for angle in angles)
    assert 75 <= still <= 125  # half of 200; the chance of being farther off is 0.04 %, and the draws are fixed


def test_transforms_are_applied_in_order():
    """A shift before an enlargement is enlarged too; after it, it is not."""
    before, after = (Jitter(6 / WIDTH), Scale(2.0, 2.0)), (Scale(2.0, 2.0), Jitter(6 / WIDTH))
    alone = Jitter(6 / WIDTH)
    for index in range(10):
        first = slopes(seen(ramps(), (alone,), index=index))[1]
        second = slopes(seen(ramps(), (Pad(0.0), alone), index=index))[1]
        np.testing.assert_allclose(slopes(seen(ramps(), before, index=index))[1], first, atol=1e-4)
        np.testing.assert_allclose(slopes(seen(ramps(), after, index=index))[1], second / 2, atol=1e-4)


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0])
def test_the_margin_has_its_value(picture, margin):
    small = seen(picture, (Pad(margin), Scale(0.5, 0.5)))
    np.testing.assert_array_equal(small[0], np.full_like(small[0], margin))
    assert small[HEIGHT // 2].std() > 0.05


def test_a_seed_is_a_transform(picture):
    lucid = recipes.get("lucid").transforms
    first = seen(picture, lucid, seed=3, index=5)
    assert np.array_equal(seen(picture, lucid, seed=3, index=5), first)
    assert not np.array_equal(seen(picture, lucid, seed=3, index=6), first)
    assert not np.array_equal(seen(picture, lucid, seed=4, index=5), first)


def test_two_jitters_of_one_recipe_are_drawn_apart():
    jitter = Jitter(6 / WIDTH)
    singles = [slopes(seen(ramps(), (jitter,), index=index))[1] for index in range(20)]
    doubles = [slopes(seen(ramps(), (jitter, jitter), index=index))[1] for index in range(20)]
    assert any(abs(double - 2 * single).max() > 0.5 for single, double in zip(singles, doubles, strict=True))


def test_all_pictures_of_a_batch_move_alike(picture):
    lucid = recipes.get("lucid").transforms
    batch = transformed(tf.constant(np.stack([picture, picture * 0.5 + 0.25])), lucid, tf.constant([1, 2])).numpy()
    assert batch.shape == (2, HEIGHT, WIDTH, 3)
    np.testing.assert_allclose(batch[1], batch[0] * 0.5 + 0.25, atol=1e-6)


def test_the_gradient_flows_back_to_where_the_picture_was_looked_at(picture):
    x = tf.constant(picture[None])
    with tf.GradientTape() as tape:
        tape.watch(x)
        # at double size the middle half of the picture is all that is seen
        total = tf.reduce_sum(transformed(x, (Scale(2.0, 2.0),), tf.constant([0, 0])))
    gradient = tape.gradient(total, x).numpy()[0]
    assert (gradient[HEIGHT // 2 - 3 : HEIGHT // 2 + 3, WIDTH // 2 - 3 : WIDTH // 2 + 3] > 0).all()
    assert not gradient[:3].any()
    assert not gradient[-3:].any()


def test_what_is_stored_is_never_resampled(net):
    """With steps too small to matter, 30 random transforms leave the picture as it was: nothing piles up."""
    ascent = nv.ascend(net, objectives.channel("conv2", 1), recipe="lucid", steps=30, step_size=1e-9, seed=4)
    images = [step.image for step in ascent]
    form = recipes.get("lucid").parameterization
    variables = form.initial(np.random.default_rng(4), (16, 16, 3))
    np.testing.assert_allclose(images[0], form.picture(variables[None], (16, 16, 3)).numpy()[0], atol=1e-6)
    # 30 steps of 1e-9 on each of 288 variables with scales up to 256 change less than this; a blur changes 1e-2
    np.testing.assert_allclose(ascent.picture(), images[0], atol=1e-4)


def test_the_network_sees_the_transformed_picture(net):
    recipe = recipes.get("lucid")
    losses = [step.loss for step in nv.ascend(net, objectives.channel("conv2", 1), steps=10, step_size=1e-9)]
    assert np.std(losses) > 1e-5
    still = recipe.replace(transforms=IDENTITY)
    bare = recipe.replace(transforms=())
    pictures = [nv.maximize(net, objectives.channel("conv2", 1), recipe=r, steps=4).image for r in (still, bare)]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-6)


def test_a_part_lies_in_the_picture_and_has_its_side():
    sides, centres = [], []
    for index in range(80):
        turned, centre = slopes(seen(ramps(), (Part(0.4, 0.9),), index=index))
        np.testing.assert_allclose(turned, np.eye(2) * turned[0, 0], atol=1e-4)
        side = turned[0, 0]
        assert (np.abs(centre) <= (1 - side) / 2 * WIDTH + 1e-3).all()
        sides.append(side)
        centres.append(centre)
    assert 0.4 - 1e-4 <= min(sides) < 0.5
    assert 0.8 < max(sides) <= 0.9 + 1e-4
    assert np.std(centres, axis=0).min() > 1


def test_a_part_larger_than_the_picture_shows_the_margin_all_round():
    small = seen(ramps() * 0 + 1.0, (Pad(0.25), Part(2.0, 2.0)))
    assert small[0].max() == small[:, -1].max() == 0.25
    assert small[HEIGHT // 2, WIDTH // 2].min() == 1.0


def test_a_part_beyond_the_picture_has_no_gradient_there():
    """A fill mode other than a constant would invent gradients where nothing was looked at."""
    picture = tf.constant(np.random.default_rng(0).random((1, 20, 20, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        total = tf.reduce_sum(transformed(picture, (Pad(0.5), Part(0.4, 0.4)), tf.constant([3, 4])))
    touched = np.abs(tape.gradient(total, picture).numpy()[0]).sum(-1) > 0
    assert 0.12 < touched.mean() < 0.3  # 0.4 squared, and the edge


def test_views_are_the_picture_moved_in_ways_of_their_own(picture):
    pair = tf.constant(np.stack([picture, picture * 0.5]))
    moves = (Views(3), Part(0.5, 0.9), Rotate(10.0))
    views = transformed(pair, moves, tf.constant([1, 2])).numpy()
    assert views.shape == (6, *picture.shape)
    for first, second in zip(views[::2], views[1::2], strict=True):  # both pictures of a view move alike
        np.testing.assert_allclose(first * 0.5, second, atol=1e-6)
    assert np.abs(views[0] - views[2]).max() > 0.1
    assert np.abs(views[2] - views[4]).max() > 0.1


def test_views_of_pictures_with_seeds_of_their_own_are_those_of_each_alone(picture):
    moves, seeds = (Views(2), Pad(0.5), Part(0.5, 0.9)), tf.constant([[1, 5], [9, 5]])
    both = transformed(tf.constant(np.stack([picture, picture])), moves, seeds).numpy()
    for place in range(2):
        alone = transformed(tf.constant(picture[None]), moves, seeds[place]).numpy()
        np.testing.assert_array_equal(both[place::2], alone)


def test_the_objective_is_the_mean_over_the_views(net):
    """Of views that do not move it is that of one view, also where pictures are compared with each other."""
    plain = recipes.get("lucid").replace(transforms=())
    several = plain.replace(transforms=(Views(3),))
    wanted = objectives.channel("conv2", 1) - 2.0 * objectives.diversity("conv2")
    for objective in (objectives.channel("conv2", 1), wanted):
        one, three = (list(nv.ascend(net, objective, recipe=r, steps=3, seed=[0, 1])) for r in (plain, several))
        np.testing.assert_allclose([step.loss for step in one], [step.loss for step in three], rtol=1e-5)
        np.testing.assert_allclose(one[-1].image, three[-1].image, atol=1e-4)  # sums in another order


def test_crops_of_views_belong_to_their_picture(net):
    still = Crops(2, box=1.0, spread=0.0, wobble=0.0, noise=0.0)
    plain = recipes.get("lucid").replace(transforms=())
    several = plain.replace(transforms=(Views(2), still))
    wanted = [objectives.channel("conv2", unit) for unit in (0, 1)]
    losses = [
        next(iter(nv.ascend(net, wanted, recipe=r, steps=1, size=net.contract.size))).loss for r in (plain, several)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)  # resampled at its own places


def test_crops_are_bilinear_and_their_gradient_is_exact():
    """As `tf.image.crop_and_resize` reads them; being linear, the inner product with the gradient is the picture's."""
    crops, size = Crops(5, box=0.7, spread=0.3, wobble=0.1, noise=0.0), (6, 9)
    pictures = tf.random.stateless_uniform([2, 12, 10, 3], [1, 2])
    seed = tf.constant([3, 4])
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        parts = crops.apply(pictures, seed, size)
        weighed = tf.reduce_sum(parts * parts)
    draws = tf.random.stateless_normal([3, 5], seed)
    row, col = 0.5 + draws[0] * 0.3, 0.5 + draws[1] * 0.3
    half = tf.clip_by_value(0.7 + draws[2] * 0.1, 0.05, 1.0) / 2
    boxes = tf.tile(tf.stack([row - half, col - half, row + half, col + half], axis=-1), [2, 1])
    wanted = tf.image.crop_and_resize(pictures, boxes, [0] * 5 + [1] * 5, size)
    assert (wanted.numpy() == 0).any(), "some reach beyond the picture"
    np.testing.assert_allclose(parts, wanted, atol=1e-5)
    gradient = tape.gradient(weighed, pictures)
    np.testing.assert_allclose(tf.reduce_sum(gradient * pictures), 2 * weighed, rtol=1e-5)


def test_noise_has_the_deviation_and_the_range_that_were_asked_for(picture):
    shape = (200, 200, 3)
    normal = seen(np.zeros(shape, np.float32), (Noise(normal=0.1),))
    assert normal.std() == pytest.approx(0.1, rel=0.02)
    assert abs(normal.mean()) < 2e-3
    uniform = seen(np.full(shape, 0.5, np.float32), (Noise(uniform=0.2),)) - 0.5
    assert (uniform.min() >= 0, uniform.max() <= 0.2 + 1e-6) == (True, True)
    assert uniform.mean() == pytest.approx(0.1, rel=0.02)
    assert uniform.std() == pytest.approx(0.2 / 12**0.5, rel=0.02)
    assert not np.array_equal(seen(picture, (Noise(0.1),), index=1), seen(picture, (Noise(0.1),), index=2))
    assert np.array_equal(seen(picture, (Noise(),)), picture)


def test_every_view_has_noise_of_its_own(picture):
    first, second = transformed(tf.constant(picture[None]), (Views(2), Noise(uniform=0.2)), tf.constant([0, 0])).numpy()
    assert not np.array_equal(first, second)
