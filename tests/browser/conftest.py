"""The app as `make run` starts it, in a directory of its own, and a real Chromium in front of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Request, expect

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0  # seconds: generous, the machine may be busy; nothing waits longer than it must

# A whole training in a few seconds.
SMALL = {
    "lab_L": 16,
    "lab_vocab": 6,
    "lab_data": 2,
    "lab_layers": 1,
    "lab_d": 8,
    "lab_N": 4,
    "lab_batch": 8,
    "lab_steps": 60,
    "lab_eval": 20,
}
LONG = SMALL | {"lab_steps": 20_000}


class App:
    """A running app; its runs lie in `store`, where that is not its home."""

    def __init__(self, home: Path, *, base: str = "", store: Path | None = None) -> None:
        self.home, self.port, self.base = home, free_port(), base
        self.log = home / "log.txt"
        home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        if base:
            command += ["--server.baseUrlPath", base.strip("/")]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | {"SSMVIZ_HOME": str(store or home)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.wait(self.is_healthy)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}{self.base}"

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE} s in vain; log: {self.log.read_text()[-2000:]}"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """End the app; seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class Lab:
    """What a person sees of the lab, and everything that went wrong behind it."""

    def __init__(self, page: Page, app: App) -> None:
        self.page, self.app = page, app
        self.errors: list[str] = []
        self.abroad: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._note)

    def open(self, path: str = "/lab", **query: object) -> Lab:
        self.page.goto(f"{self.app.url}{path}" + (f"?{urlencode(query)}" if query else ""))
        return self

    @property
    def root(self) -> Locator:
        return self.page.locator(".ssmviz-lab")

    def data(self, name: str) -> str:
        return self.root.get_attribute(f"data-{name}") or ""

    def number(self, name: str) -> int:
        return int(self.data(name) or 0)

    def wait(self, name: str, value: object) -> None:
        """Until the counter has this value, or matches this pattern."""
        wanted = value if isinstance(value, re.Pattern) else str(value)
        expect(self.root).to_have_attribute(f"data-{name}", wanted, timeout=1000 * PATIENCE)

    def wait_more(self, name: str, than: int) -> None:
        """Until the counter is above `than`."""
        above = "([lab, name, than]) => Number(lab.dataset[name]) > than"
        self.page.wait_for_function(above, arg=[self.root.element_handle(), name, than])

    def act(self, action: str) -> None:
        self.root.locator(f"[data-action={action}]").click()

    def train(self) -> Lab:
        """Press the big button; from then on the counters are those of the new experiment."""
        self.page.get_by_test_id("stBaseButton-primary").click()
        self.page.wait_for_url(lambda url: "run=" in url)
        self.wait("experiment", self.run_id)
        return self

    @property
    def run_id(self) -> str:
        query = urlsplit(self.page.url).query
        return dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get("run", "")

    def _note(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in ("", f"localhost:{self.app.port}"):
            self.abroad.append(request.url)


class Lesson:
    """A lesson's page, and every error behind it."""

    def __init__(self, page: Page, app: App) -> None:
        self.page, self.app = page, app
        self.errors: list[str] = []
        page.set_default_timeout(1000 * PATIENCE)
        page.on("pageerror", self.note)

    def note(self, error: Error) -> None:
        self.errors.append(str(error))

    def open(self, name: str, query: str = "") -> Lesson:
        self.page.goto(f"{self.app.url}/{name}{query}")
        return self.stands()

    def stands(self) -> Lesson:
        """Until the pictures are drawn."""
        expect(self.root).to_have_attribute("data-state", re.compile("ready|playing"), timeout=1000 * PATIENCE)
        return self

    @property
    def root(self) -> Locator:
        return self.page.locator(".ssmviz-lesson")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture
def lab(page: Page, app: App) -> Iterator[Lab]:
    """The lab, in a fresh browser; fails when the page reported an error or asked another host for anything."""
    lab = Lab(page, app)
    yield lab
    assert lab.errors == []
    assert lab.abroad == []


@pytest.fixture
def second(context: BrowserContext, app: App) -> Lab:
    """Another tab."""
    return Lab(context.new_page(), app)


@pytest.fixture(scope="session")
def tab(browser: Browser) -> Iterator[Page]:
    """One tab for all lessons, as a reader has it: what it loaded and compiled once serves every test."""
    context = browser.new_context()
    yield context.new_page()
    context.close()


@pytest.fixture
def lesson(tab: Page, app: App) -> Iterator[Lesson]:
    """A lesson whose reader wants no motion; fails when the page reported an error."""
    tab.bring_to_front()  # a picture out of sight stands still
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(reduced_motion="reduce", color_scheme="light")
    lesson = Lesson(tab, app)
    yield lesson
    tab.mouse.up()
    tab.mouse.move(0, 0)
    tab.goto("about:blank")
    tab.remove_listener("pageerror", lesson.note)
    assert lesson.errors == []


@pytest.fixture
def phone(browser: Browser, app: App) -> Iterator[Lesson]:
    """A lesson under a finger, 390 px wide."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce")
    lesson = Lesson(context.new_page(), app)
    yield lesson
    context.close()
    assert lesson.errors == []
