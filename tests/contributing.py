"""Follows the recipes of CONTRIBUTING.md that are code: files to write, and patches to apply."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BLOCK = re.compile(r"^```(python|js|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:#|//) (nbfeatviz/\S+)\n(.*)", re.DOTALL)


def copied(folder: Path) -> Path:
    """A copy of what the recipes are about."""
    unwanted = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("nbfeatviz", "scripts", "tests/js"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "scripts/js/node_modules").symlink_to(ROOT / "scripts/js/node_modules")
    return folder


def followed(copy: Path) -> Path:
    """Writes every file and applies every patch of CONTRIBUTING.md, in order, and builds the page's scripts."""
    for kind, text in _BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8")):
        if kind == "diff":
            subprocess.run(["git", "apply", "-"], input=text, text=True, cwd=copy, check=True)
        else:
            name, content = _NAMED.fullmatch(text).groups()
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(content, "utf-8")
    subprocess.run(
        ["npm", "--prefix", "scripts/js", "run", "-s", "build"], cwd=copy, check=True, stdout=subprocess.DEVNULL
    )
    return copy
