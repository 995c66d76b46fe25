"""Functions of the user's own in a recipe: called inside a step, and their failures put in a sentence that names them.

Contract: what is raised is a ValueError that begins with the function's slot ("regularizer ", "change ") and has the
function's own error, with its traceback, as its cause.

A step is traced as it is written, which takes a third of the time; only the user's own functions are rewritten by
TensorFlow first, so that `if` and `for` in them may depend on tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from nbfeatviz.engine import tf

_LIBRARIES = ("tensorflow", "keras", "numpy")


class OwnFunctionError(ValueError):
    """A function of the user's own raised.

    Attributes:
        reason: what it raised; TensorFlow takes the cause away from an error that comes out of a trace.
    """

    def __init__(self, sentence: str, reason: Exception) -> None:
        super().__init__(sentence)
        self.reason = reason


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called, quoted; what has no name is shown as it prints."""
    return repr(getattr(function, "__name__", repr(function)))


def converted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as TensorFlow rewrites it; where it cannot, as it is."""
    method: Any = None if inspect.isroutine(function) else getattr(function, "__call__")  # noqa: B004, B009
    if inspect.ismethod(method):
        return converted(method)  # an object that can be called
    if inspect.ismethod(function):
        return functools.partial(converted(function.__func__), function.__self__)
    library = str(getattr(function, "__module__", "")).partition(".")[0] in _LIBRARIES
    if library or not inspect.isfunction(function) or tf.executing_eagerly():
        return function
    try:
        return tf.autograph.to_graph(function)
    except Exception:
        return function


def called(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function gives for these arguments.

    Args:
        what: its slot in the recipe, for the sentence.
        function: the user's.
        arguments: tensors.

    Raises:
        ValueError: it raised.
    """
    try:
        value = converted(function)(*arguments)
    except Exception as error:
        cause = tf.autograph.experimental.do_not_convert(_as_written)(function, arguments, error)
        says = str(cause).split(" for '{{node")[0]  # the rest is about TensorFlow's names
        raise OwnFunctionError(f"{what} {name_of(function)} raised {type(cause).__name__}: {says}", cause) from cause
    return value


def _as_written(function: Callable[..., Any], arguments: tuple[Any, ...], error: Exception) -> Exception:
    """The error with the traceback of the function as it is written: TensorFlow rewrites it in order to trace it."""
    try:
        function(*arguments)
    except type(error) as own:
        return own
    except Exception:  # only as TensorFlow rewrites it does it get as far as its error
        return error
    return error
