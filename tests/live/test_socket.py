"""The socket that follows an experiment, over a real server and a real store."""

import json
import struct
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


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
