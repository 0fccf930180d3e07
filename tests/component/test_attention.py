"""A Transformer beside S6: tokens, answers and curves as for any run, and what it looks at in the state's place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from ssmviz.family import LAYERS
from ssmviz.frames import pack
from ssmviz.traces import Frame, LayerTrace, NetworkTrace
from tests.component.harness import Harness
from tests.component.synthetic import Twins

pytestmark = pytest.mark.browser


class Opponents(Twins):
    """S6, and attention that looks with all its weight at the first token (head 1) and at itself (head 2)."""

    def experiment(self, upto: int | None = None, **changes: Any) -> dict[str, Any]:
        record = super().experiment(upto, **changes)
        for run in record["runs"]:
            if run["id"] == "run-s4d":
                run |= {"label": "Transformer", "backend": "softmax", "settings": {"model": {"layer": "attention"}}}
                run["card"] = LAYERS["attention"].in_short()
        return record

    def frame(self, name: str, step: int, tokens: np.ndarray | None = None) -> bytes:
        if name != "s4d":
            return super().frame(name, step, tokens)
        tokens = self.tokens if tokens is None else np.asarray(tokens)
        first, itself = np.zeros((len(tokens), len(tokens))), np.eye(len(tokens))
        first[:, 0] = 1
        weights = np.stack([first, itself])
        targets = np.full(len(tokens), -100)
        x = np.zeros((len(tokens), self.D))
        layer = LayerTrace(x, None, None, None, None, None, x, weights)
        trace = NetworkTrace(tokens, targets, np.zeros((len(tokens), self.vocab)), (layer, layer))
        return pack(Frame(step, trace, (None, None)), "selective_copying")


@pytest.fixture
def opponents(lab: Callable[..., Harness]) -> Harness:
    harness = lab(kind=Opponents)
    harness.wait("frames", 22)
    harness.wait("step", 100)
    return harness


def test_attention_stands_where_s6_has_its_state(opponents: Harness) -> None:
    s6, transformer = (opponents.page.locator(f'.twin[data-run="{i}"]') for i in range(2))
    expect(s6.locator(".view-state")).to_have_count(1)
    expect(s6.locator(".view-weights")).to_be_hidden()
    expect(transformer.locator("figure.view:visible")).to_have_count(2)
    expect(s6.locator(".readout dt", has_text="kept")).to_be_visible()
    expect(transformer.locator(".readout dt", has_text="kept")).to_be_hidden()
    expect(opponents.page.locator(".card").nth(1)).to_contain_text("remembers keys and values of every token so far")


def test_the_alternative_text_says_where_the_last_token_looks(opponents: Harness) -> None:
    canvas = opponents.page.locator('.twin[data-run="1"] .view-weights canvas')
    opponents.page.wait_for_function(
        "() => [...document.getElementById('host').shadowRoot.querySelectorAll('.view-weights canvas')]"
        ".some((c) => c.getAttribute('aria-label')?.includes('looks most'))"
    )
    assert "50.0 % of its attention" in str(canvas.get_attribute("aria-label"))


def test_the_channel_and_layer_buttons_leave_attention_alone(opponents: Harness) -> None:
    page = opponents.page
    page.locator('[data-action="next-channel"]').click()
    page.get_by_role("radio", name="2", exact=True).first.check(force=True)
    expect(page.locator('.twin[data-run="1"] .view-weights')).to_be_visible()
