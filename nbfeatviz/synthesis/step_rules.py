"""Step rules: how a gradient changes the variables (upwards). Configuration in, function out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf


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
    """Adam (Kingma and Ba 2015), upwards."""

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def slots(self, variables: np.ndarray) -> tuple[np.ndarray, ...]:
        """First and second moment, zero at the start."""
        return np.zeros_like(variables), np.zeros_like(variables)

    def update(self, variables: Any, gradient: Any, slots: tuple[Any, ...], index: Any, step_size: Any) -> Any:
        """New variables, new slots, and the step size, (batch,); `index` is 0 at the first step."""
        count = tf.cast(index + 1, tf.float32)
        first = self.beta1 * slots[0] + (1 - self.beta1) * gradient
        second = self.beta2 * slots[1] + (1 - self.beta2) * tf.square(gradient)
        corrected = first / (1 - tf.pow(self.beta1, count))
        scale = tf.sqrt(second / (1 - tf.pow(self.beta2, count))) + self.epsilon
        step = step_size * corrected / scale
        return variables + step, (first, second), tf.fill([variables.shape[0]], step_size)
