"""Pause, step, speed, stop, probe, restart, delete: on twins that train."""

import time

import numpy as np
import pytest

from ssmviz import frames
from ssmviz.runs.records import Refused
from ssmviz.runs.twins import LEAD
from ssmviz.tasks import TASKS, rng_for
from tests.runs import fake
from tests.runs.lab import settings, wait_until

FOREVER = 100_000


@pytest.fixture
def twins(shared_lab):
    """Experiment and runs that train until the test is over."""
    experiment, runs = shared_lab.start(steps=FOREVER)
    for run in runs:
        shared_lab.reaches(run, 3)
    yield experiment, runs
    shared_lab.client.stop(experiment)
    for run in runs:
        shared_lab.ended(run)


def steps(lab, runs):
    return [lab.store.step(run) for run in runs]


def held(lab, runs):
    """Both at one step, shown and saved there."""

    def settled():
        at = {lab.store.step(run) for run in runs}
        shown = {lab.store.newest_frame_step(run) for run in runs}
        saved = {lab.store.run(run).checkpoint_step for run in runs}
        return at == shown == saved and len(at) == 1 and at.pop()

    return wait_until(settled, "both to hold at one step")


def another_probe(**fields):
    task = settings(**fields).task
    return tuple(TASKS[task.name].sample(task, rng_for(7, "probe"), 1).tokens[0].tolist())


def test_a_pause_leaves_both_twins_at_one_step_shown_and_saved(shared_lab, twins):
    experiment, runs = twins
    shared_lab.client.pause(experiment)
    step = held(shared_lab, runs)
    assert step >= 3
    rows = [len(shared_lab.store.metrics_since(run)) for run in runs]
    time.sleep(0.1)
    assert steps(shared_lab, runs) == [step, step]
    assert [len(shared_lab.store.metrics_since(run)) for run in runs] == rows, "a run that is paused writes nothing"


def test_a_step_is_one_optimiser_step_in_each_twin(shared_lab, twins):
    experiment, runs = twins
    shared_lab.client.pause(experiment)
    step = held(shared_lab, runs)
    shared_lab.client.step(experiment)
    wait_until(lambda: held(shared_lab, runs) == step + 1)
    for _ in range(3):
        shared_lab.client.step(experiment)
    wait_until(lambda: held(shared_lab, runs) == step + 4)


def test_a_resumed_experiment_goes_on(shared_lab, twins):
    experiment, runs = twins
    shared_lab.client.pause(experiment)
    step = held(shared_lab, runs)
    shared_lab.client.resume(experiment)
    for run in runs:
        shared_lab.reaches(run, step + 5)


def test_no_twin_leads_by_more_than_the_lead(shared_lab):
    _, (fast, slow) = shared_lab.start(0, fake.SLOW, steps=40)
    leads = []
    while shared_lab.store.run(slow).state != "done":
        ahead = shared_lab.store.step(fast)  # read first: the slow one can only have come closer
        leads.append(ahead - shared_lab.store.step(slow))
        time.sleep(0.002)
    assert max(leads) <= LEAD + 1


def test_speed_is_a_limit_and_can_be_lifted(shared_lab, twins):
    experiment, runs = twins
    shared_lab.client.speed(experiment, 0.001)
    time.sleep(0.1)
    before = steps(shared_lab, runs)
    time.sleep(0.3)
    assert max(np.subtract(steps(shared_lab, runs), before)) <= LEAD
    shared_lab.client.speed(experiment, 0)
    for run, step in zip(runs, before, strict=True):
        shared_lab.reaches(run, step + 30)


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), 1e9])
def test_an_absurd_speed_is_refused(shared_lab, twins, speed):
    with pytest.raises(Refused, match="steps per second"):
        shared_lab.client.speed(twins[0], speed)


def test_an_edited_probe_is_shown_by_both_twins_running_paused_and_at_rest(shared_lab):
    experiment, runs = shared_lab.start(steps=FOREVER)
    for run in runs:
        shared_lab.reaches(run, 3)
    probe = another_probe()

    def all_show(version, tokens):
        for run in runs:
            wait_until(lambda run=run: shared_lab.store.newest_frame(run).probe_version == version)
            frame = frames.unpack(shared_lab.store.frame(run, shared_lab.store.newest_frame_step(run)))
            assert tuple(frame["tokens"]) == tuple(tokens)

    own = frames.unpack(shared_lab.store.frame(runs[0], 0))["tokens"]
    shared_lab.client.set_probe(experiment, probe)
    all_show(1, probe)
    shared_lab.client.pause(experiment)
    step = held(shared_lab, runs)
    shared_lab.client.set_probe(experiment, None)
    all_show(2, own)
    assert steps(shared_lab, runs) == [step, step]
    shared_lab.client.stop(experiment)
    for run in runs:
        shared_lab.ended(run)
    shared_lab.client.set_probe(experiment, probe)
    all_show(3, probe)
    shared_lab.client.set_probe(experiment, None)
    all_show(4, own)
    assert {shared_lab.store.run(run).state for run in runs} == {"cancelled"}


