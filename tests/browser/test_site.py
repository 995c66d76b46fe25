"""A catalogue's site in a browser, opened from a disk while every request to a network is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import nbfeatviz as nv
from nbfeatviz.networks.zoo import mnist
from tests.browser.harness import Browser

EVIL = "</script><img src=x onerror=document.title='caught'>"
NAMES = [EVIL, "espresso", *"23456789"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site with photographs and a class of an evil name, in a folder with signs that addresses escape."""
    root = tmp_path_factory.mktemp("site")
    net = nv.load(mnist.load_model(), class_names=NAMES, input_range=(0, 1), head="softmax")
    options = {"steps": 2, "workers": 1, "progress": False}
    cat = nv.catalogue.build(net, root / "c", layers=["conv1", "conv2", "conv3", "logits"], units="0-15", **options)
    return cat.export(root / "s i#te", photos=True)


@pytest.fixture
def opened(browser: Browser, site: Path) -> Iterator[Page]:
    """The map; at the end nothing was asked of a network, and nothing went wrong on the page."""
    page = browser.new_page(1200, 900)
    asked: list[str] = []

    def refuse(route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(re.compile("^(?!file:|data:)"), refuse)
    page.goto(site.as_uri())
    yield page
    assert asked == []
    assert browser.errors(page) == []
    page.close()


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def address(page: Page) -> str:
    return page.evaluate("location.hash")


def test_the_map_has_a_strip_a_layer_in_the_order_of_the_network(opened: Page) -> None:
    expect(opened.get_by_role("heading", level=2)).to_have_text(["conv1", "conv2", "conv3", "logits"])
    strip = opened.get_by_role("group", name="pictures of conv2")
    expect(strip.get_by_role("link")).to_have_count(16)
    link = strip.get_by_role("link", name="unit 3 of layer conv2")
    assert link.locator("img").get_attribute("alt") == "unit 3 of layer conv2"
    opened.wait_for_timeout(300)
    assert link.locator("img").evaluate("(image) => image.naturalWidth") == 28


def test_a_link_an_address_back_and_forward(opened: Page, site: Path) -> None:
    opened.get_by_role("link", name="unit 3 of layer conv2").click()
    heading(opened, "Unit 3")
    assert address(opened) == "#conv2/3" and opened.title().startswith("Unit 3 · conv2")
    opened.get_by_role("link", name="next →").click()
    heading(opened, "Unit 4")
    opened.go_back()
    heading(opened, "Unit 3")
    opened.go_back()
    expect(opened.get_by_role("heading", level=2).first).to_have_text("conv1")
    opened.go_forward()
    heading(opened, "Unit 3")
    opened.goto("about:blank")
    opened.goto(f"{site.as_uri()}#conv2/3")
    heading(opened, "Unit 3")
    opened.evaluate("location.hash = '#conv2/'")
    heading(opened, "conv2")
    for wrong in ("#conv2/99", "#nowhere/3", "#%E0%A4%A", "#conv2/3/4"):
        opened.evaluate("(hash) => { location.hash = hash }", wrong)
        heading(opened, "Not here")


def test_the_page_of_a_unit_says_what_is_known(opened: Page) -> None:
    opened.evaluate("location.hash = '#logits/1'")
    heading(opened, "espresso")
    text = opened.locator("main").inner_text()
    for word in ("unit 1 of layer logits", "status", "score", "sparsity", "recipe", "default", "28 × 28", "hash"):
        assert word in text, word
    assert "objectives.channel('logits', 1)" in opened.get_by_label("Python that makes it again").inner_text()
    chart = opened.get_by_role("img", name=re.compile("^Histogram of activations. On 84 views"))
    assert chart.locator("rect").count() == 48
    alike = opened.get_by_role("heading", name="Units like it").locator("..").get_by_role("link")
    assert alike.count() == 12
    name = alike.first.get_attribute("aria-label")
    alike.first.click()
    unit, layer = re.search(r"unit (\d+) of layer (\w+)", name).groups()
    expect(opened.get_by_role("heading", level=1)).to_be_focused()
    assert address(opened) == f"#{layer}/{unit}"


def test_patches_are_cut_out_of_shared_photographs(opened: Page) -> None:
    opened.evaluate("location.hash = '#conv2/5'")
    view = opened.locator(".patches .view").first
    cut = "(view) => { const [a, b] = [view, view.firstChild].map((one) => one.getBoundingClientRect());" \
        " return [(a.left - b.left) / b.width, (a.top - b.top) / b.height, a.width / b.width, a.height / b.height]"\
        ".map((part) => part * 28); }"  # fmt: skip
    left, top, width, height = view.evaluate(cut)
    box = opened.evaluate("window.nbfeatvizLayers[1][5].strongest[0][2]")
    assert [top, left, top + height, left + width] == pytest.approx(box, abs=0.1)
    button = opened.get_by_role("button", name="Show whole photographs")
    button.click()
    assert view.evaluate(cut) == pytest.approx([0, 0, 28, 28], abs=0.1)
    assert button.get_attribute("aria-pressed") == "true"
    alt = view.locator("img").get_attribute("alt")
    assert alt.startswith("photograph 1 of those that excite unit 5 of layer conv2 most: ")


def test_search_finds_classes_layers_and_units(opened: Page) -> None:
    opened.keyboard.press("/")
    box = opened.get_by_role("searchbox")
    expect(box).to_be_focused()
    opened.keyboard.type("espr")
    heading(opened, "Search: espr")
    expect(opened.get_by_role("status")).to_have_text("1 unit")
    expect(opened.get_by_role("link", name="espresso, unit 1 of layer logits")).to_be_visible()
    box.fill("conv2 3")
    expect(opened.get_by_role("link", name="unit 3 of layer conv2")).to_be_visible()
    box.fill("conv")
    expect(opened.get_by_role("status")).to_have_text("3 layers")
    box.fill("zebra")
    expect(opened.get_by_role("status")).to_contain_text("Nothing fits")
    opened.keyboard.press("Escape")
    assert address(opened) == "" and box.input_value() == ""
    opened.evaluate("location.hash = '#?espresso'")
    heading(opened, "Search: espresso")


def test_everything_by_the_keyboard(opened: Page) -> None:
    for _ in range(4):
        opened.keyboard.press("Tab")
    focused = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
    assert opened.evaluate(focused) == "unit 0 of layer conv1"
    ring = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    )
    assert opened.evaluate(ring) == "solid2px"
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        opened.keyboard.press(key)
    assert opened.evaluate(focused) == "unit 2 of layer conv2"
    opened.keyboard.press("End")
    assert opened.evaluate(focused) == "unit 15 of layer conv2"
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("Enter")
    heading(opened, "Unit 14")
    opened.keyboard.press("ArrowRight")
    heading(opened, "Unit 15")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("ArrowLeft")
    opened.keyboard.press("ArrowLeft")
    heading(opened, "Unit 13")
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("link", name="unit 14 of layer conv2")).to_be_focused()
    opened.keyboard.press("Tab")
    assert opened.evaluate(focused) == "conv3", "a strip is one stop"
    opened.evaluate("location.hash = '#conv1/'")
    heading(opened, "conv1")
    tiles = opened.get_by_role("group", name="units of conv1").get_by_role("link")
    opened.get_by_label("Sort by").select_option("score")
    expect(tiles.first.locator(".caption")).to_contain_text(re.compile(r"\d\n?.*\d"))
    units = opened.evaluate("window.nbfeatvizLayers[0]")
    scores = sorted(units, key=lambda unit: -units[unit]["seeds"][0][2])
    assert tiles.evaluate_all("(all) => all.map((one) => one.dataset.unit)") == scores
    tiles.first.focus()
    opened.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    assert tiles.evaluate_all("(all) => all.filter((one) => one.tabIndex === 0).length") == 1


