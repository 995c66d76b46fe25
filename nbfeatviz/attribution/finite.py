"""What is not finite is no explanation: the error about it, with the first layer that is to blame."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.not_finite import NotFiniteError


def check_finite(values: Any, what: str, network: Network, picture: np.ndarray, *paths: str) -> None:
    """Lets finite values pass.

    Args:
        values: NumPy array of any shape.
        what: they are, in words.
        network: the network that gave them.
        picture: (H, W, C) in 0..1, for which it did.
        paths: the layers that were read.

    Raises:
        NotFiniteError: there is NaN or infinity among them; names the first layer with such weights, else the first
            with such an output.
    """
    bad = int(np.size(values) - np.isfinite(values).sum())
    if not bad:
        return
    how = (
        f"NaN or infinite at {bad:,} of {np.size(values):,} values"
        if np.size(values) > 1
        else f"{float(np.ravel(values)[0]):g}"
    )
    raise NotFiniteError(f"{what} is not finite ({how}): {_cause(network, picture, paths)}")


def _cause(network: Network, picture: np.ndarray, paths: tuple[str, ...]) -> str:
    graph = network.graph
    calls = [graph.calls[index] for index in graph.ancestors([network.call(path).index for path in paths])]
    for call in calls:
        for variable in getattr(call.operation, "weights", ()):
            values = np.asarray(variable)
            bad = 0 if values.dtype.kind in "iub" else int((~np.isfinite(values.astype(np.float32))).sum())
            if bad:
                return (
                    f"the weights of {call.path!r} are not ({variable.name}: {bad:,} of {values.size:,} values are NaN "
                    "or infinite). Load good weights, or train it again."
                )
    taps = [Tap(call.path) for call in calls]
    outputs = Backbone(network, taps)(tf.constant(picture[None], tf.float32))
    for call, tap in zip(calls, taps, strict=True):
        values = np.asarray(tf.cast(outputs[tap], tf.float32))
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).sum())
            return (
                f"all weights are, but {call.path!r} ({call.kind}) gives NaN or infinity for this photo, at {bad:,} of "
                f"{values.size:,} values, the first layer that does."
            )
    return (
        "all weights and what every layer gives for this photo are, so it comes about in the gradient (of a root, a "
        "norm or a division at 0, say) or on a changed copy of the photo."
    )
