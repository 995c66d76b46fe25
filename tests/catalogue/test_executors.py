"""What jobs are done on: every executor gives the pictures that this process gives, and what cannot is refused."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import nbfeatviz as nv
from nbfeatviz.catalogue import executors
from nbfeatviz.catalogue.executors import SpawnedPool, checked_executor
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.worker import arguments_of, run
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.network import Network

STEPS = 3


def pictures(folder: Path) -> dict[tuple[str, int, int], tuple[str, float | None, bytes]]:
    with nv.catalogue.open(folder) as catalogue:
        return {
            (layer, unit, one.seed): (one.status, one.score, one.webp)
            for layer in catalogue.layers()
            for unit in catalogue.units(layer)
            for one in catalogue[layer, unit].seeds
        }


def log(folder: Path, event: str) -> list[dict[str, Any]]:
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


@pytest.fixture(scope="module")
def net() -> Network:
    return nv.load("mnist-cnn")


@pytest.fixture(scope="module")
def expected(net: Network, tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("here") / "a.nbfv"
    nv.catalogue.build(net, folder, photos=False, progress=False, steps=STEPS, workers=1).close()
    found = pictures(folder)
    assert len(found) == 122
    return found


def build(net: Network, folder: Path, **options: Any) -> list[dict[str, Any]]:
    """Builds; returns the jobs that the log tells of."""
    nv.catalogue.build(net, folder, photos=False, progress=False, steps=STEPS, **options).close()
    return log(folder, "job")


class OneByOne:
    """The least that is asked for: `submit`, and results with `done` and `result`."""

    class Result:
        def __init__(self, work: Callable[[], Any]) -> None:
            self._work = work

        def done(self) -> bool:
            return True

        def result(self) -> Any:
            return self._work()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Result:
        return self.Result(lambda: function(*arguments))


def test_threads_of_the_users(net: Network, expected: dict, tmp_path: Path):
    with ThreadPoolExecutor(2) as pool:
        jobs = build(net, tmp_path / "a.nbfv", executor=pool)
    assert pictures(tmp_path / "a.nbfv") == expected
    assert len(jobs) == 8
    assert log(tmp_path / "a.nbfv", "decided")[0]["kind"] == "ThreadPoolExecutor"


def test_no_more_than_done_and_result_is_asked_for(net: Network, expected: dict, tmp_path: Path):
    build(net, tmp_path / "a.nbfv", executor=OneByOne())
    assert pictures(tmp_path / "a.nbfv") == expected


def threads() -> int:
    from nbfeatviz.engine import tf

    return int(tf.config.threading.get_intra_op_parallelism_threads())


def test_processes_of_the_users_share_the_processors(net: Network, expected: dict, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("NBFEATVIZ_THREADS", "4")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        jobs = build(net, tmp_path / "a.nbfv", executor=pool, layers=["conv2", "logits"])
        assert {pool.submit(threads).result() for _ in range(4)} == {2}
    found = pictures(tmp_path / "a.nbfv")
    assert found == {key: value for key, value in expected.items() if key[0] in ("conv2", "logits")}
    assert os.getpid() not in {job["process"] for job in jobs}
    assert log(tmp_path / "a.nbfv", "decided")[0]["threads"] == 2


def suicidal(file: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Ends its own process the first time."""
    if not os.path.exists(file):
        Path(file).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments)


def test_processes_of_the_users_that_end_are_a_sentence_and_nothing_is_lost(net, expected, tmp_path: Path):
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:

        class Fragile:
            def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
                return pool.submit(suicidal, str(tmp_path / "done"), function, *arguments)

        with pytest.raises(ChildProcessError, match="were ended from outside: build again with a new one"):
            build(net, tmp_path / "a.nbfv", executor=Fragile())
    build(net, tmp_path / "a.nbfv", workers=1)
    assert pictures(tmp_path / "a.nbfv") == expected


def test_a_task_that_is_done_again_does_none_of_its_finished_jobs_again(net: Network, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    build(net, folder, workers=1, layers="conv2", units="0")
    jobs = list(planned(net, layers="conv2", steps=STEPS).jobs())
    run("'mnist-cnn'", network_hash(net), str(folder), jobs, None)
    assert [path.name for path in (folder / "waiting").iterdir()] == [f"{jobs[1].name}.records"]


def test_a_pool_that_forks_is_refused(net: Network, tmp_path: Path):
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("fork"))
    with pytest.raises(ValueError, match=r'forks, and TensorFlow does not survive that: .*get_context\("spawn"\)'):
        build(net, tmp_path / "a.nbfv", executor=pool)
    assert not (tmp_path / "a.nbfv").exists()
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("forkserver"))
    assert checked_executor(pool) is pool


