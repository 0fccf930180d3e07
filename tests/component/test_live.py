"""Following a training over the socket."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.component.harness import Harness

pytestmark = pytest.mark.browser

HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_newest_frames_are_drawn_then_acknowledged(live: Harness) -> None:
    live.send_frames(60)
    live.wait("step", 60)
    live.until(lambda: sorted(live.acks) == [0, 1])
    assert live.counter("live") == "1"


def test_status_says_what_happens_where(live: Harness) -> None:
    status = live.page.locator(".status-line")
    expect(status).to_have_text("Training on this machine · step 50 of 100 · 1.0 s · CPU · scan: S6 numba, S4D fft")
    live.update(0, step=61)
    expect(status).to_contain_text("step 61 of 100")


def test_scrubbing_back_stays_there_while_training_goes_on(live: Harness) -> None:
    live.page.locator("[data-role=scrubber]").fill("2")
    live.wait("step", 20)
    live.send_frames(60)
    live.wait("newest", 60)
    assert (live.counter("step"), live.counter("live")) == ("20", "0")
    live.act("live")
    live.wait("step", 60)


def test_metrics_arrive_as_increments_and_are_cut_after_a_resume(live: Harness) -> None:
    columns = live.twins.evaluations("s6", [60])
    live.update(0, evaluations=columns, step=60)
    live.send_frames(60)
    first = live.page.locator(".card strong").first
    expect(first).to_have_text(f"{100 * live.twins.skill('s6', 60):.1f} %")
    live.update(0, truncate=40, step=40, attempt=2)
    expect(first).to_have_text(f"{100 * live.twins.skill('s6', 40):.1f} %")


def test_hidden_page_hangs_up_and_returns(live: Harness) -> None:
    live.page.evaluate(HIDE, True)
    draws = live.counter("draws")
    live.page.wait_for_timeout(200)
    assert live.counter("draws") == draws
    assert len(live.sockets) == 1
    live.page.evaluate(HIDE, False)
    live.until(lambda: len(live.sockets) == 2)
    live.send_frames(60)
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
        live.update(i, settled=i == 1, state="done", step=100, frames=[60, 70, 80, 90, 100])
    live.wait("state", "settled")
    live.wait("frames", 22)
    live.wait("step", 100)
    expect(live.page.locator(".status-line")).to_contain_text("Done · step 100 of 100")


def test_tests_of_other_lengths_are_drawn_as_they_arrive(live: Harness) -> None:
    rungs = [{"length": 24, "token_accuracy": 0.9, "sequence_accuracy": 0.5, "sequences": 64}]
    live.update(0, rungs=rungs)
    ladder = live.page.locator(".view-ladder canvas")
    expect(ladder).to_be_visible()
    live.until(lambda: int(ladder.evaluate("canvas => canvas.width")) > 100)


def test_end_that_was_watched_is_not_replayed(live: Harness) -> None:
    live.page.emulate_media(reduced_motion="no-preference")
    for i in (0, 1):
        live.update(i, settled=i == 1, state="cancelled")
    live.wait("state", "settled")
    assert live.counter("step") == "50"


def test_diverged_run_says_where_and_why(live: Harness) -> None:
    live.update(0, state="diverged", step=52, error="the loss is NaN")
    live.update(1, state="cancelled", settled=True)
    expect(live.page.locator(".status-line")).to_contain_text("S6 diverged, S4D stopped")
    expect(live.page.locator(".remarks")).to_contain_text("S6: diverged at step 52: the loss is NaN")
