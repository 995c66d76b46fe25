"""The layer tree of a network: what can be chosen, grouped so that hundreds of layers stay browsable."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nbfeatviz.networks.graph.calls import Call, Graph, Shape


@dataclass(frozen=True)
class Layer:
    """One entry of the layer tree: a layer, a nested model, or a group of layers with a common prefix.

    Attributes:
        name: what the tree shows.
        path: what names the layer everywhere; nested models are joined by "/". A group's path only
            identifies it in the tree.
        kind: the class of the layer ("Conv2D"), or "group", or "model" for a nested model.
        output_shape: shape without the batch axis (None inside where the model does not fix it).
        units: length of the last axis; 0 for groups.
        selectable: whether its output can be maximized.
        unit_names: names of the units, where they are known (a head with class names).
        children: the entries below.
    """

    name: str
    path: str
    kind: str
    output_shape: Shape | None = None
    units: int = 0
    selectable: bool = False
    unit_names: tuple[str, ...] | None = None
    children: tuple[Layer, ...] = field(default=(), repr=False)

    def walk(self) -> Iterator[Layer]:
        """Itself and all entries below, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


class LayerTree:
    """All layers of a network: iterate over the top entries, `walk()` them all, or look one up by path."""

    def __init__(self, graph: Graph, class_names: tuple[str, ...] | None = None) -> None:
        self.children = _entries(graph, class_names)
        self._by_path = {layer.path: layer for layer in self.walk() if layer.kind not in ("group", "model")}
        self._keras_names = {call.operation.name: call.path for call in graph.calls if call.automatic}

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.children)

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def walk(self) -> Iterator[Layer]:
        """Every entry, groups included, in the order of the tree."""
        for child in self.children:
            yield from child.walk()

    def __getitem__(self, path: str) -> Layer:
        """The layer of that path.

        Raises:
            TypeError: the path is not a string.
            ValueError: no layer has this path; the nearest are named.
        """
        if not isinstance(path, str):
            raise TypeError(f"a layer is named by its path, a string, not by {path!r} ({type(path).__name__}).")
        if path in self._by_path:
            return self._by_path[path]
        if path in self._keras_names:
            raise ValueError(
                f"no layer {path!r}: Keras numbered it so in this process only; its path is "
                f"{self._keras_names[path]!r}."
            )
        near = difflib.get_close_matches(path, list(self._by_path), n=3, cutoff=0.5)
        ends = [known for known in self._by_path if known.endswith("/" + path)]
        names = ends or near or [layer.path for layer in self.walk() if layer.selectable][:3]
        hint = "nearest: " if ends or near else "there are, for example, "
        raise ValueError(f"no layer {path!r} in this network; {hint}{', '.join(map(repr, names))}.")

    def __str__(self) -> str:
        """The tree as text, one line a layer: name, kind, output shape."""
        return "\n".join(line for child in self.children for line in _lines(child, 0))

    def __repr__(self) -> str:
        return f"<LayerTree of {len(self)} layers>"


def _lines(layer: Layer, depth: int) -> Iterator[str]:
    label = "  " * depth + layer.name
    if layer.output_shape is None:
        yield label if layer.children else f"{label:<44} {layer.kind}"
    else:
        shape = "×".join("?" if size is None else str(size) for size in layer.output_shape)
        yield f"{label:<44} {layer.kind:<24} {shape}{'' if layer.selectable else '  (not selectable)'}"
    for child in layer.children:
        yield from _lines(child, depth + 1)


def _entries(graph: Graph, class_names: tuple[str, ...] | None) -> tuple[Layer, ...]:
    layers = {}
    for call in graph.calls:
        names = class_names if call.index == graph.output.call else None
        layers[call.index] = _layer(call, names)
    return _model_entries(graph, list(graph.calls), layers, "")


def _layer(call: Call, class_names: tuple[str, ...] | None) -> Layer:
    shape = call.shape
    units = shape[-1] if shape else None
    names = class_names if class_names is not None and units == len(class_names) else None
    return Layer(
        name=call.path.rpartition("/")[2],
        path=call.path,
        kind=call.kind,
        output_shape=shape,
        units=units or 0,
        selectable=bool(units) and bool(call.inputs),
        unit_names=names,
    )


