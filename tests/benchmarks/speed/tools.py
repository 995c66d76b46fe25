"""Other tools beside ours: tf-keras-vis and xplique, each in an environment of its own, called by their public API.

Each is a process that stays and does what a line of JSON asks for (see `tool.py`), so that all take turns in one run
with the same model and photo. They are installed at their first use, under the output folder.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import samples
from nbfeatviz.attribution.spatial import default_layer
from nbfeatviz.images import fitted
from tests.benchmarks.speed.timing import (
    IN_A_ROW,
    UNIT,
    Way,
    loaded,
    objective,
    our_way,
    plain_step,
    plain_way,
    precisions,
    row,
    timed,
)

TENSORFLOW = [f"tensorflow=={tf.__version__}", f"keras=={keras.__version__}", "numpy<2.5"]
INSTALLED: dict[str, tuple[list[str], list[str]]] = {  # by tool: with what they need, and without
    "tf-keras-vis": ([*TENSORFLOW, "tf-keras-vis==0.8.7"], []),
    # xplique asks for TensorFlow 2.20 at most, though it works with 2.21, so it is installed beside what it needs
    "xplique": (
        [*TENSORFLOW, "deprecated", "einops", "matplotlib", "opencv-python-headless", "scikit-image==0.25.2"]
        + ["scikit-learn==1.7.2", "scipy==1.15.3", "tensorflow-probability==0.25.0", "tf-keras"],
        ["xplique==2.0.2"],
    ),
}
MODEL, LAYER = "InceptionV3", "mixed4"
TURNS = 3
CALLS = 3
SAMPLES, CHANNELS = 50, 128


class Tool:
    """Another tool in its own process.

    Args:
        name: of the tool.
        model: file of the Keras model.
        photo: file of what the model is given for the photo (NumPy).
        output: folder of environments and logs.
    """

    def __init__(self, name: str, model: Path, photo: Path, output: Path) -> None:
        self.name = name
        with (output / f"{name}.log").open("w") as log:
            self._process = subprocess.Popen(
                [_python(name, output), "-I", Path(__file__).with_name("tool.py"), name, model, photo],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, what: str, **options: Any) -> dict[str, Any]:
        """What the tool measured."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps({"what": what, **options}), file=self._process.stdin, flush=True)
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"{self.name} has ended; the reason is in its log in the output folder.")
        found: dict[str, Any] = json.loads(said)
        return found

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _python(name: str, output: Path) -> Path:
    """The tool's Python; installs the tool where that has not been done."""
    folder = (output / "environments" / name).resolve()
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing {name} ...", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        needed, bare = INSTALLED[name]
        subprocess.run([*install, *needed], check=True, stderr=subprocess.DEVNULL)
        if bare:
            subprocess.run([*install, "--no-deps", *bare], check=True, stderr=subprocess.DEVNULL)
        done.touch()
    return python


@contextmanager
def running(net: nv.Network, names: list[str], picture: np.ndarray, output: Path) -> Iterator[list[Tool]]:
    """The tools with a network's model and a picture in 0..1."""
    model, photo = output / "model.keras", output / "photo.npy"
    net.model.save(model)
    np.save(photo, net.contract.apply(tf.constant(picture[None])).numpy())
    started = [Tool(name, model, photo, output) for name in names]
    try:
        yield started
    finally:
        for tool in started:
            tool.close()


def _photo(net: nv.Network) -> np.ndarray:
    return fitted(nv.read_image(samples.get("coffee").path), net.contract.size)


def tools(rounds: int, output: Path) -> None:
    """Milliseconds a step of the same ascent: plain pixels, no transforms, no regularizers, one picture."""
    net = loaded(MODEL)
    ours = {f"ours {kind}": our_way(net, objective(LAYER), kind) for kind in precisions()}
    plain = plain_step(net, LAYER)
    ways: dict[str, Way] = {"plain": plain_way(net, tf.function(plain)), **ours}
    first = {name: timed(way) / 1000 for name, way in ways.items()}
    times: dict[str, list[float]] = {name: [] for name in [*ways, *INSTALLED]}
    with running(net, list(INSTALLED), _photo(net), output) as others:
        for turn in range(TURNS + 1):
            for name, way in ways.items():
                times[name] += [timed(way) for _ in range(IN_A_ROW)][0 if turn else IN_A_ROW :]
            for tool in others:
                found = tool.ask("steps", layer=LAYER, count=IN_A_ROW + 1)
                if not turn:
                    first[tool.name] = found["first"]  # each call of theirs begins anew, so that this comes again
                else:
                    times[tool.name] += found["times"]
    taken = {name: statistics.median(found) for name, found in times.items()}
    row([f"{MODEL}, {LAYER}", "ms a step", "first step (s)", *(f"times {name}" for name in ours), "wanted"])
    wanted = {"tf-keras-vis": "≥ 10", "xplique": "≥ 4"}
    for name, milliseconds in taken.items():
        ratios = [milliseconds / taken[own] for own in ours]
        row([name, milliseconds, first[name], *ratios, wanted.get(name, "")])


def attribution(rounds: int, output: Path) -> None:
    """Seconds a whole call; Score-CAM beside that of tf-keras-vis, since xplique has none."""
    row(
        ["network, method", "ours", "the other's", "other / ours", "wanted", "first call: ours", "the other's", "other"]
    )
    for name in ("efficientnet-lite0", "InceptionV3"):
        _attribution(name, output)


def _attribution(name: str, output: Path) -> None:
    net = loaded(name)
    picture, layer = _photo(net), default_layer(net)
    cases: tuple[tuple[str, str, int, Way], ...] = (
        ("smooth_grad", "xplique", SAMPLES, lambda: nv.smooth_grad(net, picture, UNIT, samples=SAMPLES)),
        ("integrated_gradients", "xplique", SAMPLES, lambda: nv.integrated_gradients(net, picture, UNIT)),
        ("score_cam", "tf-keras-vis", CHANNELS, lambda: nv.score_cam(net, picture, UNIT, channels=CHANNELS)),
    )
    with running(net, ["xplique", "tf-keras-vis"], picture, output) as started:
        others = {tool.name: tool for tool in started}

        def pair(method: str, other: str, count: int, way: Way) -> tuple[float, float]:
            return timed(way) / 1000, others[other].ask(method, count=count, target=UNIT, layer=layer)["seconds"]

        for case in cases:
            first, _ = pair(*case), pair(*case)  # the second call is still slower than the ones after it
            mine, theirs = (
                statistics.median(column) for column in zip(*[pair(*case) for _ in range(CALLS)], strict=True)
            )
            row([f"{name}, {case[0]}", mine, theirs, theirs / mine, "≥ 3", *first, case[1]])