def test_a_wrong_probe_is_refused_and_nothing_changes(shared_lab, twins):
    experiment, _ = twins
    for bad in ((1, 2, 3), (0,) * 72, (10**30,) * 72, ("a",) * 72, (999,) * 72):
        with pytest.raises(Refused, match="no probe sequence"):
            shared_lab.client.set_probe(experiment, bad)
    assert shared_lab.store.control(experiment).probe_version == 0


def test_an_experiment_may_start_with_a_probe_of_its_own(shared_lab):
    probe = another_probe()
    row = shared_lab.client.start_experiment("Mine", [("S6", settings(steps=5))], probe=probe)
    (run,) = shared_lab.store.runs_of(row.id)
    shared_lab.ended(run.id)
    assert tuple(frames.unpack(shared_lab.store.frame(run.id, 0))["tokens"]) == probe


def test_a_stopped_run_is_saved_and_can_be_resumed(shared_lab):
    experiment, (run, twin) = shared_lab.start(steps=150)
    shared_lab.reaches(run, 30)
    shared_lab.client.stop(experiment)
    row = shared_lab.ended(run)
    assert (row.state, row.checkpoint_step) == ("cancelled", row.step)
    assert shared_lab.ended(twin).state == "cancelled"
    shared_lab.client.resume_run(run)
    row = shared_lab.ended(run)
    assert (row.state, row.attempt, row.step) == ("done", 2, 150)
    assert sorted(shared_lab.curve(run)) == list(range(1, 151))
    with pytest.raises(Refused, match="done cannot be resumed"):
        shared_lab.client.resume_run(run)


def test_a_restart_is_one_new_experiment_with_the_same_settings(shared_lab):
    experiment, runs = shared_lab.start(steps=FOREVER, key="first")
    shared_lab.reaches(runs[0], 3)
    new = shared_lab.client.restart(experiment)
    assert shared_lab.client.restart(experiment).id == new.id, "a double click"
    assert new.id != experiment
    assert [shared_lab.ended(run).state for run in runs] == ["cancelled", "cancelled"]
    pairs = zip(shared_lab.store.runs_of(experiment), shared_lab.store.runs_of(new.id), strict=True)
    assert all((a.label, a.settings) == (b.label, b.settings) for a, b in pairs)
    shared_lab.client.delete(new.id)
    another = shared_lab.client.restart(experiment)
    shared_lab.client.delete(another.id)


def test_deleting_stops_and_removes_everything(shared_lab):
    experiment, runs = shared_lab.start(steps=FOREVER)
    shared_lab.reaches(runs[0], 3)
    folders = [shared_lab.store.folder(run) for run in runs]
    shared_lab.client.delete(experiment)
    assert not any(folder.exists() for folder in folders)
    with pytest.raises(KeyError, match="may have been deleted"):
        shared_lab.store.experiment(experiment)
    assert shared_lab.store.metrics_since(runs[0]) == []
    assert shared_lab.store.newest_frame(runs[0]) is None


def test_the_last_frame_is_of_the_last_step_and_the_first_of_step_0(shared_lab):
    _, runs = shared_lab.start(steps=60)
    for run in runs:
        shared_lab.ended(run)
        assert shared_lab.store.frame_steps(run)[0] == 0
        assert shared_lab.store.newest_frame_step(run) == 60


def test_the_store_knows_what_really_ran(shared_lab):
    _, (run, _) = shared_lab.start(steps=10)
    row = shared_lab.ended(run)
    assert (row.device, row.backend, row.parameters, row.notes) == ("cpu", "fake", 1, ("a note",))
    assert (row.token_accuracy, row.step) == (1.0, 10)
    assert shared_lab.kinds(run) == ["started", "steps", "evaluation", "rung", "finished"]


def test_more_experiments_than_processors_wait_for_their_turn(shared_lab):
    several = [shared_lab.start(steps=20) for _ in range(4)]
    for _, runs in several:
        assert [shared_lab.ended(run).state for run in runs] == ["done", "done"]


def test_a_double_click_and_two_tabs_are_one_experiment(shared_lab):
    (one, runs), (two, same) = (shared_lab.start(steps=5, key="click 1") for _ in range(2))
    assert (one, runs) == (two, same)
    for run in runs:
        assert shared_lab.ended(run).attempt == 1


@pytest.mark.parametrize("bad", ["../../etc/passwd", "", "0" * 40, "lab\0", None, 7])
def test_an_id_that_is_no_uuid_is_refused_everywhere(shared_lab, bad):
    client, store = shared_lab.client, shared_lab.store
    for method in (client.pause, client.resume, client.step, client.stop, client.restart, client.delete):
        with pytest.raises(Refused, match="must be a UUID"):
            method(bad)
    for method in (client.resume_run, store.run, store.folder, store.metrics_since, store.newest_frame):
        with pytest.raises(Refused, match="must be a UUID"):
            method(bad)


def test_settings_out_of_bounds_start_nothing(shared_lab):
    before = shared_lab.store.experiments()
    huge = settings().model_copy(update={"optim": settings().optim.model_copy(update={"steps": 10**6, "batch": 1024})})
    with pytest.raises(Refused, match="more than"):
        shared_lab.client.start_experiment("Huge", [("S6", huge)])
    with pytest.raises(Refused, match="1 to 8 runs"):
        shared_lab.client.start_experiment("None", [])
    assert shared_lab.store.experiments() == before
