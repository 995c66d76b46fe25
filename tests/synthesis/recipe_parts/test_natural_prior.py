"""The natural prior against its formula, against finite differences, and on networks with and without batch norm."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.natural_statistics import AT_MOST, NaturalStatistics, statistics_of_norms
from nbfeatviz.synthesis.recipe_parts.fields import Ramp
from nbfeatviz.synthesis.recipe_parts.natural_prior import FEWEST, FULL, NaturalPrior, moments, weight_of, with_weight
from nbfeatviz.synthesis.run import photo_statistics, statistics_file
from nbfeatviz.synthesis.run.photo_statistics import natural_statistics

RANDOM = np.random.default_rng(5)
PICTURES = RANDOM.uniform(0, 1, (3, 12, 12, 3)).astype(np.float32)
LOGIT = objectives.class_logit(1)


def make(*, normed=True, trained=True, between=None):
    """conv1 - norm1 - ReLU - conv2 - norm2 - ReLU - pooled - 3 classes; or the same without norms."""
    keras.utils.set_random_seed(3)
    x = picture = keras.Input((12, 12, 3), name="picture")
    for number in (1, 2):
        x = keras.layers.Conv2D(4 + number, 3, padding="same", name=f"conv{number}")(x)
        if normed:
            x = keras.layers.BatchNormalization(name=f"norm{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        x = x if between is None else between(x)
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    model = keras.Model(picture, keras.layers.Dense(3, name="head")(x), name="normed")
    for layer in model.layers if normed and trained else ():
        if isinstance(layer, keras.layers.BatchNormalization):
            count = layer.gamma.shape[0]
            layer.set_weights([RANDOM.uniform(low, high, count) for low, high in ((-2, 2), (-1, 1), (-1, 1), (0.2, 3))])
    return nv.load(model, input_range=(-1, 1), head="softmax")


def with_prior(weight=0.4, recipe="default", **options):
    base = recipes.get(recipe)
    others = tuple(one for one in base.regularizers if not isinstance(one, NaturalPrior))
    return base.replace(regularizers=(*others, NaturalPrior(weight, **options)))


def distances(network, pictures=PICTURES, prior=None, fast=True, precision="float32", source=None):
    natural = natural_statistics(network, [LOGIT.resolved(network)], source)
    backbone = Backbone(network, natural.taps, fast=fast, precision=precision)
    return (prior or NaturalPrior()).distance(backbone(tf.constant(pictures)), natural).numpy()


def entering(network, pictures, layer):
    """What enters a layer, by Keras alone."""
    model = keras.Model(network.model.inputs[0], network.model.get_layer(layer).input)
    return np.asarray(model(network.contract.apply(pictures))).astype(np.float64)


def by_formula(network, pictures=PICTURES, joint=False):
    """The mean over norms of the mean over channels of ((m - mean)^2 + (s - deviation)^2) / (variance + epsilon)."""
    layers = []
    for name in ("norm1", "norm2"):
        norm, value = network.model.get_layer(name), entering(network, pictures, name)
        axes = (0, 1, 2) if joint else (1, 2)
        mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
        apart = (value.mean(axes) - mean) ** 2 + (value.std(axes) - np.sqrt(variance)) ** 2
        layers.append((apart / (variance + norm.epsilon)).mean(-1))
    return np.mean(layers, axis=0)


def test_of_batch_norms_it_is_the_formula_on_what_enters_them():
    network = make()
    # 1e-4: the moments are summed in float32, and the norm's output is used in the place of its input
    np.testing.assert_allclose(distances(network), by_formula(network), rtol=1e-4)
    np.testing.assert_allclose(distances(network, fast=False), by_formula(network), rtol=1e-4)


def test_joint_statistics_are_those_of_the_batch():
    network = make()
    found = distances(network, prior=NaturalPrior(joint=True))
    np.testing.assert_allclose(found, [by_formula(network, joint=True)] * 3, rtol=1e-4)
    assert found[0] < distances(network).mean(), "each may differ from the mean"


def test_in_half_the_bits_it_is_the_same_within_their_bound():
    network = make()
    # bfloat16 has 8 bits of fraction: half a percent a value, and the deviation of many of them is better known
    np.testing.assert_allclose(distances(network, precision="bfloat16"), distances(network), rtol=0.02)


def test_it_is_zero_where_the_statistics_are_the_natural_ones():
    """An affine network: its norm has stored what enters it of this picture."""
    network = make()
    for name in ("norm1", "norm2"):  # one after the other, as the second depends on the first
        norm, value = network.model.get_layer(name), entering(network, PICTURES[:1], name)
        gamma, beta = (np.asarray(one) for one in (norm.gamma, norm.beta))
        norm.set_weights([gamma, beta, value.mean((0, 1, 2)), value.var((0, 1, 2))])
    network.refresh()
    assert distances(network, PICTURES[:1])[0] < 1e-6
    assert distances(network)[1] > 0.01


def test_it_follows_weights_that_change():
    network = make()
    before = distances(network)
    norm = network.model.get_layer("norm1")
    norm.moving_mean.assign(norm.moving_mean + 1.0)
    network.refresh()
    np.testing.assert_allclose(distances(network), by_formula(network), rtol=1e-4)
    assert not np.allclose(before, distances(network), rtol=0.05)


def test_a_channel_that_says_nothing_is_left_out():
    network = make()
    norm = network.model.get_layer("norm1")
    gamma, beta, mean, variance = norm.get_weights()
    gamma[0] = 0.0
    norm.set_weights([gamma, beta, mean, variance])
    network.refresh()
    found, value = distances(network), entering(network, PICTURES, "norm1")
    assert np.isfinite(found).all()
    apart = (value.mean((1, 2)) - mean) ** 2 + (value.std((1, 2)) - np.sqrt(variance)) ** 2
    first = (apart / (variance + norm.epsilon))[:, 1:].mean(1)
    second = 2 * by_formula(network) - (apart / (variance + norm.epsilon)).mean(1)
    np.testing.assert_allclose(found, (first + second) / 2, rtol=1e-3)


def test_the_gradient_of_the_moments_is_that_of_finite_differences():
    values = tf.constant(RANDOM.normal(2, 1, (2, 30, 3)), tf.float64)
    weights = tf.constant(RANDOM.normal(0, 1, (2, 2, 3)))

    def total(values):
        mean, deviation = moments([values], tf.zeros(3, tf.float64))
        return tf.reduce_sum(weights[0] * mean + weights[1] * deviation)

    with tf.GradientTape() as tape:
        tape.watch(values)
        whole = total(values)
    gradient, plain = tape.gradient(whole, values).numpy(), values.numpy()
    for place in [(0, 0, 0), (1, 7, 2), (0, 29, 1)]:
        moved = [plain.copy(), plain.copy()]
        moved[0][place] += 1e-5
        moved[1][place] -= 1e-5
        expected = float(total(tf.constant(moved[0])) - total(tf.constant(moved[1]))) / 2e-5
        assert gradient[place] == pytest.approx(expected, rel=1e-6)  # the square of the step, in float64


def test_moments_of_several_layers_are_those_of_each_in_a_row():
    layers = [tf.constant(RANDOM.normal(size=shape), tf.float64) for shape in ((2, 9, 3), (2, 4, 5))]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(layers)
        together = moments(layers, tf.zeros(8, tf.float64))
        alone = [moments([layer], tf.zeros(layer.shape[2], tf.float64)) for layer in layers]
    for place in range(2):
        row = tf.concat([one[place] for one in alone], axis=1)
        np.testing.assert_allclose(together[place], row, rtol=1e-12)
        for layer, own in zip(layers, alone, strict=True):
            np.testing.assert_allclose(
                tape.gradient(together[place], layer), tape.gradient(own[place], layer), rtol=1e-12
            )


def test_a_constant_picture_has_a_finite_gradient():
    with tf.GradientTape() as tape:
        values = tf.zeros((1, 5, 2))
        tape.watch(values)
        total = tf.add_n([tf.reduce_sum(one) for one in moments([values], tf.zeros(2))])
    assert np.isfinite(tape.gradient(total, values)).all()


def test_an_untrained_norm_holds_nothing_natural():
    network = make(trained=False)
    assert statistics_of_norms(network) is None
    natural = natural_statistics(network, [LOGIT.resolved(network)])
    assert natural.source != "batch norm"
    assert [tap.path for tap in natural.taps] == ["norm1", "norm2"]


def test_without_norms_it_is_measured_on_the_pictures_that_are_given(monkeypatch):
    """One picture, whole: the parts of 1 × 1 pixel of a constant picture are that picture."""
    network = make(normed=False)
    grey = np.full((12, 12, 3), 0.3, np.float32)
    natural = natural_statistics(network, [LOGIT.resolved(network)], [grey])
    assert natural.taps == (Tap("conv1", True), Tap("conv2", True))
    for tap, (mean, deviation, unit) in zip(natural.taps, natural.values, strict=True):
        value = entering(network, grey[None], "relu" + tap.path[-1])[0]
        np.testing.assert_allclose(mean, value.mean((0, 1)), atol=1e-5)
        np.testing.assert_allclose(deviation, value.std((0, 1)), atol=1e-3)  # a difference of squares in float32
        assert ((unit == 0) | (unit > 0)).all()
    monkeypatch.setattr(photo_statistics, "pooled", lambda *_: pytest.fail("they are known"))
    again = make(normed=False)
    found = natural_statistics(again, [LOGIT.resolved(again)], [grey])  # read from the file
    assert found.key == natural.key
    for one, other in zip(found.values, natural.values, strict=True):
        assert all(map(np.array_equal, one, other))


def test_a_damaged_file_is_measured_anew(monkeypatch):
    network = make(normed=False)
    first = natural_statistics(network, [LOGIT.resolved(network)], [PICTURES[0]])
    assert first.values
    path = statistics_file.path(first.source)
    path.write_bytes(path.read_bytes()[:100])
    again = make(normed=False)
    found = natural_statistics(again, [LOGIT.resolved(again)], [PICTURES[0]])
    np.testing.assert_array_equal(found.values[1][0], first.values[1][0])


def test_other_weights_are_measured_anew():
    network = make(normed=False)
    first = natural_statistics(network, [LOGIT.resolved(network)], [PICTURES[0]])
    before = first.values[0][1]
    late = natural_statistics(network, [LOGIT.resolved(network)], [PICTURES[1]])  # its values are not asked for yet
    kernel = network.model.get_layer("conv1").kernel
    kernel.assign(2 * kernel)
    found = natural_statistics(network, [LOGIT.resolved(network)], [PICTURES[0]])
    assert found.key != first.key
    np.testing.assert_allclose(found.values[0][1], 2 * before, rtol=1e-4)
    assert late.values
    assert not statistics_file.path(late.source).exists(), "they are no longer what the name says"


def test_only_layers_that_the_objective_needs_are_read():
    network = make()
    unit = objectives.channel("relu1", 0).resolved(network)
    natural = natural_statistics(network, [unit])
    assert [tap.path for tap in natural.taps] == ["norm1"]
    assert natural.whole == 2


def test_of_a_deep_network_some_layers_are_read():
    network = nv.load()
    natural = statistics_of_norms(network)
    assert len(natural.taps) == AT_MOST
    norms = sum(type(layer).__name__ == "BatchNormalization" for layer in network.model.layers)
    assert len(statistics_of_norms(network, most=None).taps) == norms > AT_MOST


@pytest.mark.parametrize("source", [5, b"photo", 2.5])
def test_what_is_neither_a_folder_nor_pictures_is_said(source):
    with pytest.raises(TypeError, match=rf"statistics {source!r} .* neither a folder nor several pictures"):
        nv.ascend(make(), LOGIT, recipe=with_prior(), statistics=source)


def test_a_folder_without_pictures_is_said(tmp_path):
    with pytest.raises(ValueError, match="there are no pictures .* in the folder"):
        nv.ascend(make(), LOGIT, recipe=with_prior(), statistics=tmp_path)
    with pytest.raises(ValueError, match="'nowhere' is no folder"):
        nv.ascend(make(), LOGIT, recipe=with_prior(), statistics="nowhere")
    with pytest.raises(ValueError, match="no pictures: give at least one"):
        nv.ascend(make(), LOGIT, recipe=with_prior(), statistics=[])


def test_what_it_costs_is_subtracted_inside_the_gradient():
    """With another weight the picture is another; the loss is the objective alone, the score what is climbed."""
    network = make()
    free = list(nv.ascend(network, LOGIT, recipe=with_prior(0.0), steps=12))
    held = list(nv.ascend(network, LOGIT, recipe=with_prior(1.0), steps=12))
    assert free[0].loss == held[0].loss
    assert free[0].distance == held[0].distance > 0
    assert held[-1].distance < free[-1].distance
    assert held[-1].loss < free[-1].loss
    assert held[-1].score < held[-1].loss
    soft = recipes.DEFAULT.regularizers[0].penalty(None, tf.zeros((1, 12, 12, 3)))  # nothing is beyond its limits
    logits = network.model(network.contract.apply(held[0].image[None])).numpy()[0]
    assert float(soft[0]) == 0
    assert np.isfinite(logits).all()
    assert FULL * held[0].distance > held[0].loss - held[0].score > 0


def test_its_weight_is_moved_in_mid_run_without_compiling_anew():
    network = make()
    run = nv.ascend(network, LOGIT, recipe=with_prior(0.2), steps=20)
    for _ in range(3):
        next(run)
    run.picture()  # what renders it is kept too
    made = network.cached
    run.retarget(recipe=with_prior(0.9))
    assert run.compiled
    next(run)
    assert network.cached == made


def test_a_unit_with_positions_leads_at_the_start():
    """The prior's weight grows to all of it over some steps; a class is held from the first."""
    network = make()
    unit = objectives.channel("norm2", 0)
    for objective, share in ((unit, 1 / 4), (LOGIT, 1)):
        held, grown = (next(nv.ascend(network, objective, recipe=with_prior(onset=onset), steps=8)) for onset in (0, 4))
        assert grown.loss == held.loss
        assert grown.loss - grown.score == pytest.approx(share * (held.loss - held.score), rel=1e-4)
    taps = (Tap("norm2", True),) * FEWEST
    whole = NaturalStatistics(taps, "nothing", len(taps), tuple)
    for onset, shares in ((4, [0.25, 0.5, 0.75, 1, 1, 1]), (0, [1] * 6)):
        prior = NaturalPrior(weight=1, onset=onset)
        assert [float(prior.cost(1.0, 1.0, whole, index, True)) / FULL for index in range(6)] == shares
        assert [float(prior.cost(1.0, 1.0, whole, index, False)) / FULL for index in range(6)] == [1] * 6


