"""A photo is kept while a unit rises: the weight that does it against gradients that Keras gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives

PHOTO = np.random.default_rng(8).random((16, 16, 3)).astype(np.float32)
UNIT = objectives.channel("conv2", 1)


def noisy(seed):
    random = np.random.default_rng(seed)
    grain = random.normal(0, 0.02, PHOTO.shape) + random.uniform(-0.01, 0.01, PHOTO.shape)
    return np.clip(PHOTO + grain, 0, 1).astype(np.float32)


def gradient_length(net, layer, picture, measure):
    """Of a function of a layer's activations, by the pixels, in Keras alone."""
    model = keras.Model(net.model.inputs[0], net.model.get_layer(layer).output)
    pixels = tf.constant(picture[None])
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        value = measure(model(pixels * 2 - 1))
    return np.linalg.norm(tape.gradient(value, pixels).numpy())


def test_both_pull_alike_at_the_first_step(net):
    found = nv.accentuate(net, UNIT, PHOTO, "conv1", alpha=3, steps=1, seed=4)
    model = keras.Model(net.model.inputs[0], net.model.get_layer("conv1").output)
    kept = model(PHOTO[None] * 2 - 1).numpy()
    rise = gradient_length(net, "conv2", noisy(4), lambda a: tf.reduce_mean(a[..., 1]))
    distance = gradient_length(net, "conv1", noisy(4), lambda a: tf.reduce_sum((a - kept) ** 2))
    (first, unit), (weight, content) = found.settings.objective.terms
    assert (first, objectives.Objective(((1.0, unit),))) == (1.0, UNIT)
    assert objectives.Objective(((1.0, content),)) == objectives.content("conv1", PHOTO)
    # the term is divided by the sum of the photo's squares
    assert weight / (kept**2).sum() == pytest.approx(3 * rise / distance, rel=1e-3)


def test_the_photo_is_kept_the_more_the_greater_alpha_is(net):
    still = nv.recipes.get("accentuation").replace(transforms=())  # white noise that is shifted is another photo
    runs = [nv.accentuate(net, UNIT, PHOTO, "conv1", alpha=a, steps=60, recipe=still) for a in (0, 1, 30)]
    kept = nv.activations(net, PHOTO, "conv1")
    away = [np.square(nv.activations(net, run.image, "conv1") - kept).mean() for run in runs]
    assert away[0] > 2 * away[1] > 4 * away[2] > 0
    values = [nv.activations(net, run.image, "conv2")[..., 1].mean() for run in runs]
    assert values[0] > values[1] > values[2]
    assert values[1] > nv.activations(net, PHOTO, "conv2")[..., 1].mean()


def test_its_settings_make_it_again(net):
    first = nv.accentuate(net, UNIT, PHOTO, "conv1", steps=5, seed=2)
    again = nv.maximize(net, first.settings.objective, recipe="accentuation", steps=5, seed=2, start=PHOTO)
    assert np.array_equal(first.image, again.image)


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ({"net": "net"}, TypeError, "'net' is not a Network"),
        ({"objective": "conv1"}, TypeError, "'conv1' is not an objective"),
        ({"alpha": "1"}, TypeError, "alpha is a number, not '1'"),
        ({"alpha": -1}, ValueError, "alpha -1 is out of range"),
        ({"layer": "conv9"}, ValueError, "'conv9'"),
        ({"photo": "nowhere.jpg"}, ValueError, "nowhere.jpg"),
        ({"objective": 0 * UNIT}, ValueError, "does not change with this photo"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(net, arguments, kind, says):
    given = {"net": net, "objective": UNIT, "photo": PHOTO, "layer": "conv1", **arguments}
    with pytest.raises(kind, match=says):
        nv.accentuate(**given)
