import functools
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from ssmviz.runs.client import Client
from ssmviz.runs.store import Store
from ssmviz.widgets import lesson, services

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "ssmviz" / "widgets" / "site.py"
SCANNED = functools.cache(manifest_scanner.scan_component_manifests)  # every AppTest would read all packages again


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """The store behind the pages; experiments wait in its queue because there is no launcher."""
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path))
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", SCANNED)
    monkeypatch.setattr(lesson, "HEAD_START", 0.0)  # there is no browser that could use it
    for service in (services.client, services.library, services.live):
        service.cache_clear()
    yield services.client().store
    for service in (services.client, services.library, services.live):
        service.cache_clear()


@pytest.fixture
def open_page(store):
    """Opens a page as a person would who has More open, with these parameters in the address."""

    def opened(path: str = "pages/train/lab.py", **query: str) -> AppTest:
        app = AppTest.from_file(SITE, default_timeout=30)
        app.session_state["lab_more"] = True
        for name, value in query.items():
            app.query_params[name] = value
        return app.run().switch_page(str(ROOT / path)).run()

    return opened
