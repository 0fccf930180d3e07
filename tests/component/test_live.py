"""Following a training over the socket, steering it, and editing its probe."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.component.harness import Harness
from tests.component.synthetic import message

pytestmark = pytest.mark.browser

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def update(
    index: int = 0, *, control: dict[str, Any] | None = None, settled: bool = False, **changes: Any
) -> dict[str, Any]:
    return {
        "type": "update",
        "control": control,
        "settled": settled,
        "runs": [{"index": index, "truncate": None} | changes],
    }


def send_frames(live: Harness, step: int, tokens: np.ndarray | None = None) -> None:
    for run, name in enumerate(("s6", "s4d")):
        live.say(message(run, step, live.twins.frame(name, step, tokens)))


def until(page: Page, done: Callable[[], bool]) -> None:
    """Waits for something on this side of the wire."""
    for _ in range(200):
        if done():
            return
        page.wait_for_timeout(25)
    raise AssertionError("the page did not do it within 5 s")


def action(live: Harness, name: str) -> None:
    live.page.locator(f"[data-action={name}]").click()


def last_control(live: Harness, count: int = 1) -> dict[str, Any]:
    until(live.page, lambda: len(live.controls) >= count)
    return live.controls[-1]


# -- following --------------------------------------------------------------------------------------------------------


def test_newest_frames_are_drawn_then_acknowledged(live: Harness) -> None:
    send_frames(live, 60)
    live.wait("step", 60)
    until(live.page, lambda: sorted(live.acks) == [0, 1])
    assert live.counter("live") == "1"


def test_status_says_what_happens_where(live: Harness) -> None:
    status = live.page.locator(".status-line")
    expect(status).to_have_text("Training on this machine · step 50 of 100 · 1.0 s · CPU · scan: S6 numba, S4D fft")
    live.say(update(0, step=61))
    expect(status).to_contain_text("step 61 of 100")


def test_scrubbing_back_stays_there_while_training_goes_on(live: Harness) -> None:
    live.page.locator("[data-role=scrubber]").fill("2")
    live.wait("step", 20)
    send_frames(live, 60)
    live.wait("newest", 60)
    assert (live.counter("step"), live.counter("live")) == ("20", "0")
    action(live, "live")
    live.wait("step", 60)


def test_metrics_arrive_as_increments_and_are_cut_after_a_resume(live: Harness) -> None:
    columns = live.twins.evaluations("s6", [60])
    live.say(update(0, evaluations=columns, step=60))
    send_frames(live, 60)
    first = live.page.locator(".card strong").first
    expect(first).to_have_text(f"{100 * live.twins.skill('s6', 60):.1f} %")
    live.say(update(0, truncate=40, step=40, attempt=2))
    expect(first).to_have_text(f"{100 * live.twins.skill('s6', 40):.1f} %")


def test_hidden_page_hangs_up_and_returns(live: Harness) -> None:
    live.page.evaluate(HIDE, True)
    draws = live.counter("draws")
    live.page.wait_for_timeout(200)
    assert live.counter("draws") == draws
    assert len(live.sockets) == 1
    live.page.evaluate(HIDE, False)
    until(live.page, lambda: len(live.sockets) == 2)
    send_frames(live, 60)
    live.wait("step", 60)


def test_lost_connection_is_said_and_taken_up_again(live: Harness) -> None:
    live.sockets[-1].close(code=1001)
    live.wait("state", "offline")
    expect(live.page.locator(".status-line")).to_contain_text("connection lost; trying again in 1 s")
    live.wait("state", "live")
    assert len(live.sockets) == 2


@pytest.mark.parametrize(
    ("code", "words"), [(4003, "refuses this page's origin"), (4004, "does not know this experiment")]
)
def test_refused_connection_is_not_tried_again(live: Harness, code: int, words: str) -> None:
    live.sockets[-1].close(code=code)
    live.wait("state", "error")
    expect(live.page.locator(".status-line")).to_contain_text(words)
    live.page.wait_for_timeout(700)
    assert len(live.sockets) == 1


def test_unknown_experiment_is_said(lab: Callable[..., Harness]) -> None:
    harness = lab(data={"experiment": "nobody"})
    harness.wait("state", "error")
    expect(harness.page.locator("[role=status]")).to_have_text("there is no such experiment")
    harness.errors.clear()  # Chromium reports the 404


def test_settled_run_closes_its_socket_and_fetches_what_it_missed(live: Harness) -> None:
    live.record["runs"] = [live.twins.run(name, 100) | {"state": "done"} for name in ("s6", "s4d")]
    for i in (0, 1):
        live.say(update(i, settled=i == 1, state="done", step=100, frames=[60, 70, 80, 90, 100]))
    live.wait("state", "settled")
    live.wait("frames", 22)
    live.wait("step", 100)
    expect(live.page.locator(".status-line")).to_contain_text("Done · step 100 of 100")


def test_tests_of_other_lengths_are_drawn_as_they_arrive(live: Harness) -> None:
    rungs = [{"length": 24, "token_accuracy": 0.9, "sequence_accuracy": 0.5, "sequences": 64}]
    live.say(update(0, rungs=rungs))
    ladder = live.page.locator(".view-ladder canvas")
    expect(ladder).to_be_visible()
    until(live.page, lambda: int(ladder.evaluate("canvas => canvas.width")) > 100)


def test_end_that_was_watched_is_not_replayed(live: Harness) -> None:
    live.page.emulate_media(reduced_motion="no-preference")
    for i in (0, 1):
        live.say(update(i, settled=i == 1, state="cancelled"))
    live.wait("state", "settled")
    assert live.counter("step") == "50"


def test_diverged_run_says_where_and_why(live: Harness) -> None:
    live.say(update(0, state="diverged", step=52, error="the loss is NaN"))
    live.say(update(1, state="cancelled", settled=True))
    expect(live.page.locator(".status-line")).to_contain_text("S6 diverged, S4D stopped")
    expect(live.page.locator(".remarks")).to_contain_text("S6: diverged at step 52: the loss is NaN")


# -- steering ---------------------------------------------------------------------------------------------------------


def test_pause_becomes_resume(live: Harness) -> None:
    action(live, "pause")
    live.wait("state", "paused")
    expect(live.page.locator("[data-action=resume]")).to_have_text("Resume")
    action(live, "resume")
    live.wait("state", "live")
    assert [c["action"] for c in live.controls] == ["pause", "resume"]


def test_step_speed_and_stop_are_asked_for(live: Harness) -> None:
    action(live, "step")
    assert last_control(live) == {"action": "step", "count": 1}
    live.page.get_by_label("Training speed").select_option("5")
    assert last_control(live, 2) == {"action": "speed", "value": 5}
    action(live, "stop")
    assert last_control(live, 3) == {"action": "stop"}


def test_restart_hands_the_new_experiment_to_the_page(live: Harness) -> None:
    action(live, "restart")
    until(live.page, lambda: live.page.evaluate("window.triggered.length") == 1)
    assert live.page.evaluate("window.triggered") == [["open", "another"]]


def test_refused_control_shows_the_servers_sentence(live: Harness) -> None:
    live.on_control = lambda _: (409, {"error": "the run is over; restart it"})
    action(live, "pause")
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
    assert last_control(over) == {"action": "resume_run"}
    assert len(over.controls) == 1


def test_recording_offers_no_training_buttons(recording: Harness) -> None:
    expect(recording.page.locator(".transport")).to_be_hidden()
    expect(recording.page.locator(".tools")).to_be_hidden()


# -- the probe --------------------------------------------------------------------------------------------------------


def data_and_free(live: Harness) -> tuple[int, int]:
    """A data token's slot, and a free one."""
    tokens = live.twins.tokens
    return int(np.flatnonzero(tokens < live.twins.noise)[0]), int(np.flatnonzero(tokens == live.twins.noise)[-1])


