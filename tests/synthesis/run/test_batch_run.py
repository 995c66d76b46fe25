"""BatchRun: every picture is the one that a run of its own gives, whatever runs beside it."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.synthesis.ascent import NotFiniteError
from nbfeatviz.synthesis.run.batch_run import BatchRun, Case
from tests.synthesis.conftest import make_network

UNIT = objectives.channel("conv2", 1)


@pytest.fixture(scope="module")
def net():
    return make_network()


def test_units_and_seeds_are_those_of_runs_of_their_own(net):
    cases = [Case(UNIT, "lucid", 3), Case(objectives.channel("conv2", 2), "lucid", 4)]
    together = BatchRun(net, cases, steps=4)
    steps = list(together)
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert steps[0].image.shape == (2, 16, 16, 3) and steps[0].loss.shape == (2,)
    for place, case in enumerate(cases):
        alone = nv.maximize(net, case.objective, recipe="lucid", steps=4, seed=case.seed)
        np.testing.assert_allclose(together.picture()[place], alone.image, atol=1e-4)
        np.testing.assert_allclose([step.loss[place] for step in steps], [one.loss for one in alone.steps], rtol=1e-3)
        result = together.results()[place]
        assert (result.settings.objective, result.settings.seed) == (case.objective, case.seed)


def test_recipes_run_in_step_and_each_to_its_own_end(net):
    cases = [Case(UNIT, "tutorial13"), Case(UNIT, "lucid", steps=32), Case(UNIT, "tutorial13")]
    together = BatchRun(net, cases)  # tutorial13 has 30 steps
    steps = list(together)
    assert (len(steps), together.steps, together.done) == (32, 32, 32)
    first = nv.maximize(net, UNIT, recipe="tutorial13")
    np.testing.assert_allclose(together.results()[0].image, first.image, atol=1e-4)
    assert np.array_equal(steps[-1].image[0], steps[-1].image[2])
    np.testing.assert_allclose(steps[-1].image[0], first.image, atol=1e-4)  # stays when it has ended
    assert [one.settings.steps for one in together.results()] == [30, 32, 30]


def test_a_run_goes_on_from_one_of_them_exactly(net):
    together = BatchRun(net, [Case(objectives.channel("conv2", unit), "tutorial13") for unit in range(3)], steps=2)
    list(together)
    chosen = together.results()[1]
    ascent = nv.ascend(net, objectives.channel("conv2", 1), recipe="tutorial13", start=chosen)
    assert np.array_equal(next(ascent).image, chosen.image)
    assert ascent.settings.start.steps == 2


def test_other_step_counts_are_one_run(net):
    counts = (2, 5, 3, 5)
    together = BatchRun(net, [Case(UNIT, "lucid", seed=1, steps=count) for count in counts])
    assert len(together._runs) == 1 and len(together._runs[0].ascent._variables) == 1
    steps = list(together)
    assert len(steps) == 5
    for place, count in enumerate(counts):
        alone = nv.maximize(net, UNIT, recipe="lucid", steps=count, seed=1)
        np.testing.assert_allclose(together.picture()[place], alone.image, atol=1e-4)
        result = together.results()[place]
        assert result.settings.steps == count
        np.testing.assert_allclose(result.image, alone.image, atol=1e-4)
        np.testing.assert_allclose(steps[-1].loss[place], alone.steps[-1].loss, rtol=1e-3)
    ended = steps[2].image[0]
    assert np.array_equal(ended, steps[4].image[0]), "what has come to its end stays"
    assert not np.array_equal(steps[3].image[1], steps[4].image[1])


def test_a_schedule_is_that_of_each_step_count(net):
    """The crops of `maco` shrink with the share of the steps that are done: a longer run is another one at once."""
    cases = [Case(UNIT, "maco", steps=count) for count in (3, 6)]
    together = BatchRun(net, cases)
    list(together)
    for place, case in enumerate(cases):
        alone = nv.maximize(net, UNIT, recipe="maco", steps=case.steps)
        np.testing.assert_allclose(together.results()[place].image, alone.image, atol=1e-4)


def test_other_objectives_are_runs_of_their_own(net):
    held = UNIT - objectives.others("conv2", 1)
    together = BatchRun(net, [Case(UNIT, "lucid"), Case(held, "lucid"), Case(2 * UNIT, "lucid")], steps=3)
    assert len(together._runs) == 2
    list(together)
    for place, objective in enumerate((UNIT, held)):
        alone = nv.maximize(net, objective, recipe="lucid", steps=3)
        np.testing.assert_allclose(together.picture()[place], alone.image, atol=1e-4)


def test_before_the_first_step_there_is_nothing(net):
    together = BatchRun(net, [Case(UNIT)], steps=2)
    assert together.results() == (None,)
    together.close()
    assert list(together) == []


def test_one_that_fails_leaves_the_others_alone(net):
    broken = objectives.function(lambda activation: tf.reduce_mean(activation) * np.nan, "conv2")
    together, seen = BatchRun(net, [Case(broken, "lucid"), Case(UNIT, "tutorial13")], steps=5), []
    with pytest.raises(NotFiniteError):
        for step in together:
            seen.append(step)
    assert len(seen) == 5
    failed, whole = together.results()
    assert failed is None
    assert whole.settings.steps == 5
    assert (together.picture()[0] == 0.5).all()


def test_nothing_is_refused(net):
    with pytest.raises(ValueError, match="at least one picture"):
        BatchRun(net, [])
