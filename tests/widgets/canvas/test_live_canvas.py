"""LiveCanvas: every number arrives, the latest frame wins, and a slow page never builds a queue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import ipycanvas
import numpy as np
import pytest

from nbfeatviz.encoding import Frames, decode
from nbfeatviz.synthesis.ascent import Step
from nbfeatviz.widgets.canvas import flow_control as flow_control
from nbfeatviz.widgets.canvas import live_canvas
from nbfeatviz.widgets.canvas.flow_control import FEWEST_IN_FLIGHT, MOST_IN_FLIGHT
from nbfeatviz.widgets.canvas.live_canvas import COLUMNS, LiveCanvas
from nbfeatviz.widgets.caption import PHOTO, Subject
from nbfeatviz.widgets.comm.frontend import Commands

JPEG, PNG = b"\xff\xd8", b"\x89PNG"


class Page:
    """What arrives, and a clock that only moves when told to."""

    def __init__(self, monkeypatch: Any) -> None:
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now, time=lambda: self.now)
        for module in (live_canvas, flow_control):
            monkeypatch.setattr(module, "time", clock)
        self.live = LiveCanvas(canvas=ipycanvas.Canvas(), commands=Commands())
        self.arrived: list[tuple[dict[str, Any], list[bytes]]] = []
        monkeypatch.setattr(self.live, "send", lambda content, buffers=(): self.arrived.append((content, [*buffers])))

    def offer(self, index: int, after: float = 0.02) -> None:
        self.now += after
        shown = picture((index % 50) / 50)
        self.live.offer(Step(index, index + 0.5, shown, -1.0 - index, 1.0 + index, 0.1))

    def of(self, kind: str) -> list[tuple[dict[str, Any], list[bytes]]]:
        return [(content, buffers) for content, buffers in self.arrived if content["kind"] == kind]

    @property
    def frames(self) -> list[int]:
        return [content["frame"] for content, _ in self.of("steps") if "frame" in content]

    @property
    def sequences(self) -> list[int]:
        return [content["sequence"] for content, _ in self.of("steps") if "frame" in content]

    def rows(self) -> np.ndarray:
        """All numbers, put together as the page does: each batch at its `first`, none twice, no gap."""
        table: list[np.ndarray] = []
        for content, buffers in self.of("steps"):
            assert content["first"] == len(table)
            table.extend(np.frombuffer(buffers[0], np.float32).reshape(-1, COLUMNS))
        return np.array(table)


@pytest.fixture
def page(monkeypatch) -> Page:
    return Page(monkeypatch)


def picture(value: float) -> np.ndarray:
    return np.full((8, 8, 3), value, np.float32)


def test_every_number_arrives_once_and_in_order_though_nothing_is_acknowledged(page: Page):
    page.live.begin()
    for k in range(300):
        page.offer(k, after=0.003)
    page.live.settle(picture(1))
    rows = page.rows()
    assert rows[:, 0].tolist() == list(range(300))
    assert np.allclose(rows[:, 1], np.arange(300) + 0.5)
    assert np.allclose(rows[:, 2], -1.0 - np.arange(300))
    assert np.allclose(rows[:, 3], 1.0 + np.arange(300))
    assert np.allclose(rows[:, 4], 0.1)
    assert len(page.of("steps")) < 20  # in batches


def test_at_most_so_many_frames_are_in_flight_and_the_latest_wins(page: Page):
    page.live.begin()
    for k in range(10):
        page.offer(k)
    count = len(page.frames)
    assert FEWEST_IN_FLIGHT <= count <= MOST_IN_FLIGHT
    assert page.frames == list(range(count))
    page.now += 1
    page.live.acknowledge(page.sequences[count - FEWEST_IN_FLIGHT])
    assert page.frames == [*range(count), 9]


@pytest.mark.parametrize(("seconds", "ahead"), [(0.3, FEWEST_IN_FLIGHT), (0.05, MOST_IN_FLIGHT)])
def test_the_slower_the_way_the_fewer_frames_are_sent_ahead(page: Page, seconds: float, ahead: int):
    page.live.begin()
    page.offer(0)
    page.now += seconds
    page.live.acknowledge(page.sequences[-1])
    for k in range(1, MOST_IN_FLIGHT + 8):
        page.offer(k)
    assert len(page.frames) - 1 == ahead


def test_a_page_that_keeps_up_gets_every_frame(page: Page):
    page.live.begin()
    for k in range(30):
        page.offer(k)
        page.live.acknowledge(page.sequences[-1])
    assert page.frames == list(range(30))
    assert all(buffers[1].startswith(JPEG) for _, buffers in page.of("steps"))


def test_no_more_than_sixty_frames_a_second(page: Page):
    page.live.begin()
    for k in range(1000):
        page.offer(k, after=0.001)
        page.live.acknowledge(10**6)
    assert 50 <= len(page.frames) <= 61


def test_a_silent_page_gets_about_two_frames_a_second(page: Page):
    page.live.begin()
    for k in range(1000):
        page.offer(k, after=0.01)
    assert 18 <= len(page.frames) <= MOST_IN_FLIGHT + 20  # 10 s
    assert len(page.rows()) > 985  # its numbers go on ten times a second


def test_a_page_that_comes_back_gets_frames_again_at_once(page: Page):
    page.live.begin()
    for k in range(300):
        page.offer(k, after=0.01)
    page.live.acknowledge(page.sequences[-1])
    before = len(page.frames)
    page.offer(300)
    assert page.frames[before:] == [300] or page.frames[before - 1 :] == [299, 300]


def test_one_answer_that_is_late_stops_no_frames_and_two_do(page: Page):
    """Where it is fast many frames are ahead of the page's answers: were they held back at once, nothing would move."""
    page.live.begin()
    for k in range(10):
        page.offer(k)
        page.live.acknowledge(page.sequences[-1])
    for _ in range(2):
        first = len(page.frames)
        for k in range(10):
            page.offer(k)
        assert len(page.frames) - first == 10
        page.live.acknowledge(page.sequences[first])  # after 0.18 s
    page.offer(0)
    assert len(page.frames) == first + 10


