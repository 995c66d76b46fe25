"""What the page may say to the panel, and the answers. Handlers run on any shell: they set flags and return."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets

from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.widgets.execution.runner import in_words

if TYPE_CHECKING:
    from nbfeatviz.widgets.explorer import FeatureExplorer
    from nbfeatviz.widgets.tabs.features.controller import FeaturesController
    from nbfeatviz.widgets.tabs.photo.controller import PhotoController


Handlers = dict[Any, Callable[[Any, dict[str, Any]], None]]

LONGEST_SENTENCE = 500


def dispatch(panel: Any, content: Any, buffers: Sequence[Any] = (), handlers: Handlers | None = None) -> None:
    """Does what a message asks for; what is wrong with it is said in the panel.

    Args:
        panel: the panel, or another that the handlers are about and whose `live` takes complaints.
        content: the message, whose "kind" says what is wanted.
        buffers: what came along with it.
        handlers: what is done, by kind; None for those of the panel.
    """
    kind = content.get("kind") if isinstance(content, dict) else None
    handler = (_HANDLERS if handlers is None else handlers).get(kind) if isinstance(kind, str) else None
    if handler is None:
        return
    try:
        handler(panel, {**content, "buffers": buffers})
    except KeyError as error:
        panel.live.show_error(f"the page sent {kind!r} without {error}.")
    except (ValueError, TypeError, OverflowError) as error:
        panel.live.show_error(readable(str(error)))
    except Exception as error:  # nobody else would hear of it
        panel.live.show_error(readable(in_words(error)))


def readable(text: str) -> str:
    """A sentence that can be sent and shown, whatever it repeats."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_SENTENCE else text[:LONGEST_SENTENCE] + " …"


def _loaded(panel: FeatureExplorer) -> None:
    """Raises a sentence while a network is loading, which would be waited for."""
    if panel.loading:
        raise ValueError("the network is still loading: try again in a moment.")


@contextlib.contextmanager
def _refusing(controls: ipywidgets.DOMWidget) -> Iterator[None]:
    """What is refused is shown on the page as it was."""
    try:
        yield
    except (ValueError, TypeError):
        controls.send({"kind": "refused"})
        raise


