"""You are the gate, under the hand: painted by mouse, finger and keyboard, the score follows at once."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Lesson
from tests.browser.stage import STAGE, canvas, value

pytestmark = pytest.mark.browser
COLUMNS = 28  # 24 tokens and 4 questions
GUTTER, RIGHT = 44, 8  # px beside the bars


def score(lesson: Lesson) -> float:
    return lesson.root.evaluate(f"e => {STAGE}.derived.outcome.token")


def place(lesson: Lesson, token: int, height: float) -> tuple[float, float]:
    """Of a token's bar, on the page."""
    canvas(lesson, "delta").scroll_into_view_if_needed()
    box = canvas(lesson, "delta").bounding_box()
    wide = (box["width"] - GUTTER - RIGHT) / COLUMNS
    return box["x"] + GUTTER + (token + 0.5) * wide, box["y"] + height * box["height"]


def paint(lesson: Lesson, token: int, to: float) -> None:
    mouse = lesson.page.mouse
    mouse.move(*place(lesson, token, 0.5))
    mouse.down()
    mouse.move(*place(lesson, token, to), steps=5)


@pytest.mark.parametrize("name", ["selection", ""], ids=["lesson", "home"])
def test_noise_dragged_down_takes_the_score_to_100_percent_before_the_mouse_is_up(lesson, name):
    page = lesson.open(name).page
    assert score(lesson) < 0.45
    paint(lesson, 20, 0.99)
    expect(canvas(lesson, "delta")).to_have_class(re.compile("holding"))
    assert score(lesson) == 1
    assert "_delta=" not in page.url
    page.mouse.up()
    page.wait_for_url(re.compile(f"{name or 'gate'}_delta=0~0~0.5~"))
    expect(lesson.root.locator(".said")).to_have_text(re.compile("^100"))


def test_a_stroke_may_paint_one_token_or_all(lesson):
    lesson.open("selection", "?selection_brush=place")
    paint(lesson, 20, 0.99)
    lesson.page.mouse.up()
    assert value(lesson, "delta") == [0.5] * 20 + [0] + [0.5] * 3
    lesson.root.get_by_text("all tokens", exact=True).click()
    paint(lesson, 5, 0.99)
    lesson.page.mouse.up()
    assert value(lesson, "delta") == [0] * 24
    assert score(lesson) == 0


def test_a_gate_is_painted_from_the_keyboard(lesson):
    lesson.open("selection")
    bars = canvas(lesson, "delta")
    bars.focus()
    bars.press("Home")
    for _ in range(20):
        bars.press("ArrowDown")
    assert score(lesson) == 1
    lesson.page.wait_for_url(re.compile("selection_delta=0~0~0.5~"))


def test_a_gate_is_painted_with_a_finger_on_a_phone(phone):
    phone.open("selection")
    canvas(phone, "delta").scroll_into_view_if_needed()
    phone.page.touchscreen.tap(*place(phone, 20, 0.99))
    phone.page.wait_for_url(re.compile("selection_delta=0~0~0.5~"))
    assert score(phone) == 1


def test_the_mamba_clock_gives_noise_no_width(lesson):
    delta = "~".join("0.5" if t in (2, 7, 14, 16) else "0" for t in range(24))
    lesson.open("selection", f"?selection_clock=1&selection_delta={delta}")
    widths = f"e => {STAGE}.scene.widths({STAGE})"
    w = lesson.root.evaluate(widths)
    assert w[2] > 20 * w[3]
    assert w[2] == w[24]


def test_a_letter_clicked_is_swapped_and_only_the_state_moves(lesson):
    lesson.open("selection")
    strip = canvas(lesson, "strip")
    strip.focus()
    for _ in range(3):
        strip.press("ArrowRight")
    strip.press("Enter")
    lesson.page.wait_for_url(re.compile("selection_swap=2"))
    x, delta, A_bar, B_bar, h = lesson.root.evaluate(f"e => {STAGE}.derived.moved.map((row) => Array.from(row))")
    assert [t for t, moved in enumerate(x) if moved] == [2]
    assert max(delta + A_bar + B_bar) == 0
    assert max(h[:2]) == 0
    assert min(h[2:]) > 0


def test_a_cell_of_the_table_of_choosers_sets_the_switches(lesson):
    lesson.open("selection")
    table = canvas(lesson, "choosers")
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    table.click(position={"x": 34 + (box["width"] - 42) * 0.3, "y": box["height"] * 0.45})
    lesson.page.wait_for_url(re.compile("selection_story=junk"))
    assert value(lesson, "B")
    assert score(lesson) == pytest.approx(0.45, abs=0.01)
