"""What runs in another tool's environment: reads a request a line from stdin, prints what it measured a line.

`python tool.py tool model.keras photo.npy`. A request is JSON: {"what": "steps", "layer", "count"}, answered by
{"first": seconds, "times": [milliseconds, ...]}; or {"what": a method, "target", "layer", "count"}, answered by
{"seconds"}. It may import nothing of this project, whose packages are not there. The tools are given no transforms
and no regularizers, so that all take the same kind of step.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

UNIT = 7


class Xplique:
    """xplique 2.0.2."""

    def __init__(self, model: Any, photo: np.ndarray) -> None:
        self._model, self._photo = model, photo
        self._explainers: dict[str, Any] = {}

    def steps(self, layer: str, count: int) -> list[float]:
        """When each step ended."""
        from xplique.features_visualizations import Objective, optimize

        ends: list[float] = []

        class Noting(tf.keras.optimizers.Adam):  # the only thing of ours that is called at every step
            def apply_gradients(self, *arguments: Any, **options: Any) -> Any:
                result = super().apply_gradients(*arguments, **options)
                ends.append(time.perf_counter())
                return result

        objective = Objective.channel(self._model, layer, UNIT)
        size = self._photo.shape[1:3]
        optimize(
            objective,
            Noting(0.05),
            nb_steps=count,
            use_fft=False,
            values_range=(-1, 1),
            transformations=None,
            custom_shape=size,
        )
        return ends

    def method(self, what: str, target: int, layer: str, count: int) -> None:
        """One call."""
        from xplique.attributions import IntegratedGradients, SmoothGrad

        if what not in self._explainers:
            kind, option = {
                "smooth_grad": (SmoothGrad, "nb_samples"),
                "integrated_gradients": (IntegratedGradients, "steps"),
            }[what]
            self._explainers[what] = kind(self._model, **{option: count})
        wanted = np.eye(self._model.output_shape[-1], dtype=np.float32)[[target]]
        np.asarray(self._explainers[what].explain(self._photo, wanted))


class TfKerasVis:
    """tf-keras-vis 0.8.7."""

    def __init__(self, model: Any, photo: np.ndarray) -> None:
        self._model, self._photo = model, photo

    def steps(self, layer: str, count: int) -> list[float]:
        """When each step ended."""
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.activation_maximization.callbacks import Callback

        ends: list[float] = []

        class Noting(Callback):
            def __call__(self, *arguments: Any, **options: Any) -> None:
                ends.append(time.perf_counter())

        part = keras.Model(self._model.input, self._model.get_layer(layer).output)
        ActivationMaximization(part, clone=False)(
            lambda output: tf.reduce_mean(output[..., UNIT], axis=(1, 2)),
            input_range=(-1, 1),
            input_modifiers=[],
            regularizers=[],
            steps=count,
            optimizer=keras.optimizers.RMSprop(1.0, 0.999),
            callbacks=[Noting()],
        )
        return ends

    def method(self, what: str, target: int, layer: str, count: int) -> None:
        """One call."""
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.scores import CategoricalScore

        assert what == "score_cam"
        Scorecam(self._model, clone=False)(
            CategoricalScore([target]),
            self._photo,
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            max_N=count,
        )


TOOLS: dict[str, Callable[[Any, np.ndarray], Any]] = {"xplique": Xplique, "tf-keras-vis": TfKerasVis}


def main(name: str, model: str, photo: str) -> None:
    """Answers until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the tools print belongs into the log
    tool = TOOLS[name](keras.models.load_model(model, compile=False), np.load(photo))
    for line in sys.stdin:
        request = json.loads(line)
        what = request.pop("what")
        begin = time.perf_counter()
        if what == "steps":
            ends = tool.steps(**request)
            answer: dict[str, Any] = {"first": ends[0] - begin, "times": (np.diff(ends) * 1000).tolist()}
        else:
            tool.method(what, **request)
            answer = {"seconds": time.perf_counter() - begin}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
