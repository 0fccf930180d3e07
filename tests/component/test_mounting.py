"""Mounting the lab again, leaving it, and what cannot be read."""

import json

import pytest

from tests.component.harness import Harness

pytestmark = pytest.mark.browser


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
    live.until(lambda: len(closed) == 1)


def test_broken_message_does_not_end_the_page(live: Harness) -> None:
    live.say(b"\x05\x00\x00\x00\x00\x00\x00\x00" + json.dumps({}).encode())
    live.wait("state", "live")
    live.until(lambda: len(live.sockets) == 2)
    live.send_frames(60)
    live.wait("step", 60)