def test_a_step_that_is_not_to_be_shown_is_kept_and_counted(page: Page):
    page.live.begin()
    page.offer(0)
    page.now += 0.2
    page.live.keep(Step(1, 1.5, picture(0.5), -1.0, 1.0, 0.1))
    assert page.frames == [0]
    assert page.rows()[:, 0].tolist() == [0, 1]
    assert len(page.live.frames) == 2
    page.offer(2)
    assert page.frames == [0, 2]


@pytest.mark.parametrize("sequence", [-5, 0, 10**12])
def test_a_wrong_acknowledgement_does_no_harm(page: Page, sequence: int):
    page.live.begin()
    page.live.acknowledge(sequence)
    for k in range(10):
        page.offer(k)
    assert len(page.frames) <= MOST_IN_FLIGHT


def test_a_late_acknowledgement_of_the_run_before_frees_no_place(page: Page):
    page.live.begin()
    for k in range(20):
        page.offer(k)
        page.live.acknowledge(page.sequences[-1] - 1)
    late = page.sequences[-1]
    page.live.begin()
    page.arrived.clear()
    for k in range(10):
        page.offer(k)
        page.live.acknowledge(late)
    assert len(page.frames) <= MOST_IN_FLIGHT


def test_the_end_flushes_the_numbers_and_leaves_a_lossless_still(page: Page):
    page.live.begin()
    for k in range(4):
        page.offer(k, after=0.001)
    page.live.predicted((3, "bee", 0.5))
    assert len(page.rows()) < 4
    page.live.settle(picture(0.4))
    assert len(page.rows()) == 4
    assert page.of("steps")[-1][0]["prediction"] == (3, "bee", 0.5)
    assert page.live.still.startswith(PNG)
    assert np.allclose(decode(page.live.still), 102 / 255)


