"""Functions of the user's own in a recipe: called inside a step, and their failures put in a sentence that names them.

Contract: what is raised is a ValueError that begins with the function's slot ("regularizer ", "change ") and has the
function's own error, with its traceback, as its cause.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbfeatviz.engine import tf


def name_of(function: Callable[..., Any]) -> str:
    """What a function is called, quoted; what has no name is shown as it prints."""
    return repr(getattr(function, "__name__", repr(function)))


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
        value = function(*arguments)
    except Exception as error:
        cause = tf.autograph.experimental.do_not_convert(_as_written)(function, arguments, error)
        says = str(cause).split(" for '{{node")[0]  # the rest is about TensorFlow's names
        raise ValueError(f"{what} {name_of(function)} raised {type(cause).__name__}: {says}") from cause
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
