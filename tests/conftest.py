"""The browser of all tests that need one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.chromium import FLAGS, find


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """For pytest-playwright: the Chromium that is here, or a skipped test."""
    path = find()
    if path is None:
        pytest.skip("no Chromium found; set SSMVIZ_CHROMIUM to one")
    return {"executable_path": path, "args": FLAGS, "headless": True}