def test_a_prediction_is_sent_once(page: Page):
    page.live.begin()
    page.live.predicted((3, "bee", 0.5))
    for k in range(20):
        page.offer(k)
        page.live.acknowledge(10**6)
    predictions = [content["prediction"] for content, _ in page.of("steps")]
    assert predictions[0] == (3, "bee", 0.5)
    assert set(predictions[1:]) == {None}


def test_restore_sends_all_numbers_and_the_latest_frame_of_a_run_in_progress(page: Page):
    page.live.begin()
    for k in range(50):
        page.offer(k)
    page.live.restore()
    content, buffers = page.of("restore")[-1]
    assert np.frombuffer(buffers[0], np.float32).reshape(-1, COLUMNS)[:, 0].tolist() == list(range(50))
    assert content["replay"] == 50
    assert buffers[1] == page.live.frames.encoded(49)
    page.live.settle(picture(0.5))
    page.live.restore()
    assert len(page.of("restore")[-1][1]) == 1  # the still is in the widget's state


def test_restore_after_nothing_is_empty(page: Page):
    page.live.restore()
    assert page.of("restore")[0][1] == [b""]


def test_frames_flow_again_after_a_restore(page: Page):
    page.live.begin()
    for k in range(5):
        page.offer(k)
    page.live.restore()  # what was in flight to the page before is lost
    page.offer(5)
    assert page.frames[-1] == 5


def test_every_step_and_the_still_can_be_replayed(page: Page):
    page.live.begin()
    for k in range(5):
        page.offer(k)
    page.live.settle(picture(0.25))
    for k in range(6):
        page.live.replay(k)
    results = page.of("replay")
    assert [content["step"] for content, _ in results] == list(range(6))
    assert [buffers[0] for _, buffers in results[:5]] == [page.live.frames.encoded(k) for k in range(5)]
    assert results[5][1] == [page.live.still]


def test_the_end_of_a_run_in_progress_is_its_latest_frame_and_not_the_still_of_the_run_before(page: Page):
    page.live.begin()
    page.offer(0)
    page.live.settle(picture(0.25))
    page.live.begin()
    page.offer(0)
    page.live.replay(1)
    assert page.of("replay")[-1][1] == [page.live.frames.encoded(0)]
    assert page.live.recording()[0] != page.live.still
    page.live.settle(picture(0.75))
    assert page.live.recording() == (page.live.still, [page.live.frames.encoded(0)])


@pytest.mark.parametrize("step", [-1, 10**30, 1.5, "2", None, [], {}])
def test_a_replay_of_nonsense_is_the_still(page: Page, step: Any):
    page.live.settle(picture(0.25))
    page.live.replay(step)
    assert page.of("replay")[-1][1] == [page.live.still]


def test_a_replay_of_nothing_is_empty(page: Page):
    page.live.replay(0)
    assert page.of("replay") == [({"kind": "replay", "step": 0}, [])]


def test_the_next_run_frees_the_frames_and_has_a_number_of_its_own(page: Page):
    page.live.begin()
    page.offer(0)
    page.live.begin()
    assert len(page.live.frames) == 0
    assert [content["run"] for content, _ in page.of("begin")] == [1, 2]
    page.offer(0)
    assert page.of("steps")[-1][0]["run"] == 2
    assert page.of("steps")[-1][0]["first"] == 0


def test_frames_are_bounded_and_the_whole_run_stays_covered(page: Page):
    page.live.begin()
    page.live.frames = Frames(budget=20_000)
    for k in range(400):
        page.offer(k)
    assert page.live.frames.bytes <= 20_000
    page.live.replay(399)
    page.live.replay(0)
    assert all(buffers[0].startswith(JPEG) for _, buffers in page.of("replay"))


