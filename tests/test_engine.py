"""The engine: TensorFlow and Keras come with the first use of a name, quietly, whichever thread is first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from nbfeatviz import engine

ROOT = Path(__file__).parents[1]


def ran(script: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done


def test_its_names_are_those_of_the_modules():
    assert engine.keras.Model is keras.Model
    assert engine.tf.constant is tf.constant
    with pytest.raises(AttributeError, match="no_such_name"):
        engine.tf.no_such_name  # noqa: B018
    assert engine.loaded()
    assert engine.wait(0)


def test_the_first_name_imports_both_without_a_word():
    done = ran(
        "import sys; from nbfeatviz import engine\n"
        "assert not engine.loaded() and 'keras' not in sys.modules\n"
        "assert engine.keras.Model and engine.loaded() and sys.modules['tensorflow'].constant\n"
    )
    assert done.stderr == ""


def test_what_it_said_is_heard_if_it_fails():
    done = ran(
        "import os, sys\n"
        "class Refusing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'keras':\n"
        "            os.write(2, b'the reason')\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refusing())\n"
        "from nbfeatviz import engine\n"
        "for attempt in range(2):\n"
        "    try:\n"
        "        engine.tf.constant\n"
        "    except ImportError:\n"
        "        continue\n"
        "    raise AssertionError\n"
    )
    assert done.stderr == "the reason" * 2


def test_in_the_background_of_a_script_its_own_errors_are_heard():
    done = ran(
        "import sys, threading; from nbfeatviz import engine\n"
        "engine.begin()\n"
        "assert not engine.wait(0) and not engine.loaded()\n"
        "print('mine', file=sys.stderr, flush=True)\n"
        "engine.begin()\n"
        "assert [thread.name for thread in threading.enumerate()].count('nbfeatviz-tensorflow') == 1\n"
        "assert engine.tf.constant(1) is not None and engine.wait(60)\n"
    )
    assert "mine" in done.stderr


def test_an_import_that_the_user_has_begun_in_a_thread_is_waited_for():
    ran(
        "import sys, threading, time; from nbfeatviz import engine\n"
        "thread = threading.Thread(target=__import__, args=('tensorflow',)); thread.start()\n"
        "while 'tensorflow' not in sys.modules: time.sleep(0.001)\n"
        "engine.begin()\n"
        "assert engine.wait(100); engine.load(); thread.join()\n"
        "assert engine.keras.layers.Dense(1) and engine.tf.constant(1) is not None\n"
    )


# Keras with another backend: neither is installed here, and it must not come to where that shows

TRIES = """
import sys, time
import nbfeatviz as nv

def said(make):
    try:
        make()
    except ImportError as error:
        assert type(error).__name__ == "BackendError", repr(error)
        return str(error)
    raise AssertionError("nothing was raised")

def in_the_panel(net):
    panel = nv.FeatureExplorer(net)
    end = time.monotonic() + 100
    while panel.loading:
        assert time.monotonic() < end
        time.sleep(0.01)
    return panel.panel.layout.live.status["error"]
"""


def ran_with(script: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", TRIES + script],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("backend", ["torch", "jax", "TensorFlow"])
def test_another_backend_by_the_environment_is_one_sentence_at_load_and_in_the_panel(backend: str, tmp_path: Path):
    (tmp_path / "my.keras").write_bytes(b"PK")
    out = ran_with(
        f"for name in ('mnist-cnn', 'efficientnet-lite0', 'MobileNet', {str(tmp_path / 'my.keras')!r}):\n"
        "    print(said(lambda: nv.load(name)))\n"
        "print(in_the_panel('mnist-cnn'))\n"
        "print(in_the_panel('MobileNet'))\n"
        "assert not {'keras', 'tensorflow'} & sys.modules.keys()\n",
        KERAS_BACKEND=backend,
    )
    lines = out.splitlines()
    assert len(lines) == 6 and len(set(lines)) == 1, out
    assert f"backend {backend!r} (by the environment variable KERAS_BACKEND)" in lines[0]
    assert "set the environment variable KERAS_BACKEND to 'tensorflow'" in lines[0] and "restart the kernel" in lines[0]
    assert "pip install" not in lines[0]


def test_another_backend_by_keras_s_own_file_names_the_file(tmp_path: Path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    out = ran_with("print(said(lambda: nv.load('mnist-cnn')))", KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
    assert f"backend 'torch' (in {tmp_path / 'keras.json'})" in out


@pytest.mark.parametrize("text", [None, "{}", "[]", "not json", '{"backend": "tensorflow"}'])
def test_a_file_of_keras_that_does_not_say_another_backend_is_no_hindrance(tmp_path: Path, monkeypatch, text):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "keras")
    if text is not None:
        (tmp_path / "keras.json").write_text(text)
    engine._check_backend()
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    with pytest.raises(engine.BackendError, match="'jax'"):
        engine._check_backend()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # is heard before the file
    engine._check_backend()


def test_keras_imported_with_another_backend_is_the_same_sentence_for_a_model_too():
    out = ran_with(
        "import keras\n"
        "model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])\n"
        "keras.config.backend = lambda: 'torch'  # what it answers on that backend, which is not installed\n"
        "print(said(lambda: nv.load(model)))\n"
        "print(said(lambda: nv.load('mnist-cnn')))\n"
        "print(said(lambda: nv.FeatureExplorer(model)))\n"
        "print(in_the_panel(None))\n",
        KERAS_BACKEND="tensorflow",
    )
    lines = out.splitlines()
    assert len(lines) == 4 and len(set(lines)) == 1, out
    assert "backend 'torch' (and is imported already)" in lines[0]
