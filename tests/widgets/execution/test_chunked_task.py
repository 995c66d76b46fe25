"""ChunkedTask: the last question counts, one piece at a time; what is told breaks no run; what is kept is bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nbfeatviz.widgets.execution.chunked_task import ChunkedTask, Result, ResultCache
from nbfeatviz.widgets.execution.worker import SameThread, Worker
from tests.widgets.conftest import wait


class Page:
    """What a task notifies and shows."""

    def __init__(self, worker: Any) -> None:
        self.told: list[tuple[str, str]] = []
        self.shown: list[tuple[str, int, Any]] = []
        self.complaints: list[str] = []
        self.task = ChunkedTask(worker, self.notify, self.show, self.complaints.append)

    def notify(self, tab: str, state: str, done: int, total: int, text: str) -> None:
        self.told.append((tab, state))

    def show(self, tab: str, number: int, dispatch: Result) -> None:
        self.shown.append((tab, number, (dispatch.content or {})["n"]))


@pytest.fixture
def page():
    return Page(SameThread())


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.close()


def pieces(count: int, at: dict[int, Any] | None = None) -> Iterator[Result]:
    for n in range(count):
        (at or {}).get(n, lambda: None)()
        yield Result({"n": n}, done=n + 1, total=count)


def test_all_pieces_are_shown_and_the_end_is_told(page):
    number = page.task.ask("saliency", lambda: pieces(3))
    assert page.shown == [("saliency", number, n) for n in range(3)]
    assert page.told[0] == ("saliency", "busy")
    assert page.told[-1] == ("saliency", "done")
    assert not page.task.busy


def test_an_answer_without_content_is_progress_alone(page):
    page.task.ask("saliency", lambda: iter([Result(), Result(text="compiling")]))
    assert page.shown == []
    assert page.told == [("saliency", "busy"), ("saliency", "busy"), ("saliency", "done")]


def test_a_later_question_makes_the_one_in_progress_stale(page):
    page.task.ask("saliency", lambda: pieces(5, {2: lambda: page.task.ask("grad-cam", lambda: pieces(2))}))
    assert [entry[0::2] for entry in page.shown] == [("saliency", 0), ("saliency", 1), ("grad-cam", 0), ("grad-cam", 1)]
    assert page.shown[-1][1] > page.shown[0][1]
    assert ("saliency", "done") not in page.told


def test_a_stale_question_computes_no_further_piece(page):
    begun: list[int] = []
    at = {n: lambda n=n: begun.append(n) for n in range(5)} | {2: page.task.cancel}
    page.task.ask("saliency", lambda: pieces(5, at))
    assert begun == [0, 1]
    assert len(page.shown) == 2


def test_a_question_that_is_stale_before_it_is_begun_computes_nothing(worker):
    page, release, begun = Page(worker), threading.Event(), []
    worker.interject(lambda: release.wait(5))
    for k in range(10):
        page.task.ask("saliency", lambda k=k: (begun.append(k), pieces(1))[1])
    release.set()
    wait(lambda: ("saliency", "done") in page.told)
    assert begun == [9]


def test_of_two_questions_in_turn_the_first_is_never_gone_on_with(worker):
    page, first = Page(worker), []

    def endless() -> Iterator[Result]:
        while True:
            first.append(1)
            yield Result()

    page.task.ask("saliency", endless)
    wait(lambda: len(first) > 5)
    page.task.ask("grad-cam", lambda: pieces(3))
    wait(lambda: ("grad-cam", "done") in page.told)
    count = len(first)
    time.sleep(0.02)
    assert len(first) == count


def test_cancel_ends_what_is_in_progress_and_says_so(page):
    page.task.ask("occlusion", lambda: pieces(5, {2: page.task.cancel}))
    assert len(page.shown) == 2
    assert page.told[-1] == ("occlusion", "cancelled")
    page.task.cancel()
    assert page.told.count(("occlusion", "cancelled")) == 1


@pytest.mark.parametrize("when", ["start", "piece"])
def test_an_error_is_said_once_and_the_next_question_is_answered(page, when: str):
    def fail() -> Any:
        raise ValueError("no such layer.")

    page.task.ask("grad-cam", fail if when == "start" else lambda: pieces(3, {1: fail}))
    assert page.complaints == ["no such layer."]
    assert page.told[-1] == ("grad-cam", "error")
    page.task.ask("grad-cam", lambda: pieces(1))
    assert page.told[-1] == ("grad-cam", "done")


def test_the_error_of_a_stale_question_is_nobodys(page):
    def overtaken() -> Any:
        page.task.ask("saliency", lambda: pieces(1))
        raise ValueError("stale")

    page.task.ask("grad-cam", lambda: pieces(3, {1: overtaken}))
    assert page.complaints == []
    assert page.told[-1] == ("saliency", "done")


@pytest.mark.parametrize("where", ["notify", "show"])
def test_an_error_in_an_observer_is_said_and_the_answer_goes_on(page, where: str, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError("observer")

    monkeypatch.setattr(page.task, f"_{where}", fail)
    page.task.ask("saliency", lambda: pieces(3))
    assert set(page.complaints) == {"RuntimeError: observer"}
    page.task.cancel()
    assert not page.task.busy
    monkeypatch.undo()
    page.task.ask("saliency", lambda: pieces(1))
    assert page.shown[-1][2] == 0


def test_not_even_a_complaint_that_fails_breaks_it(page):
    def fail(*_: Any) -> None:
        raise RuntimeError("observer")

    page.task._notify = page.task._show_error = fail
    page.task.ask("saliency", lambda: pieces(2))
    assert len(page.shown) == 2


def test_a_thousand_pieces_are_no_recursion(page):
    page.task.ask("occlusion", lambda: pieces(3000))
    assert len(page.shown) == 3000


def test_who_hears_the_end_may_ask_again(page):
    def notify(tab: str, state: str, *_: Any) -> None:
        page.told.append((tab, state))
        if state == "done" and len(page.told) < 20:
            page.task.ask(tab, lambda: pieces(1))

    page.task._notify = notify
    page.task.ask("saliency", lambda: pieces(1))
    assert len(page.told) == 20
    assert not page.task.busy


def test_of_many_questions_from_many_threads_the_last_is_answered_to_its_end(worker):
    page = Page(worker)

    def ask(k: int) -> None:
        for _ in range(30):
            page.task.ask(str(k), lambda: pieces(4))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = page.task.ask("last", lambda: pieces(4))
    wait(lambda: ("last", "done") in page.told)
    assert page.shown[-4:] == [("last", last, n) for n in range(4)]
    assert [number for _, number, _ in page.shown] == sorted(number for _, number, _ in page.shown)


def test_nothing_is_shown_or_told_once_cancel_has_come_back(worker):
    page = Page(worker)
    for _ in range(30):
        page.task.ask("occlusion", lambda: pieces(10**6))
        time.sleep(0.001)
        page.task.cancel()
        shown, told = len(page.shown), len(page.told)
        time.sleep(0.002)
        assert (len(page.shown), len(page.told)) == (shown, told)
        assert page.told[-1] == ("occlusion", "cancelled")


def test_cancel_waits_for_what_is_just_being_shown(worker):
    page, showing, release = Page(worker), threading.Event(), threading.Event()
    events: list[str] = []

    def show(*_: Any) -> None:
        showing.set()
        release.wait(5)
        events.append("shown")

    page.task._show = show
    page.task.ask("saliency", lambda: pieces(3))
    assert showing.wait(5)
    threading.Timer(0.1, release.set).start()
    page.task.cancel()  # what the caller clears next must not be shown again
    events.append("cancelled")
    time.sleep(0.05)
    assert events[0] == "shown"
    assert events[-1] == "cancelled"


def test_the_worker_lives_on_after_errors_everywhere(worker):
    page, threads = Page(worker), set()
    page.task._notify = lambda *_: 1 / 0

    def here() -> Any:
        threads.add(threading.current_thread())
        return pieces(2)

    for _ in range(3):
        before = len(page.shown)
        page.task.ask("saliency", here)
        wait(lambda: len(page.shown) == before + 2 and not page.task.busy)  # noqa: B023
    assert len(threads) == 1


def test_closing_the_worker_cancels(worker):
    page = Page(worker)
    page.task.ask("occlusion", lambda: pieces(10**6))
    wait(lambda: len(page.shown) > 3)
    worker.close()
    count = len(page.shown)
    time.sleep(0.02)
    assert len(page.shown) == count
    assert page.told[-1] == ("occlusion", "cancelled")


def test_kept_is_bounded_and_the_least_recently_used_go_first():
    kept = ResultCache(budget=100)
    for k in range(4):
        assert kept.put(k, f"value {k}", 30) == f"value {k}"
        kept.get(1)
    assert [kept.get(k) for k in range(4)] == [None, "value 1", "value 2", "value 3"]
    assert kept.bytes == 90


def test_kept_counts_what_is_put_again_once():
    kept = ResultCache(budget=100)
    for size in (10, 50, 20):
        kept.put("a", size, size)
    assert (kept.bytes, kept.get("a")) == (20, 20)
    kept.clear()
    assert (kept.bytes, kept.get("a")) == (0, None)


def test_what_is_larger_than_the_budget_is_kept_alone():
    kept = ResultCache(budget=100)
    kept.put("small", 1, 50)
    kept.put("large", 2, 1000)
    assert (kept.get("small"), kept.get("large")) == (None, 2)
    kept.put("small", 1, 50)
    assert (kept.get("large"), kept.bytes) == (None, 50)
