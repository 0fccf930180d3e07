"""What a monitor hears, and that it hears no more than it must."""

import json

import pytest

from ssmviz.live import limits
from ssmviz.live.health import Health
from ssmviz.runs.locks import FileLock
from ssmviz.runs.records import MIN_FREE_RUN
from ssmviz.runs.store import Store
from tests.live.conftest import SETTINGS


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "home")
    yield store
    store.close()


@pytest.fixture
def launcher(store):
    lock = FileLock(store.root / "launcher.lock")
    assert lock.acquire()
    yield lock
    lock.release()


def test_a_server_that_can_train_is_well(store, launcher):
    store.create_experiment("one", "One", [("S6", SETTINGS), ("S4D", SETTINGS)])
    state = Health(store).state()
    assert (state.ok, state.problems, state.waiting, state.running) == (True, (), 2, 0)
    assert state.free_mb > 0


def test_without_a_launcher_it_is_not(store):
    state = Health(store).state()
    assert not state.ok
    assert state.problems == ("nothing starts runs",)


def test_a_full_disk_is_said(store, launcher):
    assert Health(store, free=lambda _: MIN_FREE_RUN - 1).state().problems == ("the disk is full",)


def test_a_store_that_cannot_be_written_to_or_is_gone_is_said(store, launcher, monkeypatch):
    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("ssmviz.live.health.tempfile.TemporaryFile", refuse)
    assert Health(store).state().problems == ("runs cannot be kept",)
    monkeypatch.undo()
    monkeypatch.setattr(Store, "runs_in", refuse)
    assert Health(store).state().problems == ("runs cannot be kept",)


def test_a_store_in_a_temporary_place_is_said(store, launcher):
    store.notice = "runs are kept in /tmp"
    assert Health(store).state().problems == ("runs cannot be kept",)


def test_many_who_ask_cost_one_look_a_second(store, launcher, monkeypatch):
    now, looks = [0.0], []
    runs_in = Store.runs_in
    monkeypatch.setattr(Store, "runs_in", lambda self, states: looks.append(1) or runs_in(self, states))
    health = Health(store, clock=lambda: now[0])
    for now[0] in (0.0, 0.1, 0.9, 1.0, 1.5):
        health.state()
    assert len(looks) == 2


def test_the_answer_is_503_and_names_no_path_while_nothing_can_be_started(lab):
    status, headers, body = lab.get("/api/health")
    assert status == 503  # these tests have no launcher
    assert body["problems"] == ["nothing starts runs"]
    assert headers["Cache-Control"] == "no-store"
    assert str(lab.store.root) not in json.dumps(body)
    assert set(body) == {"ok", "problems", "store", "launcher", "running", "waiting", "free_mb", "version"}


class Wire:
    """One request through the middleware, with an app that waits until it is let go."""

    def __init__(self, now=lambda: 0.0):
        self.sent, self.inside = [], 0
        self.limits = limits.Limits(self.app, clock=now)

    async def app(self, scope, receive, send):
        self.inside += 1

    def ask(self, kind="http", address="192.0.2.1"):
        """Status, 200 where the request was passed on."""
        before, self.sent = self.inside, []
        step = self.limits({"type": kind, "client": (address, 1)}, None, self.send)
        with pytest.raises(StopIteration):
            step.send(None)
        return 200 if self.inside > before else self.sent[0]["status"]

    async def send(self, message):
        self.sent.append(message)


def test_an_address_that_asks_without_end_waits_and_others_do_not(monkeypatch):
    monkeypatch.setattr(limits, "AT_ONCE", 5.0)
    monkeypatch.setattr(limits, "PER_SECOND", 2.0)
    now = [0.0]
    wire = Wire(lambda: now[0])
    assert [wire.ask() for _ in range(7)] == [200] * 5 + [429] * 2
    assert b"wait" in wire.sent[1]["body"]
    assert wire.ask(address="192.0.2.2") == 200
    now[0] = 1.0
    assert [wire.ask("websocket") for _ in range(3)] == [200, 200, 429]


def test_the_addresses_that_are_remembered_are_bounded(monkeypatch):
    monkeypatch.setattr(limits, "ADDRESSES", 10)
    wire = Wire()
    for i in range(100):
        wire.ask(address=f"192.0.2.{i}")
    assert len(wire.limits._buckets) == 10


def test_open_sockets_are_bounded_for_one_and_for_all_and_free_when_closed(monkeypatch):
    monkeypatch.setattr(limits, "SOCKETS", 3)
    monkeypatch.setattr(limits, "SOCKETS_OF_ONE", 2)
    wire = Wire()
    held = []

    class Waiting:
        def __await__(self):
            yield

    async def app(scope, receive, send):
        await Waiting()

    wire.limits.app = app
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        held.append(wire.limits({"type": "websocket", "client": (address, 1)}, None, wire.send))
        held[-1].send(None)
    assert wire.ask("websocket", "192.0.2.1") == 503
    assert wire.ask("websocket", "192.0.2.3") == 503, "of everybody"
    for step in held:
        step.close()
    wire.limits.app = wire.app
    assert wire.ask("websocket", "192.0.2.1") == 200
    assert not wire.limits._open
