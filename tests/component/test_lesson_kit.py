"""The drawing kit of the lessons, on a sample lesson: controls, drags, painting, keyboard, touch, themes, words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ssmviz.lessons.controls import Choice, Number, Numbers, Switch, specification, values
from tests.component.harness import DARK, LIGHT, ORIGIN, TYPES

pytestmark = pytest.mark.browser
ASSETS = Path(__file__).parents[2] / "assets"
SAMPLE = Path(__file__).with_name("sample_lesson.js")
CONTROLS = (
    Number("rate", "Rate", 0.3, 0.0, 2.0, 0.01, symbol="A"),
    Number("speed", "Speed", 1.0, -2.0, 2.0, 0.01, hidden=True),
    Number("size", "Size", 10, 1, 1000, log=True, more=True),
    Choice("rule", "Rule", "zoh", (("zoh", "hold"), ("euler", "Euler"))),
    Switch("clock", "Mamba clock", default=False),
    Numbers("delta", "Step", (0.5,) * 8, 0.0, 1.0),
    Numbers("entries", "Entries", (0.0, 1.0, -1.0, -0.5), -2.0, 2.0),
)
PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>kit</title><body style="margin:12px"><div id="theme"><div id="host"></div></div>
<script type="module">
  const root = document.getElementById("host").attachShadow({ mode: "open" });
  const sheets = ["canvas/canvas.css", "lessons/lesson.css"].map((name) => {
    const style = document.createElement("link");
    Object.assign(style, { rel: "stylesheet", href: "/assets/" + name });
    root.append(style);
    return new Promise((done) => { style.onload = done; });
  });
  const { default: mount } = await import("/assets/lessons/stage.js");
  await Promise.all(sheets);
  window.told = [];
  window.mountLesson = (data) =>
    mount({ data, parentElement: root, setTriggerValue: (name, value) => window.told.push(JSON.parse(value).values) });
  window.isReady = true;
</script>"""


