"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contributing import copied, followed

CHECKS = {
    "style": [sys.executable, "-m", "ruff", "check", "nbfeatviz"],
    "format": [sys.executable, "-m", "ruff", "format", "--check", "nbfeatviz"],
    "types": [sys.executable, "-m", "mypy"],
    "the import wall": ["lint-imports", "--no-logo"],
    "the page's style and types": ["npm", "--prefix", "scripts/js", "run", "-s", "check"],
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy to which the recipes have added a method and a tab."""
    return followed(copied(tmp_path_factory.mktemp("contributed")))


@pytest.mark.parametrize("check", CHECKS)
def test_what_the_recipes_add_passes_the_checks(copy: Path, check: str):
    done = subprocess.run(CHECKS[check], cwd=copy, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_method_is_public_and_answers(copy: Path):
    code = (
        "import numpy as np, nbfeatviz as nv; assert 'gradient_sign' in nv.__all__\n"
        "net, digit = nv.load('mnist-cnn'), np.random.default_rng(0).random((28, 28, 1)).astype('float32')\n"
        "assert np.array_equal(nv.gradient_sign(net, digit, 3), np.sign(nv.saliency(net, digit, 3)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=copy, check=True)
