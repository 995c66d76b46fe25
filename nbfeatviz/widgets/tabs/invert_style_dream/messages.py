"""What the page says in an Invert, Style or Dream tab."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.canvas import messages as canvas_messages
from nbfeatviz.widgets.comm.dispatch import Message
from nbfeatviz.widgets.errors import readable
from nbfeatviz.widgets.photo_input import messages as photo_messages
from nbfeatviz.widgets.photo_input.photo_source import PhotoSource
from nbfeatviz.widgets.tabs.invert_style_dream.controller import InvertStyleDreamController

_Act = Callable[[InvertStyleDreamController, Message], None]


def _refusable(act: _Act) -> _Act:
    """A handler of what may be refused: the page then shows what is set, and not what was wished."""

    def handle(controller: InvertStyleDreamController, content: Message) -> None:
        controller.live.show_error("")
        try:
            act(controller, content)
        except (ValueError, TypeError):
            controller.refuse()
            raise

    return handle


def _of_style(act: Callable[[PhotoSource, Message], None]) -> _Act:
    """A handler of what is done with the style's photo; the error before is taken away."""

    def handle(controller: InvertStyleDreamController, content: Message) -> None:
        controller.live.show_error("")
        if controller.style is None:
            raise ValueError("this tab takes no second photo.")
        act(controller.style, content)

    return handle


HANDLERS: dict[str, _Act] = {
    **canvas_messages.HANDLERS,
    **{kind: _of_style(act) for kind, act in photo_messages.HANDLERS.items()},
    "set": _refusable(lambda controller, content: controller.change(content["name"], content["value"])),
    "run": _refusable(lambda controller, content: controller.run()),
    "step": _refusable(lambda controller, content: controller.step()),
    "photo-error": lambda controller, content: controller.live.show_error(readable(str(content["text"]))),
}
