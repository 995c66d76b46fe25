"""What the page says of a live canvas and the runs on it, wherever that is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from nbfeatviz.widgets.canvas.run_commands import RunCommands
from nbfeatviz.widgets.comm.dispatch import Message
from nbfeatviz.widgets.errors import in_words


def acknowledge(view: Any, content: Message) -> None:
    """The page has drawn a frame, and perhaps held it back for some milliseconds."""
    view.acknowledge(int(content["sequence"]), float(content.get("held", 0)))


def save(controller: RunCommands, content: Message) -> None:
    """Encoding an animation takes a second: not on the shell that Stop needs."""
    kind = content["format"]

    def deliver() -> None:
        try:
            controller.live.deliver(*controller.save_file(kind))
        except Exception as error:  # no caller to propagate to
            controller.live.show_error(in_words(error))

    threading.Thread(target=deliver, name="nbfeatviz-save", daemon=True).start()


HANDLERS: dict[str, Callable[[Any, Message], None]] = {
    "hello": lambda controller, content: controller.live.restore(),
    "ping": lambda controller, content: controller.live.answer(),
    "resend": lambda controller, content: controller.live.resend(int(content["first"])),
    "ack": lambda controller, content: acknowledge(controller.live, content),
    "pause": lambda controller, content: controller.pause(),
    "resume": lambda controller, content: controller.resume(),
    "stop": lambda controller, content: controller.stop(),
    "reset": lambda controller, content: controller.reset(),
    "replay": lambda controller, content: controller.live.replay(content["step"]),
    "code": lambda controller, content: controller.show_code(),
    "save": save,
    "gone": lambda controller, content: controller.leave(),  # the last view was closed: nobody watches any more
}
