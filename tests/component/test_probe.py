"""Editing the probe, by mouse and keyboard."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.component.harness import Harness
from tests.component.made_up import message

pytestmark = pytest.mark.browser


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
    assert live.last_control() == {"action": "probe", "tokens": swapped(live, start, end)}
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
    assert live.last_control()["tokens"] == swapped(live, start, start + 1)
    page.keyboard.press("ArrowRight")
    live.wait("cursor", start + 2)


def test_noise_is_inserted_and_removed_at_the_cursor(live: Harness) -> None:
    page = live.page
    page.locator('.cell[data-t="3"]').click()
    page.locator("[data-tool=insert-noise]").click()
    tokens = live.twins.tokens.tolist()
    assert live.last_control()["tokens"] == [*tokens[:3], live.twins.noise, *tokens[3:]]
    expect(page.locator(".cell")).to_have_count(29)
    page.locator("[data-tool=remove-noise]").click()
    assert live.last_control(2)["tokens"] == tokens
    page.locator("[data-tool=reset-probe]").click()
    assert live.last_control(3) == {"action": "probe", "tokens": None}


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
