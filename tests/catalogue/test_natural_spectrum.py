"""The natural magnitudes are those of the photographs, and a picture made of them has their contrast."""

import numpy as np
import pytest
import tensorflow as tf

from nbfeatviz.catalogue.natural_spectrum import measured
from nbfeatviz.synthesis.recipe_parts.natural_phase import SPECTRUM, NaturalPhase, natural_magnitude
from nbfeatviz.synthesis.recipe_parts.parameterizations import colour_matrix


def test_the_stored_file_is_what_the_script_measures():
    with np.load(SPECTRUM) as stored:
        again = measured(crops=4)
        assert {name: stored[name].shape for name in stored} == {name: value.shape for name, value in again.items()}
        # 4 crops a photograph against 64: noise of the sample, not of the method
        assert np.abs(stored["log_magnitude"].astype(float) - again["log_magnitude"]).mean() < 0.4
        np.testing.assert_allclose(again["deviation"], stored["deviation"], rtol=0.3)
        logs = stored["log_magnitude"].astype(float)
    # natural pictures: about 1 / f
    radius = np.arange(4, 60)
    slope = np.polyfit(np.log(radius), logs[0, radius, 0] + logs[0, 0, radius], 1)[0] / 2
    assert -1.6 < slope < -0.6


@pytest.mark.parametrize("shape", [(224, 224, 3), (64, 96, 3), (31, 45, 3), (28, 28, 1)], ids=str)
def test_pictures_of_any_size_have_the_natural_contrast(shape):
    with np.load(SPECTRUM) as stored:
        deviation = stored["deviation"]
    height, width, channels = shape
    form = NaturalPhase()
    found = []
    for seed in range(12):
        phases = form.initial(np.random.default_rng(seed), shape)
        logits = form.logits(tf.constant(phases[None]), shape).numpy()[0]
        planes = logits @ np.linalg.inv(colour_matrix()).T if channels == 3 else logits
        found.append(planes.var((0, 1)))
    # the columns that are their own mirror images have half of their energy at a phase of 90 degrees
    np.testing.assert_allclose(np.sqrt(np.mean(found, axis=0)), deviation[:channels], rtol=0.2)
    assert natural_magnitude(*shape).shape == (channels, height, width // 2 + 1)


def test_the_phases_of_a_picture_make_one_that_resembles_it():
    photo = np.zeros((64, 64, 3), np.float32) + 0.3
    photo[16:40, 20:50] = [0.9, 0.7, 0.2]
    form = NaturalPhase()
    back = form.picture(tf.constant(form.from_picture(photo)[None]), photo.shape).numpy()[0]
    assert np.corrcoef(back.ravel(), photo.ravel())[0, 1] > 0.6
