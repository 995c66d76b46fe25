"""Network: a Keras model with all that is needed to use it on pictures."""

from __future__ import annotations

import difflib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property, partial
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.copies import Copies
from nbfeatviz.networks.graph import Call, Graph, read_graph
from nbfeatviz.networks.layers import Layer, LayerTree
from nbfeatviz.networks.traced import Traced

COMPILED_AT_MOST = 24


class Network:
    """A model, its input contract and its class names. Made by `nbfeatviz.load`.

    Attributes:
        name: how it was asked for.
        model: Keras model; its input is in the network's own scaling (see `contract`), it ends in logits.
        contract: size, channels, range and channel order of the input.
        class_names: names of the outputs, or None where unknown.
        head: "softmax" or "sigmoid": what turns the logits into probabilities.
        trained: False for networks with random weights.
        copies: weights that compiled functions use, made of the model's own.
        fast: whether synthesis takes the quick way through it (see `fast_path`); False once that has failed.
    """

    def __init__(
        self,
        model: keras.Model,
        contract: InputContract,
        *,
        name: str,
        class_names: tuple[str, ...] | None = None,
        head: str = "softmax",
        trained: bool = True,
        source: str | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.contract = contract
        self.class_names = class_names
        self.head = head
        self.trained = trained
        self.source = source
        self.copies = Copies()
        self.fast = True
        self._compiled: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        height, width = self.contract.size
        kind = "" if self.trained else ", untrained"
        return f"<Network {self.name!r}: {height}×{width}×{self.contract.channels}, {len(self.layers)} layers{kind}>"

    @cached_property
    def graph(self) -> Graph:
        """Every call of the model, nested models included."""
        return read_graph(self.model)

    @cached_property
    def layers(self) -> LayerTree:
        """The layer tree."""
        return LayerTree(self.graph, self.class_names)

    @cached_property
    def _calls(self) -> dict[str, Call]:
        return {call.path: call for call in self.graph.calls}

    @cached_property
    def full_precision(self) -> Network:
        """The network itself; for a model that computes in 16 bits a copy of it that computes in 32."""
        half = ("float16", "bfloat16")
        if not any(getattr(call.operation, "compute_dtype", None) in half for call in self.graph.calls):
            return self
        model = keras.models.clone_model(
            self.model,
            clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"}),
            recursive=True,
        )
        model.set_weights(self.model.get_weights())
        return Network(
            model, self.contract, name=self.name, class_names=self.class_names, head=self.head,
            trained=self.trained, source=self.source,
        )  # fmt: skip

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
        if isinstance(target, bool) or not isinstance(target, int | np.integer):
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
        """The most probable classes of a picture.

        Args:
            image: path, PIL image, uint8 array or float array in 0..1, (H, W, C); fitted by centre crop.
            top: how many classes.

        Returns:
            (index, name, probability), most probable first.
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
        pictures = np.asarray(pictures, np.float32)
        key = ("predict", pictures.shape)
        once = eager and not self.is_compiled(key)
        predict = self._probabilities if once else self.compiled(key, lambda: self._probabilities)
        probabilities = np.asarray(predict(pictures))
        best = np.argsort(-probabilities, axis=-1)[:, : max(1, top)]
        return [
            [(int(k), self.class_name(int(k)), float(row[k])) for k in order]
            for order, row in zip(best, probabilities, strict=True)
        ]

    def _probabilities(self, pictures: Any) -> Any:
        output = self.graph.output.call
        logits = self.graph.evaluate(self.contract.apply(pictures), [output])[output]
        return keras.ops.softmax(logits) if self.head == "softmax" else keras.ops.sigmoid(logits)

    def class_name(self, index: int) -> str:
        """The name of a class, or "class 7" where names are unknown."""
        return self.class_names[index] if self.class_names is not None else f"class {index}"

    def compiled(
        self, key: Hashable, function: Callable[[], Callable[..., Any]], *, xla: bool = False, fixed: bool = False
    ) -> Any:
        """The compiled function of that key, made at its first use; the least recently used are dropped.

        With `fixed` it is always given tensors of the same shapes and types (see `Traced`).
        """
        with self._lock:
            if key in self._compiled:
                self._compiled.move_to_end(key)
                return self._compiled[key]
        made = self.function(function(), xla=xla)
        made = Traced(made) if fixed else made
        with self._lock:
            self.keep(key, self._compiled.get(key, made))
            return self._compiled[key]

    def function(self, function: Callable[..., Any], *, xla: bool = False) -> Any:
        """A TensorFlow function, traced as it is written.

        To let `if` depend on a tensor TensorFlow would rewrite the code first, which takes three times as long as the
        trace itself; nothing here needs that, and Keras's layers would not be rewritten anyway.
        """
        # traces are counted by line of code: a partial has none, so that functions of several keys are not taken for
        # one that is traced anew again and again
        return tf.function(partial(function), autograph=False, jit_compile=xla or None)

    @property
    def kept(self) -> int:
        """How many compiled functions are kept, of at most `COMPILED_AT_MOST`."""
        return len(self._compiled)

    def keep(self, key: Hashable, function: Any) -> None:
        """Puts a compiled function into the cache, so that from now on it is the one of that key."""
        with self._lock:
            self._compiled[key] = function
            self._compiled.move_to_end(key)
            while len(self._compiled) > COMPILED_AT_MOST:
                self._compiled.popitem(last=False)

    def is_compiled(self, key: Hashable) -> bool:
        """Whether the function of that key has been traced, so that calling it will not wait for that."""
        with self._lock:
            function = self._compiled.get(key)
            return function is not None and function.experimental_get_tracing_count() > 0
