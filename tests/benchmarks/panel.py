"""How live the panel is, measured in a real JupyterLab and Chromium on this machine.

`python -m tests.benchmarks.panel [name ...]` prints a table: figure, reached, wanted. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.browser.harness import Browser, JupyterServer, NotebookPage, browser_memory, write_notebook
from tests.browser.panel import Panel
from tests.browser.throttle import ThrottledProxy

LITE = """import nbfeatviz as nv
net = nv.load("efficientnet-lite0")
explorer = nv.FeatureExplorer(net, layer="block5c_add", unit=3, steps=100000)
explorer"""
TINY = """import keras, nbfeatviz as nv
model = keras.Sequential([keras.Input(({size}, {size}, 3)), keras.layers.Conv2D(4, 3, name="conv"),
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)], name="tiny")
net = nv.load(model, input_range=(0, 1))
explorer = nv.FeatureExplorer(net, layer="conv", recipe="tutorial13", steps={steps})
explorer"""
_FOLLOW = """() => {
  const seen = window.__frames = [];
  document.addEventListener("nbfeatviz-frame", (event) => seen.push(event.detail), true);
  document.addEventListener("click", (event) => {
    if (event.target.textContent === "Stop") window.__stopped = Date.now(); }, true);
}"""
_SLID = """(slider, value) => {
  slider.value = value;
  const moved = Date.now();
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  return moved;
}"""
_RUN_CLICKED = """() => document.addEventListener("click", (event) => {
  if (event.target.textContent === "Run") window.__run = Date.now(); }, true)"""
# A run that is aimed at another unit goes on counting its steps: when it was, only the kernel knows.
_AIMED = """import time
from nbfeatviz.synthesis.ascent import Ascent
aimed, plain_retarget = [], Ascent.retarget
def retarget(self, *arguments, **options):
    plain_retarget(self, *arguments, **options)
    aimed.append(time.time() * 1000)
Ascent.retarget = retarget"""
SLIDES = 20

Row = tuple[str, str, str]


@contextmanager
def panel_in_lab(source: str, megabits: float | None = None) -> Iterator[tuple[Page, NotebookPage, Panel]]:
    """A notebook with a panel; with `megabits`, behind a link of that rate once the page is loaded."""
    folder = Path(tempfile.mkdtemp(prefix="nbfeatviz-benchmark-"))
    write_notebook(folder / "panel.ipynb", source)
    with JupyterServer("lab", folder) as server, Browser() as browser, ThrottledProxy(server.port, None) as proxy:
        page = browser.new_page(1400, 1000)
        notebook = NotebookPage(page, server, port=proxy.port if megabits else None).open("panel.ipynb")
        notebook.run_all(seconds=240)
        panel = Panel(page).wait_ready()
        page.evaluate(_FOLLOW)
        proxy.megabits = megabits
        yield page, notebook, panel


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def lags(page: Page) -> list[float]:
    """Milliseconds from computed to drawn, of every frame so far."""
    return page.evaluate("__frames.filter((f) => f.computed).map((f) => f.drawn - f.computed)")


def stop_seconds(page: Page, panel: Panel) -> float:
    """From the click on Stop to the last, lossless picture."""
    before = page.evaluate("__frames.length")
    panel.button("Stop").click()
    lossless = "(n) => __frames.slice(n).some((frame) => frame.lossless)"
    panel.wait(lambda: page.evaluate(lossless, before), "the last picture", 30)
    drawn: float = page.evaluate("(n) => __frames.slice(n).find((f) => f.lossless).drawn - __stopped", before)
    return drawn / 1000


def _stops(page: Page, panel: Panel, times: int) -> list[float]:
    taken = []
    for _ in range(times):
        panel.run()
        count = panel.data()["count"]
        panel.wait(lambda count=count: panel.data()["count"] != count and panel.data()["count"] > 25, "25 steps", 60)
        taken.append(stop_seconds(page, panel))
        panel.wait_ready()
    return taken


def liveness() -> Iterator[Row]:
    """Lag and Stop, with an idle kernel and while another cell runs."""
    with panel_in_lab(LITE) as (page, notebook, panel):
        panel.run()
        panel.wait_steps(300, 120)
        lag = lags(page)
        rate = rate_of(page)
        slid = slides(page, notebook, panel)
        panel.button("Stop").click()
        panel.wait_ready()
        yield "displayed image behind the computed one, p95", f"{percentile(lag, 0.95):.0f} ms", "≤ 150 ms"
        yield "  median", f"{statistics.median(lag):.0f} ms", ""
        yield "displayed frames a second, block5c_add", f"{rate:.1f}", "≥ 24"
        yield (
            f"slider moved → first frame of the new unit, p95 of {SLIDES}",
            f"{percentile(slid, 0.95):.0f} ms",
            "≤ 150 ms",
        )
        yield "  median", f"{statistics.median(slid):.0f} ms", ""
        yield "Stop click → last frame, idle kernel, worst of 5", f"{max(_stops(page, panel, 5)):.2f} s", "≤ 0.4 s"
        notebook.run_code("import time\nexplorer.unit = 4\ntime.sleep(150)", wait=False)
        page.wait_for_timeout(1000)
        busy = max(_stops(page, panel, 5))
        yield "Stop click → last frame, another cell runs, worst of 5", f"{busy:.2f} s", "≤ 0.4 s"
        running = page.get_by_text("[*]:").is_visible()
        yield "  the other cell was running throughout", str(running), "True"


def slides(page: Page, notebook: NotebookPage, panel: Panel) -> list[float]:
    """Milliseconds from each move of the unit's slider to the first drawn frame of that unit, while a run goes on."""
    notebook.run_code(_AIMED)
    moves = []
    for number in range(SLIDES):
        moves.append(float(panel.unit.evaluate(_SLID, str(number % 2 + 5))))
        page.wait_for_timeout(700)
    page.wait_for_timeout(1500)
    aimed = json.loads(notebook.run_code("print(aimed)"))
    frames = page.evaluate("__frames.filter((f) => f.computed)")
    taken = []
    for move in moves:
        turn = next(time for time in aimed if time >= move)
        taken.append(next(frame["drawn"] for frame in frames if frame["computed"] >= turn) - move)
    return taken


