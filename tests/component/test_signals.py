"""Runs that read signals: curves in place of cells, errors in place of tokens, poles beside the true ones."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.component.harness import Harness
from tests.component.made_up import message
from tests.component.signals import Fading, Pictures, Signals

pytestmark = pytest.mark.browser


@pytest.fixture
def show(still: Page) -> Iterator[Callable[..., Harness]]:
    opened: list[Harness] = []

    def open_lab(signals: Signals, *, upto: int | None = None, **data: Any) -> Harness:
        harness = Harness(still, signals)
        harness.record = signals.experiment(upto=upto)
        opened.append(harness)
        harness.open(**data)
        harness.wait("frames", len(harness.record["runs"]) * len(harness.record["runs"][0]["frames"]))
        return harness

    yield open_lab
    for harness in opened:
        assert harness.errors == []


def words(harness: Harness, view: str, run: int = 0) -> Locator:
    """The picture of a view; its text alternative follows a little later."""
    return harness.page.locator(f'.twin[data-run="{run}"] .view-{view} canvas')


def says(canvas: Locator, *parts: str) -> None:
    """Waits until the text alternative has these parts."""
    for part in parts:
        expect(canvas).to_have_attribute("aria-label", re.compile(re.escape(part)))


def test_regression_counts_errors_and_no_tokens(show: Callable[..., Harness]) -> None:
    harness = show(Signals())
    expect(harness.page.locator(".card .gauge")).to_have_count(1)
    expect(harness.page.locator(".card .gauge")).to_contain_text("error")
    expect(harness.page.locator(".curves figure")).to_have_count(2)
    expect(harness.page.locator(".answers, .strip")).to_have_count(0)
    harness.page.locator("[data-role=scrubber]").fill("5")
    expect(harness.page.locator(".card strong")).to_have_text("50.0 %")
    text = harness.page.locator(".ssmviz-lab").inner_text()
    assert "Tokens right" not in text
    assert "token" not in text.lower()


def test_poles_move_onto_the_true_ones(show: Callable[..., Harness]) -> None:
    harness = show(Signals())
    note = harness.page.locator(".view-poles .note")
    says(words(harness, "poles"), "−0.5 ± 2 i")
    expect(note).to_contain_text("e−8 1/s")  # what single precision leaves
    harness.page.locator("[data-role=scrubber]").fill("5")
    harness.wait("step", 50)
    expect(note).to_contain_text("farthest miss 1 1/s")
    says(words(harness, "poles"), "−0.5 ± 1 i")
    says(words(harness, "poles"), "True: −0.5 ± 2 i")


def test_poles_that_only_fade_are_said_to_be_real_and_no_pairs(show: Callable[..., Harness]) -> None:
    harness = show(Fading())
    expect(harness.page.locator(".view-poles .note")).to_contain_text("real: they fade and never ring")
    says(words(harness, "poles"), "2 poles", "−1.5, −3")


def test_positions_are_called_what_they_are(show: Callable[..., Harness]) -> None:
    for signals, word in ((Signals(), "sample"), (Pictures(), "pixel")):
        harness = show(signals)
        expect(harness.page.locator(".readout dt").first).to_have_text(word)
        expect(harness.page.locator(".drawn .note, .drawn figcaption").first).to_contain_text(f"{word} ")
        assert "token" not in harness.page.locator(".twins").inner_text().lower()


def test_what_is_said_is_judged_against_what_is_wanted(show: Callable[..., Harness]) -> None:
    harness = show(Signals())
    harness.page.locator("[data-role=scrubber]").fill("5")
    harness.wait("step", 50)
    says(words(harness, "output"), "error 50.0 %")
    expect(harness.page.locator(".readout dd").last).to_contain_text("wanted")


@pytest.mark.parametrize(
    ("view", "start"),
    [("output", b"position,signal,wanted,said"), ("poles", b"whose,channel,state,re,im,gain"), ("input", b"position,")],
)
def test_curves_and_poles_are_saved_as_numbers(show: Callable[..., Harness], view: str, start: bytes) -> None:
    harness = show(Signals())
    figure = harness.page.locator(f".view-{view}").first
    figure.locator("summary").click()
    with harness.page.expect_download() as download:
        figure.get_by_role("button", name="CSV").click()
    with open(download.value.path(), "rb") as file:
        assert file.read().startswith(start)


def test_a_class_is_named_at_every_position_and_judged_at_the_end(show: Callable[..., Harness]) -> None:
    harness = show(Pictures())
    expect(harness.page.locator(".card .gauge").first).to_contain_text("right")
    says(words(harness, "output"), "says 7 ✓")
    harness.page.locator("[data-role=scrubber]").fill("1")
    harness.wait("step", 10)
    says(words(harness, "output"), "says 1 ✗, it is 7")


def test_every_picture_of_a_signal_has_words_from_its_data(show: Callable[..., Harness]) -> None:
    for signals in (Signals(), Pictures()):
        harness = show(signals)
        expect(harness.page.locator("canvas:visible:not([aria-label])")).to_have_count(0)
        labels = harness.page.locator("canvas").evaluate_all(
            "all => all.filter((c) => c.offsetParent).map((c) => c.getAttribute('aria-label'))"
        )
        assert len(labels) >= 8
        assert all(label and any(c.isdigit() for c in label) for label in labels)
        assert not any("NaN" in label or "undefined" in label for label in labels)


def test_ways_of_testing_are_lines_and_rows_of_their_own(show: Callable[..., Harness]) -> None:
    signals = Pictures()
    signals.rungs["s4d"] = [
        {"length": L, "token_accuracy": a, "sequence_accuracy": a, "sequences": 64, "error": None, "label": label}
        for L in (64, 128)
        for label, a in (("Δ follows the step", 0.98), ("Δ as trained", 0.5 if L > 64 else 0.98))
    ]
    harness = show(signals)
    rows = harness.page.locator(".rungs tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(3)).to_contain_text("128, Δ as trained")
    expect(rows.nth(3)).to_contain_text("50.0 %")
    expect(harness.page.locator(".view-ladder .note")).to_contain_text("○ Δ as trained")


def level_of(signals: Signals, value: float) -> int:
    return int(np.clip(round(value * 127 / signals.about()["span"]) + 128, 0, 255))


def live(show: Callable[..., Harness], signals: Signals) -> Harness:
    harness = show(signals, upto=50)
    harness.wait("state", "live")
    return harness


def until_asked(harness: Harness, count: int = 1) -> list[int]:
    for _ in range(200):
        if len(harness.controls) >= count:
            return list(harness.controls[-1]["tokens"])
        harness.page.wait_for_timeout(25)
    raise AssertionError("nothing was sent")


def test_a_drawn_force_is_sent_and_waits_for_the_answer(show: Callable[..., Harness]) -> None:
    signals = Signals(state="running", recorded=False)
    harness = live(show, signals)
    sketch = harness.page.locator(".drawn canvas")
    box = sketch.bounding_box()
    assert box is not None
    harness.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 6)
    harness.page.mouse.down()
    harness.page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + 6, steps=3)
    harness.page.mouse.up()
    levels = until_asked(harness)
    expect(harness.page.locator(".probe-note")).to_have_text("Drawn: waiting for the models")
    assert len(levels) == signals.L
    before = [level_of(signals, value) for value in signals.signal]
    changed = [t for t in range(signals.L) if levels[t] != before[t]]
    assert changed == list(range(changed[0], changed[-1] + 1))
    assert {levels[t] for t in changed} <= {254, 255}
    harness.page.wait_for_timeout(200)
    levels = list(harness.controls[-1]["tokens"])
    drawn = (np.array(levels) - 128) * signals.about()["span"] / 127
    harness.say(message(0, 50, signals.frame("s4d", 50, drawn)))
    expect(harness.page.locator(".probe-note")).to_be_empty()


def test_a_picture_is_painted_with_the_pointer_and_from_the_keyboard(show: Callable[..., Harness]) -> None:
    signals = Pictures(state="running", recorded=False)
    harness = live(show, signals)
    empty = int(np.flatnonzero(signals.signal < 0)[0])
    sketch = harness.page.locator(".drawn canvas")
    cell = 164 / 8
    sketch.click(position={"x": 6 + (empty % 8 + 0.5) * cell, "y": 6 + (empty // 8 + 0.5) * cell})
    assert until_asked(harness)[empty] == 255
    harness.page.keyboard.press("ArrowDown")
    assert until_asked(harness, 2)[empty] == 255 - 32
    harness.page.locator("[data-tool=reset-probe]").click()
    for _ in range(100):
        if harness.controls[-1]["tokens"] is None:
            break
        harness.page.wait_for_timeout(25)
    assert harness.controls[-1] == {"action": "probe", "tokens": None}


def test_a_pixel_is_drawn_where_it_is_read_and_with_the_inks_of_the_task(show: Callable[..., Harness]) -> None:
    class Backwards(Pictures):
        def about(self) -> dict[str, Any]:
            return super().about() | {"order": list(range(63, -1, -1)), "inks": [-1, 0, 1]}

    signals = Backwards(state="running", recorded=False)
    harness = live(show, signals)
    t = int(np.flatnonzero(signals.signal < 0)[0])
    row, column = divmod(63 - t, 8)
    sketch = harness.page.locator(".drawn canvas")
    sketch.click(position={"x": 6 + (column + 0.5) * 164 / 8, "y": 6 + (row + 0.5) * 164 / 8})
    assert until_asked(harness)[t] == 128
    expect(harness.page.locator(".drawn h3, .drawn figcaption").first).to_contain_text("in one random order")


def test_a_recording_cannot_be_drawn_on(show: Callable[..., Harness]) -> None:
    harness = show(Signals())
    harness.page.locator(".drawn canvas").click(position={"x": 200, "y": 20})
    harness.page.wait_for_timeout(250)
    assert harness.controls == []
    expect(harness.page.locator(".drawn .help")).to_contain_text("start a training to draw")


@pytest.mark.parametrize("signals", [Signals, Pictures])
def test_signals_fit_a_phone(show: Callable[..., Harness], signals: type[Signals]) -> None:
    harness = show(signals())
    harness.page.set_viewport_size({"width": 390, "height": 800})
    harness.page.wait_for_timeout(200)
    assert harness.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_finger_draws_while_a_training_runs_and_scrolls_otherwise(show: Callable[..., Harness]) -> None:
    signals = Signals(state="running", recorded=False)
    harness = live(show, signals)
    sketch = harness.page.locator(".drawn canvas")
    assert sketch.evaluate("canvas => getComputedStyle(canvas).touchAction") == "none"
    box = sketch.bounding_box()
    assert box is not None
    touch = {"pointerType": "touch", "pointerId": 7, "isPrimary": True, "bubbles": True, "pressure": 0.5}
    middle = box["x"] + box["width"] / 2
    for kind, x in (("pointerdown", middle), ("pointermove", middle + 80), ("pointerup", middle + 80)):
        sketch.dispatch_event(kind, touch | {"clientX": x, "clientY": box["y"] + 20})
    before = [level_of(signals, value) for value in signals.signal]
    harness.page.wait_for_timeout(200)
    levels = until_asked(harness)
    assert sum(a != b for a, b in zip(levels, before, strict=True)) > 2
    over = show(Signals())
    assert over.page.locator(".drawn canvas").evaluate("canvas => getComputedStyle(canvas).touchAction") != "none"
