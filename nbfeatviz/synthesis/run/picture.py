"""From the variables of a run to its pictures, and variables that grow with the phases of a recipe."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.recipe_parts.parameterizations import Centred, Pixels, Sigmoid


def rendered(network: Network, parameterization: Any, variables: Any, shape: tuple[int, int, int]) -> np.ndarray:
    """The pictures (n, H, W, C) in 0..1 that variables (n, ...) stand for.

    Args:
        network: keeps the compiled function.
        parameterization: variables to picture.
        variables: of each picture.
        shape: (height, width, channels) at which the run began; stored pixels may have grown since.
    """
    pixels = isinstance(parameterization, Pixels | Centred | Sigmoid)
    size = tuple(variables.shape[1:]) if pixels else shape
    render = network.compiled(
        ("picture", parameterization, len(variables), size),
        lambda: lambda variables: tf.clip_by_value(parameterization.picture(variables, size), 0.0, 1.0),
    )
    return np.asarray(render(variables))


def enlarged(variables: Any, factor: float) -> Any:
    """Stored pixels (n, h, w, C), larger by a factor."""
    if factor == 1:
        return variables
    return tf.image.resize(variables, [round(length * factor) for length in variables.shape[1:3]], "bicubic")
