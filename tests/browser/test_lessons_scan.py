"""Two views and the scan under the hand: what is dragged, painted, pointed at and stepped through."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.stage import canvas, fact, value

pytestmark = pytest.mark.browser


def test_a_dragged_pole_changes_the_kernel_at_once_and_the_address_when_let_go(lesson):
    page = lesson.open("two_views").page
    canvas(lesson, "pole").scroll_into_view_if_needed()
    place = "e => { const [v] = e.parentNode.ssmvizStage.views.filter((v) => v.name === 'pole'); const [h] = v.options"
    place += ".handles(v.stage); return [v.place.x(h.x), v.place.y(h.y), v.place.x(0), v.place.y(0)]; }"
    x, y, x0, y0 = lesson.root.evaluate(place)
    box = canvas(lesson, "pole").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)
    page.mouse.down()
    page.mouse.move(box["x"] + x0 + 0.5 * (x - x0), box["y"] + y0 + 0.5 * (y - y0), steps=4)
    expect(canvas(lesson, "pole")).to_have_class(re.compile("holding"))
    assert value(lesson, "r") == pytest.approx(0.425, abs=0.02)
    assert "two_views_r" not in page.url
    page.mouse.up()
    page.wait_for_url(re.compile(r"two_views_r=0\.4"))
    expect(fact(lesson, "largest difference")).to_have_text(re.compile("e−1[5-7]|^0$"))


def test_a_painted_delta_is_selective_and_takes_the_kernel_away(lesson):
    page = lesson.open("two_views").page
    expect(fact(lesson, "kernels that the outputs need")).to_have_text("1 for 24")
    box = canvas(lesson, "delta").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("two_views_selective=1"))
    expect(fact(lesson, "kernels that the outputs need")).not_to_have_text("1 for 24")
    expect(canvas(lesson, "slide")).to_have_attribute("aria-label", re.compile("There is no convolution"))


def test_pointing_at_an_output_with_arrow_keys_writes_its_terms(lesson):
    lesson.open("two_views")
    canvas(lesson, "march").focus()
    canvas(lesson, "march").press("Home")
    expect(fact(lesson, "output 0")).to_have_text("y₀ = 0.00")
    for _ in range(3):
        canvas(lesson, "march").press("ArrowRight")
    expect(fact(lesson, "output 3")).to_have_text("y₃ = 1.00")
    expect(canvas(lesson, "terms")).to_have_attribute("aria-label", re.compile("1.00 from 0 tokens ago; sum 1.00"))


def test_the_tree_is_stepped_through_by_button_and_key(lesson):
    page = lesson.open("scan", "?scan_level=0").page
    label = canvas(lesson, "tree")
    expect(label).to_have_attribute("aria-label", re.compile("Level 0 of 3"))
    lesson.root.locator("[data-action=next]").click()
    page.wait_for_url(re.compile("scan_level=1"))
    expect(lesson.root.get_by_text("every position joins the one 1 before it. 7 joins at once")).to_be_visible()
    label.focus()
    label.press("ArrowDown")
    label.press("ArrowDown")
    expect(label).to_have_attribute("aria-label", re.compile("Level 3 of 3"))
    expect(lesson.root.get_by_text("every b is now h")).to_be_visible()


def test_one_of_four_ways_is_chosen_with_a_finger_and_its_bytes_are_counted(phone):
    phone.open("scan")
    expect(fact(phone, "moved forward")).to_have_text("6.65\u202fGB")
    canvas(phone, "totals").scroll_into_view_if_needed()
    canvas(phone, "totals").tap(position={"x": 100, "y": 175})
    expect(fact(phone, "moved forward")).to_have_text("0.20\u202fGB")
    phone.page.wait_for_url(re.compile("scan_fused=1&scan_recompute=1"))
