"""Looking at a run: every view follows one step, one token, one channel; the past needs no server."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.component.harness import DARK, Harness
from tests.component.synthetic import Twins

pytestmark = pytest.mark.browser

SEQUENCE_VIEWS = ("tokens", "delta", "delta-channels", "kept", "written", "read", "state", "states")


def canvas(harness: Harness, view: str, run: int = 0):
    return harness.page.locator(f'.twin[data-run="{run}"] .view-{view} canvas')


def test_recording_replays_by_itself_and_rests_on_its_last_frame(page: Page) -> None:
    page.clock.install()
    harness = Harness(page, Twins(L=16, n_data=2, vocab=6, D=4, N=2, frames=5, steps=40))
    harness.open()
    harness.wait("state", "replay")
    page.clock.run_for(3000)
    assert 0 < int(harness.counter("step")) < 40
    page.clock.run_for(4000)
    harness.wait("state", "settled")
    assert (harness.counter("step"), harness.errors) == ("40", [])


def test_without_motion_the_last_frame_is_shown_at_once(recording: Harness) -> None:
    assert recording.counter("state") == "settled"
    expect(recording.page.locator(".status-line")).to_contain_text("Recorded run · step 100 of 100")


def test_scrubbing_asks_the_server_for_nothing(recording: Harness) -> None:
    asked = list(recording.requests)
    scrubber = recording.page.locator("[data-role=scrubber]")
    for index in (0, 5, 3, 10):
        scrubber.fill(str(index))
        recording.wait("step", 10 * index)
    assert recording.requests == asked
    assert recording.sockets == []


def test_scores_belong_to_the_step_shown(recording: Harness) -> None:
    first = recording.page.locator(".card strong").first
    expect(first).to_have_text(f"{100 * recording.twins.skill('s6', 100):.1f} %")
    recording.page.locator("[data-role=scrubber]").fill("4")
    expect(first).to_have_text(f"{100 * recording.twins.skill('s6', 40):.1f} %")


def test_finished_run_costs_nothing(recording: Harness) -> None:
    recording.page.wait_for_timeout(400)  # texts for screen readers follow the last redraw
    before = recording.counter("draws")
    recording.page.evaluate(
        "window.asked = []; window.requestAnimationFrame = () => { window.asked.push(new Error().stack); }"
    )
    requests = len(recording.requests)
    recording.page.wait_for_timeout(500)
    assert (recording.counter("draws"), len(recording.requests)) == (before, requests)
    assert [
        stack for stack in recording.page.evaluate("window.asked") if "/assets/" in stack
    ] == []  # not Playwright's own


def test_a_token_stands_at_the_same_x_in_all_its_views(recording: Harness) -> None:
    for run in (0, 1):
        boxes = [canvas(recording, view, run).bounding_box() for view in SEQUENCE_VIEWS]
        assert len({(box["x"], box["width"]) for box in boxes if box}) == 1
    for view in SEQUENCE_VIEWS:
        canvas(recording, view).hover(position={"x": 44 + 5, "y": 10})
        recording.wait("cursor", 0)
        box = canvas(recording, view).bounding_box()
        canvas(recording, view).hover(position={"x": box["width"] - 12, "y": 10})
        recording.wait("cursor", 27)


def test_one_cursor_ties_strip_canvases_and_numbers(recording: Harness) -> None:
    page = recording.page
    page.locator('.cell[data-t="7"]').hover()
    recording.wait("cursor", 7)
    expect(page.locator(".readout").nth(1).locator("dd").first).to_contain_text("7: ")
    canvas(recording, "state").focus()
    page.keyboard.press("ArrowRight")
    recording.wait("cursor", 8)
    page.keyboard.press("End")
    recording.wait("cursor", 27)
    expect(page.locator('.cell[data-t="27"]')).to_have_attribute("aria-selected", "true")
    expect(page.locator(".readout").first.locator("dd").last).to_contain_text("%")


def test_channel_is_chosen_by_a_click_on_its_row_or_by_keys(recording: Harness) -> None:
    state = canvas(recording, "state", 1)
    box = state.bounding_box()
    state.click(position={"x": 100, "y": box["height"] - 8})
    recording.wait("channel", 7)
    expect(recording.page.locator("output.channel")).to_have_text("7")
    recording.page.keyboard.press("ArrowUp")
    recording.wait("channel", 6)
    expect(recording.page.locator(".view-states .note").first).to_contain_text("channel 6")


def test_most_telling_channel_is_shown_once_the_task_is_known(recording: Harness) -> None:
    page = recording.page
    found = (page.locator(".selectors input:checked").first.input_value(), recording.counter("channel"))
    twins = recording.twins
    is_data, before = twins.tokens < twins.noise, twins.tokens != twins.marker
    contrasts = []
    for i in range(twins.layers):
        log = np.log(twins.layer("s6", 100, twins.tokens, i).delta + 1e-3)
        contrasts.append(log[is_data].mean(0) - log[before & ~is_data].mean(0))
    layer, channel = np.unravel_index(np.argmax(contrasts), (twins.layers, twins.D))
    assert found == (str(layer), str(channel))
    page.locator("[data-action=previous-channel]").click()
    page.locator("[data-action=most-selective]").click()
    recording.wait("channel", channel)


def test_other_layer_shows_other_numbers(recording: Harness) -> None:
    note = recording.page.locator(".view-phase .note").first
    before = note.text_content()
    recording.page.locator(".selectors fieldset").first.locator("label:has(input:not(:checked))").click()
    expect(note).not_to_have_text(before or "")


def test_zoom_keeps_the_cursor_in_sight(recording: Harness) -> None:
    page = recording.page
    for _ in range(2):
        page.locator("[data-action=fewer-tokens]").click()
    expect(page.locator("output.zoom")).not_to_have_text("0–27")
    canvas(recording, "delta").focus()
    page.keyboard.press("End")
    expect(page.locator("output.zoom")).to_have_text("20–27")
    page.locator("[data-action=whole-sequence]").click()
    expect(page.locator("output.zoom")).to_have_text("0–27")


def test_pressing_a_curve_scrubs_there(recording: Harness) -> None:
    curve = recording.page.locator(".view-tokens-right canvas")
    box = curve.bounding_box()
    curve.click(position={"x": 38 + (box["width"] - 48) * 0.505, "y": 40})
    expect(recording.page.locator(".ssmviz-lab")).to_have_attribute("data-step", re.compile("^5[01]$"))
    recording.page.keyboard.press("Home")
    recording.wait("step", 0)


def test_dragging_over_a_curve_shows_those_steps_on_all_and_a_double_click_all_again(recording: Harness) -> None:
    curve, shown = recording.page.locator(".view-loss canvas"), recording.counter("step")
    box = curve.bounding_box()
    at = [box["x"] + 38 + share * (box["width"] - 48) for share in (0.205, 0.405)]
    recording.page.mouse.move(at[0], box["y"] + 40)
    recording.page.mouse.down()
    recording.page.mouse.move(at[1], box["y"] + 40, steps=4)
    recording.page.mouse.up()
    expect(recording.page.locator(".ssmviz-lab")).to_have_attribute("data-stretch", re.compile("^2[01]-4[01]$"))
    assert recording.counter("step") == shown
    curve.dblclick(position={"x": 60, "y": 40})
    recording.wait("stretch", "all")
    recording.wait("step", shown)


def test_keys_zoom_a_curve_around_the_step_shown(recording: Harness) -> None:
    recording.page.locator(".view-loss canvas").focus()
    recording.page.keyboard.press("+")
    recording.wait("stretch", "50-100")
    recording.page.keyboard.press("-")
    recording.wait("stretch", "all")
    recording.page.keyboard.press("+")
    recording.page.keyboard.press("0")
    recording.wait("stretch", "all")


def open_another(harness: Harness) -> None:
    """As the choice of a task does."""
    detail = "{ view: 'lab', experiment: 'another', shown: () => { window.seen = true; } }"
    harness.page.evaluate(f"window.dispatchEvent(new CustomEvent('ssmviz:open', {{ detail: {detail} }}))")
    harness.page.wait_for_function("window.seen")
    harness.wait("experiment", "another")


def test_another_experiment_is_drawn_on_the_same_canvases(recording: Harness) -> None:
    kept = canvas(recording, "state").element_handle()
    recording.mount(view="lab")
    recording.record = recording.record | {"id": "another"}
    open_another(recording)
    assert kept.evaluate("node => node.isConnected")
    expect(recording.page.locator(".ssmviz-lab")).not_to_have_attribute("inert", "")


def test_recordings_nearby_are_shown_without_asking_again(recording: Harness) -> None:
    first = recording.record["id"]
    recording.record = recording.record | {"id": "another"}
    recording.mount(view="lab", experiment=first, nearby=["another"])
    recording.page.wait_for_function(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('most=6')).length >= 4"
    )
    open_another(recording)
    assert recording.requests.count("GET /api/experiments/another") == 1


def test_an_experiment_that_is_not_there_leaves_no_picture_of_the_last(recording: Harness) -> None:
    recording.mount(view="lab", experiment="gone")
    recording.wait("state", "error")
    expect(recording.page.locator("[role=status]")).to_have_text("there is no such experiment")
    assert recording.page.locator("canvas").count() == 0
    assert [words for words in recording.errors if "404" not in words] == []  # the browser notes the answer itself
    recording.errors.clear()


def test_every_picture_has_words_from_its_data(recording: Harness) -> None:
    recording.page.wait_for_timeout(400)
    labels = recording.page.locator("canvas").evaluate_all(
        "all => all.filter((c) => c.offsetParent).map((c) => c.getAttribute('aria-label'))"
    )
    assert len(labels) == 4 + 2 * 9
    assert all(any(character.isdigit() for character in label) for label in labels)
    expect(recording.page.locator("p[role=status]")).to_contain_text("S6: 99.")


@pytest.mark.parametrize(("kind", "start"), [("PNG", b"\x89PNG"), ("CSV", b"position,token,delta_geometric_mean")])
def test_views_are_saved(recording: Harness, kind: str, start: bytes) -> None:
    view = recording.page.locator(".view-delta").first
    view.locator("summary").click()
    with recording.page.expect_download() as download:
        view.get_by_role("button", name=kind).click()
    with open(download.value.path(), "rb") as file:
        assert file.read().startswith(start)
    assert download.value.suggested_filename == f"ssmviz-s6-delta-step-100.{kind.lower()}"


def test_other_lengths_are_shown_once_tested(lab: Callable[..., Harness], recording: Harness) -> None:
    expect(recording.page.locator(".after")).to_be_hidden()
    tested = lab(rungs=True)
    expect(tested.page.locator(".after")).to_be_visible()
    expect(tested.page.locator(".rungs tbody th")).to_have_text(["12", "24 (trained)", "48", "96"])


def test_theme_is_followed_while_open(recording: Harness) -> None:
    root = recording.page.locator(".ssmviz-lab")
    expect(root).to_have_attribute("data-theme", "light")
    recording.theme(DARK)
    expect(root).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(("width", "beside"), [(1280, True), (390, False)])
def test_twins_stand_beside_each_other_or_below_and_the_page_never_scrolls_sideways(
    recording: Harness, width: int, beside: bool
) -> None:
    recording.page.set_viewport_size({"width": width, "height": 800})
    recording.wait("state", "settled")
    first, second = (recording.page.locator(".twin").nth(i).bounding_box() for i in (0, 1))
    assert (first["y"] == second["y"]) == beside
    assert recording.page.evaluate("document.documentElement.scrollWidth") <= width


def test_long_sequence_fits_a_phone(lab: Callable[..., Harness]) -> None:
    harness = lab(L=496, n_data=16, vocab=16, D=8, N=2, frames=2, layers=1)
    harness.page.set_viewport_size({"width": 390, "height": 800})
    harness.wait("frames", 4)
    assert harness.page.evaluate("document.documentElement.scrollWidth") <= 390
    canvas(harness, "delta").focus()
    harness.page.keyboard.press("End")
    harness.wait("cursor", 511)


def test_names_from_the_server_stay_text(lab: Callable[..., Harness], still: Page) -> None:
    class Hostile(Twins):
        def vocabulary(self):
            return [{"label": "<img src=x onerror=alert(1)>", "kind": "data"}, *super().vocabulary()[1:]]

    harness = Harness(still, Hostile(L=16, n_data=2, vocab=4, D=4, N=2, frames=2, layers=1))
    harness.record["runs"][0]["label"] = "<b>S6</b>"
    harness.open()
    harness.wait("frames", 4)
    assert harness.page.locator(".ssmviz-lab img, .ssmviz-lab .twin b").count() == 0
    expect(harness.page.locator(".twin h3").first).to_have_text("<b>S6</b>")
    assert harness.errors == []
