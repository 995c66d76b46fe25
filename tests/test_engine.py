"""The engine: TensorFlow and Keras come with the first use of a name, quietly, whichever thread is first."""

from __future__ import annotations

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
