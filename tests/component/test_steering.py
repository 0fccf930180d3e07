"""Steering a training: pause, step, speed, stop, restart."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.component.harness import Harness

pytestmark = pytest.mark.browser


def test_pause_becomes_resume(live: Harness) -> None:
    live.act("pause")
    live.wait("state", "paused")
    expect(live.page.locator("[data-action=resume]")).to_have_text("Resume")
    live.act("resume")
    live.wait("state", "live")
    assert [c["action"] for c in live.controls] == ["pause", "resume"]


def test_step_speed_and_stop_are_asked_for(live: Harness) -> None:
    live.act("step")
    assert live.last_control() == {"action": "step", "count": 1}
    live.page.get_by_label("Training speed").select_option("5")
    assert live.last_control(2) == {"action": "speed", "value": 5}
    live.act("stop")
    assert live.last_control(3) == {"action": "stop"}


def test_restart_hands_the_new_experiment_to_the_page(live: Harness) -> None:
    live.act("restart")
    live.until(lambda: live.page.evaluate("window.triggered.length") == 1)
    assert live.page.evaluate("window.triggered") == [["open", "another"]]


def test_refused_control_shows_the_servers_sentence(live: Harness) -> None:
    live.on_control = lambda _: (409, {"error": "the run is over; restart it"})
    live.act("pause")
    expect(live.page.locator(".refusal")).to_have_text("the run is over; restart it")
    live.errors.clear()  # Chromium reports the 409


def test_buttons_that_cannot_act_say_why(lab: Callable[..., Harness]) -> None:
    over = lab(state="cancelled", recorded=False)
    over.wait("state", "settled")
    pause = over.page.locator("[data-action=pause]")
    expect(pause).to_have_attribute("aria-disabled", "true")
    expect(pause).to_have_attribute("title", "The training is over")
    pause.click(force=True)
    over.page.locator("[data-action=resume_run]").click()
    assert over.last_control() == {"action": "resume_run"}
    assert len(over.controls) == 1


def test_recording_offers_no_training_buttons(recording: Harness) -> None:
    expect(recording.page.locator(".transport")).to_be_hidden()
    expect(recording.page.locator(".tools")).to_be_hidden()
