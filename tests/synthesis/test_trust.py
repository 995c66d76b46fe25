"""How far a picture can be trusted: exact values on arrays that are made by hand, bounds, and what cannot be known."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import quality


def test_rises_are_deviations_and_a_unit_that_never_moves_does_not_rise():
    found = quality.rise_scores(np.array([3.0, 3.0, 9.0]), np.array([1.0, 4.0, 0.0]), np.array([2.0, 0.5, 0.0]))
    np.testing.assert_array_equal(found, [1, -2, 0])


def test_the_share_of_units_that_rise_less():
    scores = np.array([5.0, 1.0, 2.0, 5.0, 9.0])
    assert quality.raised_above_others(scores, 4) == 1
    assert quality.raised_above_others(scores, 1) == 0
    assert quality.raised_above_others(scores, 0) == 2.5 / 4  # a tie counts half
    assert quality.raised_above_others(np.array([3.0]), 0) is None
    shares = [quality.raised_above_others(np.array([value, 1.0, 2.0, 5.0]), 0) for value in (0, 1.5, 3, 6)]
    assert shares == [0, 1 / 3, 2 / 3, 1]


def test_chance_is_zero():
    assert [quality.above_chance(share) for share in (0, 0.5, 0.75, 1)] == [0, 0, 0.5, 1]


def test_seeds_that_do_the_same_agree_and_others_do_not():
    one, other = np.array([1.0, -1, 0, 0]), np.array([0, 0, 1.0, -1])
    assert quality.seed_agreement(np.stack([one, 3 * one + 2]), other[None]) == pytest.approx(1)
    assert quality.seed_agreement(np.stack([one, other]), np.stack([-one, other])) == 0
    assert quality.seed_agreement(np.stack([one, one]), one[None]) == 0  # all units' pictures do it
    tilted = one + other  # its correlation with one is the root of a half
    expected = (np.sqrt(0.5) - np.sqrt(0.5) / 2) / (1 - np.sqrt(0.5) / 2)  # with the other 0 and the root of a half
    assert quality.seed_agreement(np.stack([one, tilted]), other[None]) == pytest.approx(expected)
    assert quality.seed_agreement(one[None], other[None]) is None
    assert quality.seed_agreement(np.stack([one, one]), np.zeros((0, 4))) is None


def test_products_of_rank_directions_are_spearman_correlations():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 6, (2, 40)).astype(float)  # with many ties
    ranks = [
        np.array([(one < value).sum() + ((one == value).sum() + 1) / 2 for value in one]) for one in (first, second)
    ]
    found = quality.rank_directions(np.stack([first, second]))
    assert found[0] @ found[1] == pytest.approx(np.corrcoef(*ranks)[0, 1], abs=1e-6)
    assert found[0] @ quality.rank_directions(np.exp(first)) == pytest.approx(1, abs=1e-6)
    assert found[0] @ quality.rank_directions(-first) == pytest.approx(-1, abs=1e-6)
    assert not quality.rank_directions(np.full(5, 3.0)).any()


def _turned(angle):
    return np.array([np.cos(angle), np.sin(angle)])


def test_a_path_is_set_between_random_photographs_and_those_of_the_unit():
    strong = np.stack([_turned(0.1), _turned(-0.1)])
    random = np.stack([_turned(np.pi / 2 + 0.1), _turned(np.pi / 2 - 0.1)])
    zero, one = np.cos(np.pi / 2), np.cos(0.2)
    turns = [0.4, 0.8, 1.2]
    found = [quality.natural_path([_turned(turn)], [strong], [random]) for turn in turns]
    zero = (strong @ random.T).mean()
    expected = [(np.mean([np.cos(turn - 0.1), np.cos(turn + 0.1)]) - zero) / (one - zero) for turn in turns]
    np.testing.assert_allclose(found, expected)
    assert sorted(found, reverse=True) == found
    assert quality.natural_path([_turned(0)], [strong], [random]) == 1
    assert quality.natural_path([_turned(np.pi)], [strong], [random]) == 0


def test_a_layer_at_which_photographs_of_a_unit_are_not_alike_counts_nothing():
    strong, random = np.stack([_turned(0.1), _turned(-0.1)]), np.stack([_turned(1.5)] * 2)
    alone = quality.natural_path([_turned(0.5)], [strong], [random])
    apart = np.eye(2)  # as unlike each other as the picture and random ones are to them
    both = quality.natural_path([_turned(0.5), np.zeros(2)], [strong, apart], [random, np.zeros((2, 2))])
    assert both == pytest.approx(alone)


def test_a_path_that_cannot_be_known():
    strong = np.stack([_turned(0.1), _turned(-0.1)])
    assert quality.natural_path([], [], []) is None
    assert quality.natural_path([_turned(0)], [strong[:1]], [strong]) is None
    assert quality.natural_path([_turned(0)], [strong], [np.zeros((0, 2))]) is None
    assert quality.natural_path([_turned(0)], [strong], [strong]) is None  # any photograph is as alike


def test_two_choices_are_counted_in_pairs():
    strong, weak = np.array([[1.0, 0], [1, 1]]), np.array([[0, 5.0], [-1, 0], [2, 2]])
    # cosines with (1, 0): 1 and .71 against 0, -1 and .71
    assert quality.two_choice(np.array([4.0, 0]), strong, weak) == pytest.approx((3 + 2.5) / 6)
    assert quality.two_choice(np.array([-1.0, 0]), strong, weak) == pytest.approx(0.5 / 6)
    assert quality.two_choice(np.zeros(2), strong, weak) == 0.5
    assert quality.two_choice(np.ones(2), strong, weak[:0]) is None


def test_measures_stay_in_their_range():
    random = np.random.default_rng(0)
    for _ in range(50):
        some = random.normal(size=(9, 5))
        ranks = quality.rank_directions(some)
        found = [
            quality.raised_above_others(some[0], 2), quality.seed_agreement(some[:3], some[3:]),
            quality.natural_path([ranks[0]], [ranks[1:4]], [ranks[4:]]),
            quality.two_choice(some[0], some[1:5], some[5:]),
        ]  # fmt: skip
        assert all(one is None or 0 <= one <= 1 for one in found)


def test_a_judge_is_asked_by_name():
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Softmax()])
    judge = nv.load(model, input_range=(0, 1), class_names=["Red", "green", "blue"])
    pictures = np.zeros((3, 8, 8, 3), np.float32)
    pictures[..., 0] = 1
    found = quality.class_probability(judge, pictures, ["red", "Blue", "zebra"])
    np.testing.assert_allclose(found[:2], np.array([np.e, 1]) / (np.e + 2), rtol=1e-5)
    assert np.isnan(found[2])
    assert np.isnan(quality.class_probability(judge, pictures[:1], [None]))
