"""The routes over a real server and a real store."""

import json
import struct
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ssmviz.live import routes
from ssmviz.live.assets import assets_version
from ssmviz.runs.store import Store
from ssmviz.tasks import TASKS, rng_for
from tests.live.conftest import SETTINGS

BAD_IDS = [
    "../../etc/passwd",
    "nothing",
    "..%2F..%2Fetc%2Fpasswd",
    "1",
    "recorded-../x",
    "a" * 500,
    "%00",
    "4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb",
]


def texts(socket, until):
    """Messages up to the first for which `until` holds, frames acknowledged as a browser would."""
    found = []
    while True:
        message = socket.recv(timeout=10)
        if isinstance(message, bytes):
            run, step = struct.unpack_from("<II", message)
            socket.send(json.dumps({"type": "ack", "run": run}))
            message = {"type": "frame", "run": run, "step": step, "data": message[8:]}
        else:
            message = json.loads(message)
        found.append(message)
        if until(message):
            return found


def watch(lab, origin=None):
    return connect(lab.url, origin=origin or f"http://127.0.0.1:{lab.port}", proxy=None)


def test_an_experiment_is_told_in_full(lab, frame):
    lab.losses(lab.runs[0], [1, 2, 3])
    lab.evaluate(lab.runs[0], 3)
    lab.db(lab.runs[0]).put_frame(3, frame)
    status, _, body = lab.get(f"/api/experiments/{lab.experiment}")
    assert status == 200
    first = body["runs"][0]
    assert (first["label"], first["state"], first["backend"], first["frames"]) == ("S6", "running", "numba", [3])
    assert first["losses"]["step"] == [1, 2, 3]
    assert first["evaluations"]["grad_norm"] == [None]
    assert body["task"]["L"] == 16
    assert len(body["vocabulary"]) == 6
    assert {word["kind"] for word in body["vocabulary"]} == {"data", "noise", "marker"}
    assert not body["settled"]
    assert not body["recorded"]


def test_the_list_names_every_experiment_with_its_scores(lab):
    status, _, body = lab.get("/api/experiments")
    assert status == 200
    assert body["experiments"][0]["id"] == lab.experiment
    assert body["experiments"][0]["runs"][1]["label"] == "S4D"


@pytest.mark.parametrize("bad", BAD_IDS)
def test_an_unknown_id_is_a_clear_404(lab, bad):
    for path in (f"/api/experiments/{bad}", f"/api/runs/{bad}/frames"):
        status, _, body = lab.get(path)
        assert status == 404
        assert "Traceback" not in str(body)
        assert isinstance(body, bytes) or len(body["error"]) < 200


def test_history_comes_in_pages_and_is_not_sent_twice(lab, frame, monkeypatch):
    monkeypatch.setattr(routes, "MAX_HISTORY", 100)
    for step in (1, 2, 5, 9):
        lab.db(lab.runs[0]).put_frame(step, frame)
    found, after, more = [], -1, True
    while more:
        status, headers, body = lab.get(f"/api/runs/{lab.runs[0]}/frames?after={after}")
        assert status == 200
        more, offset = headers.get("X-More") == "1", 0
        while offset < len(body):
            size, after = struct.unpack_from("<II", body, offset)
            found.append(after)
            assert body[offset + 8 : offset + 8 + size] == frame
            offset += 8 + size + -size % 8
    assert found == [1, 2, 5, 9]
    path = f"/api/runs/{lab.runs[0]}/frames?after=5"
    tag = lab.get(path)[1]["ETag"]
    assert lab.get(path, **{"If-None-Match": tag})[0] == 304
    lab.db(lab.runs[0]).put_frame(9, frame[::-1])  # the probe was edited
    assert lab.get(path, **{"If-None-Match": tag})[0] == 200


@pytest.mark.parametrize("after", ["x", "1.5", "--1", "nan", "9" * 40])
def test_history_after_something_that_is_no_step_is_refused(lab, after):
    assert lab.get(f"/api/runs/{lab.runs[0]}/frames?after={after}")[0] == 400


def test_a_replay_may_begin_with_a_few_frames(lab, frame):
    for step in (1, 2, 5):
        lab.db(lab.runs[0]).put_frame(step, frame)
    path = f"/api/runs/{lab.runs[0]}/frames"
    few, every = lab.get(f"{path}?most=2"), lab.get(path)
    assert few[1].get("X-More") == "1"
    assert every[2].startswith(few[2])
    assert 2 * len(every[2]) == 3 * len(few[2])
    assert few[1]["ETag"] != every[1]["ETag"]


@pytest.mark.parametrize("most", ["0", "-1", "x", "10000"])
def test_a_number_of_frames_that_is_none_is_refused(lab, most):
    assert lab.get(f"/api/runs/{lab.runs[0]}/frames?most={most}")[0] == 400


