"""What every layer makes of a picture, and the filters of the first convolution as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import silence, warn
from nbfeatviz.attribution.passes import outputs_of
from nbfeatviz.attribution.question import fitted_picture
from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import Channel


def activations(network: Network, image: Any, layer: str) -> np.ndarray:
    """A layer's output for a picture, exactly as Keras gives it.

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        layer: path of a layer.

    Returns:
        float32 (h, w, units), or (units,) for a layer without positions.

    Raises:
        ValueError: no such layer, one that is not computed from the picture, or an image that cannot be used.
        NotFiniteError: NaN or infinity, as of broken weights; names the first layer that is to blame.

    Warns:
        UserWarning: the layer is silent on this picture, or the same everywhere; with the value.
    """
    path = checked_layer(network, layer)
    values = outputs_of(network, fitted_picture(network, image), path)
    warn(silence(path, values))
    return values


def checked_layer(network: Network, layer: str) -> str:
    """The path of a layer that is computed from the picture; ValueError where it is not."""
    entry = network.layers[layer]
    if not entry.selectable:
        raise ValueError(f"{layer!r} ({entry.kind}) computes nothing from the picture: choose a layer after the input.")
    return entry.path


def filters(network: Network, layer: str | None = None) -> np.ndarray:
    """The weights of a convolution on 1 or 3 channels as pictures.

    Each filter is scaled by its own largest absolute weight: 0.5 is a weight of 0, 0 and 1 are minus and plus that
    largest one. Of a network that takes BGR they are turned to RGB.

    Args:
        network: the network.
        layer: path of a Conv2D; None for the first that can be shown.

    Returns:
        float32 (units, kernel height, kernel width, channels) in 0..1.

    Raises:
        ValueError: no such layer, or one without such filters; those that have them are named.
    """
    call = _with_filters(network, layer)
    kernel = np.moveaxis(np.asarray(call.operation.kernel, np.float32), -1, 0)
    if _sees_the_picture(network, call) and kernel.shape[-1] == network.contract.channels:
        kernel = kernel[..., np.argsort(network.contract.order)]
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return 0.5 + 0.5 * kernel / np.where(largest > 0, largest, 1)


def apply_filter(network: Network, image: Any, unit: int, layer: str | None = None) -> np.ndarray:
    """One filter applied to a picture: that channel of the convolution's raw output, its bias included.

    Args:
        network: the network.
        image: as `activations`.
        unit: index of the filter.
        layer: as `filters`.

    Returns:
        float32 (h, w), before the activation.

    Raises:
        ValueError: as `filters`, or no such unit.
    """
    call = _with_filters(network, layer)
    unit = Channel(call.path, unit).resolved(network).unit
    return outputs_of(network, fitted_picture(network, image), call.path, pre_activation=True)[:, :, unit]


def _with_filters(network: Network, layer: str | None) -> Call:
    shown = [call for call in network.graph.calls if call.kind == "Conv2D" and call.operation.kernel.shape[2] in (1, 3)]
    if layer is None and shown:
        return shown[0]
    for call in shown:
        if layer is not None and network.call(layer) is call:
            return call
    kind = "" if layer is None else f"{layer!r} ({network.layers[layer].kind}) has no filters that can be shown: "
    known = ", ".join(repr(call.path) for call in shown[:5])
    raise ValueError(
        f"{kind}a filter is a picture where a Conv2D takes 1 or 3 channels; in {network.name!r} "
        + (f"that is {known}." if known else "there is none.")
    )


def _sees_the_picture(network: Network, call: Call) -> bool:
    """Whether nothing mixes the channels before that convolution."""
    before = network.graph.ancestors(call.inputs)
    return not any(hasattr(network.graph.calls[index].operation, "kernel") for index in before)
