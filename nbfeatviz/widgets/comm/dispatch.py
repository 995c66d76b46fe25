"""From a message of the page to the method of a controller. Handlers run on any shell: they set flags and return."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import ipywidgets

from nbfeatviz.checks import is_number
from nbfeatviz.widgets.errors import in_words, readable

Message = dict[str, Any]
Handler = Callable[[Message], None]


def bound(handlers: Mapping[str, Callable[[Any, Message], None]], controller: Any) -> dict[str, Handler]:
    """A tab's handlers by the kind of message, about a controller of it."""
    return {kind: functools.partial(handler, controller) for kind, handler in handlers.items()}


def dispatcher(handlers: Mapping[str, Handler], show_error: Callable[[str], None]) -> Callable[..., None]:
    """What does what a message asks for.

    Args:
        handlers: what is done, by the kind of message.
        show_error: told in words what is wrong with a message.

    Returns:
        A callback of `Widget.on_msg`: takes the widget, the message, whose "kind" says what is wanted, and buffers,
        which the handler finds in the message. Messages of an unknown kind are ignored.
    """

    def dispatch(widget: Any, content: Any, buffers: Sequence[Any] = ()) -> None:
        kind = content.get("kind") if isinstance(content, dict) else None
        handler = handlers.get(kind) if isinstance(kind, str) else None
        if handler is None:
            return
        try:
            handler({**content, "buffers": buffers})
        except KeyError as error:
            show_error(f"the page sent {kind!r} without {error}.")
        except (ValueError, TypeError, OverflowError) as error:
            show_error(readable(str(error)))
        except Exception as error:  # no caller to propagate to
            show_error(readable(in_words(error)))

    return dispatch


@contextlib.contextmanager
def refusing(view: ipywidgets.DOMWidget) -> Iterator[None]:
    """What is refused is shown on the page as it was."""
    try:
        yield
    except (ValueError, TypeError):
        view.send({"kind": "refused"})
        raise


def number(content: Message, name: str) -> float:
    """A number of a message (ValueError where it is none)."""
    value = content[name]
    if not is_number(value):
        raise ValueError(f"the page sent {content['kind']!r} with {name} {value!r}, which is no number.")
    return value
