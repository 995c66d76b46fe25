"""The layers of a network that are worth a look: those at which a block ends."""

from __future__ import annotations

from collections.abc import Iterator

from nbfeatviz.networks.graph.activations import is_activation
from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.layers import Layer
from nbfeatviz.networks.network import Network

_MERGES = ("Add", "Concatenate", "Average", "Maximum")
_SAME_UNITS = (
    "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "MaxPooling2D",
    "AveragePooling2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D", "StochasticDepth",
)  # fmt: skip
_WEIGHTED = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "Dense")


def suggested_layers(network: Network) -> tuple[str, ...]:
    """Paths of the layers at which a block ends, in the order in which they are computed.

    A block ends where branches meet, and so does the branch that is added to a shortcut; where a numbered group of
    layers of one name ends (`block1a_…`, `conv2_block1_…`); with the last layer that has positions; with dense layers
    behind it; and with the head. Of a network in which none but the last of these is found, such as a plain stack of
    convolutions, all layers with weights are taken. Activations and norms that follow belong to a layer; pooling and
    dropout, which have the same units, do not.
    """
    calls = network.graph.calls
    readers: dict[int, list[Call]] = {}
    for call in calls:
        for source in call.inputs:
            readers.setdefault(source, []).append(call)
    found = {*_merged(network, readers), *_grouped(network)}
    plain = not found
    last = _last_positions(network)
    for call in calls:
        behind = last is not None and call.index > last and len(call.shape or ()) == 1
        if call.kind in _WEIGHTED and (plain or behind):
            found.add(_settled(call, readers, norms=plain).index)
    if last is not None:
        found.add(last)
    head = network.call(network.head_layer.path)
    paths = [calls[index].path for index in sorted(found) if index <= head.index and _usable(network, calls[index])]
    return tuple(dict.fromkeys([*paths, head.path])) if _usable(network, head) else tuple(dict.fromkeys(paths))


def _usable(network: Network, call: Call) -> bool:
    return network.layers[call.path].selectable and call.index not in network.graph.held


def _settled(call: Call, readers: dict[int, list[Call]], norms: bool = True) -> Call:
    """The activation (or norm) that alone reads a layer, or the layer itself."""
    while len(behind := readers.get(call.index, [])) == 1:
        follows = is_activation(behind[0]) or (norms and behind[0].kind == "BatchNormalization")
        if not follows or behind[0].kind == "Softmax":
            break
        call = behind[0]
    return call


def _merged(network: Network, readers: dict[int, list[Call]]) -> Iterator[int]:
    """Where branches meet, and the longest branch that is added there."""
    calls = network.graph.calls
    for call in calls:
        if call.kind not in _MERGES or len(call.inputs) < 2 or len(call.shape or ()) != 3:
            continue
        behind = readers.get(call.index, [])
        if call.automatic and behind and all(one.kind == call.kind for one in behind):
            continue  # a part of a larger merge
        yield _settled(call, readers, norms=False).index
        if call.kind == "Add":
            branch = max(call.inputs, key=lambda index: len(network.graph.ancestors([index])))
            while calls[branch].kind in _SAME_UNITS and calls[branch].inputs:
                branch = calls[branch].inputs[0]
            if calls[branch].kind not in _MERGES:
                yield branch


def _grouped(network: Network) -> Iterator[int]:
    """The last layer of each numbered group of the layer tree."""
    for entry in network.layers.walk():
        numbered = any(character.isdigit() for character in entry.name)
        if entry.kind == "group" and entry.path.endswith("…") and numbered:
            last = _last(entry)
            if last is not None:
                yield network.call(last.path).index


def _last(group: Layer) -> Layer | None:
    layers = [one for one in group.walk() if one.selectable and one.kind not in _SAME_UNITS]
    return layers[-1] if layers else None


def _last_positions(network: Network) -> int | None:
    """The last call with positions that the head is computed from, pooling aside."""
    head = network.call(network.head_layer.path).index
    for index in reversed(sorted(network.graph.ancestors([head]))):
        call = network.graph.calls[index]
        if len(call.shape or ()) == 3 and call.kind not in _SAME_UNITS and _usable(network, call):
            return index
    return None
