"""The sweep page as people use it: a real browser, a real server, real training."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE, Lab

pytestmark = pytest.mark.browser

# four places, the third of which is impossible; whole trainings in a second or two
GRID = {
    "sweep_rows": "Width d",
    "sweep_of_d": "4, 8",
    "sweep_columns": "States N",
    "sweep_of_N": "2, 300",
    "sweep_seeds": 2,
    "sweep_steps": 40,
    "sweep_eval": 20,
    "sweep_batch": 8,
}
WAIT = 1000 * PATIENCE


def root(page: Page) -> Locator:
    return page.locator(".ssmviz-sweep")


def done(page: Page) -> None:
    expect(root(page)).to_have_attribute("data-state", "done", timeout=2 * WAIT)


def begin(lab: Lab, **changes: object) -> Page:
    page = lab.open("/sweep", **(GRID | changes)).page
    expect(page.get_by_role("textbox", name="States N")).to_have_value(str((GRID | changes)["sweep_of_N"]))
    page.get_by_test_id("stBaseButton-primary").click()
    page.wait_for_url(lambda url: "sweep=" in url)
    return page


def test_a_grid_fills_live_opens_its_runs_is_the_same_in_another_tab_and_can_be_deleted(lab, second):
    page = begin(lab)
    done(page)
    expect(root(page).get_by_role("status")).to_have_text("Done: 4 of 4 runs have ended.")
    picture = root(page).locator("canvas")
    expect(picture).to_have_attribute("aria-label", re.compile(r"Width d 4, States N 2: \d+\.\d % \(mean of 2\)"))

    picture.focus()  # the keyboard points, too
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(root(page).locator(".sweep-place")).to_contain_text("less than or equal to 256")

    with page.expect_download() as download:
        root(page).locator(".menu summary").click()
        root(page).get_by_role("button", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 5
    assert lines[1].startswith("4,2,0,done,40,40,")

    second.page.goto(page.url)
    done(second.page)
    assert root(second.page).get_attribute("data-sweep") == root(page).get_attribute("data-sweep")

    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.click(box["x"] + 90, box["y"] + 40)
    page.wait_for_url(re.compile(r"/lab\?run="))
    lab.wait("state", re.compile("settled|replay"))
    page.go_back()
    done(page)

    root(page).locator("[data-action=delete]").click()
    root(page).locator("[data-action=delete_yes]").click()
    expect(root(page)).to_have_count(0, timeout=WAIT)
    page.wait_for_url(lambda url: "sweep=" not in url)


def test_a_sweep_is_paused_goes_on_and_is_stopped(lab):
    page = begin(lab, sweep_steps=20_000, sweep_of_N="2, 4")
    expect(root(page)).to_have_attribute("data-working", re.compile("[12]"), timeout=WAIT)
    root(page).locator("[data-action=pause]").click()
    expect(root(page)).to_have_attribute("data-state", "paused", timeout=WAIT)
    root(page).locator("[data-action=resume]").click()
    expect(root(page)).to_have_attribute("data-state", "running", timeout=WAIT)
    root(page).locator("[data-action=stop]").click()
    expect(root(page)).to_have_attribute("data-settled", "true", timeout=WAIT)
    expect(root(page)).to_have_attribute("data-state", "stopped")
    root(page).locator("[data-action=delete]").click()
    root(page).locator("[data-action=delete_yes]").click()
    expect(root(page)).to_have_count(0, timeout=WAIT)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_the_page_fits_and_nothing_scrolls_sideways(lab, width, scheme):
    lab.page.set_viewport_size({"width": width, "height": 844})
    lab.page.emulate_media(color_scheme=scheme)
    page = lab.open("/sweep").page
    expect(page.get_by_role("heading", name="Three things to try")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