def rate_of(page: Page) -> float:
    """Displayed frames a second."""
    drawn = page.evaluate("__frames.filter((f) => f.computed).map((f) => f.drawn)")
    return (len(drawn) - 1) * 1000 / (drawn[-1] - drawn[0])


def opening() -> Iterator[Row]:
    """From Run to the first drawn frame of layers that were never used, with and without a pause before."""
    with panel_in_lab(LITE) as (page, _, panel):
        page.evaluate(_RUN_CLICKED)
        page.wait_for_timeout(4000)  # what the panel opens on is compiled
        for layer, pause, wanted in (("block4b_add", 3000, "≤ 0.3 s"), ("block6b_add", 3000, "≤ 0.3 s"),
                                     ("block3b_add", 0, "≤ 1.65 s")):  # fmt: skip
            panel.choose(layer)
            page.wait_for_timeout(pause)
            before = page.evaluate("__frames.length")
            panel.run()
            panel.wait(lambda before=before: page.evaluate("__frames.length") > before, "the first frame")
            taken = page.evaluate("(n) => (__frames[n].drawn - window.__run) / 1000", before)
            yield f"Run → first frame, {layer} chosen {pause / 1000:g} s before", f"{taken:.2f} s", wanted
            panel.button("Stop").click()
            panel.wait_ready()


def slow_link() -> Iterator[Row]:
    """The same behind 5 Mbit/s."""
    with panel_in_lab(LITE, megabits=5) as (page, _, panel):
        panel.run()
        panel.wait_steps(300, 180)
        lag = lags(page)
        panel.button("Stop").click()
        panel.wait_ready()
        yield "5 Mbit/s: lag, p95", f"{percentile(lag, 0.95):.0f} ms", "≤ 400 ms"
        yield "5 Mbit/s: Stop click → last frame, worst of 5", f"{max(_stops(page, panel, 5)):.2f} s", "≤ 0.6 s"


_OFFER = """import dataclasses, threading, time
step = next(nv.ascend(net, nv.objectives.channel("conv", 0), recipe="tutorial13"))
explorer.panel.layout.live.begin()
def offer():
    for k in range(5000):
        while time.perf_counter() < begun + k / 1000: time.sleep(0)
        explorer.panel.layout.live.offer(dataclasses.replace(step, index=k))
    explorer.panel.layout.live.settle(step.image)
begun = time.perf_counter()
thread = threading.Thread(target=offer); thread.start(); thread.join()
print(5000 / (time.perf_counter() - begun))"""
_LOST = """(() => {
  const el = document.querySelector(".nbfeatviz-overlay");
  return Number(el.dataset.count);
})()"""


def numbers() -> Iterator[Row]:
    """Every step's numbers arrive."""
    with panel_in_lab(LITE.replace("100000", "500")) as (page, _, panel):
        panel.run()
        panel.wait(lambda: "finished" in panel.status, "500 steps", 180)
        page.wait_for_timeout(500)
        yield "numbers lost of 500 steps", str(500 - page.evaluate(_LOST)), "0"
    with panel_in_lab(TINY.format(size=8, steps=5000)) as (page, notebook, panel):
        notebook.run_code("import time\nticks = []\nexplorer.observe(lambda c: ticks.append(time.time()), 'state')")
        panel.run()
        panel.wait(lambda: "finished" in panel.status, "5000 steps", 120)
        page.wait_for_timeout(500)
        seconds = float(notebook.run_code("print(ticks[-1] - ticks[-2])"))
        yield "numbers lost of 5000 steps of a tiny network", str(5000 - page.evaluate(_LOST)), "0"
        yield "  its steps a second", f"{5000 / seconds:.0f}", ""
        rate = float(notebook.run_code(_OFFER))
        page.wait_for_timeout(500)
        yield "numbers lost of 5000 steps offered by a thread", str(5000 - page.evaluate(_LOST)), "0"
        yield "  steps a second", f"{rate:.0f}", "1000"


