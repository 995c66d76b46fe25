"""Network: a Keras model with all that is needed to use it on pictures."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from nbfeatviz.checks import is_whole
from nbfeatviz.engine import keras, tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.compute.compiled_functions import CompiledFunctions
from nbfeatviz.networks.compute.derived_weights import DerivedWeights
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.graph.activations import fused_activation, is_activation
from nbfeatviz.networks.graph.calls import Call, Graph
from nbfeatviz.networks.graph.inference import once
from nbfeatviz.networks.graph.reader import read_graph
from nbfeatviz.networks.graph.tap import Early, Tap
from nbfeatviz.networks.head import Head, losses_of, probes, read_head
from nbfeatviz.networks.layers import Layer, LayerTree
from nbfeatviz.warn_location import frames_inside


class Network(CompiledFunctions):
    """A model, its input contract and what its output means. Made by `nbfeatviz.load`.

    Attributes:
        name: how it was asked for.
        model: the user's own Keras model; its input is in the network's own scaling (see `contract`).
        contract: size, channels, range and channel order of the input.
        class_names: names of the outputs, or None where unknown.
        trained: False for networks with random weights.
        derived: weights that compiled functions use, made of the model's own.
        version: rises when weights have changed, as `refresh` finds out.
        natural: mean and deviation of each channel of some layers before their activation, by path, on the pictures
            that it was trained on; None where nothing such came with its weights.
        known_statistics: what was found to be natural (see `synthesis.photo_statistics`), by version and source.
        fast: whether synthesis takes the quick way through it (see `fast_path`); False once that has failed.
    """

    def __init__(
        self,
        model: keras.Model,
        contract: InputContract,
        *,
        name: str,
        class_names: tuple[str, ...] | None = None,
        head: str | None = None,
        loss: Any = None,
        heads: tuple[Head, ...] | None = None,
        output: int = 0,
        held: Mapping[int, np.ndarray] | None = None,
        trained: bool = True,
        source: str | None = None,
        substitutes: Mapping[int, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.model = model
        self.contract = contract
        self.class_names = class_names
        self.trained = trained
        self.source = source
        self.version = 0
        self.natural: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None
        self.known_statistics: dict[Any, Any] = {}
        self.fast = True
        self._asked_head, self._saved_loss, self._known_heads = head, loss, heads
        self._output, self._held, self._substitutes = output, held, substitutes
        self._said: set[str] = set()
        self._begin()

    def _begin(self) -> None:
        """Forgets what was made of the model as it was."""
        for known in ("graph", "layers", "heads", "needs_tracing", "_calls", "_before"):
            self.__dict__.pop(known, None)
        self._parts = self._parts_now()
        self.derived = DerivedWeights(self.model.weights, self._substitutes)
        self.forget()

    def refresh(self) -> None:
        """Takes notice of what the user has changed about the model since; quick where that is nothing.

        Weights that were made of the model's own are made again; where layers have other variables or activations
        than before (quantized, LoRA, `layer.activation = ...`), the model is read and compiled anew.
        """
        with self._lock:
            if _differ(self._parts, self._parts_now()):
                self._begin()
                self.version += 1
            elif self.derived.refresh():
                self.version += 1

    def _parts_now(self) -> list[Any]:
        """What the graph and compiled functions hold on to: the outputs, the variables, the layers' activations."""
        activations = (getattr(call.operation, "activation", None) for call in self.graph.calls)
        return [*self.model.outputs, *self.model.weights, *activations]

    def with_weights_of_its_own(self) -> Network:
        """The same network with other variables in the place of its weights: these can be changed, the model's stay."""
        substitutes = {id(one): tf.Variable(one.value, trainable=False) for one in self.model.weights}
        return Network(
            self.model, self.contract, name=self.name, class_names=self.class_names, heads=self.heads,
            output=self._output, held=self._held, trained=self.trained, source=self.source, substitutes=substitutes,
        )  # fmt: skip

    def __repr__(self) -> str:
        height, width = self.contract.size
        kind = "" if self.trained else ", untrained"
        return f"<Network {self.name!r}: {height}×{width}×{self.contract.channels}, {len(self.layers)} layers{kind}>"

    @cached_property
    def graph(self) -> Graph:
        """Every call of the model, nested models included."""
        return read_graph(self.model, output=self._output, held=self._held)

    @cached_property
    def layers(self) -> LayerTree:
        """The layer tree."""
        return LayerTree(self.graph, self.class_names)

    @cached_property
    def _calls(self) -> dict[str, Call]:
        return {call.path: call for call in self.graph.calls}

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """What each output of the model means, in the model's order."""
        if self._known_heads is not None:
            return self._known_heads
        losses = losses_of(self.model, self._saved_loss)
        with tf.init_scope():  # it may be asked for first where something is traced
            return tuple(
                read_head(
                    self.graph,
                    output,
                    self.given(probes(self.contract)),
                    asked=self._asked_head if place == self._output else None,
                    loss=losses[place],
                    named=self.class_names is not None and place == self._output,
                    weights=self.derived.pairs,
                )
                for place, output in enumerate(self.graph.outputs)
            )

    @property
    def head(self) -> str:
        """What the output means: logits of a "softmax" or of "sigmoid"s, or "linear" for values as they are."""
        return self.heads[self._output].kind

    @property
    def probabilistic(self) -> bool:
        """Whether the output stands for probabilities of classes."""
        return self.classifies and self.head != "linear"

    @property
    def logits(self) -> Tap:
        """Where the logits are read (the values, of a linear head)."""
        return self.unit_tap(self.head_layer.path)

    def unit_tap(self, path: str, pre_activation: Early = False) -> Tap:
        """Where the units of a layer are read: those of an output that is probabilities are its logits."""
        call = self.call(path)
        own = pre_activation and (is_activation(call) or fused_activation(call) is not None)
        return Tap(path, "logits" if call.index in self._before and not own else pre_activation)

    def before(self, call: Call) -> tuple[Head, int] | None:
        """For a layer on the way from the logits to an output: the head, and its place in the head's chain."""
        return self._before.get(call.index)

    @cached_property
    def _before(self) -> dict[int, tuple[Head, int]]:
        return {index: (head, place) for head in reversed(self.heads) for place, index in enumerate(head.chain)}

    def say_once(self, sentence: str) -> None:
        """Warns of something, once for this network."""
        with self._lock:
            if sentence in self._said:
                return
            self._said.add(sentence)
        warnings.warn(sentence, stacklevel=frames_inside() + 1)

    @cached_property
    def needs_tracing(self) -> bool:
        """Whether its gradients can only be had of what is traced, as those of Keras's float8 layers."""
        return any(getattr(call.operation, "quantization_mode", None) == "float8" for call in self.graph.calls)

    @property
    def halved(self) -> bool:
        """Whether layers of the model compute in 16 bits."""
        half = ("float16", "bfloat16")
        return any(getattr(call.operation, "compute_dtype", None) in half for call in self.graph.calls)

    @property
    def convolutions(self) -> tuple[Layer, ...]:
        """All 2-D convolutions in the order in which the network was built (the tutorial's `conv_id`)."""
        return tuple(self.layers[path] for path, call in self._calls.items() if call.kind == "Conv2D")

    @property
    def head_layer(self) -> Layer:
        """The layer whose output the logits are."""
        return self.layers[self.graph.calls[self.graph.output.call].path]

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return self.head_layer.units

    @property
    def classifies(self) -> bool:
        """Whether the output is one value a class; a network without a head, or one that segments, has a map."""
        return len(self.head_layer.output_shape or ()) == 1

    def call(self, path: str) -> Call:
        """The call behind a layer of the tree (ValueError where there is none)."""
        return self._calls[self.layers[path].path]

    def class_index(self, target: int | str) -> int:
        """The index of a class given by number or by name (in any case).

        Raises:
            ValueError: no such class; the nearest names or the range are given.
        """
        if isinstance(target, str):
            return self._named_class(target)
        if not is_whole(target):
            raise TypeError(f"a class is an index or a name, not {target!r} ({type(target).__name__}).")
        if not 0 <= target < self.classes:
            raise ValueError(f"class {target} is out of range: {self.name!r} has classes 0 to {self.classes - 1}.")
        return int(target)

    def _named_class(self, name: str) -> int:
        if self.class_names is None:
            raise ValueError(f"{self.name!r} has no class names, so {name!r} cannot be found: give the index.")
        folded = [known.casefold() for known in self.class_names]
        if name.casefold() in folded:
            return folded.index(name.casefold())
        near = [known for known in folded if name.casefold() in known][:3]
        near = near or difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.4)
        hint = ", ".join(repr(self.class_names[folded.index(known)]) for known in near)
        raise ValueError(f"no class {name!r} in {self.name!r}" + (f"; nearest: {hint}." if hint else "."))

    def predict(self, image: Any, top: int = 5) -> list[tuple[int, str, float]]:
        """The most probable classes of a picture; of a linear head its values, the largest first.

        Args:
            image: path, PIL image, uint8 array or float array in 0..1, (H, W, C); fitted by centre crop.
            top: how many classes.

        Returns:
            (index, name, probability), most probable first; (index, name, value) for a linear head.
        """
        picture = fitted(as_picture(image, self.contract.channels), self.contract.size)
        return self.predict_batch(picture[None], top)[0]

    def predict_batch(self, pictures: Any, top: int = 1, *, eager: bool = False) -> list[list[tuple[int, str, float]]]:
        """`predict` for pictures (n, H, W, C) in 0..1 that already have a size the network takes.

        With `eager` the first call does not wait for a trace: one call is quicker so, many are not.

        Raises:
            ValueError: the network's output is no vector of classes.
        """
        if not self.classifies:
            shape = self.head_layer.output_shape
            raise ValueError(f"{self.name!r} does not classify: its output is {shape} and not one value a class.")
        self.refresh()
        pictures = np.asarray(pictures, np.float32)
        key = ("predict", pictures.shape)
        if eager and not self.is_compiled(key):
            answers = np.asarray(once(self._answers, pictures))
        else:
            answers = np.asarray(self.compiled(key, lambda: self._answers)(pictures))
        best = np.argsort(-answers, axis=-1)[:, : max(1, top)]
        return [
            [(int(k), self.class_name(int(k)), float(row[k])) for k in order]
            for order, row in zip(best, answers, strict=True)
        ]

    def _answers(self, pictures: Any) -> Any:
        """Probabilities, or the values of a linear head, float32, as the model itself gives them."""
        output = self.graph.output.call
        inputs = self.given(self.contract.apply(pictures))
        value = self.graph.evaluate(inputs, [output], weights=self.derived.pairs)[output]
        return self.interpreted(tf.cast(value, tf.float32))

    def interpreted(self, output: Any) -> Any:
        """The probabilities (or values of a linear head) that the output (n, classes) of the model itself means."""
        head = self.heads[self._output]
        return output if head.kind == "linear" or head.chain else self.probabilities(output)

    def probabilities(self, logits: Any) -> Any:
        """The probabilities (n, classes) of logits."""
        return tf.nn.softmax(logits) if self.head == "softmax" else tf.sigmoid(logits)

    def given(self, inputs: Any) -> Any:
        """What the model is given when it predicts: in the type that its input has, whole numbers rounded."""
        wanted = tf.as_dtype(self._picture_dtype)
        if wanted.is_integer:
            return tf.cast(tf.round(inputs), wanted)
        return tf.cast(inputs, wanted)

    @property
    def _picture_dtype(self) -> str:
        return next(tensor.dtype for place, tensor in enumerate(self.model.inputs) if place not in (self._held or {}))

    def class_name(self, index: int) -> str:
        """The name of a class, or "class 7"; of a linear head without names that of its layer, or "output 7"."""
        if self.class_names is not None:
            return self.class_names[index]
        if self.head != "linear":
            return f"class {index}"
        last = self.call(self.head_layer.path)
        return f"output {index}" if self.classes > 1 or last.automatic else self.head_layer.name


def _differ(before: list[Any], now: list[Any]) -> bool:
    return len(before) != len(now) or any(one is not other for one, other in zip(before, now, strict=True))