def swapped(live: Harness, a: int, b: int) -> list[int]:
    tokens = live.twins.tokens.tolist()
    tokens[a], tokens[b] = tokens[b], tokens[a]
    return tokens


def test_dragged_token_is_seen_at_once_and_both_models_answer(live: Harness) -> None:
    page = live.page
    start, end = data_and_free(live)
    label = page.locator(f'.cell[data-t="{start}"]').text_content() or ""
    page.locator(f'.cell[data-t="{start}"]').drag_to(page.locator(f'.cell[data-t="{end}"]'))
    expect(page.locator(f'.cell[data-t="{end}"]')).to_have_text(label)
    expect(page.locator(".probe-note")).to_have_text("Edited: waiting for both models")
    assert last_control(live) == {"action": "probe", "tokens": swapped(live, start, end)}
    edited = np.array(live.controls[-1]["tokens"])
    live.say(message(0, 50, live.twins.frame("s6", 50, edited)))
    live.wait("probe", 1)
    expect(page.locator(".probe-note")).not_to_be_empty()
    live.say(message(1, 50, live.twins.frame("s4d", 50, edited)))
    expect(page.locator(".probe-note")).to_be_empty()


def test_probe_is_edited_from_the_keyboard(live: Harness) -> None:
    page = live.page
    start, _ = data_and_free(live)
    page.locator(f'.cell[data-t="{start}"]').click()
    page.keyboard.press("Shift+ArrowRight")
    live.wait("cursor", start + 1)
    assert last_control(live)["tokens"] == swapped(live, start, start + 1)
    page.keyboard.press("ArrowRight")
    live.wait("cursor", start + 2)


