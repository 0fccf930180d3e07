"""One classroom server for all attacks, started as an image starts it: from the files that an image has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ssmviz.runs.store import Store
from ssmviz.serve import PROJECT
from tests.browser.conftest import free_port
from tests.deploy.test_files import copied
from tests.security.visitor import PATIENCE, Visitor

KEY = "key-of-the-presenter-8f1c"
CLASS = 'title = "Attacked"\nruns_per_person = 1\nruns_waiting_per_person = 3\n'


@dataclass
class Site:
    """The server that is attacked."""

    port: int
    root: Path
    log: Path
    process: subprocess.Popen

    def visitor(self, **more) -> Visitor:
        return Visitor(self.port, **more)

    def is_well(self) -> bool:
        """It still runs, answers, and can train."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=PATIENCE) as answer:
            return answer.status == 200 and self.process.poll() is None

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def serving(root: Path, classroom: str, secrets: str = "", **environment: str):
    """A server with the files of an image, this classroom, and these secrets of Streamlit."""
    app = root / "app"
    for pattern in dict.fromkeys(copied()):
        for path in PROJECT.glob(pattern):
            place = app / path.relative_to(PROJECT)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    if secrets:
        (app / ".streamlit" / "secrets.toml").write_text(secrets)
    (root / "class.toml").write_text(classroom)
    port = free_port()
    own = {
        "SSMVIZ_HOME": str(root / "home"),
        "SSMVIZ_CLASSROOM": str(root / "class.toml"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "ssmviz.serve", "--address", "127.0.0.1", "--port", str(port)]
    with (root / "log.txt").open("w") as log:
        process = subprocess.Popen(
            command, cwd=app, env=os.environ | own | environment, stdout=log, stderr=subprocess.STDOUT
        )
    site = Site(port, root / "home", root / "log.txt", process)
    try:
        end = time.monotonic() + PATIENCE
        while not _answers(site):
            assert process.poll() is None, site.said
            assert time.monotonic() < end, site.said
            time.sleep(0.05)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


@pytest.fixture(scope="package")
def site(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("attacked"), CLASS, SSMVIZ_PRESENTER_KEY=KEY) as site:
        yield site


def _answers(site) -> bool:
    try:
        return site.is_well()
    except OSError:
        return False


@pytest.fixture
def visitor(site):
    """Somebody new; the server must be well afterwards."""
    visitor = site.visitor()
    yield visitor
    visitor.close()
    assert site.is_well()


@pytest.fixture
def store(site):
    store = Store(site.root, fixed=True)
    yield store
    store.close()