def cost() -> Iterator[Row]:
    """What the page costs the optimizer, in pairs in one kernel: headless, then with the panel."""
    headless = (
        "import time\n"
        "objective = nv.objectives.channel('block5c_add', 3, pre_activation=True)\n"
        "ascent = nv.ascend(net, objective, steps=110)\n"
        "times = []\n"
        "for step in ascent: times.append(time.perf_counter())\n"
        "print(100 / (times[-1] - times[9]))"
    )
    with panel_in_lab(LITE) as (page, notebook, panel):
        ratios, alone, shown = [], [], []
        for _ in range(5):
            alone.append(float(notebook.run_code(headless)))
            panel.run()
            panel.wait(lambda: 0 < panel.data()["count"] < 60, "a new run", 60)
            start = panel.wait(lambda: panel.data()["count"] >= 20 and (time.perf_counter(), panel.data()["count"]), "")
            panel.page.wait_for_timeout(4000)
            count = panel.data()["count"]
            shown.append((count - start[1]) / (time.perf_counter() - start[0]))
            panel.button("Stop").click()
            panel.wait_ready()
            ratios.append(shown[-1] / alone[-1])
        loss = 1 - statistics.median(ratios)
        yield "the page costs the optimizer, median of 5 pairs", f"{100 * loss:.0f} %", "≤ 25 %"
        rates = f"{statistics.median(alone):.1f}; {statistics.median(shown):.1f} steps/s"
        yield "  headless; with the panel", rates, ""


def memory() -> Iterator[Row]:
    """Browser memory over 2,000 displayed frames, kernel memory over 500 runs."""
    with panel_in_lab(TINY.format(size=224, steps=100000)) as (page, notebook, panel):
        panel.run()
        panel.wait(lambda: page.evaluate("__frames.length") >= 100, "100 frames", 120)
        before, first = browser_memory(page), page.evaluate("__frames.length")
        panel.wait(lambda: page.evaluate("__frames.length") >= first + 2000, "2,000 frames", 400)
        after = browser_memory(page)
        panel.button("Stop").click()
        panel.wait_ready()
        growth = (after["heap"] + after["blob_bytes"] - before["heap"] - before["blob_bytes"]) / 1e6
        yield "browser memory over 2,000 frames (heap and blobs)", f"{growth:+.1f} MB", "≤ 20 MB"
        yield (
            "  object URLs left; all renderers' RSS",
            f"{after['blobs'] - before['blobs']}; " + (f"{(after['rss'] - before['rss']) / 1e6:+.1f} MB"),
            "",
        )
    with panel_in_lab(TINY.format(size=224, steps=4)) as (_, notebook, panel):
        grown = notebook.run_code(
            "import gc, psutil\n"
            "def weigh():\n    gc.collect()\n    return psutil.Process().memory_info().rss / 1e6\n"
            "for _ in range(20): explorer.run(wait=True)\n"
            "before = weigh()\n"
            "for k in range(500):\n    explorer.unit = k % 4\n    explorer.run(wait=True)\n"
            "print(weigh() - before)",
            seconds=500,
        )
        yield "kernel RSS over 500 runs", f"{float(grown):+.1f} MB", "≤ 50 MB"


def tree() -> Iterator[Row]:
    """The panel with InceptionV3's tree."""
    source = 'import nbfeatviz as nv\nnet = nv.load("InceptionV3", weights=None)\nexplorer = nv.FeatureExplorer(net)'
    folder = Path(tempfile.mkdtemp(prefix="nbfeatviz-benchmark-"))
    write_notebook(folder / "tree.ipynb", source.rpartition("\n")[0])
    with JupyterServer("lab", folder) as server, Browser() as browser:
        page = browser.new_page(1400, 1000)
        notebook = NotebookPage(page, server).open("tree.ipynb")
        notebook.run_all(seconds=240)
        count = "import ipywidgets.widgets.widget as w\nprint(len(w._instances))"
        before = int(notebook.run_code(count))
        begun = time.perf_counter()
        notebook.run_code("explorer = nv.FeatureExplorer(net)\nexplorer", wait=False)
        page.locator("[role=treeitem]:visible").first.wait_for()
        visible = time.perf_counter() - begun
        yield "InceptionV3's tree visible after the network is built", f"{visible:.2f} s", "≤ 1 s"
        yield "widget models of a panel", str(int(notebook.run_code(count)) - before), "≤ 60"


FIGURES: dict[str, Callable[[], Iterator[Row]]] = {
    "opening": opening,
    "liveness": liveness,
    "slow-link": slow_link,
    "numbers": numbers,
    "cost": cost,
    "memory": memory,
    "tree": tree,
}


def print_rows(rows: Iterator[Row]) -> None:
    for figure, reached, wanted in rows:
        print(f"{figure:<58} {reached:>24}   {wanted}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.panel", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(FIGURES)}; all by default")
    names: Any = parser.parse_args(arguments).names or list(FIGURES)
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(FIGURES)}")
    print(f"{'figure':<58} {'reached':>24}   wanted")
    for name in names:
        print_rows(FIGURES[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
