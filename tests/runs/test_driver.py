"""Decisions of a worker and a launcher, without processes."""

import sqlite3

import pytest

from ssmviz.runs import launcher as launching
from ssmviz.runs import memory
from ssmviz.runs.backends import embedded
from ssmviz.runs.backends.embedded import Embedded, Job, Spawner
from ssmviz.runs.bell import Bell
from ssmviz.runs.driver import Driver
from ssmviz.runs.launcher import Launcher
from ssmviz.runs.recorder import Recorder
from ssmviz.runs.store import Store
from ssmviz.runs.twins import Twins
from ssmviz.runs.worker import _state_of
from tests.runs import fake
from tests.runs.lab import FAKE, claimed, settings


@pytest.fixture
def run(store):
    return claimed(store)


def drive(store, run, *, leaving=lambda: False, checkpoint=None):
    step, data = checkpoint or (None, None)
    recorder = Recorder(store, run, resumed=step)
    end = Driver(store, run, recorder, Twins(store), leaving).drive(fake.train(run.settings, data))
    recorder.end(*end)
    return store.run(run.id)


def test_leaving_at_a_step_with_a_score_does_not_lose_the_score(store, run):
    """Evaluation and step are two events; a checkpoint between them would skip the score on resuming."""
    row = drive(store, run, leaving=lambda: store.step(run.id) >= 25)
    assert row.state == "interrupted"
    assert row.checkpoint_step == row.step >= 25
    store.requeue(run.id, expect=("interrupted",))
    store.claim(run.id)
    row = drive(store, store.run(run.id), checkpoint=store.load_checkpoint(run.id))
    assert row.state == "done"
    scores = [m.step for m in store.metrics_since(run.id) if m.kind == "evaluation"]
    assert scores == [25, 50, 60]


def test_a_stopped_run_shows_its_last_step(store, run, monkeypatch):
    monkeypatch.setattr("ssmviz.runs.driver.FRAME_SECONDS", 100.0)  # no other frame but the first
    trained = fake.train

    def stopping(settings, data):
        events = trained(settings, data)
        command = None
        while True:
            event = events.send(command)
            if getattr(event, "step", 0) == 20:
                store.update_control(run.experiment, stop=True)
            command = yield event

    monkeypatch.setattr(fake, "train", stopping)
    row = drive(store, run)
    assert row.state == "cancelled"
    assert store.frame_steps(run.id)[-1] == row.step == row.checkpoint_step


def test_a_full_disk_is_said_and_the_training_goes_on(tmp_path):
    store = Store(tmp_path, free=lambda path: 3 * 10**8)
    row = store.create_experiment("key", "Title", [("S6", settings(steps=60))])
    (run,) = store.runs_of(row.id)
    store.claim(run.id)
    row = drive(store, store.run(run.id))
    assert row.state == "done"
    assert "disk is nearly full" in row.reason
    assert store.frame_steps(run.id) == []
    messages = [m.data["text"] for m in store.metrics_since(run.id) if m.kind == "message"]
    assert len(messages) == 1
    store.close()


def test_a_disk_that_refuses_every_write_does_not_end_a_training(store, run, monkeypatch):
    def full(*args, **kwargs):
        raise sqlite3.OperationalError("database or disk is full")

    for method in ("put_frame", "put_checkpoint", "append"):
        monkeypatch.setattr(f"ssmviz.runs.rundb.RunDb.{method}", full)
    row = drive(store, run)
    assert (row.state, row.step, row.checkpoint_step) == ("done", 60, None)
    assert "disk is nearly full" in row.reason


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (MemoryError(), "oom"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate"), "oom"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "oom"),
        (RuntimeError("CUDA error: device-side assert triggered"), "starting"),
        (sqlite3.DatabaseError("database disk image is malformed"), "unreadable"),
        (ValueError("a checkpoint of another run"), "failed"),
    ],
)
def test_what_a_trainer_raises_becomes_a_state(error, state):
    assert _state_of(error)[0] == state


class Dead:
    """A process that ended with SIGKILL."""

    exitcode = -9
    sentinel = None

    def close(self):
        pass


@pytest.fixture
def launcher(store, monkeypatch):
    """Nothing is started by it."""
    monkeypatch.setattr(embedded, "context", lambda trainer: None)
    bell = Bell(store.root)
    return Launcher(store, Embedded(store, FAKE, bell), Spawner(store, FAKE, lazy=True), bell)


@pytest.mark.parametrize(("kills_after", "state"), [(1, "oom"), (0, "queued")])
def test_a_worker_killed_for_want_of_memory_is_not_started_again(store, run, launcher, monkeypatch, kills_after, state):
    launcher.backend._kills = lambda: kills_after
    monkeypatch.setattr(embedded, "wait", lambda *args: None)
    launcher.backend._jobs[run.id] = Job(Dead(), run.attempt)
    launcher._look(0.0)
    assert store.run(run.id).state == state


@pytest.mark.parametrize("paused", [True, False])
def test_paused_runs_are_saved_and_ended_when_no_app_comes_back(store, run, launcher, monkeypatch, paused):
    monkeypatch.setattr(launching, "ABANDONED_SECONDS", 0.0)
    monkeypatch.setattr(launching, "GRACE_SECONDS", 0.0)
    store.update_control(run.experiment, paused=paused)
    assert not launcher._is_over(), "it has to wait for them"
    assert launcher._asked is paused


def test_the_kernels_count_of_kills_is_a_number():
    assert memory.kills() >= 0
