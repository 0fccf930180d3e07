"""Three runs and more: words count them, and each shows what can be compared side by side."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.component.harness import Harness
from tests.component.synthetic import Twins

pytestmark = pytest.mark.browser


class Switches(Twins):
    """The twins, and each again under another name."""

    def experiment(self, upto: int | None = None, **changes: Any) -> dict[str, Any]:
        record = super().experiment(upto, **changes)
        parts = ("delta B C", "delta", "B C", "none")
        models = [{"layer": "s6", "s4d_init": "lin", "selective": part} for part in parts]
        again = [run | {"id": f"{run['id']}-again", "label": f"{run['label']} again"} for run in record["runs"]]
        runs = [run | {"settings": {"model": m}} for run, m in zip([*record["runs"], *again], models, strict=True)]
        return record | {"runs": runs}

    def frame(self, name: str, step: int, tokens: Any = None) -> bytes:
        return super().frame(name.removesuffix("-again"), step, tokens)


@pytest.fixture
def switches(lab: Callable[..., Harness]) -> Harness:
    harness = lab(kind=Switches)
    harness.wait("frames", 44)
    harness.wait("step", 100)
    return harness


def test_four_runs_are_compared_by_tokens_delta_and_state(switches: Harness) -> None:
    page = switches.page
    expect(page.locator(".twin")).to_have_count(4)
    for i in range(4):
        expect(page.locator(f'.twin[data-run="{i}"] figure.view:visible')).to_have_count(3)
    expect(page.locator(".probe h3")).to_contain_text("The sequence all models read")


def test_each_card_says_what_is_selective(switches: Harness) -> None:
    cards = switches.page.locator(".card small")
    expect(cards).to_have_text(["selection on", "selective: Δ", "selective: B, C", "selection off: time-invariant"])


def test_four_runs_fit_a_phone_without_sideways_scroll(switches: Harness) -> None:
    switches.page.set_viewport_size({"width": 390, "height": 844})
    wide = switches.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