def test_the_socket_says_everything_then_only_what_is_new(lab, frame):
    lab.losses(lab.runs[0], [1, 2])
    with watch(lab) as socket:
        hello = texts(socket, lambda m: True)[0]
        assert (hello["type"], hello["runs"][0]["losses"]["step"]) == ("hello", [1, 2])
        lab.losses(lab.runs[0], [3])
        update = texts(socket, lambda m: m["type"] == "update")[-1]
        assert [run["index"] for run in update["runs"]] == [0]
        assert update["runs"][0]["losses"]["step"] == [3]
        lab.db(lab.runs[1]).put_frame(3, frame)
        told = texts(socket, lambda m: m["type"] == "frame")
        assert (told[-1]["run"], told[-1]["step"], told[-1]["data"]) == (1, 3, frame)
        assert any(run["frames"] == [3] for m in told[:-1] for run in m["runs"])


def test_a_late_viewer_gets_the_newest_frame_at_once(lab, frame):
    lab.db(lab.runs[0]).put_frame(7, frame)
    with watch(lab), watch(lab) as second:
        assert texts(second, lambda m: m["type"] == "frame")[-1]["step"] == 7


def test_a_new_attempt_tells_the_browser_what_to_forget(lab):
    run = lab.runs[0]
    lab.losses(run, [1, 2, 3, 4])
    with watch(lab) as socket:
        texts(socket, lambda m: m["type"] == "hello")
        lab.start(run, step=2)
        lab.losses(run, [3])
        told = texts(socket, lambda m: any(r["losses"]["step"] for r in m.get("runs", [])))
        assert 2 in [r["truncate"] for m in told for r in m["runs"]]
        assert told[-1]["runs"][0]["losses"]["step"] == [3]


def test_a_settled_experiment_closes_its_sockets(lab):
    with watch(lab) as socket:
        texts(socket, lambda m: m["type"] == "hello")
        lab.finish()
        assert texts(socket, lambda m: m.get("settled"))[-1]["settled"]
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 4000
    while lab.live.hub.is_watched(lab.experiment):
        time.sleep(0.005)


def test_a_foreign_page_may_neither_watch_nor_steer_nor_delete(lab):
    with watch(lab, origin="http://evil.example") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=10)
    assert closed.value.rcvd.code == 4003
    control = f"/api/experiments/{lab.experiment}/control"
    assert lab.post(control, {"action": "stop"}, Origin="http://evil.example")[0] == 403
    assert lab.post(control, {"action": "stop"}, Origin="null")[0] == 403
    assert lab.ask("DELETE", f"/api/experiments/{lab.experiment}", None, {})[0] == 403
    assert not lab.store.control(lab.experiment).stop


@pytest.mark.parametrize("bad", ["../../etc/passwd", "4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb", "recorded_nothing"])
def test_an_unknown_experiment_cannot_be_watched(lab, bad):
    url = f"ws://127.0.0.1:{lab.port}/api/experiments/{bad}/live"
    with connect(url, origin=f"http://127.0.0.1:{lab.port}", proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd.code == 4004


@pytest.mark.parametrize("text", ["{}", "[]", "nonsense", '{"type": "ack", "run": -1}', '{"type": "ack"}', "[" * 5000])
def test_a_socket_that_talks_nonsense_is_closed_and_others_live_on(lab, text):
    with watch(lab) as good, watch(lab) as socket:
        texts(good, lambda m: m["type"] == "hello")
        socket.send(text)
        with pytest.raises(ConnectionClosed):
            texts(socket, lambda m: False)
        lab.losses(lab.runs[0], [1])
        assert texts(good, lambda m: m["type"] == "update")


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


def test_a_deleted_experiment_is_gone(lab):
    lab.finish()
    origin = {"Origin": f"http://127.0.0.1:{lab.port}"}
    status, _, body = lab.ask("DELETE", f"/api/experiments/{lab.experiment}", None, origin)
    assert (status, body) == (200, {"deleted": lab.experiment})
    assert lab.get(f"/api/experiments/{lab.experiment}")[0] == 404
    assert lab.experiment not in [row.id for row in lab.store.experiments()]


def test_a_fault_of_the_server_is_one_sentence(lab, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Store, "experiments", broken)
    status, _, body = lab.get("/api/experiments")
    assert status == 500
    assert "secret" not in body["error"]


def test_the_component_is_served_and_kept_only_under_its_own_hash(lab):
    status, headers, body = lab.get(f"/api/assets/{assets_version()}/live/lab.js")
    assert status == 200
    assert b"export default" in body
    assert "immutable" in headers["Cache-Control"]
    assert "javascript" in headers["content-type"]
    assert "immutable" not in lab.get("/api/assets/old/live/lab.js")[1]["Cache-Control"]
    assert lab.get("/api/assets/x/..%2Froutes.py")[0] == 404
