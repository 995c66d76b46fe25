"""What a network expects of its input: size, channels, range and channel order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import tf

LARGEST_SIDE = 4096
"""Of a picture, in pixels."""


@dataclass(frozen=True)
class InputContract:
    """How a picture in 0..1 becomes a network's input.

    Input channel c is `low[c] + picture[order[c]] * (high[c] - low[c])`.

    Attributes:
        size: (height, width) that the network was made for.
        low: the network's value for black, per input channel.
        high: the network's value for white, per input channel.
        order: which channel of the picture feeds each input channel; (2, 1, 0) is BGR.
    """

    size: tuple[int, int]
    low: tuple[float, ...]
    high: tuple[float, ...]
    order: tuple[int, ...]

    @property
    def channels(self) -> int:
        """Number of channels of a picture."""
        return len(self.low)

    def apply(self, pictures: Any) -> Any:
        """Turns pictures (..., channels) in 0..1, NumPy or TensorFlow, into the network's input."""
        if self.order != tuple(range(self.channels)):
            pictures = _reordered(pictures, self.order)
        low = np.asarray(self.low, np.float32)
        return pictures * _common(np.asarray(self.high, np.float32) - low) + _common(low)

    @staticmethod
    def of_range(
        size: tuple[int, int],
        channels: int,
        low: float | Sequence[float],
        high: float | Sequence[float],
        bgr: bool = False,
    ) -> InputContract:
        """The contract for a range, the same for all channels or one value a channel (in the input's order).

        Raises:
            ValueError: the range has another number of channels, is empty, or BGR is asked of other than
                3 channels.
        """
        lows, highs = _per_channel(low, channels), _per_channel(high, channels)
        if any(not high_ > low_ for low_, high_ in zip(lows, highs, strict=True)):
            raise ValueError(f"input range {low!r} to {high!r} is empty: the second must be larger.")
        if bgr and channels != 3:
            raise ValueError(f"channel order 'bgr' needs 3 channels; this network has {channels}.")
        order = (2, 1, 0) if bgr else tuple(range(channels))
        return InputContract(size, lows, highs, order)

    @staticmethod
    def measured(size: tuple[int, int], preprocess: Callable[[np.ndarray], Any]) -> InputContract:
        """Reads the contract off a `preprocess_input` of keras.applications (RGB, 0..255) by probing it."""

        def probe(red: float, green: float, blue: float) -> np.ndarray:
            pixel = np.array([[[[red, green, blue]]]], np.float32)
            return np.asarray(preprocess(pixel), np.float64).reshape(3)

        black, white = probe(0, 0, 0), probe(255, 255, 255)
        order = [0, 0, 0]
        for channel in range(3):
            pure = [0.0, 0.0, 0.0]
            pure[channel] = 255.0
            order[int(np.argmax(np.abs(probe(*pure) - black)))] = channel
        return InputContract(size, tuple(map(float, black)), tuple(map(float, white)), tuple(order))


def checked_size(size: Any) -> tuple[int, int]:
    """(height, width) from a number or a pair; ValueError unless each is in 1..`LARGEST_SIDE`."""
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, tuple | list) else ()
    if len(pair) != 2 or not all(type(item) is int and 1 <= item <= LARGEST_SIDE for item in pair):
        raise ValueError(
            f"size {size!r} is not a size: give one number or (height, width), each from 1 to {LARGEST_SIDE}."
        )
    return pair


def _per_channel(value: Any, channels: int) -> tuple[float, ...]:
    try:
        values = tuple(float(item) for item in value) if np.ndim(value) else (float(value),) * channels
    except (TypeError, ValueError):
        raise ValueError(f"input range {value!r} is not a number, nor one number a channel.") from None
    if not np.isfinite(values).all():
        raise ValueError(f"input range {value!r} is not finite.")
    if len(values) != channels:
        raise ValueError(f"input range {value!r} has {len(values)} values for {channels} channels.")
    return values


def _common(values: np.ndarray) -> np.ndarray:
    """The one number that all channels share, if they do: TensorFlow takes a fifth of the time for that."""
    return values[0] if (values == values[0]).all() else values


def _reordered(pictures: Any, order: tuple[int, ...]) -> Any:
    if isinstance(pictures, np.ndarray):
        return pictures[..., list(order)]
    return tf.gather(pictures, order, axis=-1)
