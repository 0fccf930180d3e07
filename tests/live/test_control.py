"""What pages ask of a training, over a real server and a real store."""

import pytest

from ssmviz.tasks import TASKS, rng_for
from tests.live.conftest import SETTINGS


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"action": "pause"}, "paused", True),
        ({"action": "resume"}, "paused", False),
        ({"action": "step"}, "paused", True),
        ({"action": "speed", "value": 2.5}, "speed", 2.5),
        ({"action": "stop"}, "stop", True),
        ({"action": "probe", "tokens": None}, "probe_version", 1),
    ],
)
def test_controls_reach_the_workers(lab, body, field, value):
    status, _, answer = lab.post(f"/api/experiments/{lab.experiment}/control", body)
    assert status == 200
    assert answer["experiment"] == lab.experiment
    assert getattr(lab.store.control(lab.experiment), field) == value


def test_an_edited_probe_reaches_the_workers(lab):
    tokens = TASKS["selective_copying"].sample(SETTINGS.task, rng_for(1, "probe", 0), 1).tokens[0].tolist()
    status, _, answer = lab.post(f"/api/experiments/{lab.experiment}/control", {"action": "probe", "tokens": tokens})
    assert status == 200
    assert answer["control"]["probe"] == tokens


def test_restarting_is_a_new_experiment_and_twice_is_once(lab):
    control = f"/api/experiments/{lab.experiment}/control"
    ids = {lab.post(control, {"action": "restart"})[2]["experiment"] for _ in range(2)}
    assert len(ids) == 1
    assert ids != {lab.experiment}
    old, new = (lab.store.runs_of(e) for e in (lab.experiment, ids.pop()))
    assert [r.settings for r in old] == [r.settings for r in new]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "explode"},
        {},
        [],
        "pause",
        {"action": "pause", "more": 1},
        {"action": "speed"},
        {"action": "speed", "value": -1},
        {"action": "speed", "value": "fast"},
        {"action": "step", "count": 10**9},
        {"action": "step", "count": 1.5},
        {"action": "probe", "tokens": [-1]},
        {"action": "probe", "tokens": [0, "a"]},
        {"action": "probe"},
        b"not json",
        b'{"action": "speed", "value": NaN}',
        b'{"action": "speed", "value": 1e999}',
        b"[" * 60_000,
    ],
)
def test_a_malformed_control_is_explained_and_changes_nothing(lab, body):
    before = lab.store.control(lab.experiment)
    status, _, answer = lab.post(f"/api/experiments/{lab.experiment}/control", body)
    assert status == 400
    assert answer["error"]
    assert "Traceback" not in answer["error"]
    assert lab.store.control(lab.experiment) == before


def test_a_probe_that_is_no_sequence_of_the_task_is_explained(lab):
    body = {"action": "probe", "tokens": [0, 1, 2]}
    status, _, answer = lab.post(f"/api/experiments/{lab.experiment}/control", body)
    assert status == 409
    assert "probe" in answer["error"]


def test_controls_must_be_small_json(lab):
    control = f"/api/experiments/{lab.experiment}/control"
    assert lab.post(control, {"action": "pause"}, **{"Content-Type": "text/plain"})[0] == 415
    assert lab.post(control, b" " * 70_000)[0] == 413


def test_nothing_can_be_resumed_while_it_runs(lab):
    status, _, answer = lab.post(f"/api/experiments/{lab.experiment}/control", {"action": "resume_run"})
    assert status == 409
    assert "restart" in answer["error"]


def test_a_recording_cannot_be_steered_or_deleted(lab):
    origin = {"Origin": f"http://127.0.0.1:{lab.port}"}
    assert lab.post("/api/experiments/recorded_x/control", {"action": "stop"})[0] == 409
    assert lab.ask("DELETE", "/api/experiments/recorded_x", None, origin)[0] == 409
