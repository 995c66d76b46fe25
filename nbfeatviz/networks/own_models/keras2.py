"""What comes from Keras 2, which Keras 3 cannot take: files, and the objects of tf_keras; each a sentence."""

from __future__ import annotations

from typing import Any

_OPERATIONS = {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"}
_PACKAGES = ("tf_keras", "keras.engine", "keras.src.engine", "tensorflow.python.keras")


def wrote(version: Any) -> bool:
    """Whether this is a version of Keras before 3, as a file states it."""
    return str(version).partition(".")[0] in ("1", "2")


def refusal(path: str, version: Any, config: Any, cause: str, *, archive: bool) -> str:
    """The sentence about a file of Keras 2 that Keras 3 did not read.

    Args:
        path: the file, as it is called in the sentence.
        version: of the Keras that wrote it.
        config: the description of its layers, parsed from JSON.
        cause: what Keras 3 said.
        archive: whether it is a .keras file, else HDF5.
    """
    operations, grouped = _peculiar(config)
    why = cause.partition(". Make sure custom classes")[0]  # it has none: it is the format that Keras 3 does not know
    anew = (
        "build the same architecture with Keras 3 (a network of keras.applications: with weights=None), call its "
        f"load_weights({path}) and give that model to nbfeatviz.load()."
    )
    todo = f"Layers of your own: load it by keras.models.load_model({path}, custom_objects=...). Else {anew}"
    if operations:
        why = f"it holds TensorFlow operations as layers ({', '.join(sorted(operations))}), which Keras 3 does not have"
        todo = f"Saving it again does not help: {anew}"
    elif grouped:
        why = f"its layer {grouped!r} is a DepthwiseConv2D with `groups`, which that of Keras 3 does not take"
        todo = f"Saving it again does not help: {anew}"
        if not archive:
            todo += (
                f" Or give what keras.models.load_model({path}, compile=False, custom_objects={{'DepthwiseConv2D': "
                "Own}) returns, where Own is a subclass of keras.layers.DepthwiseConv2D that drops `groups`."
            )
    elif archive:
        todo = f"Load it with Keras 2 (the package tf_keras), save it as .h5 and give that file. Or {anew}"
    return f"{path} was written by Keras 2 ({version}), and Keras 3 cannot read it: {why}. {todo}"


def object_refusal(thing: Any) -> str | None:
    """The sentence about a model of Keras 2 (tf_keras, or tf.keras where that stands for it); None if it is none."""
    for kind in type(thing).__mro__:
        module = kind.__module__
        if any(module == package or module.startswith(f"{package}.") for package in _PACKAGES):
            return (
                f"{type(thing).__module__}.{type(thing).__qualname__} is of Keras 2 ({module.partition('.')[0]}), and "
                "nbfeatviz looks into models of Keras 3: save it with its own model.save('model.h5') and give that "
                "path to nbfeatviz.load(); or build it with keras, without TF_USE_LEGACY_KERAS and tf_keras."
            )
    return None


def _peculiar(config: Any) -> tuple[set[str], str | None]:
    """Layers that only Keras 2 has, and the first depthwise convolution that states its groups."""
    operations: set[str] = set()
    grouped = None
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            kind, settings = item.get("class_name"), item.get("config")
            if isinstance(kind, str) and kind in _OPERATIONS:
                operations.add(kind)
            if kind == "DepthwiseConv2D" and isinstance(settings, dict) and "groups" in settings:
                grouped = str(settings.get("name"))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return operations, grouped
