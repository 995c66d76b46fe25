"""A panel that is made before TensorFlow is imported: it is there at once, says so, and goes on when it has come.

TensorFlow cannot be unloaded, so each test is a script in an interpreter of its own. A gate holds the import there,
as long as the script wants, so that nothing hangs on how fast the machine is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATE = """
import builtins, sys, threading, time

class Gate:
    def __init__(self, module, error=None):
        self.module, self.error, self.by = module, error, None
        self.reached, self.opened = threading.Event(), threading.Event()
        sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name == self.module and not self.opened.is_set():
            self.by = threading.current_thread()
            self.reached.set()
            if self.error is not None:
                raise self.error
            assert self.by is not threading.main_thread(), "the main thread imports TensorFlow"
            assert self.opened.wait(60)

def wait(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, (panel.panel.layout.live.status, panel.state)
        time.sleep(0.01)

ordinary_import = builtins.__import__
import nbfeatviz as nv
"""
HELD = GATE + "gate = Gate('tensorflow.python')\n"


def ran(script: str) -> subprocess.CompletedProcess[str]:
    """The script's end, which must be a good one."""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_it_is_there_first_and_says_what_it_waits_for():
    ran(
        HELD
        + """
panel = nv.FeatureExplorer({"digits": "mnist-cnn"}, layer="conv2", unit=3, recipe="tutorial13", steps=2, seed=7)
assert gate.reached.wait(60)
assert not hasattr(sys.modules["tensorflow"], "constant")
assert (panel.state, panel.network, panel.loading) == ("loading", None, True)
assert panel.panel.layout.live.status["text"] == "loading TensorFlow …"
assert panel.panel.layout.controls.facts["networks"] == ["digits", "efficientnet-lite0", "mnist-cnn"]
assert {recipe["name"] for recipe in panel.panel.layout.controls.facts["recipes"]} >= {"default", "lucid", "tutorial13"}
assert "application/vnd.jupyter.widget-view+json" in panel._repr_mimebundle_()
another = nv.FeatureExplorer("mnist-cnn")
said = []
panel.panel.layout.live.observe(lambda change: said.append(change["new"]["text"]), "status")
gate.opened.set()
wait(lambda: not panel.loading and not another.loading)
assert said[0] == "loading digits …" and "ready" in said, said
assert (panel.layer, panel.unit, panel.recipe, panel.steps, panel.seed) == ("conv2", 3, "tutorial13", 2, 7)
wait(lambda: panel.state == "idle")
assert another.network.name == "mnist-cnn"
"""
    )


def test_a_run_right_away_waits_and_has_the_settings():
    ran(
        GATE
        + """
from nbfeatviz import FeatureExplorer
ordinary, running = FeatureExplorer._set, []
def slow(self, settings):
    time.sleep(0.5)
    running.append(self.panel.optimize.runner.busy)
    ordinary(self, settings)
FeatureExplorer._set = slow
panel = nv.FeatureExplorer("mnist-cnn", layer="conv2", unit=3, recipe="tutorial13", steps=2)
assert panel.loading
panel.run(wait=True)
assert running == [False] and len(panel.panel.layout.live.frames) and panel.image is not None
assert "'conv2', 3" in panel.code() and "steps=2" in panel.code(), panel.code()
"""
    )


def test_what_is_asked_for_before_it_is_there_waits_in_turn():
    ran(
        HELD
        + """
panel = nv.FeatureExplorer("mnist-cnn", recipe="tutorial13", steps=2)
panel.run()
threading.Timer(0.3, gate.opened.set).start()
panel.unit = 3
assert panel.unit == 3 and panel.network.name == "mnist-cnn"
wait(lambda: panel.image is not None and panel.state == "idle")
"""
    )


def test_closing_meanwhile_ends_the_panel_and_waits_for_nobody():
    ran(
        HELD
        + """
panel = nv.FeatureExplorer()
assert gate.reached.wait(60)
panel.close()
assert panel.comm is None and not gate.opened.is_set()
wait(lambda: not [thread for thread in threading.enumerate() if thread.name == "nbfeatviz"])
try:
    panel.run(wait=True)
except ValueError as error:
    assert "closed" in str(error)
else:
    raise AssertionError
gate.opened.set()
"""
    )


def test_a_failure_is_said_and_can_be_mended():
    ran(
        GATE
        + """
gate = Gate("keras", ImportError("nothing by that name"))
panel = nv.FeatureExplorer("mnist-cnn")
wait(lambda: panel.state == "idle")
says = "TensorFlow could not be imported (ImportError: nothing by that name)"
status = panel.panel.layout.live.status
assert says in status["error"] and status["text"] == "no network", status
try:
    panel.run(wait=True)
except ValueError as error:
    assert says in str(error)
else:
    raise AssertionError
assert builtins.__import__ is ordinary_import
gate.opened.set()
panel.change("network", "mnist-cnn")
wait(lambda: panel.state == "idle")
assert panel.network.name == "mnist-cnn" and not panel.panel.layout.live.status["error"], panel.panel.layout.live.status
"""
    )


@pytest.mark.parametrize(
    "statement",
    [
        "import tensorflow as tf; tf.constant(1)",
        "import keras; keras.layers.Dense(1)",
        "from keras.layers import Dense; Dense(1)",
        "from tensorflow.keras.layers import Dense; Dense(1)",
        "nv.load('mnist-cnn').layers",
    ],
)
def test_the_next_cell_may_import_it_too(statement: str):
    ran(
        HELD
        + f"""
panel = nv.FeatureExplorer("mnist-cnn")
assert gate.reached.wait(60) and gate.by.name == "nbfeatviz-tensorflow"
threading.Timer(0.3, gate.opened.set).start()
{statement}
wait(lambda: panel.state == "idle")
assert panel.network is not None and not panel.panel.layout.live.status["error"], panel.panel.layout.live.status
assert builtins.__import__ is ordinary_import
"""
    )


def test_what_is_wrong_is_raised_where_it_is_known_and_else_said(tmp_path: Path):
    ran(
        GATE
        + f"""
for net, error in [(5, TypeError), ({{}}, ValueError), ({str(tmp_path / "none.keras")!r}, ValueError)]:
    try:
        nv.FeatureExplorer(net)
    except error as raised:
        assert "5" in str(raised) or "empty" in str(raised) or "none.keras" in str(raised)
    else:
        raise AssertionError(net)
assert not {{"keras", "tensorflow"}} & sys.modules.keys()
panel = nv.FeatureExplorer("mnist-cn")
wait(lambda: panel.state == "idle")
assert "nearest: 'mnist-cnn'" in panel.panel.layout.live.status["error"], panel.panel.layout.live.status
other = nv.FeatureExplorer("mnist-cnn", layer="no such layer")
wait(lambda: other.state == "idle")
assert "no such layer" in other.panel.layout.live.status["error"], other.panel.layout.live.status
"""
    )


def test_a_file_is_read_once_it_can_be(tmp_path: Path):
    path = tmp_path / "digits.h5"
    ran(
        GATE
        + f"""
import h5py
from pathlib import Path
file = Path({str(path)!r})
h5py.File(file, "w").close()
panel = nv.FeatureExplorer(file)
assert panel.loading and panel.panel.layout.controls.facts["network"] == "digits"
wait(lambda: panel.state == "idle")
assert "not a Keras model that can be read" in panel.panel.layout.live.status["error"], panel.panel.layout.live.status
nv.load("mnist-cnn").model.save(file)
panel.change("network", "digits")
wait(lambda: panel.network is not None)
assert panel.network.contract.channels == 1
"""
    )