def test_noise_is_inserted_and_removed_at_the_cursor(live: Harness) -> None:
    page = live.page
    page.locator('.cell[data-t="3"]').click()
    page.locator("[data-tool=insert-noise]").click()
    tokens = live.twins.tokens.tolist()
    assert last_control(live)["tokens"] == [*tokens[:3], live.twins.noise, *tokens[3:]]
    expect(page.locator(".cell")).to_have_count(29)
    page.locator("[data-tool=remove-noise]").click()
    assert last_control(live, 2)["tokens"] == tokens
    page.locator("[data-tool=reset-probe]").click()
    assert last_control(live, 3) == {"action": "probe", "tokens": None}


def test_refused_probe_says_why_and_returns(live: Harness) -> None:
    live.on_control = lambda _: (422, {"error": "the context must hold exactly 4 data tokens, got 3; place more"})
    start, end = data_and_free(live)
    page = live.page
    page.locator(f'.cell[data-t="{start}"]').drag_to(page.locator(f'.cell[data-t="{end}"]'))
    expect(page.locator(".probe-note")).to_have_text("the context must hold exactly 4 data tokens, got 3; place more")
    expect(page.locator(f'.cell[data-t="{end}"]')).to_have_class("cell noise here")
    live.errors.clear()


def test_answer_slots_stay_where_they_are(live: Harness) -> None:
    page = live.page
    start, _ = data_and_free(live)
    page.locator(f'.cell[data-t="{start}"]').drag_to(page.locator('.cell[data-t="26"]'))
    live.page.wait_for_timeout(250)
    assert live.controls == []


# -- mounting ---------------------------------------------------------------------------------------------------------


def test_mounting_again_keeps_what_the_reader_chose(recording: Harness) -> None:
    recording.page.locator('.cell[data-t="5"]').hover()
    recording.page.locator("[data-role=scrubber]").fill("4")
    recording.wait("step", 40)
    recording.mount(controls=False)
    recording.page.evaluate("window.cleanups[0]()")  # the superseded call's clean-up, while still on the page
    assert recording.page.locator(".ssmviz-lab").count() == 1
    assert (recording.counter("step"), recording.counter("cursor"), recording.counter("frames")) == ("40", "5", "22")


def test_another_experiment_takes_its_place(recording: Harness) -> None:
    recording.record = recording.record | {"id": "recorded-other", "title": "other"}
    recording.mount()
    recording.wait("experiment", "recorded-other")
    recording.wait("frames", 22)
    assert recording.page.locator(".ssmviz-lab").count() == 1


def test_leaving_the_page_ends_socket_and_drawing(live: Harness) -> None:
    closed: list[int | None] = []
    live.sockets[-1].on_close(lambda code, _: closed.append(code))
    live.page.evaluate("document.getElementById('host').remove(); window.cleanups.at(-1)()")
    until(live.page, lambda: len(closed) == 1)


def test_broken_message_does_not_end_the_page(live: Harness) -> None:
    live.say(b"\x05\x00\x00\x00\x00\x00\x00\x00" + json.dumps({}).encode())
    live.wait("state", "live")
    until(live.page, lambda: len(live.sockets) == 2)
    send_frames(live, 60)
    live.wait("step", 60)
