"""What runs in another tool's environment: reads a request a line from stdin, prints what it measured a line.

`python tool.py tool model.keras photo.npy`. A request is JSON: {"what": "steps", "layer", "count"}, answered by
{"first": seconds, "times": [milliseconds, ...]}; or {"what": a method, "target", "layer", "count"}, answered by
{"seconds"}. It may import nothing of this project, whose packages are not there. The tools are given no transforms
and no regularizers, so that all take the same kind of step.

{"what": "picture", "target", "range", "marks", "path"} makes a picture of a class logit as each tool does where nothing
is said, and is answered by {"steps": [...], "seconds": [...], "first": seconds, "step": seconds}; what the picture was
after the steps of `marks`, and at the end, is saved (NumPy, (n, H, W, 3) in 0..1). The seconds are those of the steps:
saving does not count, and the first step, in which functions are traced, counts as the median of the others. `range`
is black and white at the model's input. The defaults are

- tf-keras-vis: 200 steps of RMSprop(1.0, 0.999), Jitter(4) and Rotate2D(1), TotalVariation2D(1.0) and Norm(0.3, p=1),
  from uniform noise in 0..255, its `input_range`, from which the model's own is made by a Rescaling in front;
- xplique: `optimize` with 256 steps of Adam(0.05), a Fourier picture of 512×512 (decay 0.85, deviation 0.01) behind a
  sigmoid, its standard transformations, of `Objective.neuron` at the last layer, in the `values_range` of the model.
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


class Clock:
    """Notes when steps end, and keeps what the picture is after some, which takes no time on it.

    Args:
        marks: after how many steps.
    """

    def __init__(self, marks: list[int]) -> None:
        self._marks = marks
        self._ends: list[float] = []
        self._paused = 0.0
        self._last: Any = None
        self._begin = time.perf_counter()
        self._kept: list[np.ndarray] = []
        self._steps: list[int] = []

    def __call__(self, value: Any) -> None:
        """A step has ended, with a tensor or a variable from which the picture can be made."""
        now = time.perf_counter()
        self._ends.append(now - self._begin - self._paused)
        self._last = value
        if len(self._ends) in self._marks:
            self._keep()
            self._paused += time.perf_counter() - now

    def _keep(self) -> None:
        self._kept.append(np.array(self._last))
        self._steps.append(len(self._ends))

    def finished(self) -> list[np.ndarray]:
        """What was kept, the end of the run included."""
        if len(self._ends) not in self._steps:
            self._keep()
        return self._kept

    def answer(self) -> dict[str, Any]:
        """When that was."""
        step = float(np.median(np.diff(self._ends)))
        seconds = [self._ends[count - 1] - self._ends[0] + step for count in self._steps]
        return {"steps": self._steps, "seconds": seconds, "first": self._ends[0], "step": step}


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

    def picture(self, target: int, span: tuple[float, float], clock: Clock) -> np.ndarray:
        """The picture after some steps (n, H, W, 3) in 0..1."""
        from xplique.features_visualizations import Objective, optimize
        from xplique.features_visualizations.preconditioning import fft_to_rgb, get_fft_scale, to_valid_rgb

        class Noting(tf.keras.optimizers.Adam):
            def apply_gradients(self, pairs: Any, *arguments: Any, **options: Any) -> Any:
                ((_, spectrum),) = pairs = list(pairs)
                result = super().apply_gradients(pairs, *arguments, **options)
                clock(spectrum)
                return result

        optimize(Objective.neuron(self._model, -1, target), Noting(0.05), values_range=span)
        shape = (1, 512, 512, 3)
        scale = get_fft_scale(*shape[1:3], decay_power=0.85)
        made = [to_valid_rgb(fft_to_rgb(shape, tf.constant(one), scale)) for one in clock.finished()]
        return np.concatenate(made)

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

    def picture(self, target: int, span: tuple[float, float], clock: Clock) -> np.ndarray:
        """The picture after some steps (n, H, W, 3) in 0..1."""
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.activation_maximization.callbacks import Callback
        from tf_keras_vis.utils.scores import CategoricalScore

        class Noting(Callback):
            def __call__(self, step: int, values: Any, *arguments: Any, **options: Any) -> None:
                clock(values[0])

        black, white = span
        given = keras.Input(self._model.input_shape[1:])
        scaled = keras.layers.Rescaling((white - black) / 255, black)(given)
        ActivationMaximization(keras.Model(given, self._model(scaled)))(
            CategoricalScore([target]), callbacks=[Noting()]
        )
        return np.concatenate(clock.finished()) / 255

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
        elif what == "picture":
            clock = Clock(request["marks"])
            np.save(request["path"], tool.picture(request["target"], tuple(request["range"]), clock))
            answer = clock.answer()
        else:
            tool.method(what, **request)
            answer = {"seconds": time.perf_counter() - begin}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
