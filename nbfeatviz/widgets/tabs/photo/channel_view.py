"""The large view of one channel over the photo, and the neuron that is picked in it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.receptive_field import receptive_field
from nbfeatviz.widgets.execution.chunked_task import Result
from nbfeatviz.widgets.tabs.photo import results as results


class ChannelView:
    """Which channel is in view, and which of its neurons is picked.

    Args:
        network: gives the network in use (ValueError while there is none).
        begin: has results given, made from a view, in the Activations tab.
    """

    def __init__(
        self, network: Callable[[], Network], begin: Callable[[Callable[[results.View], Iterator[Result]]], None]
    ) -> None:
        self._network, self._begin = network, begin
        self._unit: tuple[str, int] | None = None
        self._place: tuple[int, int] | None = None
        self._size: tuple[int, int] | None = None  # of the channel, once its picture has been sent

    @property
    def shown(self) -> tuple[str, int, int | None, int | None]:
        """Layer, unit, row and col (None, None where no neuron is picked) of what is in view."""
        layer, unit = self._open()
        return (layer, unit, *(self._place or (None, None)))

    def close(self) -> None:
        """The grid is shown again."""
        self._unit = self._place = self._size = None

    def open(self, layer: str, unit: Any) -> None:
        """Shows one channel of a layer in full."""
        units = self._network().layers[layer].units
        if not is_whole(unit, 0, units - 1):
            raise ValueError(f"channel {unit!r} is out of range: {layer!r} has channels 0 to {units - 1}.")
        if len(self._network().layers[layer].output_shape or ()) != 3:
            raise ValueError(f"{layer!r} has no positions, so unit {unit} is one bar and no picture.")
        before = self._unit, self._place, self._size
        self._unit, self._place, self._size = (layer, unit), None, None
        try:
            self._begin(self.channel)
        except Exception:
            self._unit, self._place, self._size = before
            raise

    def position(self, y: float, x: float) -> None:
        """Picks the neuron at a point (fractions of the picture)."""
        if not (math.isfinite(y) and math.isfinite(x)):
            raise ValueError(f"a position is (y, x) in fractions of the picture, not {(y, x)}.")
        rows, cols = self._grid()
        self._pick(int(y * rows), int(x * cols))

    def move(self, rows: int, cols: int) -> None:
        """Moves the picked neuron; the first move picks the one in the middle."""
        height, width = self._grid()
        row, col = self._place if self._place is not None else (height // 2 - rows, width // 2 - cols)
        self._pick(row + rows, col + cols)

    def again(self) -> Callable[[results.View], Iterator[Result]] | None:
        """What shows the same once more, for a page that has come back; None where no channel is in view."""
        if self._unit is None:
            return None
        layer = self._unit[0]

        def everything(view: results.View) -> Iterator[Result]:
            yield from results.activation_grid(view, layer)
            yield from self.channel(view)
            if self._place is not None:
                yield from self.field(view)

        return everything

    def channel(self, view: results.View) -> Iterator[Result]:
        """The channel in full."""
        layer, unit = self._open()
        values = results.layer_output(view, layer)
        yield results.one_channel(layer, unit, values[..., unit])
        self._size = values.shape[0], values.shape[1]

    def field(self, view: results.View) -> Iterator[Result]:
        """The picked neuron: its value, and its receptive field in fractions of the picture."""
        (layer, unit), place = self._open(), self._place
        if place is None:
            return
        height, width = view.question.network.contract.size
        top, left, bottom, right = receptive_field(view.question.network, layer).box(*place)
        value = float(results.layer_output(view, layer)[(*place, unit)])
        box = (top / height, left / width, bottom / height, right / width)
        yield Result({"kind": "field", "row": place[0], "col": place[1], "value": value, "box": box})

    def _open(self) -> tuple[str, int]:
        unit = self._unit
        if unit is None:
            raise ValueError("no channel is open: click one in the grid first.")
        return unit

    def _grid(self) -> tuple[int, int]:
        rows, cols, _ = self._network().layers[self._open()[0]].output_shape or (1, 1, 1)
        return self._size or (rows or 1, cols or 1)  # a model may leave its sizes open

    def _pick(self, row: int, col: int) -> None:
        rows, cols = self._grid()
        self._place = min(max(row, 0), rows - 1), min(max(col, 0), cols - 1)
        self._begin(self.field if self._size is not None else self._channel_and_field)

    def _channel_and_field(self, view: results.View) -> Iterator[Result]:
        """Picked before the channel was there, whose answer this one takes the place of."""
        yield from self.channel(view)
        yield from self.field(view)
