"""A real Chromium, the harness page, and small twins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.component.harness import Harness
from tests.component.synthetic import Twins

SMALL = {"L": 24, "n_data": 4, "vocab": 8, "D": 8, "N": 4, "frames": 11, "steps": 100}


@pytest.fixture
def still(page: Page) -> Page:
    """A page whose user wants no motion: a recording shows its last frame at once."""
    page.emulate_media(reduced_motion="reduce")
    return page


@pytest.fixture
def lab(still: Page) -> Iterator[Callable[..., Harness]]:
    """Opens the component on small twins; fails the test when the page reported an error."""
    opened: list[Harness] = []

    def open_lab(
        *,
        upto: int | None = None,
        theme: dict[str, str] | None = None,
        data: dict[str, Any] | None = None,
        kind: type[Twins] = Twins,
        **twins: Any,
    ) -> Harness:
        harness = Harness(still, kind(**SMALL | twins))
        harness.record = harness.twins.experiment(upto=upto)
        opened.append(harness)
        harness.open(**({"theme": theme} if theme else {}), **(data or {}))
        return harness

    yield open_lab
    for harness in opened:
        assert harness.errors == []


@pytest.fixture
def recording(lab: Callable[..., Harness]) -> Harness:
    """A finished recording, all frames in memory."""
    harness = lab()
    harness.wait("frames", 22)
    harness.wait("step", 100)
    return harness


@pytest.fixture
def live(lab: Callable[..., Harness]) -> Harness:
    """A training at step 50 of 100."""
    harness = lab(upto=50, state="running", recorded=False)
    harness.wait("frames", 12)
    harness.wait("state", "live")
    return harness
