"""Any layer of the family, and any subset of what a layer could have: its views show it, the others step aside."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from ssmviz.family import LAYERS
from ssmviz.frames import pack
from ssmviz.traces import Frame, LayerTrace, NetworkTrace
from tests.component.conftest import SMALL
from tests.component.harness import Harness
from tests.component.synthetic import Twins

pytestmark = pytest.mark.browser

VIEWS = {
    "delta": {"delta", "delta-channels"},
    "A_bar": {"kept"},
    "B_bar": {"written"},
    "C": {"read"},
    "h": {"state", "states", "phase"},
    "weights": {"weights"},
}


class Made(Twins):
    """S6 on the left, and on the right a layer with the given parts alone."""

    def __init__(self, layer: str, parts: set[str], *, rows: int = 6, heads: int = 3, signed: bool = False) -> None:
        super().__init__(**SMALL | {"frames": 2})
        self.right, self.parts, self.rows, self.heads, self.signed = layer, parts, rows, heads, signed

    def experiment(self, upto: int | None = None, **changes: Any) -> dict[str, Any]:
        record = super().experiment(upto, **changes)
        card = LAYERS[self.right]
        record["runs"][1] |= {"label": card.label, "card": card.in_short()}
        record["runs"][1]["settings"] = {"model": {"layer": self.right}}
        return record

    def frame(self, name: str, step: int, tokens: np.ndarray | None = None) -> bytes:
        if name == "s6":
            return super().frame(name, step, tokens)
        tokens = self.tokens if tokens is None else np.asarray(tokens)
        layer = self.made(step, len(tokens))
        A = np.full((self.rows, self.N), -1.0) if "A_bar" in self.parts else None
        trace = NetworkTrace(tokens, np.full(len(tokens), -100), np.zeros((len(tokens), self.vocab)), (layer, layer))
        return pack(Frame(step, trace, (A, A)), "selective_copying")

    def made(self, step: int, L: int) -> LayerTrace:
        rng, R, N = np.random.default_rng(step), self.rows, self.N
        weights = np.tril(rng.random((self.heads, L, L)))
        if self.signed:
            weights = np.tril(rng.normal(size=(self.heads, L, L)))
        every = {
            "delta": rng.uniform(0.01, 1, (L, R)),
            "A_bar": rng.random((L, R, N)),
            "B_bar": rng.random((L, R, N)),
            "C": rng.normal(size=(L, N)),
            "h": rng.normal(size=(L, R, N)),
            "weights": weights,
        }
        x = np.zeros((L, R))
        return LayerTrace(x=x, y=x, **{name: every[name] if name in self.parts else None for name in VIEWS})


@pytest.fixture
def opened(still: Page) -> Iterator[Callable[..., Harness]]:
    harnesses = []

    def open_made(*args: Any, **kwargs: Any) -> Harness:
        harness = Harness(still, Made(*args, **kwargs))
        harnesses.append(harness)
        harness.open()
        harness.wait("frames", 4)
        harness.wait("step", 100)
        return harness

    yield open_made
    for harness in harnesses:
        assert harness.errors == []


def show(harness: Harness, made: Made, name: str) -> None:
    """Another experiment takes the place of the one that is shown."""
    harness.twins, harness.frames = made, {}
    harness.record = made.experiment(id=name)
    harness.mount()
    harness.wait("experiment", name)
    harness.wait("frames", 4)


def right(harness: Harness) -> Any:
    return harness.page.locator('.twin[data-run="1"]')


def visible(harness: Harness) -> set[str]:
    figures = right(harness).locator("figure.view:visible").all()
    return {str(figure.get_attribute("class")).split("view-")[1] for figure in figures}


def test_every_subset_of_a_layers_parts_is_looked_at_without_an_error(opened: Callable[..., Harness]) -> None:
    harness = opened("s6", set(VIEWS))
    without = itertools.combinations(VIEWS, len(VIEWS) - 1)
    for i, parts in enumerate([(), *itertools.combinations(VIEWS, 1), *without]):
        show(harness, Made("s6", set(parts)), f"subset-{i}")
        shown = {name for part in parts for name in VIEWS[part]}
        if "B_bar" in parts and "delta" not in parts:
            shown -= VIEWS["B_bar"]  # B is B_bar over Delta
        expect(right(harness).locator("figure.view:visible")).to_have_count(len(shown) + 1)
        assert visible(harness) == shown | {"tokens"}, parts
        for key in ("ArrowRight", "ArrowDown", "ArrowUp"):
            right(harness).locator("figure.view:visible canvas").last.press(key)
        assert harness.errors == [], parts


def test_retnet_shows_its_matrices_and_its_weights_and_says_that_it_has_no_delta(
    opened: Callable[..., Harness],
) -> None:
    harness = opened("retnet", {"h", "weights"}, signed=True)
    twin = right(harness)
    expect(twin.locator(".view-state .title")).to_contain_text("state of every key feature")
    expect(twin.locator(".view-states .title")).to_contain_text("value features of the key feature")
    expect(twin.locator(".absent")).to_have_text(
        "No Δ, Ā, B, C: It compares tokens and has no step size: nothing is discretised."
    )
    expect(twin.locator(".view-weights .note")).to_contain_text("head 1 of 3")
    expect(twin.locator(".readout dt", has_text="looks at")).to_be_visible()
    expect(twin.locator(".readout dt", has_text="Δ")).to_be_hidden()
    harness.page.locator(".selectors label", has_text="3").last.click()
    expect(twin.locator(".view-weights .note")).to_contain_text("head 3 of 3")


def test_one_head_says_more_than_the_mean_and_any_can_be_chosen(opened: Callable[..., Harness]) -> None:
    harness = opened("attention", {"weights"})
    note = right(harness).locator(".view-weights .note")
    expect(note).to_contain_text("mean over heads")
    harness.page.locator(".selectors label", has_text="2").last.click()
    expect(note).to_contain_text("head 2 of 3")
    harness.page.locator(".selectors label", has_text="mean").click()
    expect(note).to_contain_text("mean over heads")


def test_a_state_of_a_single_row_has_no_map_of_rows(opened: Callable[..., Harness]) -> None:
    harness = opened("s5", {"h"}, rows=1)
    assert visible(harness) == {"tokens", "states", "phase"}
    expect(right(harness).locator(".view-states .title")).to_contain_text("states of the layer")


def test_the_card_of_every_layer_reaches_its_twin(opened: Callable[..., Harness]) -> None:
    harness = opened("s6", {"h"})
    for name, card in LAYERS.items():
        parts = {"h"} if card.memory.rows else set()
        parts |= set() if card.no_delta else {"delta", "A_bar", "B_bar", "C"}
        parts |= set() if card.no_weights else {"weights"}
        show(harness, Made(name, parts), f"card-{name}")
        absent = right(harness).locator(".absent")
        for words in (card.no_delta, card.no_weights, "" if card.memory.rows else card.memory.words):
            expect(absent).to_contain_text(words)
