"""The lab as people use it: a real browser, a real server, real training. Waits are for counters, never for time."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LONG, SMALL, Lab

pytestmark = pytest.mark.browser


def pixels(lab: Lab, view: str = "canvas") -> str:
    """What the first canvas shows."""
    return lab.root.locator(view).first.evaluate("(canvas) => canvas.toDataURL()")


@pytest.fixture
def training(lab):
    """A training that goes on until it is stopped."""
    lab.open(**LONG, lab_seed=1).train()
    lab.wait_more("newest", 5)
    yield lab
    if lab.root.locator("[data-action=stop]").get_attribute("aria-disabled") != "true":
        lab.act("stop")
        lab.wait("state", re.compile("settled|replay"))


def test_the_page_opens_on_a_recorded_run_that_plays(lab):
    lab.open()
    lab.wait("state", "replay")
    assert lab.data("experiment") == "selective_copying"
    expect(lab.page.locator(".stMarkdownBadge", has_text="Recorded run")).to_be_visible()
    lab.wait_more("step", lab.number("step"))


def test_training_moves_the_curves_of_both_twins_and_ends(lab):
    lab.open(**SMALL).train()
    lab.wait_more("frames", 1)
    lab.wait_more("draws", 2)
    lab.wait("newest", 60)
    lab.wait("state", re.compile("settled|replay"))
    assert lab.root.locator(".card").count() == 2
    expect(lab.page.get_by_text("Measured here")).to_be_visible()
    assert lab.run_id == lab.data("experiment")


def test_pause_holds_both_twins_and_one_step_is_one_step(training):
    training.act("pause")
    training.wait("state", "paused")
    training.root.locator("[data-action=resume]").wait_for()
    settle(training)
    at = training.number("newest")
    training.act("step")
    training.wait("newest", at + 1)
    training.act("step")
    training.wait("newest", at + 2)
    training.act("resume")
    training.wait_more("newest", at + 3)


def settle(lab: Lab) -> None:
    """Until both twins stand still at the step of the hold: one that was past it when it was set moves it on."""
    lab.page.wait_for_function(
        """async (id) => {
          const look = async () => {
            const { control, runs } = await (await fetch(`/api/experiments/${id}`)).json();
            return { hold: control.hold_at, steps: runs.map((run) => run.step) };
          };
          const before = await look();
          await new Promise((done) => setTimeout(done, 200));
          const now = await look();
          return now.hold !== null && now.steps.every((step) => step >= now.hold)
            && JSON.stringify(now) === JSON.stringify(before);
        }""",
        arg=lab.data("experiment"),
    )
    answer = lab.page.request.get(f"{lab.app.url}/api/experiments/{lab.data('experiment')}").json()
    lab.wait("newest", max(run["step"] for run in answer["runs"]))


def test_the_past_can_be_scrubbed_while_the_training_goes_on(training):
    training.wait_more("frames", 6)
    scrubber = training.root.locator("[data-role=scrubber]")
    scrubber.fill("0")
    training.wait("step", 0)
    training.wait_more("newest", training.number("newest"))
    assert training.number("step") == 0  # looking back is not pulled along
    training.act("live")
    training.wait_more("step", 0)


def test_reloading_shows_the_same_run_and_starts_nothing(lab):
    lab.open(**SMALL, lab_seed=2).train()
    lab.wait("newest", 60)
    run, count = lab.run_id, experiments(lab)
    lab.page.reload()
    lab.wait("experiment", run)
    lab.wait("newest", 60)
    assert experiments(lab) == count


def experiments(lab: Lab) -> int:
    return len(lab.page.request.get(f"{lab.app.url}/api/experiments").json()["experiments"])


def test_double_clicks_and_second_tabs_are_one_run(lab, second):
    before = experiments(lab.open(**LONG, lab_seed=3))
    second.open(**LONG, lab_seed=3)
    second.page.get_by_test_id("stBaseButton-primary").wait_for()
    lab.page.get_by_test_id("stBaseButton-primary").dblclick()
    second.train()
    lab.wait_more("newest", 1)
    second.wait("experiment", lab.data("experiment"))
    assert experiments(lab) == before + 1
    lab.act("stop")


def test_restart_begins_the_same_training_anew(lab):
    lab.open(**SMALL, lab_seed=4).train()
    lab.wait("newest", 60)
    first = lab.run_id
    lab.act("restart")
    lab.page.wait_for_url(lambda url: "run=" in url and first not in url)
    lab.wait("experiment", lab.run_id)
    lab.wait("newest", 60)
    losses = [
        lab.page.request.get(f"{lab.app.url}/api/experiments/{id_}").json()["runs"][0]["losses"]
        for id_ in (first, lab.run_id)
    ]
    assert losses[0] == losses[1]


def test_an_edited_sequence_is_answered_by_both_models(training):
    before = training.number("probe")
    cell = training.root.locator("[data-t]").first
    cell.click()
    training.root.locator("[data-tool=insert-noise]").click()
    training.wait_more("probe", before)


def test_a_diverging_training_says_so_and_keeps_its_pictures(lab):
    lab.open(**SMALL, lab_lr="1e9", lab_lrm="1e9", lab_seed=5).train()
    lab.wait("state", re.compile("settled|replay"))
    expect(lab.root.get_by_text(re.compile("diverged", re.IGNORECASE)).first).to_be_visible()
    lab.wait_more("frames", 0)


@pytest.mark.parametrize(
    "run", ["../../etc/passwd", "00000000-0000-0000-0000-000000000000", "<script>alert(1)</script>"]
)
def test_a_run_that_does_not_exist_is_a_clear_message(lab, run):
    lab.open(run=run)
    expect(lab.page.get_by_test_id("stAlertContentError")).to_contain_text("run")
    expect(lab.page.get_by_text("Traceback")).to_have_count(0)


def test_bad_values_in_the_address_are_noted(lab):
    lab.open(lab_L="nan", lab_N="-3")
    expect(lab.page.get_by_test_id("stAlertContentWarning")).to_contain_text("lab_L")
    lab.page.wait_for_url(lambda url: "lab_L" not in url)


def test_the_keyboard_alone_trains_and_scrubs(lab):
    lab.open(**SMALL, lab_seed=6)
    button = lab.page.get_by_test_id("stBaseButton-primary")
    button.wait_for()
    for _ in range(30):
        lab.page.keyboard.press("Tab")
        if button.evaluate("(b) => b === document.activeElement"):
            break
    lab.page.keyboard.press("Enter")
    lab.wait("newest", 60)
    lab.wait("state", re.compile("settled|replay"))
    scrubber = lab.root.locator("[data-role=scrubber]")
    scrubber.focus()
    lab.page.keyboard.press("Home")
    lab.wait("step", 0)
    lab.page.keyboard.press("ArrowRight")
    lab.wait_more("step", 0)


def test_another_task_shows_its_recording_and_brings_its_sizes(lab):
    lab.open(lab_L=32)
    lab.wait("state", "replay")
    lab.page.get_by_text("induction heads", exact=True).click()
    lab.wait("experiment", "induction_heads")
    lab.wait("state", "replay")
    lab.page.wait_for_url(lambda url: "lab_task=induction" in url and "lab_L" not in url)
    lab.page.reload()
    lab.wait("experiment", "induction_heads")


def test_a_control_under_more_is_kept_in_the_address_and_trained(lab):
    lab.open(**SMALL)
    lab.page.get_by_role("button", name="More", exact=True).click()
    lab.page.get_by_label("Seed").fill("11")
    lab.page.keyboard.press("Enter")
    lab.page.wait_for_url(re.compile("lab_seed=11"))
    lab.page.keyboard.press("Escape")
    lab.train()
    lab.wait("newest", 60)
    answer = lab.page.request.get(f"{lab.app.url}/api/experiments/{lab.run_id}").json()
    assert answer["runs"][0]["settings"]["seed"] == 11


def test_things_to_try_change_the_address(lab):
    lab.open()
    lab.page.get_by_text("N = 2").click()
    lab.page.wait_for_url(re.compile("lab_N=2"))


def test_a_phone_shows_everything_without_scrolling_sideways(lab):
    lab.page.set_viewport_size({"width": 390, "height": 844})
    lab.open(**SMALL).train()
    lab.wait_more("draws", 2)
    for path in ("/lab", "/runs"):
        if path != "/lab":
            lab.open(path)
            lab.page.get_by_role("heading", name="Runs").wait_for()
        widths = lab.page.evaluate(
            "() => [document.scrollingElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
        )
        assert max(widths) <= 390
    lab.open()  # the equations' style sheet loads after them
    whole = "(all) => all.length > 0 && all.every((e) => e.getBoundingClientRect().left + e.scrollWidth <= 390)"
    lab.page.wait_for_function(f"() => ({whole})([...document.querySelectorAll('.katex-display')])")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system(lab, scheme):
    lab.page.emulate_media(color_scheme=scheme)
    lab.open(**SMALL, lab_seed=7).train()
    lab.wait("theme", scheme)
    lab.wait_more("draws", 1)
    background = lab.page.evaluate("() => getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert (red > 200) == (scheme == "light")


def test_old_runs_are_listed_compared_opened_and_deleted(lab):
    for seed in (8, 9):
        lab.open(**SMALL, lab_seed=seed).train()
        lab.wait("newest", 60)
        lab.wait("state", re.compile("settled|replay"))
    run = lab.run_id
    lab.open("/runs")
    boxes = lab.page.get_by_test_id("stCheckbox")
    boxes.first.wait_for()
    for index in (0, 1):
        boxes.nth(index).locator("label").click()
    lab.page.get_by_test_id("stPlotlyChart").wait_for()
    lab.page.get_by_role("button", name="Open").first.click()
    lab.wait("experiment", run)
    before = experiments(lab)
    lab.open("/runs")
    lab.page.get_by_role("button", name="Delete").first.click()
    lab.page.get_by_role("button", name="Delete it").click()
    lab.page.get_by_role("dialog").wait_for(state="hidden")
    assert experiments(lab) == before - 1
