"""Two ways of bringing the same frames to an ipycanvas Canvas, side by side.

`python -m tests.benchmarks.transports` sends real frames of a run at 25 a second by (a) the panel's live canvas and
(b) ipycanvas alone: `draw_image` of an `ipywidgets.Image` with a data URL, acknowledged through `jslink`. Both
let the latest frame win. They are not alike in all: (a) sends up to twelve frames ahead while they travel fast, and
its lag ends when the frame is drawn; (b) keeps two in flight, and its lag ends when the kernel hears of it.
"""

from __future__ import annotations

import statistics

from tests.benchmarks.panel import LITE, panel_in_lab, percentile
from tests.browser.harness import browser_memory

_FRAMES = """import base64, threading, time
from nbfeatviz.encoding import encode_jpeg
frames = [step for step in nv.ascend(net, nv.objectives.channel("block5c_add", 3), steps=60)]
def pace(send, seconds):
    end, k = time.time() + seconds, 0
    while time.time() < end:
        send(frames[k % 60]); k += 1
        time.sleep(0.04)
"""
_LIVE = """explorer.panel.layout.live.begin()
sender = threading.Thread(target=pace, args=(explorer.panel.layout.live.offer, {seconds})); sender.start()"""
_PLAIN = """import ipycanvas, ipywidgets
canvas = ipycanvas.Canvas(width=224, height=224, _canvas_manager=ipycanvas.canvas._CanvasManager())
image = ipywidgets.Image(format="url")
sent, seen = ipywidgets.FloatText(), ipywidgets.FloatText()
link = ipywidgets.jslink((sent, "value"), (seen, "value"))
in_flight, lags, lock = [0], [], threading.Lock()
def acknowledged(change):
    lags.append(time.time() * 1000 - change["new"]); in_flight[0] -= 1
seen.observe(acknowledged, "value")
display(canvas, sent, seen)
def draw(step):
    if in_flight[0] >= 2: return
    in_flight[0] += 1
    computed = time.time() * 1000
    image.value = b"data:image/jpeg;base64," + base64.b64encode(encode_jpeg(step.image))
    canvas.draw_image(image, 0, 0)
    sent.value = computed"""


def main() -> None:
    print(f"{'way':<24} {'frames/s':>9} {'lag median':>11} {'lag p95':>9} {'memory, 20 s':>13}")
    with panel_in_lab(LITE) as (page, notebook, _):
        notebook.run_code(_FRAMES)
        before = browser_memory(page)
        notebook.run_code(_LIVE.format(seconds=20))
        page.wait_for_timeout(21000)
        lag = page.evaluate("__frames.filter((f) => f.computed).map((f) => f.drawn - f.computed)")
        _row("live canvas (drawn)", lag, before, browser_memory(page))
        notebook.run_code(_PLAIN)
        page.wait_for_timeout(1500)
        before = browser_memory(page)
        notebook.run_code("sender = threading.Thread(target=pace, args=(draw, 20)); sender.start()")
        page.wait_for_timeout(21000)
        lag = [float(value) for value in notebook.run_code("print(*lags)").split()]
        _row("ipycanvas alone (ack)", lag, before, browser_memory(page))


def _row(way: str, lag: list[float], before: dict[str, int], after: dict[str, int]) -> None:
    grown = (after["heap"] + after["blob_bytes"] - before["heap"] - before["blob_bytes"]) / 1e6
    rate, median, late = len(lag) / 20, statistics.median(lag), percentile(lag, 0.95)
    print(f"{way:<24} {rate:>9.1f} {median:>8.0f} ms {late:>6.0f} ms {grown:>+10.1f} MB", flush=True)


if __name__ == "__main__":
    main()