def test_a_weight_that_grows_ends_at_the_one_that_is_wanted():
    growing = (NaturalPrior(weight=Ramp(0.1, 0.4, hold=0.2)),)
    assert weight_of(growing) == 0.4
    assert with_weight(growing, 0.8) == (NaturalPrior(weight=Ramp(0.2, 0.8, hold=0.2)),)
    falling = (NaturalPrior(weight=Ramp(0.8, 0.4)),)
    assert with_weight(falling, 1.0) == (NaturalPrior(weight=Ramp(1.0, 1.0)),), "no weight is above 1"
    assert with_weight(with_weight(growing, 0.0), 0.5) == (NaturalPrior(weight=Ramp(0.0, 0.5, hold=0.2)),)


def test_the_same_seed_gives_the_same_picture_alone_and_in_a_batch():
    network = make()
    alone = [nv.maximize(network, objectives.class_logit(k), recipe=with_prior(), steps=8, seed=4) for k in (0, 2)]
    again = nv.maximize(network, objectives.class_logit(2), recipe=with_prior(), steps=8, seed=4)
    batch = nv.maximize(network, [objectives.class_logit(0), objectives.class_logit(2)], recipe=with_prior(), steps=8,
                        seed=4)  # fmt: skip
    assert np.array_equal(again.image, alone[1].image)
    for one, picture in zip(alone, batch.images, strict=True):
        assert np.abs(one.image - picture).max() < 0.02  # Adam divides by small numbers: rounding grows with the steps


