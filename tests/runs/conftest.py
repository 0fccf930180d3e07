"""A store and an app with the fake trainer, in a directory of the test's own."""

import pytest

from ssmviz.runs.store import Store
from tests.runs.lab import FAKE, PATIENCE, Lab, group, needs_proc, settings, wait_until

__all__ = ["FAKE", "PATIENCE", "Lab", "group", "needs_proc", "settings", "wait_until"]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture(scope="package")
def shared_lab(tmp_path_factory):
    """One app for the tests that leave it as they found it."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "home").open()
    yield lab
    assert lab.close() == [], "processes were left behind"