def test_what_is_not_finished_is_an_empty_place(opened: Page) -> None:
    opened.evaluate("location.hash = '#conv3/40'")
    heading(opened, "Unit 40")
    expect(opened.locator(".picture")).to_have_text("not yet")
    expect(opened.locator("main")).to_contain_text("nobody has computed its picture")
    assert opened.locator("main img").count() == 0


def test_an_evil_name_is_text(opened: Page) -> None:
    opened.evaluate("location.hash = '#logits/0'")
    heading(opened, EVIL)
    assert opened.locator("img[onerror], img[src=x]").count() == 0
    opened.evaluate("location.hash = '#?onerror'")
    expect(opened.get_by_role("group", name="units found").get_by_role("link")).to_have_count(1)
    opened.wait_for_timeout(100)
    assert opened.title() != "caught"


def test_light_and_dark_and_every_width(opened: Page) -> None:
    bright = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    ink = "getComputedStyle(document.body).color.match(/\\d+/g).slice(0, 3).map(Number)"
    opened.emulate_media(color_scheme="light")
    assert min(opened.evaluate(bright)) > 230 and max(opened.evaluate(ink)) < 60
    opened.emulate_media(color_scheme="dark")
    assert max(opened.evaluate(bright)) < 40 and min(opened.evaluate(ink)) > 200
    for width in (360, 720, 1200, 2000):
        opened.set_viewport_size({"width": width, "height": 800})
        for place in ("#", "#conv2/", "#conv2/3", "#?conv2 3"):
            opened.evaluate("(hash) => { location.hash = hash }", place)
            opened.wait_for_timeout(60)
            assert opened.evaluate("document.documentElement.scrollWidth") == width, (place, width)
