"""What the page says about the photographs under the picture."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.comm.dispatch import Message
from nbfeatviz.widgets.exemplars.controller import ExemplarsController

HANDLERS: dict[str, Callable[[ExemplarsController, Message], None]] = {
    "exemplars-hello": lambda controller, content: controller.show(),
    "exemplars-look": lambda controller, content: controller.look(content.get("folder") or None),
    "exemplars-cancel": lambda controller, content: controller.cancel(),
    "exemplars-photo": lambda controller, content: controller.open_photo(content["place"]),
}
