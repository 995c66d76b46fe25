"""How many processors may be used: variables, the scheduler's mask and control groups of both versions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbfeatviz import processors


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("NBFEATVIZ_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("own", "omp", "expected"),
    [("3", "5", 3), ("", "5", 5), ("0", "5", 5), ("-2", "5", 5), ("two", "7", 7), ("2.5", "7", 7), (" 4 ", "", 4)],
)
def test_a_variable_decides_ours_first(monkeypatch, own: str, omp: str, expected: int):
    monkeypatch.setenv("NBFEATVIZ_THREADS", own)
    monkeypatch.setenv("OMP_NUM_THREADS", omp)
    assert processors.available() == expected


@pytest.mark.parametrize("value", ["", "0", "4,2", "many", "9" * 5000, "²", "٣"])
def test_what_is_no_number_is_passed_over(monkeypatch, value: str):
    before = processors.available()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert processors.available() == before


def test_the_schedulers_mask_counts():
    program = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
        "from nbfeatviz import processors; print(processors.available())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("1000 100000", 1), ("max 100000", 1_000_000),
     ("", 1_000_000), ("100000", 1_000_000), ("100000 0", 1_000_000), ("a b", 1_000_000), ("0 100000", 1_000_000)],
)  # fmt: skip
def test_version_2(tmp_path: Path, text: str, expected: int):
    write(tmp_path, cpu__max=text)
    assert processors.quota(tmp_path) == expected


@pytest.mark.parametrize(
    ("given", "period", "expected"),
    [("300000", "100000", 3), ("250000", "100000", 3), ("-1", "100000", 1_000_000), ("100000", "0", 1_000_000)],
)
def test_version_1(tmp_path: Path, given: str, period: str, expected: int):
    write(tmp_path / "cpu", cpu__cfs_quota_us=given, cpu__cfs_period_us=period)
    assert processors.quota(tmp_path) == expected


def test_no_control_groups_are_no_limit(tmp_path: Path):
    assert processors.quota(tmp_path / "nothing", tmp_path / "nothing") == 1_000_000


def test_the_smallest_of_the_groups_around_counts(tmp_path: Path):
    groups, own = tmp_path / "cgroup", tmp_path / "own"
    write(groups / "slurm" / "job7" / "step0", cpu__max="max 100000")
    write(groups / "slurm" / "job7", cpu__max="400000 100000")
    write(groups / "slurm", cpu__max="800000 100000")
    write(groups / "other", cpu__max="100000 100000")
    write(groups / "cpu" / "batch", cpu__cfs_quota_us="600000", cpu__cfs_period_us="100000")
    own.write_text("0::/slurm/job7/step0\n")
    assert processors.quota(groups, own) == 4
    own.write_text("0::/slurm\n")
    assert processors.quota(groups, own) == 8
    own.write_text("5:cpu,cpuacct:/batch\n1:name=systemd:/other\n")
    assert processors.quota(groups, own) == 6
    own.write_text("0::/../../other\n")  # outside of what this process sees
    assert processors.quota(groups, own) == 1_000_000


def test_it_is_what_the_quota_says_where_that_is_least(tmp_path: Path, monkeypatch):
    write(tmp_path, cpu__max="100000 100000")
    monkeypatch.setattr(processors, "_GROUPS", tmp_path)
    assert processors.available() == 1
