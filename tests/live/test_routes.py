"""The routes over a real server and a real store."""

import struct

import pytest

from ssmviz.live import routes
from ssmviz.live.assets import assets_version
from ssmviz.live.snapshot import QUEUE_SECONDS, Queue
from ssmviz.runs.store import Store
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


def test_who_waits_is_told_the_place_and_the_reason(lab):
    runs = [("S6", SETTINGS), ("S4D", SETTINGS)]
    waits = lab.store.create_experiment("waits", "Waits", runs).id
    lab.store.run_at_once(2)
    try:
        _, _, body = lab.get(f"/api/experiments/{waits}")
    finally:
        lab.store.run_at_once(0)
        lab.client.delete(waits)
    assert [run["queue"] for run in body["runs"]] == [1, 1]
    assert {run["waits"] for run in body["runs"]} == {"1st in the queue: all 2 places are taken"}


def test_a_place_is_looked_up_once_for_all_who_wait(store_line):
    now, queue = store_line
    assert [queue(), queue()] == [{"looks": 1}, {"looks": 1}]
    now[0] += QUEUE_SECONDS
    assert queue() == {"looks": 2}


@pytest.fixture
def store_line():
    """A clock, and a queue over a store that counts how often it is asked."""
    now, looks = [0.0], []

    class Line:
        def standing(self):
            looks.append(1)
            return {"looks": len(looks)}

    class Counted:
        def line(self):
            return Line()

    return now, Queue(Counted(), clock=lambda: now[0])
