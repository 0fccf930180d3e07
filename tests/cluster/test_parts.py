"""The pieces of the cluster backend without Ray: what waits on a worker's machine, and how it reaches the store."""

import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

import ssmviz
from ssmviz.runs import backends, cluster
from ssmviz.runs.backends import parcel
from ssmviz.runs.backends.attempt import Attempt, Outlet
from ssmviz.runs.backends.parcel import Buffer, Ended, Hold, Losses, Picture
from ssmviz.runs.backends.pump import Pump
from ssmviz.runs.backends.watchdog import Watchdog
from ssmviz.runs.client import PROJECT
from ssmviz.runs.records import Control, Fenced
from ssmviz.runs.steering import Watch
from ssmviz.runs.store import Store
from ssmviz.traces import Checkpoint, Note
from tests.runs import fake
from tests.runs.lab import FAKE, claimed, wait_until

FIELDS = ("name", "cpus", "gpus", "slots", "version", "device")
NOBODY = Watch(Control(), 1, (), False)


class Alone:
    """No twins."""

    def set(self, runs):
        pass

    def are_far_behind(self, step):
        return False


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def run(store):
    return claimed(store)


class Here(Attempt):
    """Not in a process of its own."""

    def _leave(self):
        pass


def attempt(run, saved=None, version=ssmviz.__version__, trainer=FAKE):
    return Here(run, saved, trainer, replace(NOBODY, attempt=run.attempt), Alone(), None, version)


def bring(pump, actor, until=lambda pump: pump.ended):
    """Everything that an attempt has to tell, as the launcher fetches it."""
    wait_until(lambda: (pump.take(actor.exchange(pump.stored, pump.taken)), until(pump))[1], "the end")


def curve(store, run):
    rows = [metric.data for metric in store.metrics_since(run.id) if metric.kind == "steps"]
    return {step: loss for row in rows for step, loss in zip(row["steps"], row["losses"], strict=True)}


def test_a_run_on_another_machine_is_stored_as_if_it_were_here(store, run):
    pump = Pump(store, run)
    bring(pump, attempt(run))
    row = store.run(run.id)
    assert (row.state, row.step, row.checkpoint_step, row.device, row.notes) == ("done", 60, 60, "cpu", ("a note",))
    assert curve(store, run) == {step: fake.loss_at(run.settings, step) for step in range(1, 61)}
    kinds = [metric.kind for metric in store.metrics_since(run.id)]
    assert (kinds[0], kinds[-2:], kinds.count("evaluation")) == ("started", ["rung", "finished"], 3)
    assert store.frame_steps(run.id)[-1] == 60
    assert store.step(run.id) == 60


def test_a_launcher_that_comes_back_stores_every_event_once(store, run):
    """The second pump asks from what is stored; the first had been told more than it said."""
    actor, first = attempt(run), Pump(store, run)
    bring(first, actor, until=lambda pump: store.step(run.id) >= 30)
    unsaid = actor.exchange(0, 0)  # as if the first had died before it acknowledged anything
    second = Pump(store, store.run(run.id))
    assert second.stored > 0
    second.take(unsaid)
    bring(second, actor)
    kinds = [metric.kind for metric in store.metrics_since(run.id)]
    assert (kinds.count("started"), kinds.count("evaluation"), kinds.count("finished")) == (1, 3, 1)
    assert curve(store, run) == {step: fake.loss_at(run.settings, step) for step in range(1, 61)}


def test_a_new_attempt_gets_the_checkpoint_and_the_old_one_is_fenced(store, run):
    old, pump = attempt(run), Pump(store, run)
    bring(pump, old, until=lambda pump: store.load_checkpoint(run.id))
    store.move(run.id, "queued", attempt=run.attempt)
    store.claim(run.id)
    newer = store.run(run.id)
    with pytest.raises(Fenced):
        bring(pump, old)
    bring(Pump(store, newer), attempt(newer, store.load_checkpoint(run.id)))
    started = [metric.step for metric in store.metrics_since(run.id) if metric.kind == "started"]
    assert started[-1] >= 20
    assert curve(store, run) == {step: fake.loss_at(run.settings, step) for step in range(1, 61)}


