"""What the page says in the Features tab."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.canvas.messages import acknowledge
from nbfeatviz.widgets.comm.dispatch import Message, refusing
from nbfeatviz.widgets.tabs.features.controller import FeaturesController

_Act = Callable[[FeaturesController, Message], None]


def _refusable(act: _Act) -> _Act:
    """A handler of what may be refused: the page then shows what is set, and not what was wished."""

    def handle(controller: FeaturesController, content: Message) -> None:
        controller.panel.check_loaded()
        controller.panel.show_error("")
        with refusing(controller.view):
            act(controller, content)

    return handle


HANDLERS: dict[str, _Act] = {
    "sheet-hello": lambda controller, content: controller.view.restore(),
    "sheet-ack": lambda controller, content: acknowledge(controller.view, content),
    "sheet-set": _refusable(lambda controller, content: controller.change(content["name"], content["value"])),
    "sheet-run": _refusable(lambda controller, content: controller.run()),
    "sheet-stop": lambda controller, content: controller.stop(),
    "sheet-open": _refusable(lambda controller, content: controller.open(content["place"])),
    "sheet-code": lambda controller, content: controller.show_code(),
    "sheet-save": lambda controller, content: controller.panel.deliver(*controller.as_file()),
}
