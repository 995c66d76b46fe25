"""ReLU-like units: where a network has them, and what may stand in for their gradient.

Three substitutes, none of which changes a value that the network computes: *passing* (a ReLU that is shut for a
whole picture lets its units return to life), *guided* and *rectified* (the gradients of guided backpropagation
and of the deconvolutional network).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.graph.activations import activation_of, is_one_of, name_of, name_of_known
from nbfeatviz.networks.graph.calls import Call, Graph

ReluGradient = Literal["guided", "rectified"]

_RECTIFIER_LAYERS = ("ReLU", "LeakyReLU", "PReLU")
_RECTIFIER_NAMES = ("relu", "relu6", "leaky_relu", "leakyrelu")


def relu_bounds(call: Call) -> tuple[float, float] | None:
    """(low, high) between which a ReLU is the identity; None for anything that is not a plain ReLU."""
    activation = activation_of(call)
    if isinstance(activation, keras.layers.ReLU):
        plain = not activation.negative_slope and not activation.threshold
        return (0.0, float("inf") if activation.max_value is None else float(activation.max_value)) if plain else None
    return {"relu": (0.0, float("inf")), "relu6": (0.0, 6.0)}.get(name_of_known(activation))


def rectifies(call: Call) -> bool:
    """Whether a call is, or ends in, a ReLU, ReLU6, leaky or parametric ReLU."""
    activation = activation_of(call)
    return is_one_of(activation, _RECTIFIER_LAYERS) or name_of_known(activation) in _RECTIFIER_NAMES


def check_rectifiers(graph: Graph, taps: Sequence[tuple[int, bool]], relu: ReluGradient) -> str | None:
    """Says so where guided or rectified gradients would differ little or not at all from plain ones.

    Activations inside layers of your own cannot be seen.

    Args:
        graph: calls of the network.
        taps: (index of a call, whether it is read before its own activation).
        relu: which gradients are wanted.

    Returns:
        A sentence that names the other activations, which keep their own gradient; None where there are none.

    Raises:
        ValueError: nothing below the taps is a ReLU; the activations that there are are named.
    """
    unread = {index for index, pre_activation in taps if pre_activation}
    calls = [graph.calls[index] for index in graph.ancestors([index for index, _ in taps]) if index not in unread]
    outputs = {index for index, _ in taps}
    others = [
        name_of(activation_of(call))
        for call in calls
        if activation_of(call) is not None
        and not rectifies(call)
        # probabilities at the very end are no unit that a gradient is guided through
        and not (call.index in outputs and name_of(activation_of(call)) in ("softmax", "sigmoid"))
    ]
    named = ", ".join(f"{name} ({others.count(name)}×)" for name in dict.fromkeys(others))
    if not any(rectifies(call) for call in calls):
        raise ValueError(
            f"{relu} gradients change the gradient of ReLU units, and there is none here: the activations are "
            f"{named or 'all linear'}. Use gradient='vanilla'."
        )
    if not others:
        return None
    return f"{relu} gradients change ReLU units only; these other activations keep their own gradient: {named}."


def with_relu_gradient(relu: ReluGradient, before: Any, after: Any) -> Any:
    """The value of a ReLU-like unit, with another gradient.

    *guided* (Springenberg et al. 2015, "Striving for simplicity", https://arxiv.org/abs/1412.6806): only what comes
    down positive goes on, times the unit's own derivative. *rectified* (the deconvolutional network of Zeiler and
    Fergus 2014, https://arxiv.org/abs/1311.2901): only what comes down positive goes on, whether the unit is open
    or not.

    Args:
        relu: "guided" or "rectified".
        before: tensor that the unit took.
        after: tensor that it gave.
    """
    if relu == "guided":
        return tf.custom_gradient(_positive_downwards)(after)
    return tf.custom_gradient(_straight_through)(before, after)


def _positive_downwards(after: Any) -> Any:
    return tf.identity(after), tf.nn.relu


def _straight_through(before: Any, after: Any) -> Any:
    def gradient(upstream: Any) -> Any:
        return tf.nn.relu(upstream), None

    return tf.identity(after), gradient


@dataclass(frozen=True)
class Passing:
    """When a ReLU whose gradient is zero for a whole picture lets its units return to their live range.

    Attributes:
        asked: boolean tensor; where false, every gradient is left as it is.
        xla: whether XLA compiles the function, which knows no other branches than `tf.cond`.
    """

    asked: Any
    xla: bool = False

    def relu(self, inputs: Any, bounds: tuple[float, float]) -> Any:
        """The ReLU that is the identity between two bounds.

        All is told from the output, so that nothing but the ReLU takes the input, and TensorFlow fuses it with what
        is before it.
        """
        return tf.custom_gradient(lambda x: self._relu(x, *bounds))(inputs)

    def _relu(self, x: Any, low: float, high: float) -> Any:
        if high == 6.0:
            y = tf.nn.relu6(x)
        elif high == float("inf"):
            y = tf.nn.relu(x)
        else:
            y = tf.clip_by_value(x, low, high)

        def gradient(upstream: Any) -> Any:
            def opened(y: Any, upstream: Any, blocked: Any, ordinary: Any) -> Any:
                return tf.where(blocked, _opening(y, upstream, low, high), ordinary)

            def looked_at(y: Any, upstream: Any, ordinary: Any) -> Any:
                blocked, any_blocked = _blocked(ordinary)
                return self._chosen(any_blocked, opened, y, upstream, blocked, ordinary)

            return self._chosen(self.asked, looked_at, y, upstream, _relu_gradient(y, upstream, low, high))

        return y, gradient

    def _chosen(self, condition: Any, then: Callable[..., Any], *values: Any) -> Any:
        """`then` of some tensors where a condition holds, else the last of them.

        Made of what TensorFlow itself makes of a `tf.cond` in the end: as a network has a hundred of them, tracing two
        functions for each would take longer than all else.
        """
        if self.xla:
            return tf.cond(condition, lambda: then(*values), lambda: values[-1])
        split = [tf.raw_ops.Switch(data=value, pred=condition) for value in values]
        found = then(*(one.output_true for one in split))
        return tf.raw_ops.Merge(inputs=[split[-1].output_false, found]).output


def _relu_gradient(y: Any, upstream: Any, low: float, high: float) -> Any:
    if high == 6.0:
        return tf.raw_ops.Relu6Grad(gradients=upstream, features=y)
    if high == float("inf"):
        return tf.raw_ops.ReluGrad(gradients=upstream, features=y)
    return tf.where((y > low) & (y < high), upstream, tf.zeros_like(upstream))


def _blocked(gradient: Any) -> tuple[Any, Any]:
    """Of each picture, whether nothing but zeros is there, (batch, 1, ...), and whether that is so of any."""
    axes = list(range(len(gradient.shape)))
    most, least = (reduced(gradient, axes[1:], keepdims=True) for reduced in (tf.reduce_max, tf.reduce_min))
    blocked = (most == 0) & (least == 0)
    return blocked, tf.reduce_any(blocked, axes)


def _opening(y: Any, upstream: Any, low: float, high: float) -> Any:
    """What would bring units back of a ReLU that blocks all: upwards from the lower bound, downwards from the upper.

    In between nothing came down, or it would have been given on.
    """
    upwards = tf.nn.relu(upstream)
    return upwards if high == float("inf") else tf.where(y <= low, upwards, upstream - upwards)
