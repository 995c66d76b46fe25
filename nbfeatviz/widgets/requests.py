"""What the page may say to the panel, and the answers. Handlers run on any shell: they set flags and return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.widgets.runner import in_words

if TYPE_CHECKING:
    from nbfeatviz.widgets.explorer import FeatureExplorer


def answer(panel: FeatureExplorer, content: Any) -> None:
    """Does what a message asks for; what is wrong with it is said in the panel."""
    kind = content.get("kind") if isinstance(content, dict) else None
    handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        return
    try:
        handler(panel, content)
    except KeyError as error:
        panel.live.complain(f"the page sent {kind!r} without {error}.")
    except (ValueError, TypeError, OverflowError) as error:
        panel.live.complain(str(error))


def _set(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    name, value = content["name"], content["value"]
    if panel.loading and name != "network":
        raise ValueError("the network is still loading: try again in a moment.")
    panel.live.complain("")
    try:
        panel.change(name, value)
    except (ValueError, TypeError):
        panel.controls.send({"kind": "refused"})  # the page shows what is set again
        raise


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


def _save(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """Encoding an animation takes a second: not on the shell that Stop needs."""
    kind = content["format"]

    def deliver() -> None:
        try:
            panel.live.deliver(*panel.save_file(kind))
        except Exception as error:  # nobody else would hear of it
            panel.live.complain(in_words(error))

    threading.Thread(target=deliver, name="nbfeatviz-save", daemon=True).start()


def _gone(panel: FeatureExplorer, content: dict[str, Any]) -> None:
    """The last view of the panel was closed: nobody watches the run any more."""
    panel.leave()


_HANDLERS: dict[Any, Callable[[Any, dict[str, Any]], None]] = {
    "hello": lambda panel, content: panel.live.restore(),
    "ack": lambda panel, content: panel.live.acknowledge(int(content["sequence"]), float(content.get("held", 0))),
    "set": _set,
    "run": lambda panel, content: panel.run(),
    "pause": lambda panel, content: panel.pause(),
    "resume": lambda panel, content: panel.resume(),
    "step": lambda panel, content: panel.step(),
    "stop": lambda panel, content: panel.stop(),
    "reset": lambda panel, content: panel.reset(),
    "replay": lambda panel, content: panel.live.replay(content["step"]),
    "code": lambda panel, content: panel.controls.send({"kind": "code", "text": panel.code()}),
    "save": _save,
    "pick": _pick,
    "move": _move,
    "gone": _gone,
}
