"""What may happen to processes, and what must not happen to runs."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ssmviz.runs.client import PROJECT
from ssmviz.runs.locks import is_held
from ssmviz.runs.records import MAX_ATTEMPTS
from tests.runs import fake
from tests.runs.conftest import FAKE, Lab, group, needs_proc, settings, wait_until

pytestmark = [needs_proc, pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as POSIX does")]


def whole_curve(steps, seed=0):
    return {step: fake.loss_at(settings(seed=seed), step) for step in range(1, steps + 1)}


def test_a_killed_worker_goes_on_from_its_checkpoint_with_the_same_curve(shared_lab):
    lab = shared_lab
    _, (run, _) = lab.start(steps=200)
    lab.reaches(run, 50)
    began = time.monotonic()
    lab.store.kill(run)
    wait_until(lambda: lab.store.run(run).attempt == 2 and lab.store.run(run).state == "running")
    seconds = time.monotonic() - began
    row = lab.ended(run)
    assert (row.state, row.attempt, row.step) == ("done", 2, 200)
    assert lab.curve(run) == whole_curve(200)
    assert lab.store.metrics_since(run)[-1].kind == "finished"
    assert lab.kinds(run).count("evaluation") == 8
    assert seconds < 2.0  # a tenth of a second where nothing else runs


def test_a_run_whose_process_dies_again_and_again_fails_with_its_checkpoint(shared_lab):
    _, (run,) = shared_lab.start(fake.DIES)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("failed", MAX_ATTEMPTS)
    assert "died 3 times" in row.reason


def test_a_twin_is_not_held_up_by_a_dead_one(shared_lab):
    _, (dead, alive) = shared_lab.start(fake.DIES, 0, steps=100)
    assert shared_lab.ended(alive).state == "done"
    assert shared_lab.ended(dead).state == "failed"


def test_a_lost_device_is_a_new_attempt(shared_lab):
    _, (run,) = shared_lab.start(fake.LOSES_DEVICE)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("done", 2)
    assert shared_lab.curve(run) == whole_curve(100, seed=fake.LOSES_DEVICE)


def test_divergence_is_a_state_that_names_the_step_and_keeps_the_frames(shared_lab):
    _, (run,) = shared_lab.start(fake.DIVERGES)
    row = shared_lab.ended(run)
    assert row.state == "diverged"
    assert "step 30" in row.reason
    assert shared_lab.kinds(run)[-1] == "diverged"
    assert shared_lab.store.frame_steps(run)[0] == 0


def test_no_memory_is_a_state_of_its_own(shared_lab):
    _, (run,) = shared_lab.start(fake.NO_MEMORY)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("oom", 1)
    assert "memory" in row.reason


def test_a_mistake_fails_at_once_and_is_explained(shared_lab):
    _, (run,) = shared_lab.start(fake.FAILS)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt, row.reason) == ("failed", 1, "ValueError: this cannot be trained")
    assert "Traceback" in (shared_lab.store.folder(run) / "error.txt").read_text()


def test_a_run_that_takes_too_long_times_out_with_a_checkpoint(shared_lab):
    _, (run,) = shared_lab.start(0, steps=100_000, wall_limit_s=0.3, checkpoint_every=100_000)
    row = shared_lab.ended(run)
    assert row.state == "timeout"
    assert row.checkpoint_step == row.step > 0


def test_a_run_that_hangs_times_out(shared_lab):
    _, (run,) = shared_lab.start(fake.HANGS, wall_limit_s=0.2)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("timeout", 1)
    assert "no sign of life" in row.reason
    assert not shared_lab.store.is_alive(run)


def test_a_clean_stop_saves_and_leaves_no_process(lab):
    experiment, runs = lab.start(steps=100_000)
    for run in runs:
        lab.reaches(run, 5)
    began = time.monotonic()
    lab.client.shutdown()
    assert lab.left() == []
    assert time.monotonic() - began < 3.0
    for run in runs:
        row = lab.store.run(run)
        assert row.state == "interrupted"
        assert row.checkpoint_step == row.step > 0
    lab.client.attach()
    lab.groups.add(lab.launcher())
    step = lab.store.run(runs[0]).step
    lab.client.resume_run(runs[0])
    wait_until(lambda: lab.store.step(runs[0]) > step)
    lab.client.stop(experiment)
    assert lab.ended(runs[0]).state == "cancelled"
    assert sorted(lab.curve(runs[0])) == list(range(1, lab.store.run(runs[0]).step + 1))


def test_a_clean_stop_does_not_wait_for_a_run_that_hangs(lab):
    _, (run,) = lab.start(fake.HANGS)
    lab.reaches(run, 4)
    lab.client.shutdown()
    assert lab.left() == []
    assert lab.store.run(run).state == "interrupted"


def test_a_terminated_launcher_shuts_down_in_order(lab):
    _, (run, _) = lab.start(steps=100_000)
    lab.reaches(run, 5)
    os.kill(lab.launcher(), signal.SIGTERM)
    wait_until(lambda: not is_held(lab.store.root / "launcher.lock"))
    row = lab.store.run(run)
    assert (row.state, row.checkpoint_step) == ("interrupted", row.step)


def test_a_killed_launcher_is_replaced_and_the_same_attempt_goes_on(lab):
    _, (run, twin) = lab.start(fake.SLOW, fake.SLOW, steps=100)
    lab.reaches(run, 5)
    worker = lab.store.pid(run)
    old = lab.launcher()
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: lab.launcher() != old, "the app to start another")
    lab.groups.add(lab.launcher())
    step = lab.store.step(run)
    lab.reaches(run, step + 10)
    assert lab.store.pid(run) == worker
    assert lab.store.run(run).attempt == 1
    lab.store.kill(twin)  # found by its lock, by a launcher that did not start it
    wait_until(lambda: lab.store.run(twin).attempt == 2)
    assert lab.ended(run).state == lab.ended(twin).state == "done"


def test_a_clean_stop_ends_workers_of_a_killed_launcher(lab):
    _, (run, _) = lab.start(steps=100_000)
    lab.reaches(run, 5)
    os.kill(lab.launcher(), signal.SIGKILL)
    lab.client.shutdown()
    assert lab.store.run(run).state == "interrupted"
    assert lab.left() == []


def test_the_run_of_a_killed_app_goes_on_and_then_everything_ends(tmp_path):
    """The app is a process of its own here, and dies without a word."""
    code = (
        "import sys, time; from tests.runs.conftest import Lab\n"
        "lab = Lab(sys.argv[1]).open(); lab.start(steps=150); print(lab.launcher(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as app:
        leader = int(app.stdout.readline())
        app.kill()
    lab = Lab(tmp_path / "home")
    (experiment,) = lab.store.experiments()
    for run in lab.store.runs_of(experiment.id):
        assert lab.ended(run.id).state == "done"
    wait_until(lambda: not group(leader), "the launcher to end by itself")
    lab.store.close()


def test_two_launchers_start_each_run_once(lab):
    command = [sys.executable, "-m", "ssmviz.runs", "--root", str(lab.store.root), "--trainer", FAKE]
    second = subprocess.run(command, cwd=PROJECT, timeout=20)
    assert second.returncode == 0
    _, runs = lab.start(steps=30)
    assert [lab.ended(run).attempt for run in runs] == [1, 1]


def test_a_damaged_file_costs_its_run_alone(shared_lab):
    experiment, (broken, whole) = shared_lab.start(steps=30)
    shared_lab.ended(broken)
    shared_lab.ended(whole)
    path = shared_lab.store.folder(broken) / "run.db"
    path.with_name("run.db-wal").unlink(missing_ok=True)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert shared_lab.store.metrics_since(broken) == []
    assert shared_lab.store.run(broken).state == "unreadable"
    assert shared_lab.store.run(whole).state == "done"
    assert shared_lab.kinds(whole)
    shared_lab.client.delete(experiment)
    assert not path.exists()
