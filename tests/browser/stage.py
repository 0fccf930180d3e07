"""What tests do with the stage of a lesson: find pictures and places, drag, read values and facts."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator

from tests.browser.conftest import Lesson

STAGE = "e.parentNode.ssmvizStage"


def canvas(lesson: Lesson, view: str) -> Locator:
    """The picture of a view."""
    return lesson.root.locator(f".view-{view} canvas")


def fact(lesson: Lesson, words: str) -> Locator:
    """The number that stands beside these words."""
    return lesson.root.locator(".facts div", has_text=words).locator("dd")


def value(lesson: Lesson, name: str) -> Any:
    """Of a control."""
    return lesson.root.evaluate(f"(e, name) => {STAGE}.values[name]", name)


def spot(lesson: Lesson, view: str, x: float, y: float) -> tuple[float, float]:
    """Pixels of a place in a plot, on the page."""
    seen = f"""([e, view]) => {{
      const shown = {STAGE}.views.find(({{ name }}) => name === view);
      shown.canvas.scrollIntoView({{ block: "center" }});
      return shown.place !== undefined; // a picture out of sight is drawn when it comes into sight
    }}"""
    lesson.page.wait_for_function(seen, arg=[lesson.root.element_handle(), view])
    script = f"""(e, [view, x, y]) => {{
      const shown = {STAGE}.views.find(({{ name }}) => name === view);
      const box = shown.canvas.getBoundingClientRect();
      return [box.left + shown.place.x(x), box.top + shown.place.y(y)];
    }}"""
    left, top = lesson.root.evaluate(script, [view, x, y])
    return left, top


def drag(lesson: Lesson, start: tuple[float, float], end: tuple[float, float]) -> None:
    """With the mouse, from one place to another."""
    mouse = lesson.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(*end, steps=5)
    mouse.up()
