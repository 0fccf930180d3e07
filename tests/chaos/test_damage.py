"""Files that are damaged while people work, disks that are full, clocks that jump."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ssmviz.runs.records import Refused
from tests.chaos.conftest import EMBEDDED_ONLY
from tests.chaos.test_processes import whole_curve
from tests.runs import fake
from tests.runs.lab import wait_until

CLOCK = Path(__file__).parent / "clock"  # a sitecustomize.py that every Python process of the app then imports

# damaged files


def zero(path):
    path.write_bytes(bytes(path.stat().st_size))


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def garble_header(path):
    with path.open("r+b") as file:
        file.write(os.urandom(100))


def garble_pages(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(8192))


DAMAGES = [zero, truncate, garble_header, garble_pages]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_costs_its_run_alone(shared_lab, damage):
    experiment, (broken, whole) = shared_lab.start(steps=30)
    shared_lab.ended(broken)
    shared_lab.ended(whole)
    path = shared_lab.store.folder(broken) / "run.db"
    settle(path)
    damage(path)
    assert shared_lab.store.metrics_since(broken) == []
    row = shared_lab.store.run(broken)
    assert row.state == "unreadable"
    assert "delete the experiment and train it again" in row.reason
    assert shared_lab.store.run(whole).state == "done"
    assert shared_lab.kinds(whole)
    shared_lab.client.delete(experiment)
    assert not path.exists()


def test_a_file_that_is_damaged_while_its_run_trains_holds_nobody_up(shared_lab):
    """What is still in SQLite's log may save it. If not, it is the only one that is lost."""
    _, (broken, whole) = shared_lab.start(steps=200)
    shared_lab.reaches(broken, 30)
    path = shared_lab.store.folder(broken) / "run.db"
    path.write_bytes(os.urandom(path.stat().st_size))
    assert shared_lab.ended(broken).state in ("unreadable", "done")
    assert shared_lab.ended(whole).state == "done"
    assert shared_lab.curve(whole) == whole_curve(200)
    settle(path)
    shared_lab.store.metrics_since(broken)
    assert shared_lab.store.run(broken).state in ("unreadable", "done")


def settle(path):
    """What lies in the log goes into the file, as after a clean end; the log goes."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def garble_log(path):
    """Garbage in the log is passed over by SQLite: its checksums do not hold."""
    path.with_name(path.name + "-wal").write_bytes(os.urandom(20_000))


def remove(path):
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("damage", [*DAMAGES, garble_log, remove])
def test_a_damaged_index_is_made_again_when_the_app_starts(backend, tmp_path, damage):
    before = backend(tmp_path / "home").open()
    experiment, runs = before.start(steps=20, key="a click")
    rows = [before.ended(run) for run in runs]
    assert before.close() == []
    settle(before.store.root / "index.db")
    damage(before.store.root / "index.db")
    lab = backend(tmp_path / "home").open()
    assert [lab.store.run(run) for run in runs] == rows
    assert lab.start(steps=20, key="a click")[0] == experiment, "the click is remembered"
    _, (new,) = lab.start(1, steps=5)
    assert lab.ended(new).state == "done"
    assert lab.close() == []


@pytest.mark.slow
@pytest.mark.parametrize("damage", [zero, truncate, remove])
def test_an_index_that_is_damaged_while_runs_train_is_made_again_and_they_go_on(lab, damage):
    _, runs = lab.start(fake.SLOW, fake.SLOW, steps=150)
    _, (old,) = lab.start(1, steps=5)
    for run in runs:
        lab.reaches(run, 10)
    workers = [lab.worker(run) for run in runs]
    damage(lab.store.root / "index.db")
    wait_until(lambda: {row.id for row in lab.store.runs_in(("starting", "running"))} >= set(runs))
    assert [lab.worker(run) for run in runs] == workers
    for run in runs:
        row = lab.ended(run)
        assert (row.state, row.attempt, row.step) == ("done", 1, 150)
        assert lab.curve(run) == whole_curve(150, seed=fake.SLOW)
    assert lab.ended(old).state == "done"


# full disks


@EMBEDDED_ONLY  # on a cluster no worker writes to a disk
def test_a_disk_on_which_no_file_grows_for_a_while_costs_frames_and_no_step(shared_lab):
    """SQLite's own errors, in the worker alone: the kernel lets its files grow no more."""
    _, (run,) = shared_lab.start(fake.FILLS_DISK)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt, row.step, row.checkpoint_step) == ("done", 1, 100, 100)
    assert "disk is nearly full" in row.reason
    assert shared_lab.curve(run) == whole_curve(100, seed=fake.FILLS_DISK)
    assert shared_lab.kinds(run).count("evaluation") == 4


@pytest.fixture
def small_disk(tmp_path):
    """256 MiB: room for runs, too little for frames."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = shutil.which("mount")
    done = (
        mount
        and subprocess.run([mount, "-t", "tmpfs", "-o", "size=256m", "tmpfs", path], capture_output=True).returncode
        == 0
    )
    if not done:
        pytest.skip("no disk can be mounted here")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(2**20)):
            pass
    assert shutil.disk_usage(path.parent).free == 0


@pytest.mark.slow
@EMBEDDED_ONLY
def test_a_disk_that_fills_up_ends_nothing(backend, small_disk):
    lab = backend(small_disk / "home").open()
    _, (run,) = lab.start(fake.SLOW, steps=150)
    lab.reaches(run, 20)
    filler = small_disk / "filler"
    fill(filler)
    lab.reaches(run, 100)
    assert lab.store.is_alive(run)
    with pytest.raises((Refused, sqlite3.OperationalError)):
        lab.start(0, steps=5)
    lab.reaches(run, 150)
    assert lab.store.run(run).state == "running", "it waits for room to say that it is done"
    filler.unlink()
    row = lab.ended(run)
    assert (row.state, row.attempt, row.step) == ("done", 1, 150)
    assert lab.store.frame_steps(run) == []
    _, (after,) = lab.start(0, steps=5)
    assert lab.ended(after).state == "done"
    assert lab.close() == []


# clocks


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_clock_that_jumps_changes_nothing(backend, tmp_path, monkeypatch, hours):
    """In the launcher, its fork server and every worker, in the middle of a training, and here."""
    jump = tmp_path / "jump"
    jump.write_text("0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(CLOCK), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("SSMVIZ_TEST_CLOCK", str(jump))
    lab = backend(tmp_path / "home").open()
    first, runs = lab.start(steps=120, wall_limit_s=60.0)
    for run in runs:
        lab.reaches(run, 30)
    jump.write_text(str(hours * 3600))
    second, (waited, _) = lab.start(1, 2, steps=10)
    for run in runs:
        row = lab.ended(run)
        assert (row.state, row.attempt, row.reason) == ("done", 1, "")
        assert lab.curve(run) == whole_curve(120)
    assert lab.ended(waited).state == "done"
    assert [row.id for row in lab.store.experiments()] == [second, first], "the newest comes first"
    assert lab.close() == []


def test_the_clock_of_the_tests_really_jumps(tmp_path):
    jump = tmp_path / "jump"
    jump.write_text("-7200")
    code = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp())"
    environment = os.environ | {"PYTHONPATH": str(CLOCK), "SSMVIZ_TEST_CLOCK": str(jump)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    jumped, _ = map(float, run.stdout.split())
    plain = float(subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True).stdout)
    assert -7200 - 60 < jumped - plain < -7200 + 60