def test_what_fails_before_it_begins_is_told(store, run):
    pump = Pump(store, run)
    bring(pump, attempt(run, trainer="tests.runs.fake:nothing_of_this_name"))
    assert store.run(run.id).state == "failed"
    assert "Traceback" in (store.folder(run.id) / "error.txt").read_text()


def test_another_version_of_ssmviz_refuses_and_says_what_to_do(run):
    with pytest.raises(RuntimeError, match=r"the head 0\.0: install the same version on every node"):
        attempt(run, version="0.0")


def test_people_steer_a_run_on_another_machine(store, run):
    actor, pump = attempt(run), Pump(store, run)
    actor.steer(2, Watch(Control(paused=True, hold_at=20), 1, (), False))
    actor.steer(1, NOBODY)  # was overtaken
    bring(pump, actor, until=lambda pump: store.step(run.id) >= 20 and store.load_checkpoint(run.id))
    held = actor.reached(21, 0.05)
    actor.steer(3, Watch(Control(stop=True), 1, (), False))
    bring(pump, actor)
    row = store.run(run.id)
    assert (row.state, row.checkpoint_step) == ("cancelled", row.step)
    assert held == row.step


def test_a_twin_is_told_as_soon_as_the_step_is_reached(run):
    outlet = Outlet(run, NOBODY)
    heard = []
    waiting = threading.Thread(target=lambda: heard.append(outlet.reached(2, 20.0)))
    waiting.start()
    wait_until(lambda: outlet._waited_for)
    for step in (1, 2):
        outlet.take(fake.Step(step, 0.5))
    waiting.join(20.0)
    assert heard == [2]


def test_a_head_that_stays_away_ends_the_attempt(run, monkeypatch):
    monkeypatch.setattr("ssmviz.runs.backends.attempt.SILENT_SECONDS", 5.0)
    outlet = Outlet(run, NOBODY)
    assert not outlet.is_forgotten()
    outlet._heard = time.monotonic() - 6.0
    assert outlet.is_forgotten()


def test_the_buffer_stays_small_when_nobody_fetches():
    buffer = Buffer()
    for step in range(5000):
        buffer.add_loss(step, 0.5)
        buffer.add(Note(step, "text"))
        buffer.add(Picture(step, b"data", 0))
        buffer.add(Checkpoint(step, b"data"))
    kept = [item for _, item in buffer.fetch(0, 0)]
    assert [item.step for item in kept if isinstance(item, Checkpoint)] == [4999]
    assert [item.step for item in kept if isinstance(item, Picture)] == list(range(4984, 5000))
    assert len(kept) <= parcel.MAX_EVENTS


def test_the_buffer_gives_nothing_twice_and_changes_nothing_that_has_left():
    buffer = Buffer()
    buffer.add_loss(1, 0.5)
    ((number, first),) = buffer.fetch(0, 0)
    buffer.add_loss(2, 0.4)
    buffer.add_loss(3, 0.3)
    assert first.losses == [(1, 0.5)]
    ((after, second),) = buffer.fetch(number, number)
    assert second == Losses([(2, 0.4), (3, 0.3)])
    assert buffer.fetch(after, after) == ()
    assert not buffer.has_news(), "losses alone wait"
    buffer.add(Hold(3))
    assert buffer.has_news()


def test_a_parcel_is_bounded_but_never_empty():
    buffer = Buffer()
    for step in range(3):
        buffer.add(Picture(step, bytes(parcel.MAX_PARCEL - 1), 0))
    sizes = []
    taken = 0
    while items := buffer.fetch(taken, taken):
        sizes.append(len(items))
        taken = items[-1][0]
    assert sizes == [1, 1, 1]


