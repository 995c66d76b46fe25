"""Optimizers: how a gradient changes the variables (upwards). Configuration in, function out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import Live, number


@dataclass(frozen=True)
class Plain:
    """`step_size * g`."""

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """No memory between steps."""
        return ()

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the step size, (batch,)."""
        return variables + step_size * gradient, (), tf.fill([variables.shape[0]], step_size)


@dataclass(frozen=True)
class Progress:
    """`min(most, step_size / |g|^2) * g`: to first order the objective rises by `step_size` (Yosinski et al. 2015)."""

    most: Live = number(100.0, low=0, high=1e12, live=True)

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """No memory between steps."""
        return ()

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the factor the gradient was multiplied by, (batch,)."""
        square = tf.reduce_sum(tf.square(gradient), axis=list(range(1, len(gradient.shape))), keepdims=True)
        factor = tf.minimum(self.most, step_size / tf.maximum(square, 1e-30))
        return variables + factor * gradient, (), tf.reshape(factor, [-1])


@dataclass(frozen=True)
class MeanMagnitude:
    """`step_size * g / mean|g|`, each picture by its own (Nguyen et al. 2016)."""

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """No memory between steps."""
        return ()

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the factor the gradient was multiplied by, (batch,)."""
        mean = tf.reduce_mean(tf.abs(gradient), axis=list(range(1, len(gradient.shape))), keepdims=True)
        factor = step_size / (mean + 1e-12)
        return variables + factor * gradient, (), tf.reshape(factor, [-1])


@dataclass(frozen=True)
class Standardized:
    """`step_size * g / (std(g) + 1e-8)`, each picture by its own standard deviation (tutorial 13)."""

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """No memory between steps."""
        return ()

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the factor the gradient was multiplied by, (batch,)."""
        axes = list(range(1, len(gradient.shape)))
        factor = step_size / (tf.math.reduce_std(gradient, axis=axes, keepdims=True) + 1e-8)
        return variables + factor * gradient, (), tf.reshape(factor, [-1])


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015), upwards.

    Attributes:
        beta1: of the first moment.
        beta2: of the second.
        epsilon: added to the root of the second.
        pace: factor of the step size; a Ramp down lets a picture settle.
    """

    beta1: float = number(0.9, low=0, high=0.999999)
    beta2: float = number(0.999, low=0, high=0.999999)
    epsilon: float = number(1e-8, low=0, high=1)
    pace: Live = number(1.0, low=0, high=100, live=True)

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """First and second moment, zero at the start."""
        return np.zeros_like(variables), np.zeros_like(variables)

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the step size, (batch,); `index` is 0 at the first step."""
        count = tf.cast(index + 1, tf.float32)
        first = self.beta1 * slots[0] + (1 - self.beta1) * gradient
        second = self.beta2 * slots[1] + (1 - self.beta2) * tf.square(gradient)
        size = step_size * self.pace
        # both corrections as one number, as their paper has it: no further passes over the variables
        root = tf.sqrt(1 - tf.pow(self.beta2, count))
        corrected = size * root / (1 - tf.pow(self.beta1, count)) * first
        scale = tf.sqrt(second) + self.epsilon * root
        return variables + corrected / scale, (first, second), tf.fill([variables.shape[0]], size)


@dataclass(frozen=True)
class Nadam:
    """Adam with Nesterov's momentum (Dozat 2016, with its schedule of the momentum), upwards."""

    beta1: float = number(0.9, low=0, high=0.999999)
    beta2: float = number(0.999, low=0, high=0.999999)
    epsilon: float = number(1e-7, low=0, high=1)

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """First and second moment, and the product of all momenta so far, one a picture."""
        ones = np.ones((len(variables), *[1] * (variables.ndim - 1)), np.float32)
        return np.zeros_like(variables), np.zeros_like(variables), ones

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the step size, (batch,); `index` is 0 at the first step."""
        count = tf.cast(index + 1, tf.float32)
        now = self.beta1 * (1 - 0.5 * tf.pow(0.96, count))
        then = self.beta1 * (1 - 0.5 * tf.pow(0.96, count + 1))
        product = slots[2] * now
        first = self.beta1 * slots[0] + (1 - self.beta1) * gradient
        second = self.beta2 * slots[1] + (1 - self.beta2) * tf.square(gradient)
        corrected = then * first / (1 - product * then) + (1 - now) * gradient / (1 - product)
        scale = tf.sqrt(second / (1 - tf.pow(self.beta2, count))) + self.epsilon
        return (
            variables + step_size * corrected / scale,
            (first, second, product),
            tf.fill([variables.shape[0]], step_size),
        )


@dataclass(frozen=True)
class RMSprop:
    """`step_size * g / sqrt(cache + epsilon)`, the cache a running mean of g^2 (Hinton; keras-vis), upwards."""

    rho: float = number(0.95, low=0, high=0.999999)
    epsilon: float = number(1e-7, low=0, high=1)

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """The cache, zero at the start."""
        return (np.zeros_like(variables),)

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the step size, (batch,)."""
        cache = self.rho * slots[0] + (1 - self.rho) * tf.square(gradient)
        step = step_size * gradient / tf.sqrt(cache + self.epsilon)
        return variables + step, (cache,), tf.fill([variables.shape[0]], step_size)


Optimizer = Plain | Progress | MeanMagnitude | Standardized | Adam | Nadam | RMSprop