def test_free_gives_the_frames_back_and_keeps_the_rest(page: Page):
    page.live.begin()
    page.offer(0)
    page.live.settle(picture(0.25))
    still = page.live.still
    page.live.free()
    assert len(page.live.frames) == 0
    assert page.live.still == still
    page.live.replay(0)
    assert page.of("replay")[-1][1] == [still]
    page.live.restore()
    assert len(page.of("restore")[-1][1][0]) == COLUMNS * 4


def test_a_page_that_lacks_numbers_is_sent_them_again(page: Page):
    page.live.begin()
    for index in range(5):
        page.offer(index)
    page.live.set_status("idle", "finished")
    assert page.live.status["rows"] == 5, "by which the page knows what it lacks"
    for first, rest in ((2, 3), (0, 5), (5, 0), (-1, 5), (9, 0)):
        page.live.resend(first)
        content, (buffer,) = page.of("rows")[-1]
        assert content["run"] == page.of("begin")[-1][0]["run"]
        assert len(np.frombuffer(buffer, np.float32)) == rest * COLUMNS
        assert content["first"] == 5 - rest


def test_every_picture_of_a_run_has_a_subject(page: Page):
    page.live.begin()
    page.live.show_subject(Subject("unit 1", "a"))
    page.offer(0)
    page.offer(1)
    page.live.show_subject(Subject("unit 2", "b"))
    page.offer(0)
    assert page.live.subjects == [[0, "unit 1", "a"], [2, "unit 2", "b"]]
    page.live.begin()
    assert page.live.subjects == []
    page.live.settle(picture(0.5), photo=True)
    assert page.live.subjects == [[0, PHOTO.words, PHOTO.of]]


def test_a_page_that_asks_is_answered(page: Page):
    page.live.answer()
    assert page.of("pong")


def test_clear_forgets_the_run_and_its_picture(page: Page):
    page.live.begin()
    page.offer(0)
    page.live.settle(picture(0.25))
    page.live.clear()
    assert page.live.still == b""
    assert len(page.live.frames) == 0
    assert page.live.recording() == (b"", [])


def test_the_status_keeps_what_is_not_said_anew(page: Page):
    page.live.set_status("running", "x", steps=30)
    page.live.show_error("something <b>is</b> wrong.")
    page.live.set_status("idle", "stopped")
    page.live.set_status("running", precision="bfloat16", kept="3 of 24")
    page.live.set_status("idle", "stopped")
    assert page.live.status == {
        "state": "idle",
        "text": "stopped",
        "steps": 30,
        "error": "something <b>is</b> wrong.",
        "precision": "bfloat16",
        "kept": "3 of 24",
        "rows": 0,
        "tab": "",
        "said": {},
    }
    page.live.set_status("compiling", error="")
    assert page.live.status["error"] == ""


def test_the_status_keeps_what_was_said_last_in_each_tab(page: Page):
    page.live.set_status("idle", "finished after 3 steps", tab="optimize")
    page.live.set_status("sheet", "sheet: step 1/2", tab="features")
    page.live.set_status("idle", "sheet: finished", tab="features")
    assert page.live.status["said"] == {"optimize": "finished after 3 steps", "features": "sheet: finished"}
    page.live.set_status("loading", "loading another network …")  # which is about all tabs
    assert (page.live.status["tab"], page.live.status["said"]) == ("", {})


def test_a_file_is_handed_over(page: Page):
    page.live.deliver("a.png", "image/png", b"123")
    assert page.arrived == [({"kind": "file", "name": "a.png", "mime": "image/png"}, [b"123"])]


def test_the_canvas_has_the_size_of_its_picture(page: Page):
    page.live.settle(np.full((40, 56, 3), 0.5, np.float32))
    assert (page.live.canvas.height, page.live.canvas.width) == (40, 56)
    page.offer(0)
    assert (page.live.canvas.height, page.live.canvas.width) == picture(0).shape[:2]