def test_what_the_disk_refuses_is_asked_for_again(store, run, monkeypatch):
    import sqlite3

    actor, pump = attempt(run), Pump(store, run)
    bring(pump, actor, until=lambda pump: store.step(run.id) >= 20)
    with monkeypatch.context() as full:

        def refuse(*args, **kwargs):
            raise sqlite3.OperationalError("database or disk is full")

        full.setattr("ssmviz.runs.rundb.RunDb.append", refuse)
        wait_until(lambda: (pump.take(actor.exchange(pump.stored, pump.taken)), pump.stored < pump.taken)[1])
    bring(pump, actor)
    assert curve(store, run) == {step: fake.loss_at(run.settings, step) for step in range(1, 61)}
    assert Ended("done", "") == pump.ended


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SSMVIZ_BACKEND": "slurm"}, "SSMVIZ_BACKEND: "),
        ({"SSMVIZ_BACKEND": "ray"}, "RAY_ADDRESS must be HOST:PORT"),
        ({"SSMVIZ_BACKEND": "ray", "RAY_ADDRESS": "auto"}, "got 'auto'"),
        ({"SSMVIZ_RUNS_PER_GPU": "0"}, "SSMVIZ_RUNS_PER_GPU: "),
    ],
)
def test_wrong_settings_say_what_is_wrong(environ, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        backends.chosen(environ)


def test_without_ray_people_are_told_what_to_install(monkeypatch):
    monkeypatch.setattr(backends.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-cluster\.txt"):
        backends.chosen({"SSMVIZ_BACKEND": "ray", "RAY_ADDRESS": "head:6379"})


def test_nothing_asks_for_ray_by_default():
    assert backends.chosen({}).backend == "embedded"
    assert backends.chosen({"RAY_ADDRESS": "head:6379"}).backend == "embedded"


def test_ray_is_imported_by_its_backend_alone():
    found = [
        path.relative_to(PROJECT).as_posix()
        for folder in ("ssmviz", "kernels", "pages")
        for path in sorted((PROJECT / folder).rglob("*.py"))
        if any(line.strip().startswith(("import ray", "from ray")) for line in path.read_text().splitlines())
    ]
    assert found
    assert all(path.startswith("ssmviz/runs/backends/ray") for path in found), found


def test_launcher_worker_and_app_never_load_ray():
    code = (
        "import sys, ssmviz.runs.client, ssmviz.runs.launcher, ssmviz.runs.worker, ssmviz.runs.backends.attempt,"
        "ssmviz.runs.backends.pump, ssmviz.runs.backends.embedded, ssmviz.live;"
        "assert 'ray' not in sys.modules, 'ray is loaded'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("node", "words", "works"),
    [
        (("gpu1", 16.0, 1.0, 4, ssmviz.__version__, "cuda: NVIDIA H200"), "4 runs at a time, 4 on a GPU", True),
        (("old", 2.0, 0.0, 2, "0.0", ""), f"Install ssmviz {ssmviz.__version__}, as here, on old", False),
        (("head", 0.0, 0.0, 0, "0.0", ""), "No node has processors to give away", False),
    ],
)
def test_a_look_at_the_cluster_says_whether_runs_would_work_there(node, words, works):
    text, answer = cluster.report([SimpleNamespace(**dict(zip(FIELDS, node, strict=True)))], 4)
    assert words in text
    assert answer is works


def test_a_cluster_that_cannot_be_reached_is_one_sentence(monkeypatch, capsys):
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    assert cluster.main(["check"]) == 1
    assert capsys.readouterr().err == "the cluster at 127.0.0.1:1 cannot be reached: Connection refused\n"


class Asleep(Watchdog):
    """Ends nobody, for it would be these tests."""

    ended = False

    def _end(self):
        self.ended = True


def test_a_launcher_that_hangs_is_ended():
    watchdog = Asleep(60.0)
    watchdog.hear()
    assert not watchdog._is_silent()
    watchdog._heard = time.monotonic() - 61.0
    assert watchdog._is_silent()
    watchdog._watch()
    assert watchdog.ended
