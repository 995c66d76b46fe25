"""The one file that reads what Keras has no public way for: by which call of which layer a tensor was made.

Contract: it reads and never alters. Every `KerasTensor` of a model carries a `_keras_history` (operation, number of the
node, place among that node's outputs), and the operation's `_inbound_nodes` hold the arguments of each call. The public
`get_config()` says the same, but a layer of the user's own need not have one, and it tells of the live objects only.
Tested with the oldest and the newest Keras that the project supports.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import keras

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Use:
    """One call of a layer or operation while the model was built.

    Attributes:
        operation: the user's own layer.
        args: positional arguments; tensors are `KerasTensor`s.
        kwargs: keyword arguments likewise.
        outputs: the tensors that it gave, flat.
    """

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[Any, ...]

    @property
    def inputs(self) -> list[Any]:
        """The tensors among its arguments, in order."""
        return [leaf for leaf in keras.tree.flatten((self.args, self.kwargs)) if is_symbolic(leaf)]


def has_graph(model: Any) -> bool:
    """Whether a call of this model evaluates a graph of layers: Sequential or Functional, with Keras's own `call`."""
    if not isinstance(model, keras.Model) or not (getattr(model, "inputs", None) and getattr(model, "outputs", None)):
        return False
    caller = next(kind for kind in type(model).__mro__ if "call" in vars(kind))
    return caller.__module__.partition(".")[0] == "keras"


def is_symbolic(argument: Any) -> bool:
    """Whether an argument stands for a tensor of the model."""
    return isinstance(argument, keras.KerasTensor)


def use_of(tensor: Any) -> Use:
    """The call that made a tensor."""
    operation, number, _ = tensor._keras_history
    node = operation._inbound_nodes[number]
    return Use(operation, tuple(node.arguments.args), dict(node.arguments.kwargs), tuple(node.outputs))


def place_of(tensor: Any) -> int:
    """Which of the (flat) outputs of its call a tensor is."""
    return int(tensor._keras_history.tensor_index)


def shape_of(tensor: Any) -> Shape:
    """The shape of a tensor without the batch axis."""
    return tuple(tensor.shape[1:])
