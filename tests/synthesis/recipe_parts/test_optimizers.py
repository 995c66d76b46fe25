"""Optimizers against NumPy in float64."""

import numpy as np
import pytest
import tensorflow as tf

from nbfeatviz.synthesis.recipe_parts.optimizers import Adam, Standardized

SHAPE = (2, 5, 6, 3)


def update(rule, variables, gradient, slots, index, step_size):
    new, slots, factor = rule.update(
        tf.constant(variables), tf.constant(gradient), slots, tf.constant(index), tf.constant(step_size, tf.float32)
    )
    return new.numpy(), slots, factor.numpy()


@pytest.fixture
def gradients():
    random = np.random.default_rng(0)
    scales = np.array([1e-4, 30.0]).reshape(2, 1, 1, 1)
    return [(random.normal(0.3, 1, SHAPE) * scales).astype(np.float32) for _ in range(6)]


@pytest.mark.parametrize("step_size", [1.0, 2.5])
def test_the_tutorials_step_has_a_standard_deviation_of_one(gradients, step_size):
    variables = np.full(SHAPE, 128, np.float32)
    new, slots, factor = update(Standardized(), variables * 0, gradients[0], (), 0, step_size)
    assert slots == ()
    deviations = gradients[0].astype(np.float64).std(axis=(1, 2, 3))
    np.testing.assert_allclose(factor, step_size / (deviations + 1e-8), rtol=1e-5)
    # 1e-8 beside a deviation of 1e-4 makes 1e-4 of a difference
    np.testing.assert_allclose(new.std(axis=(1, 2, 3)), step_size, rtol=2e-4)
    np.testing.assert_allclose(new, gradients[0] * factor.reshape(2, 1, 1, 1), rtol=1e-6)
    moved, _, _ = update(Standardized(), variables, gradients[0], (), 0, step_size)
    np.testing.assert_allclose(moved, variables + new, rtol=1e-6)


def test_a_gradient_of_zero_moves_nothing():
    variables = np.full(SHAPE, 128, np.float32)
    for rule in (Standardized(), Adam()):
        new, _, factor = update(rule, variables, variables * 0, rule.slots(variables), 0, 1.0)
        assert np.array_equal(new, variables)
        assert np.isfinite(factor).all()


@pytest.mark.parametrize("rule", [Adam(), Adam(beta1=0.5, beta2=0.9, epsilon=1e-3)], ids=repr)
def test_adam_is_kingma_and_bas(gradients, rule):
    variables = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    slots = rule.slots(variables)
    assert [slot.any() for slot in slots] == [False, False]
    expected, first, second = variables.astype(np.float64), 0.0, 0.0
    for index, gradient in enumerate(gradients):
        variables, slots, factor = update(rule, variables, gradient, slots, index, 0.05)
        exact = gradient.astype(np.float64)
        first = rule.beta1 * first + (1 - rule.beta1) * exact
        second = rule.beta2 * second + (1 - rule.beta2) * exact**2
        corrected = first / (1 - rule.beta1 ** (index + 1)), second / (1 - rule.beta2 ** (index + 1))
        expected = expected + 0.05 * corrected[0] / (np.sqrt(corrected[1]) + rule.epsilon)
        # in float32, 1 - 0.999 ** t keeps 4 digits at the first step
        np.testing.assert_allclose(variables, expected, rtol=2e-4, atol=2e-5)
        np.testing.assert_allclose(factor, [0.05, 0.05])


def test_adams_first_step_is_the_step_size_upwards(gradients):
    variables = np.zeros(SHAPE, np.float32)
    new, _, _ = update(Adam(), variables, gradients[0], Adam().slots(variables), 0, 0.05)
    np.testing.assert_allclose(new, 0.05 * np.sign(gradients[0]), rtol=5e-2)  # epsilon beside gradients of 1e-6


@pytest.mark.parametrize("rule", [Adam(), Standardized()], ids=repr)
def test_the_pictures_of_a_batch_do_not_mix(gradients, rule):
    variables = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    both, slots = variables, rule.slots(variables)
    alone, own = variables[1:], rule.slots(variables[1:])
    for index, gradient in enumerate(gradients):
        both, slots, _ = update(rule, both, gradient, slots, index, 0.1)
        alone, own, _ = update(rule, alone, gradient[1:], own, index, 0.1)
    np.testing.assert_allclose(both[1:], alone, rtol=1e-6)
