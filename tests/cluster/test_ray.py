"""What only a cluster can show: twins on two machines, a machine that is lost, a head that comes back."""

import os
import subprocess
import sys

import pytest

from ssmviz.runs.client import PROJECT
from ssmviz.runs.twins import LEAD
from tests.cluster.lab import STORE
from tests.runs import fake
from tests.runs.lab import settings, wait_until

pytestmark = pytest.mark.slow


def _held_at_one_step(store, runs):
    """Saved and drawn there, all of them: in passing a run is saved at some steps and drawn at others."""
    (step, *others) = {store.step(run) for run in runs}
    ready = (store.run(run).checkpoint_step == store.newest_frame_step(run) == step for run in runs)
    return not others and all(ready)


def whole_curve(steps, seed=0):
    return {step: fake.loss_at(settings(seed=seed), step) for step in range(1, steps + 1)}


def test_twins_on_two_machines_march_together_and_end_with_whole_curves(shared_lab):
    _, runs = shared_lab.start(fake.SLOW, 0, steps=100)  # ten times as fast
    shared_lab.reaches(runs[1], 30)
    ahead = shared_lab.store.step(runs[1]) - shared_lab.store.step(runs[0])
    assert ahead <= 2 * LEAD, "it may have gone on while this was read"
    for run, seed in zip(runs, (fake.SLOW, 0), strict=True):
        row = shared_lab.ended(run)
        assert (row.state, row.attempt, row.step) == ("done", 1, 100), row.reason
        assert shared_lab.curve(run) == whole_curve(100, seed)
        assert shared_lab.kinds(run).count("evaluation") == 4
        assert shared_lab.kinds(run)[-1] == "finished"
    wait_until(lambda: shared_lab.actors() == [], "actors to end")


def test_twins_on_two_machines_pause_at_one_step_and_take_one_more(shared_lab):
    experiment, runs = shared_lab.start(steps=100_000)
    for run in runs:
        shared_lab.reaches(run, 20)
    shared_lab.client.pause(experiment)
    store = shared_lab.store
    wait_until(lambda: _held_at_one_step(store, runs), "one step")
    step = store.step(runs[0])
    shared_lab.client.step(experiment)
    for run in runs:
        wait_until(lambda run=run: store.step(run) == step + 1, "one step more")
    shared_lab.client.stop(experiment)
    assert [shared_lab.ended(run).state for run in runs] == ["cancelled", "cancelled"]


def test_runs_of_a_machine_that_is_lost_go_on_on_another(lab, cluster):
    machine = cluster.add_node(num_cpus=2, object_store_memory=STORE, resources={"doomed": 1})
    try:
        _, runs = lab.start(fake.SLOW, fake.SLOW, steps=300)
        _, more = lab.start(fake.SLOW, fake.SLOW, steps=300)
        for run in (*runs, *more):
            lab.reaches(run, 45)
    finally:
        cluster.remove_node(machine, allow_graceful=False)
    rows = [lab.ended(run) for run in (*runs, *more)]
    assert [row.state for row in rows] == ["done"] * 4
    assert sorted(row.attempt for row in rows)[-1] == 2
    for row in rows:
        assert lab.curve(row.id) == whole_curve(300, fake.SLOW)
        assert lab.kinds(row.id).count("finished") == 1


def test_a_run_that_is_deleted_as_it_starts_leaves_no_actor(lab):
    experiment, (run,) = lab.start(fake.SLOW, steps=100_000)
    wait_until(lambda: lab.actor(run), "an actor")
    lab.client.delete(experiment)
    assert lab.close() == []


def test_a_look_at_the_cluster_says_what_there_is(cluster):
    environ = os.environ | {"RAY_ADDRESS": cluster.address}
    command = [sys.executable, "-m", "ssmviz.runs.cluster", "check"]
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 runs at a time." in done.stdout
    assert "Security: no token is asked for" in done.stdout
