"""The command line: `python -m tests.benchmarks.speed [section ...]`."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path

SECTIONS = {  # section: file
    "steps": "steps",
    "first": "steps",
    "prior": "prior",
    "sheet": "sheet",
    "neuron": "sheet",
    "tools": "tools",
    "attribution": "tools",
    "growth": "growth",
    "memory": "costs",
    "start": "costs",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"some of {', '.join(SECTIONS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3, help="how often each way takes its turn, of ten steps")
    parser.add_argument("--output", type=Path, default=Path("benchmarks"), help="folder of plots and environments")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.sections or SECTIONS:
        print(f"\n# {name} (other work on the machine: {os.getloadavg()[0]:.1f} processes in the last minute)")
        module = importlib.import_module(f"tests.benchmarks.speed.{SECTIONS[name]}")
        getattr(module, name)(options.rounds, options.output)


if __name__ == "__main__":
    main()
