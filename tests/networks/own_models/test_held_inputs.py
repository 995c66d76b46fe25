"""Of several inputs one takes the picture, and the others hold what the person says."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv
from nbfeatviz import objectives

PICTURE = np.random.default_rng(1).random((8, 8, 3), dtype=np.float32)
AGE = np.array([[40.0]], np.float32)


def _model(by_name: bool = False) -> keras.Model:
    keras.utils.set_random_seed(2)
    picture, age = keras.Input((8, 8, 3), name="photo"), keras.Input((1,), name="age")
    seen = layers.GlobalAveragePooling2D(name="pooled")(layers.Conv2D(4, 3, activation="relu", name="conv")(picture))
    y = layers.Dense(3, activation="softmax")(layers.Concatenate()([seen, layers.Dense(2)(age)]))
    return keras.Model({"photo": picture, "age": age} if by_name else [age, picture], y)


def _predicted(model: keras.Model) -> np.ndarray:
    given = {"photo": PICTURE[None], "age": AGE} if isinstance(model.input, dict) else [AGE, PICTURE[None]]
    return model.predict(given, verbose=0)[0]


HELD = {
    "a number": {"age": 40.0},
    "a row": {"age": [40.0]},
    "a batch": {"age": np.array([[40.0], [7.0]])},
    "an example by name": {"age": AGE, "photo": PICTURE[None]},
    "an example in order": [AGE, PICTURE[None]],
}


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_the_answer_is_the_models_with_what_is_held(held):
    model = _model()
    network = nv.load(model, input_range=(0, 1), held=held)
    np.testing.assert_allclose([value for *_, value in sorted(network.predict(PICTURE))], _predicted(model), rtol=1e-5)


def test_all_else_works_with_it():
    import tensorflow as tf

    model = _model(by_name=True)
    network = nv.load(model, input_range=(0, 1), held={"age": 40.0})
    pictures = tf.constant(PICTURE[None])
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        answers = model({"photo": pictures, "age": tf.constant(AGE)}, training=False)
        rather = tf.math.log(answers[0, 1] / answers[0, 2])
    target = objectives.class_logit(1) - objectives.class_logit(2)
    np.testing.assert_allclose(nv.saliency(network, PICTURE, target), tape.gradient(rather, pictures)[0], atol=1e-5)
    assert nv.grad_cam(network, PICTURE, 1, layer="conv").shape == (8, 8)
    run = nv.maximize(network, objectives.class_logit(1), steps=2)
    assert np.isfinite([step.loss for step in run.steps]).all()
    sheet = nv.maximize_grid(network, "conv", units=range(3), steps=1)
    assert sheet.image.ndim == 3


WRONG = {
    "nothing": (None, r"2 inputs \('age', 'photo'\); one picture input is needed.*held={'age': 40.0}"),
    "another name": ({"years": 4}, r"held names an input 'years' that .* does not have"),
    "the picture only": ({"photo": PICTURE}, r"no picture. Wanted"),
    "too much": ({"age": [1.0, 2.0]}, r"held\['age'\] has the shape \(2,\); that input takes \(1,\)"),
    "no number": ({"age": "old"}, r"held\['age'\]='old' is no array"),
    "not finite": ({"age": float("nan")}, "NaN"),
    "too few": ([AGE], "neither values by name nor an example of all 2 inputs"),
}


@pytest.mark.parametrize(("held", "sentence"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_a_sentence(held, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        nv.load(_model(), input_range=(0, 1), held=held)


def test_a_model_of_one_input_holds_nothing():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    with pytest.raises(ValueError, match=r"has one input, which takes the picture: leave out held"):
        nv.load(model, held={"age": 1.0})