def _model_entries(graph: Graph, calls: list[Call], layers: dict[int, Layer], model: str) -> tuple[Layer, ...]:
    """The entries of one model: its own calls grouped, each nested model as one entry."""
    start = len(model) + 1 if model else 0
    own: list[tuple[Call | None, Layer]] = []
    nested: dict[str, list[Call]] = {}
    for call in calls:
        if call.model == model:
            own.append((call, layers[call.index]))
            continue
        name = call.model[start:].split("/")[0]
        if name not in nested:
            nested[name] = []
            path = f"{model}/{name}" if model else name
            own.append((None, Layer(name=name, path=path, kind="model")))
        nested[name].append(call)
    unnamed = {call.path for call, _ in own if call is not None and call.automatic}
    entries = _by_prefix(_by_merge(graph, own), "", unnamed)
    return tuple(
        replace(entry, children=_model_entries(graph, nested[entry.name], layers, entry.path))
        if entry.kind == "model"
        else entry
        for entry in entries
    )


def _by_merge(graph: Graph, own: list[tuple[Call | None, Layer]]) -> list[Layer]:
    """Puts unnamed layers that end in a named merge (InceptionV3's `mixed4`) below it, branch by branch."""
    group_of: dict[int, tuple[str, int]] = {}
    merges = [call for call, _ in own if call is not None and len(call.inputs) > 1 and not call.automatic]
    for merge in merges:
        fork = _fork(graph, merge.index)
        members = [index for index in graph.ancestors([merge.index]) if fork < index < merge.index]
        if any(graph.calls[index].automatic for index in members):
            branch = 0
            for index in members:
                if branch + 1 < len(merge.inputs) and index > max(merge.inputs[: branch + 1]):
                    branch += 1
                group_of[index] = (merge.path, branch + 1)
            group_of[merge.index] = (merge.path, 0)
    entries: list[Layer] = []
    place: dict[str, int] = {}
    for call, layer in own:
        path, branch = group_of.get(call.index, ("", 0)) if call is not None else ("", 0)
        if not path:
            entries.append(layer)
            continue
        if path not in place:
            place[path] = len(entries)
            name = path.rpartition("/")[2]
            entries.append(Layer(name=name, path=f"{path} …", kind="group"))
        group = entries[place[path]]
        entries[place[path]] = replace(group, children=_with_member(group, layer, branch))
    return entries


def _with_member(group: Layer, layer: Layer, branch: int) -> tuple[Layer, ...]:
    if branch == 0:
        return (*group.children, layer)
    name = f"branch {branch}"
    if group.children and group.children[-1].name == name:
        last = group.children[-1]
        return (*group.children[:-1], replace(last, children=(*last.children, layer)))
    return (*group.children, Layer(name=name, path=f"{group.path}{branch}", kind="group", children=(layer,)))


def _fork(graph: Graph, merge: int) -> int:
    """The last call that every way from the input to `merge` goes through (its immediate dominator)."""
    dominator: dict[int, int] = {}
    for index in graph.ancestors([merge]):
        inputs = graph.calls[index].inputs
        if not inputs:
            dominator[index] = index
            continue
        common = inputs[0]
        for other in inputs[1:]:
            while common != other:
                if common > other:
                    common = dominator[common]
                else:
                    if other == dominator[other]:
                        break
                    other = dominator[other]
        dominator[index] = common
    return dominator[merge]


def _by_prefix(entries: list[Layer], stripped: str, unnamed: set[str]) -> list[Layer]:
    """Groups entries by the first part of the name a person gave (`block3b_…`), and again inside a group."""
    keys = [
        None
        if entry.kind in ("model", "group") or entry.path in unnamed
        else _prefix(entry.name[len(stripped) :], numbered=bool(stripped))
        for entry in entries
    ]
    grouped: list[Layer] = []
    place: dict[str, int] = {}
    for entry, key in zip(entries, keys, strict=True):
        if key is None or keys.count(key) < 2:
            grouped.append(entry)
        elif key in place:
            group = grouped[place[key]]
            grouped[place[key]] = replace(group, children=(*group.children, entry))
        else:
            place[key] = len(grouped)
            head = entry.path[: len(entry.path) - len(entry.name)]
            name = f"{stripped}{key}"
            grouped.append(Layer(name=name, path=f"{head}{name}_…", kind="group", children=(entry,)))
    return [
        replace(entry, children=tuple(_by_prefix(list(entry.children), f"{entry.name}_", unnamed)))
        if entry.kind == "group" and index in place.values()
        else entry
        for index, entry in enumerate(grouped)
    ]


def _prefix(name: str, numbered: bool) -> str | None:
    """`block3b` of `block3b_expand_conv`, `block_1` of `block_1_expand`; unless `numbered`, `stem` of `stem_conv`."""
    parts = name.split("_")
    digits = [any(character.isdigit() for character in part) for part in parts]
    count = digits.index(True) + 1 if any(digits) else 1
    key = "_".join(parts[:count])
    worthy = any(character.isalpha() for character in key) and (any(digits) or not numbered)
    return key if worthy and count < len(parts) else None
