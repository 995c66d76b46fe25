"""Captions: what a picture is of, in words; a key tells it from pictures of anything else."""

from __future__ import annotations

import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.widgets.caption import key, objective_in_words, subject
from tests.synthesis.conftest import make_network

NAMED = make_network(names=("cat", "dog", "bird"))
WORDS = {
    "conv1 · unit 3": objectives.channel("conv1", 3),
    "conv1 · unit 3 in the middle": objectives.neuron("conv1", 3),
    "conv1 · unit 3 at row 0, column 5": objectives.neuron("conv1", 3, 0, 5),
    "class dog": objectives.class_logit(1),
    "class cat − 0.5 × conv2 · unit 2": objectives.class_logit("cat") - 0.5 * objectives.channel("conv2", 2),
    "− conv1 · unit 1 + 2 × class bird": -1 * objectives.channel("conv1", 1) + 2 * objectives.class_logit(2),
    "conv2 · dream": objectives.deep_dream("conv2"),
}


@pytest.mark.parametrize("words", WORDS)
def test_an_objective_in_words(words: str):
    assert objective_in_words(NAMED, WORDS[words]) == words


def test_a_class_without_a_name_has_its_number():
    assert objective_in_words(make_network(names=None), objectives.class_logit(1)) == "class 1"


def test_recipe_and_seed_are_said_and_whether_values_are_others_than_published():
    unit, named = objectives.channel("conv1", 3), NAMED.name
    assert subject(NAMED, unit, "tutorial13", 7).words == f"{named} · conv1 · unit 3 · tutorial13 · seed 7"
    other = recipes.get("default").replace(steps=3)
    assert "default, changed" in subject(NAMED, unit, other, 7).words
    own = recipes.get("default").replace(name="mine")
    assert "mine · seed" in subject(NAMED, unit, own, 7).words


def test_a_network_has_the_name_that_it_was_loaded_by():
    assert subject(nv.load("mnist-cnn"), objectives.class_logit(1), "default", 0).words.startswith(
        "mnist-cnn · class 1"
    )


def test_pictures_of_one_thing_have_one_key_whatever_the_recipe():
    unit = objectives.channel("conv1", 3)
    keys = {subject(NAMED, unit, recipe, seed).of for recipe in ("default", "tutorial13") for seed in (0, 1)}
    assert keys == {key(NAMED, objectives.channel("conv1", 3))}
    others = {
        key(NAMED, objectives.channel("conv2", 3)),
        key(NAMED, objectives.channel("conv1", 2)),
        key(make_network(), unit),
    }
    assert len(others | keys) == 4
