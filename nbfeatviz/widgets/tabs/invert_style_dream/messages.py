"""What the page may say in an Invert, Style or Dream tab, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbfeatviz.widgets.comm.dispatch import Handlers, dispatch, number, readable, received, save
from nbfeatviz.widgets.photo_input.photo_source import PhotoSource
from nbfeatviz.widgets.tabs.invert_style_dream.controller import InvertStyleDreamController


def dispatcher(controller: InvertStyleDreamController) -> Callable[[Any, Any, Sequence[Any]], None]:
    """What answers the messages of a tab; errors are said in the panel."""
    return lambda _, content, buffers: dispatch(controller, content, buffers, _HANDLERS)


def _asked(
    act: Callable[[InvertStyleDreamController, dict[str, Any]], None],
) -> Callable[[InvertStyleDreamController, dict[str, Any]], None]:
    """A handler of what may be refused: the page then shows what is set, and not what was wished."""

    def handle(controller: InvertStyleDreamController, content: dict[str, Any]) -> None:
        controller.live.show_error("")
        try:
            act(controller, content)
        except (ValueError, TypeError):
            controller.refuse()
            raise

    return handle


def _photo(
    act: Callable[[PhotoSource, dict[str, Any]], None],
) -> Callable[[InvertStyleDreamController, dict[str, Any]], None]:
    """A handler of what is done with the style's photo; the complaint before is over."""

    def handle(controller: InvertStyleDreamController, content: dict[str, Any]) -> None:
        controller.live.show_error("")
        if controller.style is None:
            raise ValueError("this tab takes no second photo.")
        act(controller.style, content)

    return handle


_HANDLERS: Handlers = {
    "hello": lambda controller, content: controller.live.restore(),
    "ack": lambda controller, content: controller.live.acknowledge(
        int(content["sequence"]), float(content.get("held", 0))
    ),
    "set": _asked(lambda controller, content: controller.change(content["name"], content["value"])),
    "run": _asked(lambda controller, content: controller.run()),
    "pause": lambda controller, content: controller.pause(),
    "resume": lambda controller, content: controller.resume(),
    "step": _asked(lambda controller, content: controller.step()),
    "stop": lambda controller, content: controller.stop(),
    "reset": lambda controller, content: controller.reset(),
    "replay": lambda controller, content: controller.live.replay(content["step"]),
    "code": lambda controller, content: controller.show_code(),
    "save": save,
    "gone": lambda controller, content: controller.leave(),
    "photo": _photo(received),
    "photo-error": lambda controller, content: controller.live.show_error(readable(str(content["text"]))),
    "photo-sample": _photo(lambda style, content: style.sample(content["name"])),
    "photo-remove": _photo(lambda style, content: style.remove()),
    "photo-fit": _photo(lambda style, content: style.fit(fit=content["fit"])),
    "photo-crop": _photo(lambda style, content: style.fit(centre=(number(content, "y"), number(content, "x")))),
}