def _set(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    name, value = content["name"], content["value"]
    if name != "network":
        _loaded(panel)
    panel.live.show_error("")
    with _refusing(panel.controls):
        if name == "layer" and panel.photo_controller.tab == "grad-cam":
            panel.photo_controller.option("cam", "layer", value)
            return
        if name == "layer" and panel.photo_controller.tab == "style":
            panel.invert_style_dream["style"].change("layer", value)
            return
        panel.change(name, value)
        if name == "network":
            panel.photo_controller.cancel()  # what is computed about the one before only delays it


def _recipe(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """One value of the recipe, or all of them back to what was published."""
    _loaded(panel)
    panel.live.show_error("")
    with _refusing(panel.controls):
        if "path" in content:
            panel.change_recipe(content["path"], content["value"])
        else:
            panel.publish_recipe()


def _pick(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """A click on the picture (fractions of its height and width) chooses the neuron that sees it best."""
    settings, network = panel.controls.settings, panel.network
    if network is None or panel.loading or settings["objective"] != "neuron":
        return
    y, x = float(content["y"]), float(content["x"])
    height, width = network.contract.size
    field = receptive_field(network, settings["layer"])
    row, col = field.nearest(y * height, x * width)
    if not all(field.stride):  # each sees everything: the layer's grid laid over the picture
        rows, cols = (network.layers[settings["layer"]].output_shape or (1, 1))[:2]
        row, col = int(y * (rows or 1)), int(x * (cols or 1))
    _place(panel, row, col)


def _move(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """Arrow keys on the picture move the neuron."""
    if panel.loading or "neuron" not in panel.live.overlay:
        return
    row, col = panel.live.overlay["neuron"]
    _place(panel, row + int(content["rows"]), col + int(content["cols"]))


def _place(panel: FeatureExplorer, row: int, col: int) -> None:
    network = panel.network
    shape = network.layers[panel.controls.settings["layer"]].output_shape if network is not None else None
    if shape is None or len(shape) != 3:
        return
    rows, cols = shape[0] or 1, shape[1] or 1
    panel.change("row", min(max(row, 0), rows - 1))
    panel.change("col", min(max(col, 0), cols - 1))


def save(panel: Any, content: dict[str, Any]) -> None:
    """Encoding an animation takes a second: not on the shell that Stop needs."""
    kind = content["format"]

    def deliver() -> None:
        try:
            panel.live.deliver(*panel.save_file(kind))
        except Exception as error:  # nobody else would hear of it
            panel.live.show_error(in_words(error))

    threading.Thread(target=deliver, name="nbfeatviz-save", daemon=True).start()


def _gone(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """The last view of the panel was closed: nobody watches the run any more."""
    panel.leave()


def _photo(act: Callable[[PhotoController, dict[str, Any]], None]) -> Callable[[FeatureExplorer, dict[str, Any]], None]:
    """A handler of what is done at the photo desk; the complaint before is over."""

    def handle(panel: FeatureExplorer, content: dict[str, Any]) -> None:
        panel.live.show_error("")
        act(panel.photo_controller, content)

    return handle


def received(controller: Any, content: dict[str, Any]) -> None:
    """Gives a desk the photo that came with a message."""
    if not content["buffers"]:
        raise ValueError("the page sent a photo without its bytes.")
    controller.receive(str(content["name"])[:200], bytes(content["buffers"][0]))


def _picked(controller: PhotoController, content: dict[str, Any]) -> None:
    if "rows" in content:
        controller.channels.move(int(number(content, "rows")), int(number(content, "cols")))
    else:
        controller.channels.position(number(content, "y"), number(content, "x"))


def number(content: dict[str, Any], name: str) -> float:
    """A number of a message (ValueError where it is none)."""
    value = content[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"the page sent {content['kind']!r} with {name} {value!r}, which is no number.")
    return value


def _sheet(
    act: Callable[[FeaturesController, dict[str, Any]], None],
) -> Callable[[FeatureExplorer, dict[str, Any]], None]:
    """A handler of what is done in the Features tab; what is refused is shown as it was."""

    def handle(panel: FeatureExplorer, content: dict[str, Any]) -> None:
        _loaded(panel)
        panel.live.show_error("")
        with _refusing(panel.features):
            act(panel.features_controller, content)

    return handle


def _likes(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    _loaded(panel)
    panel.live.show_error("")
    panel.photo_controller.likes()


_HANDLERS: Handlers = {
    "hello": lambda panel, content: panel.live.restore(),
    "ack": lambda panel, content: panel.live.acknowledge(int(content["sequence"]), float(content.get("held", 0))),
    "set": _set,
    "recipe": _recipe,
    "run": lambda panel, content: panel.run(),
    "pause": lambda panel, content: panel.pause(),
    "resume": lambda panel, content: panel.resume(),
    "step": lambda panel, content: panel.step(),
    "stop": lambda panel, content: panel.stop(),
    "reset": lambda panel, content: panel.reset(),
    "replay": lambda panel, content: panel.live.replay(content["step"]),
    "code": lambda panel, content: panel.controls.send({"kind": "code", "text": panel.code()}),
    "save": save,
    "pick": _pick,
    "move": _move,
    "gone": _gone,
    "photo-hello": lambda panel, content: panel.photo_controller.restore(),
    "photo-error": lambda panel, content: panel.live.show_error(readable(str(content["text"]))),
    "tab": _photo(lambda controller, content: controller.open(content["name"])),
    "photo": _photo(received),
    "photo-sample": _photo(lambda controller, content: controller.sample(content["name"])),
    "photo-remove": _photo(lambda controller, content: controller.remove()),
    "photo-fit": _photo(lambda controller, content: controller.fit(fit=content["fit"])),
    "photo-crop": _photo(
        lambda controller, content: controller.fit(centre=(number(content, "y"), number(content, "x")))
    ),
    "target": _photo(lambda controller, content: controller.target(content["target"])),
    "option": _photo(
        lambda controller, content: controller.option(content["group"], content["name"], content["value"])
    ),
    "compute": _photo(lambda controller, content: controller.compare()),
    "sanity": _photo(lambda controller, content: controller.randomize()),
    "cancel": _photo(lambda controller, content: controller.cancel()),
    "channel": _photo(lambda controller, content: controller.channels.open(controller.layer, content["unit"])),
    "position": _photo(_picked),
    "likes": _likes,
    "sheet-hello": lambda panel, content: panel.features.restore(),
    "sheet-ack": lambda panel, content: panel.features.acknowledge(
        int(content["sequence"]), float(content.get("held", 0))
    ),
    "sheet-set": _sheet(lambda sheets, content: sheets.change(content["name"], content["value"])),
    "sheet-run": _sheet(lambda sheets, content: sheets.run()),
    "sheet-stop": lambda panel, content: panel.features_controller.stop(),
    "sheet-open": _sheet(lambda sheets, content: sheets.open(content["place"])),
    "sheet-save": lambda panel, content: panel.live.deliver(*panel.features_controller.as_file()),
    "channels": _photo(lambda controller, content: controller.channels.close()),
    "npy": _photo(lambda controller, content: controller.save_raw()),
}
