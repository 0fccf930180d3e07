"""The page on weights in a real browser: pictures that are pressed, files that are given and taken."""

import re

import pytest
from playwright.sync_api import expect

from ssmviz.lessons.inside import SHIPPED
from ssmviz.weights import read

pytestmark = pytest.mark.browser


def opened(lab, **query):
    lab.open("/weights", **query)
    lab.page.locator(".ssmviz-lesson[data-state=ready]").wait_for()
    return lab.page


def test_pressing_a_layer_and_a_channel_looks_into_them(lab):
    page = opened(lab, weights_prompt="5 6 7", weights_more=2)
    facts = page.locator(".facts")
    expect(facts).to_contain_text("1 of 4")
    layers = page.locator(".view-layers canvas")
    layers.focus()
    layers.press("ArrowDown")
    expect(facts).to_contain_text("2 of 4")
    page.wait_for_url(re.compile("inside_layer=2"))
    page.locator(".view-delta canvas").click()
    expect(page.locator(".view-attention .note")).to_contain_text(re.compile(r"Layer 2, channel \d+, signs and all"))


def test_a_given_file_is_opened_and_saved_in_the_other_layout(lab, tmp_path):
    page = opened(lab)
    page.get_by_label("Model").click()
    page.get_by_text("A file of yours").click()
    page.locator("input[type=file]").set_input_files(SHIPPED)
    page.locator(".ssmviz-lesson[data-state=ready]").wait_for()
    with page.expect_download() as download:
        page.get_by_text("Save in the layout original").click()
    download.value.save_as(tmp_path / "saved")
    assert read(tmp_path / "saved").layout == "original"
    page.locator("input[type=file]").set_input_files(
        {"name": "model.bin", "mimeType": "application/octet-stream", "buffer": b"PK\x03\x04" * 9}
    )
    expect(page.get_by_test_id("stAlertContentError")).to_contain_text("zip archive")


def test_a_phone_shows_the_whole_page_without_scrolling_sideways(lab):
    lab.page.set_viewport_size({"width": 390, "height": 844})
    page = opened(lab)
    widths = page.evaluate(
        "() => [document.scrollingElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
    )
    assert max(widths) <= 390
