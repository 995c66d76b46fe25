"""Nothing lost, nothing twice: the command itself, killed, interrupted and starved in each way, goes on where it was.

Every build here is a process of its own, and what it leaves is compared with a build that nothing ever disturbed.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nbfeatviz.catalogue as catalogues

STEPS = 12
LAYERS = ("conv2", "conv3")
JOBS, UNITS = 6, 96
LONGEST = 240.0
Pictures = dict[tuple[str, int, int], tuple[str, float | None, bytes]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    return folder


class Command:
    """`nbfeatviz catalogue`, running."""

    def __init__(self, folder: Path, photos: Path, *more: str, network: str = "mnist-cnn", **options: Any) -> None:
        self.folder = folder
        arguments = [network, "-o", str(folder), "--steps", str(STEPS), "--photos", str(photos), *more]
        if "--layers" not in more:
            arguments += ["--layers", *LAYERS]
        environment = os.environ | {"NBFEATVIZ_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nbfeatviz.cli", "catalogue", *arguments], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, **options,
        )  # fmt: skip

    def end(self) -> tuple[int, str, str]:
        """Exit status, output and errors."""
        out, err = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, out, err

    def wait_for(self, what: Callable[[], bool]) -> None:
        deadline = time.monotonic() + LONGEST
        while not what():
            if self.process.poll() is not None:
                pytest.fail(f"it ended before: {self.process.communicate()}")
            assert time.monotonic() < deadline
            time.sleep(0.01)


def log(folder: Path, event: str) -> list[dict[str, Any]]:
    if not (folder / "log.jsonl").is_file():
        return []
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


def jobs(folder: Path) -> int:
    return len(log(folder, "job"))


def pictures(folder: Path) -> Pictures:
    with catalogues.open(folder) as catalogue:
        return {
            (layer, unit, one.seed): (one.status, one.score, one.webp)
            for layer in catalogue.layers()
            for unit in catalogue.units(layer)
            for one in catalogue[layer, unit].seeds
        }


def build(folder: Path, photos: Path, *more: str, **options: Any) -> str:
    """Builds to the end; returns all that was said."""
    status, out, err = Command(folder, photos, *more, **options).end()
    assert status == 0, err
    return out + err


@pytest.fixture(scope="module")
def expected(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("undisturbed") / "a.nbfv"
    assert f"{folder}: {UNITS} units\n" in build(folder, photos, "--workers", "1")
    found = pictures(folder)
    assert (len(found), jobs(folder)) == (UNITS, JOBS)
    return found


def alive(process: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def assert_gone(processes: list[int]) -> None:
    """Within seconds."""
    deadline = time.monotonic() + 20
    while any(map(alive, processes)):
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.05)


def test_a_killed_build_goes_on(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", "1")
    command.wait_for(lambda: jobs(folder) >= 2)
    command.process.kill()
    command.end()
    assert 2 <= jobs(folder) < JOBS
    for key, value in pictures(folder).items():
        assert expected[key] == value
    build(folder, photos)
    assert pictures(folder) == expected
    assert jobs(folder) == JOBS
    assert [one["workers"] for one in log(folder, "decided")] == [1, 1]
    assert sorted(path.name for path in folder.iterdir()) == [
        "index.sqlite", "log.jsonl", "shards", "waiting", "writing.lock",
    ]  # fmt: skip
    assert list((folder / "waiting").iterdir()) == []


def test_a_killed_build_leaves_no_processes_and_goes_on(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", "2")
    command.wait_for(lambda: jobs(folder) >= 1)
    children = descendants(command.process.pid)
    assert len(children) >= 2
    command.process.kill()
    command.end()
    assert_gone(children)
    build(folder, photos)
    assert pictures(folder) == expected
    assert [one["workers"] for one in log(folder, "decided")][0] == 2
    assert jobs(folder) == JOBS


def descendants(process: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *descendants(child)]
    return found


def test_a_killed_worker_is_replaced(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", "2")
    command.wait_for(lambda: jobs(folder) >= 1)
    os.kill(log(folder, "job")[-1]["process"], signal.SIGKILL)
    status, _, err = command.end()
    assert status == 0
    assert "a process of this build was ended from outside: others go on." in err
    assert pictures(folder) == expected
    assert jobs(folder) == JOBS


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupt_is_one_sentence_and_keeps_what_is_finished(
    photos: Path, expected: Pictures, tmp_path: Path, workers: str
):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", workers)
    command.wait_for(lambda: jobs(folder) >= 1)
    children = descendants(command.process.pid)
    begin = time.monotonic()
    os.killpg(command.process.pid, signal.SIGINT)  # as a terminal does
    status, out, err = command.end()
    assert time.monotonic() - begin < 20
    assert (status, out) == (130, "")
    assert err.endswith("nbfeatviz: interrupted\n")
    assert "Traceback" not in err
    assert_gone(children)
    there = pictures(folder)
    assert 16 <= len(there) < UNITS
    assert all(expected[key] == value for key, value in there.items())
    build(folder, photos)
    assert pictures(folder) == expected
    assert jobs(folder) == JOBS


def test_workers_that_only_begin_do_not_see_the_interrupt(photos: Path, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", "2")
    command.wait_for(lambda: len(descendants(command.process.pid)) >= 3)  # two workers and a tracker of resources
    os.killpg(command.process.pid, signal.SIGINT)
    status, _, err = command.end()
    assert status == 130
    assert "Traceback" not in err
    assert err.endswith("nbfeatviz: interrupted\n")


def small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    status, out, err = Command(folder, photos, "--workers", "1", preexec_fn=small_files).end()
    assert (status, out) == (1, "")
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("nbfeatviz: ")
    assert "cannot be written (" in last
    assert "what is finished is kept, and building again goes on." in last
    there = pictures(folder)
    assert 16 <= len(there) < UNITS
    assert all(expected[key] == value for key, value in there.items())
    finished = jobs(folder)
    build(folder, photos)
    assert pictures(folder) == expected
    assert finished < jobs(folder) <= JOBS


def test_two_builds_of_one_folder(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    first = Command(folder, photos, "--workers", "1")
    first.wait_for(lambda: len(log(folder, "begin")) == 1)
    first.process.send_signal(signal.SIGSTOP)  # so that it has not ended before the other gets so far
    second = Command(folder, photos, "--workers", "1")
    second.wait_for(lambda: bool(log(folder, "said")))
    first.process.send_signal(signal.SIGCONT)
    statuses = [command.end() for command in (first, second)]
    assert [status for status, _, _ in statuses] == [0, 0]
    assert f"another process ({first.process.pid} on " in statuses[1][2]
    assert "is building in" in statuses[1][2]
    assert pictures(folder) == expected
    assert jobs(folder) == JOBS


def test_readers_see_finished_units_only_and_never_an_error(photos: Path, expected: Pictures, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    command = Command(folder, photos, "--workers", "1")
    command.wait_for(lambda: len(log(folder, "begin")) == 1)
    counts = []
    while command.process.poll() is None:
        try:
            with catalogues.open(folder) as catalogue:
                found = len(catalogue)
                missing = sum(map(len, catalogue.missing().values()))
                assert found + missing <= UNITS + 64  # the two are asked one after the other
            there = pictures(folder)
        except ValueError as error:
            if counts or "is empty: build it first" not in str(error):  # its first job is not finished
                raise
            continue
        assert len(there) >= found
        assert all(expected[key] == value for key, value in there.items())
        counts.append(len(there))
    assert command.end()[0] == 0
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
    assert pictures(folder) == expected
