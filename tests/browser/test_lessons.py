"""Every lesson in a real browser: it opens on a picture with words, in both themes, and fits a phone."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from ssmviz.widgets import pages
from tests.browser.conftest import App, Lab, Lesson

pytestmark = pytest.mark.browser
NAMES = [*pages.LESSONS, ""]  # the last: the page where people arrive


@pytest.mark.parametrize("name", NAMES, ids=lambda n: n or "home")
def test_a_lesson_opens_with_words_for_every_picture_and_fits_a_phone(lesson, name):
    page = lesson.page
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    lesson.open(name)
    expect(lesson.root).to_have_attribute("data-theme", "dark")
    expect(lesson.root.locator(".said")).not_to_be_empty()
    canvases = lesson.root.locator("canvas")
    assert canvases.count() >= 2
    for i in range(canvases.count()):
        expect(canvases.nth(i)).to_have_attribute("aria-label", re.compile(".{25,}", re.DOTALL))
    widths = page.evaluate(
        "() => [document.scrollingElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(widths) <= 390
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("name", list(pages.LESSONS))
def test_a_control_moved_from_the_keyboard_is_in_the_address_and_a_training_is_shown_while_it_runs(
    page: Page, app: App, name
):
    lab = Lab(page, app)
    page.emulate_media(reduced_motion="reduce")
    lab.open(f"/{name}", **{f"train_{name}_steps": 30, f"train_{name}_eval": 10, f"train_{name}_batch": 4})
    lesson = Lesson(page, app).stands()
    move(lesson.root.locator(".deck [data-control]").first)
    page.wait_for_url(re.compile(rf"[?&]{name}_\w+="))
    page.get_by_test_id("stBaseButton-primary").scroll_into_view_if_needed()
    lab.root.wait_for()
    lab.train()
    lab.wait_more("draws", 2)
    lab.wait("newest", 30)
    expect(page.get_by_text("Measured here")).to_be_visible()
    assert lab.errors == []
    assert lab.abroad == []


def move(control: Locator) -> None:
    """Change a control, a slider or switch by keyboard."""
    if control.evaluate("e => e.tagName") == "INPUT":
        control.focus()
        control.press("ArrowLeft" if control.get_attribute("type") == "range" else "Space")
    else:
        control.locator("label:has(input:not(:checked))").first.click()