def test_a_network_that_gives_no_gradient_is_not_hidden_by_the_prior():
    network = make(between=keras.layers.Lambda(tf.stop_gradient))
    with pytest.raises(ValueError, match="has no gradient path to the picture"):
        nv.maximize(network, LOGIT, recipe=with_prior(), steps=2)


def test_a_dead_unit_is_not_hidden_by_the_prior():
    network = make()
    conv = network.model.get_layer("norm2")
    gamma, beta, mean, variance = conv.get_weights()
    conv.set_weights([gamma * 0, beta * 0 - 9, mean, variance])
    network.refresh()
    with pytest.warns(UserWarning, match="no gradient led anywhere"):
        nv.maximize(network, objectives.channel("relu2", 0), recipe=with_prior(), steps=6)


def test_settings_say_where_the_statistics_come_from():
    network = make()
    plain = nv.maximize(network, LOGIT, recipe=with_prior(), steps=1)
    assert "statistics" not in plain.settings.code()
    photos = nv.maximize(network, LOGIT, recipe=with_prior(), steps=1, statistics="photographs")
    assert photos.settings.code().endswith("statistics='photographs')")
    own = nv.maximize(network, LOGIT, recipe=with_prior(), steps=1, statistics=[PICTURES[0]])
    assert own.settings.code().endswith("statistics=pictures)")
    assert not np.array_equal(plain.image, own.image) or plain.steps[0].distance != own.steps[0].distance


