"""What the page says in the photo tabs, and of the photo."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.comm.dispatch import Message, number
from nbfeatviz.widgets.errors import readable
from nbfeatviz.widgets.photo_input import messages as photo_messages
from nbfeatviz.widgets.tabs.photo.controller import PhotoController

_Act = Callable[[PhotoController, Message], None]


def _anew(act: _Act) -> _Act:
    """A handler before which the last error is taken away."""

    def handle(controller: PhotoController, content: Message) -> None:
        controller.panel.show_error("")
        act(controller, content)

    return handle


def _position(controller: PhotoController, content: Message) -> None:
    if "rows" in content:
        controller.channels.move(int(number(content, "rows")), int(number(content, "cols")))
    else:
        controller.channels.position(number(content, "y"), number(content, "x"))


def _likes(controller: PhotoController, content: Message) -> None:
    controller.panel.check_loaded()
    controller.likes()


_ACTS: dict[str, _Act] = {
    **photo_messages.HANDLERS,
    "tab": lambda controller, content: controller.open(content["name"]),
    "target": lambda controller, content: controller.target(content["target"]),
    "option": lambda controller, content: controller.option(content["group"], content["name"], content["value"]),
    "compute": lambda controller, content: controller.compare(),
    "sanity": lambda controller, content: controller.randomize(),
    "cancel": lambda controller, content: controller.cancel(),
    "channel": lambda controller, content: controller.channels.open(controller.layer, content["unit"]),
    "channels": lambda controller, content: controller.channels.close(),
    "position": _position,
    "likes": _likes,
    "peek": lambda controller, content: controller.peek(content["layer"], content["unit"]),
    "npy": lambda controller, content: controller.save_raw(),
}
HANDLERS: dict[str, _Act] = {
    **{kind: _anew(act) for kind, act in _ACTS.items()},
    "photo-hello": lambda controller, content: controller.restore(),
    "photo-error": lambda controller, content: controller.panel.show_error(readable(str(content["text"]))),
}