@pytest.mark.parametrize("executor", [3, "tcp://here", object(), map], ids=["number", "text", "object", "class"])
def test_what_cannot_submit_is_refused(net: Network, tmp_path: Path, executor: object):
    with pytest.raises(TypeError, match=r"is no executor: give a concurrent\.futures\.Executor"):
        build(net, tmp_path / "a.nbfv", executor=executor)
    assert not (tmp_path / "a.nbfv").exists()


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "digits.keras"
    source = Path(nv.__file__).parent / "networks" / "zoo" / "data" / "mnist-cnn.keras"
    return Path(shutil.copyfile(source, path))


def test_a_model_without_a_file_is_built_here_and_that_is_said(model_file: Path, tmp_path: Path):
    own = nv.load(nv.load(str(model_file), input_range=(0, 1)).model, input_range=(0, 1))
    folder = tmp_path / "a.nbfv"
    jobs = build(own, folder, workers=2, layers="conv1")
    assert {job["process"] for job in jobs} == {os.getpid()}
    (said,) = log(folder, "said")
    assert "has no name or file by which other processes could load these weights" in said["words"]
    assert "computed in this process" in said["words"]


def test_random_weights_are_built_here(tmp_path: Path):
    for source in (None, "", "'InceptionV3', weights=None", "open('x')", "'a', size=f()", "*names"):
        with pytest.raises(ValueError, match="no name or file"):
            arguments_of(source)
    assert arguments_of("'mnist-cnn'") == (["mnist-cnn"], {})


def test_a_file_that_was_changed_meanwhile_is_refused(model_file: Path, tmp_path: Path):
    network = nv.load(str(model_file), input_range=(0, 1))
    network.model.layers[1].bias.assign(network.model.layers[1].bias + 0.5)  # a build of other weights than the file's
    network.refresh()
    folder = tmp_path / "a.nbfv"
    jobs = build(network, folder, layers="conv1", executor=OneByOne())
    assert jobs == []
    assert pictures(folder) == {}
    (failed,) = log(folder, "failed")
    assert "gives another network here" in failed["why"]
    assert network_hash(network) in failed["why"]


def test_a_pool_that_breaks_again_and_again_is_given_up_in_words():
    pool = SpawnedPool(1, 1)
    for _ in range(3):
        pool.rebuild()
    with pytest.raises(OSError, match=r"were ended 4 times .* build again with fewer workers"):
        pool.rebuild()
    pool.close()


def test_a_spawned_pool_sets_threads_before_the_first_operation():
    pool = SpawnedPool(1, 3)
    try:
        assert pool.submit(threads).result() == 3
        assert pool.submit(signal.getsignal, signal.SIGINT).result() == signal.SIG_IGN
    finally:
        pool.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_cluster_of_dask_of_which_a_worker_is_killed(net: Network, tmp_path: Path, cluster: Any):
    """It costs the job in which the worker was, and no other is done twice."""
    from distributed import Client

    folder = tmp_path / "a.nbfv"

    def kill_one(client: Any) -> None:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and len(log(folder, "job") if (folder / "log.jsonl").is_file() else []) < 3:
            time.sleep(0.05)
        os.kill(log(folder, "job")[-1]["process"], signal.SIGKILL)

    with Client(cluster) as client, ThreadPoolExecutor(1) as beside:
        killing = beside.submit(kill_one, client)
        options: dict[str, Any] = {"layers": ["conv2", "conv3"], "steps": 24, "photos": False, "progress": False}
        nv.catalogue.build(net, folder, executor=client, **options).close()
        killing.result()
    jobs = log(folder, "job")
    assert len(jobs) == len({(job["layer"], *job["units"]) for job in jobs}) == 6
    assert len({job["process"] for job in jobs}) >= 2
    nv.catalogue.build(net, tmp_path / "b.nbfv", workers=1, **options).close()
    alone = pictures(tmp_path / "b.nbfv")  # with more threads sums are taken in another order
    for key, (status, score, _) in pictures(folder).items():
        assert alone[key][0] == status
        assert score == pytest.approx(alone[key][1], abs=1e-5)
    assert set(pictures(folder)) == set(alone)


def test_workers_of_a_cluster_take_the_threads_they_are_given(cluster: Any, net: Network, tmp_path: Path):
    from distributed import Client

    with Client(cluster) as client:
        build(net, tmp_path / "a.nbfv", executor=client, layers="conv1")
        assert set(client.run(threads).values()) <= {0, 1}
        assert 1 in client.run(threads).values()


def test_an_interrupt_that_another_thread_sees_waits_until_a_process_has_begun():
    done: list[str] = []
    inside = threading.Event()
    sender = threading.Thread(target=lambda: (inside.wait(), signal.raise_signal(signal.SIGINT)))
    sender.start()  # before, so that it does not inherit the mask
    with pytest.raises(KeyboardInterrupt):
        with executors._interrupts_held():
            inside.set()
            sender.join()
            time.sleep(0.05)  # Python handles it in the main thread, between two of its instructions
            done.append("begun")
        done.append("never")
    assert done == ["begun"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