def test_it_is_written_down_and_read_again():
    recipe = with_prior(0.25, joint=True)
    assert recipes.Recipe.from_json(recipe.to_json()) == recipe


def test_a_neuron_is_held_in_the_part_of_the_picture_that_it_sees():
    network = make()
    whole = objectives.channel("norm2", 1)
    steps = list(nv.ascend(network, objectives.neuron("norm2", 1), recipe=with_prior(1.0), steps=8))
    assert steps[0].distance != next(nv.ascend(network, whole, recipe=with_prior(1.0), steps=8)).distance
    assert all(np.isfinite(step.image).all() and step.distance > 0 for step in steps)


def test_tokens_have_statistics_as_positions_have():
    """As in a transformer: (tokens, channels), no batch norm and no convolution."""
    keras.utils.set_random_seed(1)
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Reshape((36, 12))(picture)
    x = keras.layers.Dense(8, name="embedded")(x)
    x = keras.layers.Add(name="merged")([x, keras.layers.MultiHeadAttention(2, 4)(x, x)])
    x = keras.layers.LayerNormalization()(x)
    model = keras.Model(picture, keras.layers.Dense(3, name="head")(keras.layers.GlobalAveragePooling1D()(x)))
    network = nv.load(model, input_range=(0, 1), head="softmax")
    natural = natural_statistics(network, [LOGIT.resolved(network)])
    assert [tap.path for tap in natural.taps] == ["embedded", "merged"]
    held = list(nv.ascend(network, LOGIT, recipe=with_prior(1.0), steps=12))
    free = list(nv.ascend(network, LOGIT, recipe=with_prior(0.0), steps=12))
    assert held[-1].distance < free[-1].distance


def test_an_objective_below_all_places_is_climbed_without_a_prior():
    keras.utils.set_random_seed(1)
    picture = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, name="first")(picture)
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.ReLU()(x))
    model = keras.Model(picture, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    model.get_layer("norm").moving_mean.assign([1.0] * 4)
    network = nv.load(model, input_range=(0, 1), head="softmax")
    step = next(nv.ascend(network, objectives.channel("first", 0), recipe=with_prior(1.0), steps=2))
    assert step.distance == 0
    assert step.score == step.loss


def test_the_digits_have_statistics_of_their_own(monkeypatch):
    network = nv.load("mnist-cnn")
    monkeypatch.setattr(photo_statistics, "pooled", lambda *_: pytest.fail("nothing is to be measured"))
    natural = natural_statistics(network, [objectives.class_logit(3).resolved(network)])
    assert [tap.path for tap in natural.taps] == ["conv1", "conv2", "conv3"]
