"""Start, crash and stop of the app, as a browser and the process table see them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ssmviz.runs.store import Store
from tests.browser.conftest import LONG, ROOT, SMALL, App, Lab

pytestmark = pytest.mark.browser


def processes(app: App) -> list[int]:
    """Living processes that belong to the app's store."""
    mark = f"SSMVIZ_HOME={app.home}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            ours = mark in (entry / "environ").read_bytes().split(b"\0")
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if ours and not dead:
            found.append(int(entry.name))
    return found


def test_a_deep_link_on_a_fresh_server_opens_its_page(page, tmp_path):
    app = App(tmp_path / "home")
    try:
        lab = Lab(page, app).open("/runs")
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        expect(page.get_by_text("Nothing was trained here yet")).to_be_visible()
        expect(page.get_by_role("link", name="Lab").first).to_be_attached()
        assert lab.errors == []
    finally:
        app.stop()


def test_the_lab_works_below_a_base_path(page, tmp_path):
    app = App(tmp_path / "home", base="/course/ssm")
    try:
        lab = Lab(page, app).open()
        lab.wait("state", "replay")
        lab.open(**SMALL).train()
        lab.wait("newest", 60)
        assert lab.errors == []
    finally:
        app.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_app_loses_nothing_and_a_clean_stop_leaves_nothing(page, tmp_path):
    app = App(tmp_path / "home")
    lab = Lab(page, app).open(**LONG).train()
    lab.wait_more("newest", 5)
    run = lab.run_id
    os.kill(app.process.pid, signal.SIGKILL)
    app.process.wait()
    lab.wait("state", "offline")
    seen = lab.number("newest")

    again = App(tmp_path / "home")
    lab = Lab(page, again).open(run=run)  # the first hit of a fresh server, too
    lab.wait("experiment", run)
    lab.wait_more("newest", seen)
    assert {row.attempt for row in Store(tmp_path / "home").runs_of(run)} == {1}  # it went on, nothing began anew

    again.stop(signal.SIGINT)
    assert again.process.returncode == 0
    assert "Abort" not in again.log.read_text()
    again.wait(lambda: processes(again) == [])
    assert {row.state for row in Store(tmp_path / "home").runs_of(run)} == {"interrupted"}

    third = App(tmp_path / "home")
    try:
        lab = Lab(page, third).open("/runs")
        page.get_by_role("button", name="Resume").click()
        lab.wait_more("newest", seen)
    finally:
        third.stop()
    third.wait(lambda: processes(third) == [])


def test_a_port_in_use_ends_with_a_clear_text(app):
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(app.port)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"SSMVIZ_HOME": str(app.home)}
    )
    assert done.returncode == 1
    assert f"Port {app.port} is not available" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
