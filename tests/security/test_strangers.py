"""Pages of strangers, other people of the class, and too much of everything.

Elsewhere: forms that bring keys, and their limits (tests/classroom/test_people.py); every route by every person
(test_access.py there); quotas one by one (test_quota.py there); controls (tests/live/test_control.py).
"""

import base64
import json
import time
import uuid

import pytest
import websockets

from tests.security.test_addresses import owned_by, run_of

EVIL = "evil.example"
PATHS = ["/", "/lab", "/api/experiments", "/api/health", "/api/presenter", "/_stcore/health", "/static/js/x.js"]


# somebody's page in the same browser


@pytest.mark.parametrize("host", [EVIL, f"{EVIL}:8501", "127.0.0.1.evil.example", "localhost@evil.example", "", "["])
def test_a_name_that_suddenly_means_this_machine_opens_nothing(visitor, host):
    for path in PATHS:
        status, _, body = visitor.ask("GET", path, Host=host, Origin=f"http://{host}")
        assert status == 400, path
        assert b"ssmviz" not in body
    for path in ("/_stcore/stream", f"/api/experiments/{uuid.uuid4()}/live", "/api/room/live"):
        status, *_ = visitor.ask("GET", path, Host=host, Origin=f"http://{host}", **UPGRADE)
        assert status == 400, path


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec_WebSocket_Version": "13",
    "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize("origin", [f"http://{EVIL}", "null", "file://", "https://127.0.0.1.evil.example"])
def test_a_strangers_page_can_neither_read_nor_do_anything(visitor, store, origin):
    experiment, _ = run_of(store, owned_by(visitor, store))
    with pytest.raises(websockets.InvalidStatus), visitor.connect(Origin=origin):
        pass
    with visitor.connect(f"/api/experiments/{experiment}/live", Origin=origin) as socket:
        with pytest.raises(websockets.ConnectionClosed):
            socket.recv(5)
        assert socket.close_code == 4003
    control = f"/api/experiments/{experiment}/control"
    body = json.dumps({"action": "stop"}).encode()
    assert visitor.ask("POST", control, body, Origin=origin, Content_Type="application/json")[0] == 403
    assert visitor.ask("DELETE", f"/api/experiments/{experiment}", Origin=origin)[0] == 403
    for path in PATHS:
        allowed = visitor.ask("GET", path, Origin=origin)[1]
        assert allowed.get("Access-Control-Allow-Origin") in (None, f"http://{visitor.host}"), path
    assert store.experiment(experiment)


def test_a_form_of_a_stranger_cannot_pass_as_json(visitor, store):
    experiment, _ = run_of(store, owned_by(visitor, store))
    own = {"Origin": f"http://{visitor.host}"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        path = f"/api/experiments/{experiment}/control"
        assert visitor.ask("POST", path, b'{"action": "stop"}', Content_Type=kind, **own)[0] == 415


@pytest.mark.parametrize(
    "body", [b'{"action": "speed", "value": NaN}', b'{"action": "speed", "value": 1e999}', b"[" * 60_000]
)
def test_json_that_is_made_to_hurt_changes_nothing(visitor, store, body):
    experiment, _ = run_of(store, owned_by(visitor, store))
    own = {"Origin": f"http://{visitor.host}", "Content_Type": "application/json"}
    status, _, answer = visitor.ask("POST", f"/api/experiments/{experiment}/control", body, **own)
    assert status == 400
    assert b"Traceback" not in answer


# somebody else of the class


def test_somebody_elses_run_is_absent_everywhere(site, visitor, store):
    owner = site.visitor()
    experiment, run = run_of(store, owned_by(owner, store), title="Not for others")
    own = {"Origin": f"http://{visitor.host}", "Content_Type": "application/json"}
    absent = visitor.ask("GET", f"/api/experiments/{uuid.uuid4()}")
    for path in (f"/api/experiments/{experiment}", f"/api/runs/{run}/frames"):
        status, _, body = visitor.ask("GET", path)
        assert status == 404
        assert b"Not for others" not in body
    assert absent[0] == 404
    assert b"Not for others" not in visitor.ask("GET", "/api/experiments")[2]
    body = json.dumps({"action": "restart"}).encode()
    assert visitor.ask("POST", f"/api/experiments/{experiment}/control", body, **own)[0] == 404
    assert visitor.ask("DELETE", f"/api/experiments/{experiment}", **own)[0] == 404
    with visitor.connect(f"/api/experiments/{experiment}/live") as socket:
        with pytest.raises(websockets.ConnectionClosed):
            socket.recv(5)
        assert socket.close_code == 4004
    for path in ("lab", "runs", "weights"):
        page = visitor.open(path, f"run={experiment}")
        assert page.crashes == []
        assert b"Not for others" not in page.raw
    assert owner.ask("GET", f"/api/experiments/{experiment}")[0] == 200


@pytest.mark.parametrize("cookie", ["ssmviz_person=", "ssmviz_person=e30.x.y", "ssmviz_person=" + "a" * 4000, "x=1"])
def test_a_forged_cookie_is_nobody(site, cookie):
    forged = site.visitor(cookie=cookie)
    own = {"Origin": f"http://{forged.host}", "Content_Type": "application/json"}
    assert json.loads(forged.ask("GET", "/api/experiments")[2]) == {"experiments": []}
    body = json.dumps({"action": "restart"}).encode()
    assert forged.ask("POST", "/api/experiments/selective_copying/control", body, **own)[0] in (401, 403, 404, 409)


def test_a_changed_cookie_is_not_a_presenters(site, visitor):
    name, _, value = visitor.cookie.partition("=")
    content, *rest = value.split(".")
    said = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))) | {"presents": "1" * 64}
    changed = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    forged = site.visitor(cookie=f"{name}={'.'.join([changed, *rest])}")
    page = forged.open("present")
    assert "Open the room" not in [button.label for button in page.of("button")]
    assert b"Open the room" not in page.raw
    forged.close()


# too much


def test_fifty_submits_in_a_second_start_no_more_than_the_quota(site, visitor, store):
    page = visitor.open("lab", "lab_steps=20000&lab_L=16&lab_vocab=6&lab_data=2&lab_layers=1&lab_d=8&lab_N=4")
    train = next(button.id for button in page.of("button") if button.label == "Train")
    before = visitor.message((train, "trigger_value", True)).SerializeToString()
    began = time.monotonic()
    for _ in range(50):
        visitor.throw(before)
    assert time.monotonic() - began < 5.0, "they were sent at once"
    visitor.settle()
    owner = owned_by(visitor, store)
    mine = [row for row in store.experiments(200) if row.owner == owner]
    runs = [run for row in mine for run in store.runs_of(row.id)]
    assert runs
    assert len(runs) <= 1 + 3, "runs_per_person + runs_waiting_per_person of this class"
    own = {"Origin": f"http://{visitor.host}", "Content_Type": "application/json"}
    body = json.dumps({"action": "restart"}).encode()
    statuses = {visitor.ask("POST", f"/api/experiments/{mine[0].id}/control", body, **own)[0] for _ in range(50)}
    assert statuses <= {200, 409, 429}
    active = [run for row in store.experiments(200) if row.owner == owner for run in store.runs_of(row.id)]
    assert sum(run.state in ("queued", "starting", "running") for run in active) <= 4
    for row in mine:
        visitor.ask("DELETE", f"/api/experiments/{row.id}", Origin=f"http://{visitor.host}")


def test_a_hundred_sockets_of_one_visitor_come_and_go(site, visitor):
    for _ in range(100):
        with visitor.connect():
            pass
    assert site.is_well()
