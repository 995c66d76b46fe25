"""What the page may say in an Invert, Style or Dream tab, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbfeatviz.widgets.comm.dispatch import Handlers, answer, number, readable, received, save
from nbfeatviz.widgets.photo_input.photo_source import HeldPhoto
from nbfeatviz.widgets.tabs.invert_style_dream.controller import RemakeDesk


def answer_remake(desk: RemakeDesk) -> Callable[[Any, Any, Sequence[Any]], None]:
    """What answers the messages of a tab; errors are said in the panel."""
    return lambda _, content, buffers: answer(desk, content, buffers, _HANDLERS)


def _asked(act: Callable[[RemakeDesk, dict[str, Any]], None]) -> Callable[[RemakeDesk, dict[str, Any]], None]:
    """A handler of what may be refused: the page then shows what is set, and not what was wished."""

    def handle(desk: RemakeDesk, content: dict[str, Any]) -> None:
        desk.live.complain("")
        try:
            act(desk, content)
        except (ValueError, TypeError):
            desk.refuse()
            raise

    return handle


def _photo(act: Callable[[HeldPhoto, dict[str, Any]], None]) -> Callable[[RemakeDesk, dict[str, Any]], None]:
    """A handler of what is done with the style's photo; the complaint before is over."""

    def handle(desk: RemakeDesk, content: dict[str, Any]) -> None:
        desk.live.complain("")
        if desk.style is None:
            raise ValueError("this tab takes no second photo.")
        act(desk.style, content)

    return handle


_HANDLERS: Handlers = {
    "hello": lambda desk, content: desk.live.restore(),
    "ack": lambda desk, content: desk.live.acknowledge(int(content["sequence"]), float(content.get("held", 0))),
    "set": _asked(lambda desk, content: desk.change(content["name"], content["value"])),
    "run": _asked(lambda desk, content: desk.run()),
    "pause": lambda desk, content: desk.pause(),
    "resume": lambda desk, content: desk.resume(),
    "step": _asked(lambda desk, content: desk.step()),
    "stop": lambda desk, content: desk.stop(),
    "reset": lambda desk, content: desk.reset(),
    "replay": lambda desk, content: desk.live.replay(content["step"]),
    "code": lambda desk, content: desk.show_code(),
    "save": save,
    "gone": lambda desk, content: desk.leave(),
    "photo": _photo(received),
    "photo-error": lambda desk, content: desk.live.complain(readable(str(content["text"]))),
    "photo-sample": _photo(lambda style, content: style.sample(content["name"])),
    "photo-remove": _photo(lambda style, content: style.remove()),
    "photo-fit": _photo(lambda style, content: style.fit(fit=content["fit"])),
    "photo-crop": _photo(lambda style, content: style.fit(centre=(number(content, "y"), number(content, "x")))),
}
