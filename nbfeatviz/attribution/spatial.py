"""Which layer a class activation map is made at, and whether it can be made there."""

from __future__ import annotations

from nbfeatviz.attribution.question import Question
from nbfeatviz.networks.layers import Layer
from nbfeatviz.networks.network import Network


def default_layer(network: Network, below: str | None = None) -> str:
    """The last layer with spatial extent before the head: the one that class activation maps use by default.

    Args:
        network: the network; nested models, Sequential models and branches are all looked into.
        below: path of a layer to stay below of; None for the head.

    Returns:
        Path of the last layer, in the order of evaluation, whose output has rows and columns, more than one
        position, and that feeds the head.

    Raises:
        ValueError: there is none.
    """
    graph, tree = network.graph, network.layers
    target = network.call(below) if below is not None else graph.calls[graph.output.call]
    for index in reversed(graph.ancestors([target.index])):
        layer = tree[graph.calls[index].path]
        if index != target.index and has_positions(layer):
            return layer.path
    raise ValueError(
        f"no layer before {target.path!r} has rows and columns, so there is no class activation map: use a gradient "
        "method or occlusion."
    )


def has_positions(layer: Layer) -> bool:
    """Whether a layer is computed from the picture and has more than one position."""
    shape = layer.output_shape or ()
    return layer.selectable and len(shape) == 3 and shape[:2] != (1, 1)


def chosen_layer(question: Question, layer: str | None) -> str:
    """The path of the layer asked for, or the default below the target.

    Raises:
        ValueError: no such layer, or one without spatial extent; a layer that would do is named.
    """
    if layer is None:
        return default_layer(question.network, question.paths[0])
    entry = question.network.layers[layer]
    if not has_positions(entry):
        shape = "×".join(map(str, entry.output_shape or ())) or "unknown"
        raise ValueError(
            f"{layer!r} ({entry.kind}) has no spatial extent: its output is {shape}, and a class activation map needs "
            f"rows and columns, as {default_layer(question.network, question.paths[0])!r} has."
        )
    return entry.path