class Kit:
    """The sample lesson on a page of its own."""

    def __init__(self, page: Page, *, theme: dict[str, str] = LIGHT) -> None:
        self.page = page
        self.errors: list[str] = []
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        page.route("**/*", _answer)
        page.goto(ORIGIN + "/")
        page.wait_for_function("window.isReady")
        for name, colour in theme.items():
            page.evaluate(
                "([n, c]) => document.getElementById('theme').style.setProperty(n, c)", [f"--st-{name}-color", colour]
            )
        page.evaluate("c => { document.body.style.background = c; }", theme["background"])
        self.mount()

    def mount(self, serial: int = 0, **change: Any) -> None:
        now = values(CONTROLS, {}, page="sample")[0] | change
        data = {"lesson": "sample", "controls": specification(CONTROLS), "values": json.dumps(now), "extra": "{}"}
        data["serial"] = serial
        self.page.evaluate("data => window.mountLesson(data)", data)
        self.page.locator(".ssmviz-lesson[data-state=ready], .ssmviz-lesson[data-state=playing]").wait_for()

    @property
    def told(self) -> dict[str, Any]:
        """The values that were reported last."""
        return self.page.evaluate("window.told.at(-1) ?? null")

    def canvas(self, name: str):
        return self.page.locator(f".view-{name} canvas")

    def at(self, name: str, x: float, y: float) -> tuple[float, float]:
        """A point of a canvas, by shares of its width and height."""
        box = self.canvas(name).bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def spot(self, name: str, x: float, y: float) -> tuple[float, float]:
        """A place of a plot, on the page."""
        script = """(e, [name, x, y]) => {
          const { place } = e.parentNode.ssmvizStage.views.find((view) => view.name === name);
          return [place.x(x), place.y(y)];
        }"""
        left, top = self.page.locator(".ssmviz-lesson").evaluate(script, [name, x, y])
        box = self.canvas(name).bounding_box()
        return box["x"] + left, box["y"] + top

    def drag(self, name: str, *points: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(name, *points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(name, *point), steps=8)
        self.page.mouse.up()

    def fact(self, words: str) -> str:
        return self.page.locator(".facts div", has_text=words).locator("dd").inner_text()


def _answer(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path == "/":
        route.fulfill(body=PAGE, content_type="text/html")
        return
    file = SAMPLE if path.endswith("/sample.js") else ASSETS / path.removeprefix("/assets/")
    route.fulfill(body=file.read_text(), content_type=TYPES[file.suffix])


@pytest.fixture
def kit(still: Page) -> Iterator[Kit]:
    kit = Kit(still)
    yield kit
    assert kit.errors == []


def test_a_slider_redraws_while_it_moves_and_reports_when_let_go(kit):
    slider = kit.page.locator("[data-control=rate]")
    slider.focus()
    slider.press("ArrowRight")
    kit.page.wait_for_function("window.told.length === 1")
    assert kit.told["rate"] == pytest.approx(0.31)
    assert kit.fact("rate") == "0.31"


def test_a_handle_follows_the_mouse_and_is_reported_once_when_let_go(kit):
    mouse, start, end = kit.page.mouse, kit.spot("plane", 0.3, 1.0), kit.spot("plane", 1.2, -0.5)
    mouse.move(*start)
    mouse.down()
    mouse.move(*end, steps=5)
    expect(kit.page.locator(".facts div", has_text="rate").locator("dd")).to_have_text(re.compile(r"1\.[12]\d"))
    assert kit.told is None
    mouse.up()
    kit.page.wait_for_function("window.told.length === 1")
    assert (kit.told["rate"], kit.told["speed"]) == pytest.approx((1.2, -0.5), abs=0.05)


def test_a_handle_is_moved_with_the_arrow_keys(kit):
    kit.canvas("plane").focus()
    kit.canvas("plane").press("ArrowRight")
    kit.page.wait_for_function("window.told.length === 1")
    assert kit.told["rate"] == pytest.approx(0.4)


def test_a_stroke_of_the_pointer_paints_every_bar_it_crosses(kit):
    kit.drag("paint", (0.2, 0.1), (0.9, 0.1))
    kit.page.wait_for_function("window.told.length === 1")
    painted = kit.told["delta"]
    assert sum(value > 0.9 for value in painted) >= 5
    assert painted[0] == 0.5


def test_bars_are_painted_from_the_keyboard(kit):
    bars = kit.canvas("paint")
    bars.focus()
    for key in ("Home", "ArrowRight", "ArrowUp", "ArrowUp"):
        bars.press(key)
    kit.page.wait_for_function("window.told.length >= 1")
    assert kit.told["delta"][1] == pytest.approx(0.6, abs=0.02)
    assert kit.told["delta"][0] == 0.5


def test_an_entry_of_a_matrix_is_dragged_up_and_down(kit):
    kit.drag("matrix", (0.1, 0.25), (0.1, 0.05))
    kit.page.wait_for_function("window.told.length === 1")
    assert kit.told["entries"][0] > 0.1
    assert kit.told["entries"][1:] == [1.0, -1.0, -0.5]


def test_a_token_is_pressed_and_the_cursor_is_shared(kit):
    kit.page.mouse.click(*kit.at("tokens", 0.9, 0.3))
    kit.page.wait_for_function("window.told.length === 1")
    assert kit.told["delta"][-1] == 1
    assert kit.page.locator(".ssmviz-lesson").get_attribute("data-cursor") == "7"


def test_values_from_the_server_are_drawn_and_not_reported_back(kit):
    kit.mount(rate=1.5)
    kit.page.locator(".facts dd", has_text="1.50").wait_for()
    assert kit.page.locator("[data-control=rate]").input_value() == "1.5"
    assert kit.told is None


def test_a_late_answer_does_not_undo_what_was_done_since(kit):
    slider = kit.page.locator("[data-control=rate]")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    kit.page.wait_for_function("window.told.length === 2")
    kit.mount(serial=1, rate=0.31)
    assert slider.input_value() == "0.32"
    kit.mount(serial=2, rate=0.32)
    kit.mount(serial=2, rate=1.0)  # a link
    kit.page.locator(".facts dd", has_text="1.00").wait_for()


def test_switch_choice_and_reset_report_what_they_set(kit):
    kit.page.locator(".switch").click()
    kit.page.get_by_text("Euler").click()
    kit.page.wait_for_function("window.told.length === 2")
    assert (kit.told["clock"], kit.told["rule"]) == (True, "euler")
    kit.page.locator("[data-action=reset]").click()
    kit.page.wait_for_function("window.told.length === 3")
    assert (kit.told["clock"], kit.told["rule"]) == (False, "zoh")


def test_every_picture_has_words_from_its_data_and_saves_a_table(kit):
    kit.page.wait_for_function(
        """() => [...document.getElementById("host").shadowRoot.querySelectorAll("canvas")]
          .every((canvas) => canvas.getAttribute("aria-label")?.length > 20)"""
    )
    for name in ("wave", "tokens", "paint", "heat", "matrix"):
        kit.page.locator(f".view-{name} .menu summary").click()
        with kit.page.expect_download() as download:
            kit.page.locator(f".view-{name} .menu button", has_text="CSV").click()
        assert download.value.suggested_filename == f"ssmviz-{name}-sample.csv"
        assert len(Path(download.value.path()).read_text().splitlines()) >= 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_the_kit_stays_within_its_width(still: Page, theme, width, tmp_path):
    still.set_viewport_size({"width": width, "height": 900})
    kit = Kit(still, theme=theme)
    still.locator(".more summary").click()
    overflow = still.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0
    still.screenshot(path=tmp_path / "kit.png", full_page=True)
    assert kit.errors == []


def test_a_finger_paints_and_the_page_does_not_scroll(browser: Browser):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    kit = Kit(page)
    client = context.new_cdp_session(page)
    kit.canvas("paint").scroll_into_view_if_needed()
    x0, y = kit.at("paint", 0.3, 0.15)
    x1, _ = kit.at("paint", 0.8, 0.15)
    scroll = page.evaluate("window.scrollY")

    def touch(kind: str, x: float) -> None:
        points: list[dict[str, Callable | float]] = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x0)
    for i in range(1, 9):
        touch("touchMove", x0 + (x1 - x0) * i / 8)
    touch("touchEnd", x1)
    page.wait_for_function("window.told.length >= 1")
    assert sum(value > 0.8 for value in kit.told["delta"]) >= 3
    assert page.evaluate("window.scrollY") == scroll
    context.close()
