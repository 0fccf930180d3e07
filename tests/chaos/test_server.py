"""The app as a process: how it ends, what it leaves behind, where it cannot begin. A browser sees more of this:
`tests/browser/test_server.py`, and reloads and double clicks in `tests/browser/test_lab.py`.
"""

import shutil
import signal
import socket
import subprocess
import sys

import pytest

from benchmarks.soak_session import Counts, Session
from ssmviz.runs.bell import ring
from ssmviz.runs.records import LIVE
from ssmviz.runs.store import Store
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from tests.asynchronous import outcome
from tests.browser.conftest import ROOT, App
from tests.browser.test_server import processes

pytestmark = pytest.mark.slow


def begin(app, steps):
    """A training on this server; its store and the runs."""
    settings = TrainSettings(
        task=TaskSettings(L=16, n_data=4),
        model=ModelSettings(d_model=8, N=4),
        optim=OptimSettings(steps=steps, batch=8),
        checkpoint_every=20,
        device="cpu",
    )
    store = Store(app.home)
    row = store.create_experiment("a click", "Title", [("S6", settings), ("twin", settings)])
    ring(app.home)
    runs = [run.id for run in store.runs_of(row.id)]
    app.wait(lambda: all(store.step(run) > 5 for run in runs))
    return store, runs


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_saves_its_runs_and_leaves_no_process(tmp_path, how):
    app = App(tmp_path / "home")
    store, runs = begin(app, steps=100_000)
    app.stop(how)
    assert app.process.returncode == 0
    app.wait(lambda: processes(app) == [])
    for run in runs:
        row = store.run(run)
        assert (row.state, row.checkpoint_step) == ("interrupted", row.step)
    store.close()


def test_after_a_killed_server_its_runs_end_and_then_no_process_is_left(tmp_path):
    app = App(tmp_path / "home")
    store, runs = begin(app, steps=400)
    app.stop(signal.SIGKILL)
    app.wait(lambda: all(store.run(run).state not in LIVE for run in runs))
    assert {(store.run(run).state, store.run(run).attempt) for run in runs} == {("done", 1)}
    app.wait(lambda: processes(app) == [])
    store.close()


def test_a_taken_port_is_said_in_words_before_anything_starts():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-m", "ssmviz.port", port], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"port {port} cannot be used" in done.stderr
    assert "make run PORT=" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(params=["a disk that is read-only", "a file in the way"])
def read_only(request, tmp_path):
    """A home that cannot be written to; permissions alone would not stop root."""
    path = tmp_path / "home"
    if request.param == "a file in the way":
        path.write_text("in the way")
        yield path / "ssmviz"
        return
    path.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", path], check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_a_read_only_home_is_a_temporary_store_and_a_banner(tmp_path, read_only, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    app = App(tmp_path / "log", store=read_only)
    try:
        counts = Counts()
        session = Session(app.port, "/lab", "lab_L=16&lab_steps=20&lab_d=8&lab_N=4&lab_batch=8&lab_layers=1", counts)

        async def visit():
            await session.open()
            banners = list(session.alerts)
            await session.rerun("Train")
            settled = await session.watch(session.experiment)
            await session.close()
            return banners, settled

        banners, settled = outcome(visit())
        assert any("cannot be written to" in text and "SSMVIZ_HOME" in text for text in banners)
        assert settled
        assert counts.frames > 0
        assert counts.errors == []
    finally:
        app.stop()
    assert app.process.returncode == 0
