"""Processes that die, hang, or come twice."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from ssmviz.runs.client import PROJECT
from ssmviz.runs.locks import is_held
from ssmviz.runs.records import MAX_ATTEMPTS
from tests.runs import fake
from tests.runs.lab import group, settings, wait_until


def whole_curve(steps, seed=0):
    return {step: fake.loss_at(settings(seed=seed), step) for step in range(1, steps + 1)}


def test_a_killed_worker_goes_on_from_its_checkpoint_with_the_same_curve(shared_lab):
    lab = shared_lab
    _, (run, _) = lab.start(steps=200)
    lab.reaches(run, 50)
    began = time.monotonic()
    lab.kill_worker(run)
    wait_until(lambda: lab.store.run(run).attempt == 2 and lab.store.run(run).state == "running")
    seconds = time.monotonic() - began
    row = lab.ended(run)
    assert (row.state, row.attempt, row.step) == ("done", 2, 200)
    assert lab.curve(run) == whole_curve(200)
    assert lab.store.metrics_since(run)[-1].kind == "finished"
    assert lab.kinds(run).count("evaluation") == 8
    assert seconds < lab.resumed_within  # a tenth of a second where nothing else runs


def test_a_run_whose_process_dies_again_and_again_fails_with_its_checkpoint(shared_lab):
    _, (run,) = shared_lab.start(fake.DIES)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt) == ("failed", MAX_ATTEMPTS)
    assert "died 3 times" in row.reason


def test_a_twin_is_not_held_up_by_a_dead_one(shared_lab):
    _, (dead, alive) = shared_lab.start(fake.DIES, 0, steps=100)
    assert shared_lab.ended(alive).state == "done"
    assert shared_lab.ended(dead).state == "failed"


def test_a_mistake_fails_at_once_and_is_explained(shared_lab):
    _, (run,) = shared_lab.start(fake.FAILS)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt, row.reason) == ("failed", 1, "ValueError: this cannot be trained")
    assert "Traceback" in (shared_lab.store.folder(run) / "error.txt").read_text()


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_killed_launcher_is_replaced_and_the_same_attempt_goes_on(lab):
    _, (run, twin) = lab.start(fake.SLOW, fake.SLOW, steps=lab.restart_steps)
    lab.reaches(run, 5)
    worker = lab.worker(run)
    old = lab.kill_launcher()
    wait_until(lambda: lab.launcher() != old, "the app to start another")
    lab.groups.add(lab.launcher())
    step = lab.store.step(run)
    lab.reaches(run, step + 10)
    assert lab.worker(run) == worker
    assert lab.store.run(run).attempt == 1
    lab.kill_worker(twin)  # found by its lock, by a launcher that did not start it
    wait_until(lambda: lab.store.run(twin).attempt == 2)
    assert lab.ended(run).state == lab.ended(twin).state == "done"


def test_a_clean_stop_ends_workers_of_a_killed_launcher(lab):
    _, (run, _) = lab.start(steps=100_000)
    lab.reaches(run, 5)
    lab.kill_launcher()
    lab.client.shutdown()
    assert lab.store.run(run).state == "interrupted"
    assert lab.left() == []


@pytest.mark.slow
def test_the_run_of_a_killed_app_goes_on_and_then_everything_ends(backend, tmp_path):
    """The app is a process of its own here, and dies without a word."""
    code = (
        f"import sys, time; from {backend.__module__} import {backend.__name__} as Lab\n"
        "lab = Lab(sys.argv[1]).open(); lab.start(steps=150); print(lab.launcher(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as app:
        leader = int(app.stdout.readline())
        app.kill()
    lab = backend(tmp_path / "home")
    (experiment,) = lab.store.experiments()
    for run in lab.store.runs_of(experiment.id):
        assert lab.ended(run.id).state == "done"
    wait_until(lambda: not group(leader), "the launcher to end by itself")
    lab.store.close()


@pytest.mark.slow
def test_after_a_reboot_runs_go_on_from_their_checkpoints(backend, tmp_path):
    """All processes gone at once, no lock held; the clock of the machine begins anew, so nothing may rely on it."""
    before = backend(tmp_path / "home").open()
    _, runs = before.start(steps=120)
    _, (waiting, _) = before.start(1, 2, steps=10)
    for run in runs:
        before.reaches(run, 45)
    before.kill_everything()
    lab = backend(tmp_path / "home").open()
    for run in runs:
        row = lab.ended(run)
        assert (row.state, row.attempt, row.step) == ("done", 2, 120)
        resumed = [m.step for m in lab.store.metrics_since(run) if m.kind == "started"]
        assert resumed[-1] >= 40, "from the checkpoint, not from the start"
        assert lab.curve(run) == whole_curve(120)
    assert lab.ended(waiting).state == "done"
    assert lab.close() == []


@pytest.mark.slow
def test_launchers_that_start_at_once_start_each_run_once(lab):
    _, runs = lab.start(steps=60)
    lab.kill_launcher()
    others = [subprocess.Popen(lab.launcher_command(), cwd=PROJECT) for _ in range(3)]
    assert [lab.ended(run).attempt for run in runs] == [1, 1]
    holding = lab.launcher()
    lab.groups.add(holding)
    assert all(other.wait(20) == 0 for other in others if other.pid != holding), "the others leave without a word"
    lab.client.shutdown()
    for other in others:
        other.wait(20)


def test_one_key_is_one_experiment_from_many_tabs_at_once(lab):
    """Two tabs, a double click, a browser that sends it again: each names its click, and one click is one run."""
    found = []
    tabs = [threading.Thread(target=lambda: found.append(lab.start(steps=5, key="a click"))) for _ in range(6)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(found) == 6
    assert len({experiment for experiment, _ in found}) == 1
    (row,) = lab.store.experiments()
    assert [lab.ended(run.id).attempt for run in lab.store.runs_of(row.id)] == [1, 1]
