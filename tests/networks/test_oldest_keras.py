"""What is read of Keras beyond its public names is there in the oldest Keras that the project supports, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OLDEST = Path(sys.prefix) / "oldest-keras"  # put there by tests/run.sh
FILES = (
    "graph/test_graph.py",
    "graph/test_layer_clone.py",
    "compute/test_derived_weights.py",
    "own_models/test_held_inputs.py",
    "test_head.py",
)


def test_with_the_oldest_keras():
    assert (OLDEST / "keras").is_dir(), "tests/run.sh installs the oldest Keras: run that"
    here = Path(__file__).parent
    paths = os.pathsep.join([str(OLDEST), str(here.parents[1]), os.environ.get("PYTHONPATH", "")])
    which = "import keras; print(keras.__version__)"
    environment = {**os.environ, "PYTHONPATH": paths}
    found = subprocess.run([sys.executable, "-c", which], env=environment, capture_output=True, text=True, check=True)
    oldest = next(line for line in (here.parents[1] / "pyproject.toml").read_text().splitlines() if "keras>=" in line)
    assert found.stdout.strip().startswith(oldest.strip(' ",').removeprefix("keras>="))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "ignore", *(str(here / name) for name in FILES)]
    run = subprocess.run(command, env=environment, cwd=here.parents[1], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-8000:]
