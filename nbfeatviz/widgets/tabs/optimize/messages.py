"""What the page says in the Optimize tab, in the layer tree and in the switcher of networks."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.canvas import messages as canvas_messages
from nbfeatviz.widgets.comm.dispatch import Message, refusing
from nbfeatviz.widgets.tabs.optimize.controller import OptimizeController


def _set(controller: OptimizeController, content: Message) -> None:
    name, value, panel = content["name"], content["value"], controller.panel
    if name != "network":
        panel.check_loaded()
    panel.show_error("")
    with refusing(controller.view):
        if name == "network":
            panel.switch_network(value)
        elif name == "layer":
            panel.choose_layer(value)
        else:
            controller.change(name, value)


def _recipe(controller: OptimizeController, content: Message) -> None:
    """One value of the recipe, or all of them back to what was published."""
    controller.panel.check_loaded()
    controller.panel.show_error("")
    with refusing(controller.view):
        if "path" in content:
            controller.change_recipe(content["path"], content["value"])
        else:
            controller.publish_recipe()


HANDLERS: dict[str, Callable[[OptimizeController, Message], None]] = {
    **canvas_messages.HANDLERS,
    "set": _set,
    "recipe": _recipe,
    "run": lambda controller, content: controller.run(),
    "step": lambda controller, content: controller.step(),
    "pick": lambda controller, content: controller.pick(float(content["y"]), float(content["x"])),
    "move": lambda controller, content: controller.move(int(content["rows"]), int(content["cols"])),
}
