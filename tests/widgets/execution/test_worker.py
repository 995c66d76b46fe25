"""Worker: jobs in order on one daemon thread that ends in time; MainThread: the way back to the kernel's thread."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from nbfeatviz.widgets.execution.worker import MainThread, SameThread, Worker


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.close()


def done(worker: Worker, seconds: float = 5) -> None:
    """Waits until every job submitted so far is done."""
    event = threading.Event()
    worker.submit(event.set)
    assert event.wait(seconds)


def test_jobs_run_in_order_on_one_daemon_thread(worker: Worker):
    seen: list[tuple[int, threading.Thread]] = []
    for k in range(20):
        worker.submit(lambda k=k: seen.append((k, threading.current_thread())))
    done(worker)
    assert [k for k, _ in seen] == list(range(20))
    threads = {thread for _, thread in seen}
    assert len(threads) == 1
    assert threads.pop().daemon
    assert threading.current_thread() not in {thread for _, thread in seen}


def test_no_thread_before_the_first_job():
    before = threading.active_count()
    Worker().close()
    assert threading.active_count() == before


def test_close_ends_the_job_and_the_thread(worker: Worker):
    stop, threads = threading.Event(), []
    worker.on_close(stop.set)
    started = threading.Event()

    def job() -> None:
        threads.append(threading.current_thread())
        started.set()
        stop.wait(30)

    worker.submit(job)
    assert started.wait(5)
    before = time.monotonic()
    worker.close()
    assert time.monotonic() - before < 2
    assert not threads[0].is_alive()
    worker.close()


def test_close_waits_two_seconds_at_most(worker: Worker):
    release = threading.Event()
    worker.submit(lambda: release.wait(10))
    before = time.monotonic()
    worker.close()
    taken = time.monotonic() - before
    release.set()
    assert 1.5 < taken < 9, "not until the job is over"


def test_a_job_after_any_number_of_closes_is_done(worker: Worker):
    worker.close()
    worker.close()
    done(worker)
    worker.close()
    worker.close()
    done(worker)


def test_close_inside_a_job_does_not_wait_for_itself(worker: Worker):
    closed = threading.Event()
    worker.submit(lambda: (worker.close(), closed.set()))
    assert closed.wait(1.5)


def test_a_finished_job_is_not_kept(worker: Worker):
    class Job:
        freed = threading.Event()

        def __call__(self) -> None: ...

        def __del__(self) -> None:
            self.freed.set()

    worker.submit(Job())
    assert Job.freed.wait(5)


def test_leaving_the_interpreter_stops_the_job():
    script = (
        "import threading, time\nfrom nbfeatviz.widgets.execution.worker import Worker\n"
        "stop, started = threading.Event(), threading.Event()\n"
        "worker = Worker()\nworker.on_close(lambda: (print('told', flush=True), stop.set()))\n"
        "worker.submit(lambda: (started.set(), stop.wait(), print('ended', flush=True)))\nstarted.wait()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout.split(), ran.stderr) == (0, ["told", "ended"], "")


def test_the_same_thread_does_each_job_at_once():
    seen: list[threading.Thread] = []
    same = SameThread()
    same.on_close(lambda: seen.clear())
    same.submit(lambda: seen.append(threading.current_thread()))
    same.close()
    assert seen == [threading.current_thread()]


def on_a_thread(function) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_without_a_loop_a_post_runs_at_once():
    seen: list[int] = []
    main = MainThread()
    main.post("x", lambda: seen.append(1))
    on_a_thread(lambda: main.post("x", lambda: seen.append(2)))
    assert seen == [1, 2]


def test_posts_coalesce_and_run_on_the_thread_of_the_loop():
    seen: list[tuple[str, int, threading.Thread]] = []

    async def kernel() -> None:
        main = MainThread()

        def post(name: str, k: int) -> None:
            main.post(name, lambda: seen.append((name, k, threading.current_thread())))

        def work() -> None:
            for k in range(5):
                post("state", k)
                post("progress", k)
            post("state", 5)

        on_a_thread(work)
        assert not seen  # the loop has not had its turn
        await asyncio.sleep(0.05)
        on_a_thread(lambda: post("state", 6))
        await asyncio.sleep(0.05)

    asyncio.run(kernel())
    here = threading.current_thread()
    assert seen == [("progress", 4, here), ("state", 5, here), ("state", 6, here)]


def test_what_is_posted_on_the_main_thread_is_not_undone_by_what_waited():
    seen: list[str] = []

    async def kernel() -> None:
        main = MainThread()
        on_a_thread(lambda: main.post("image", lambda: seen.append("old")))
        main.post("image", lambda: seen.append("new"))
        await asyncio.sleep(0.05)

    asyncio.run(kernel())
    assert seen == ["new"]


def test_an_error_in_one_leaves_the_others_alone():
    seen: list[object] = []

    async def kernel() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context["exception"]))
        main = MainThread()
        error = ValueError("an observer's")

        def fail() -> None:
            raise error

        on_a_thread(lambda: (main.post("a", fail), main.post("b", lambda: seen.append("b"))))
        await asyncio.sleep(0.05)
        assert seen == [error, "b"]

    asyncio.run(kernel())
    assert len(seen) == 2


def test_after_the_loop_has_closed_a_post_still_runs():
    seen: list[int] = []

    async def kernel() -> MainThread:
        return MainThread()

    main = asyncio.run(kernel())
    on_a_thread(lambda: main.post("x", lambda: seen.append(1)))
    assert seen == [1]


def test_a_short_job_goes_before_long_ones_and_in_between(worker: Worker):
    seen: list[str] = []
    begun, go = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        go.wait(5)
        while worker.attend():
            seen.append("attended")

    worker.submit(long)
    worker.submit(lambda: seen.append("long"))
    assert begun.wait(5)
    worker.interject(lambda: seen.append("short"))
    go.set()
    done(worker)
    assert seen == ["short", "attended", "long"]


def test_only_the_thread_of_the_worker_attends(worker: Worker):
    release = threading.Event()
    worker.submit(lambda: release.wait(5))
    worker.interject(lambda: None)
    assert not worker.attend()
    release.set()


def test_a_long_job_gets_its_turn_between_short_ones(worker: Worker):
    event, end = threading.Event(), time.monotonic() + 30

    def again() -> None:
        if not event.is_set() and time.monotonic() < end:
            worker.interject(again)

    worker.interject(again)
    worker.submit(event.set)
    assert event.wait(20)


def test_an_error_in_the_same_thread_does_not_stop_what_comes():
    same, seen = SameThread(), []

    def job() -> None:
        same.interject(lambda: seen.append("inner"))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        same.interject(job)
    same.interject(lambda: seen.append("next"))
    assert seen == ["inner", "next"]
