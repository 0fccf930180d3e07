"""Whose a run is: what a stranger asks for is not there, whatever the route."""

import logging
import uuid

import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ssmviz.classroom.access import Access, NotKnown, NotYours, may_see, may_touch
from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import GUEST, YOU, Anonymous, Person
from ssmviz.live.routes import Live
from ssmviz.runs.client import Client
from ssmviz.runs.records import ExperimentRow
from ssmviz.runs.store import Store
from ssmviz.runs.view import Library
from tests.classroom.server import SETTINGS, Browser, served

CLASS = Classroom(presenter_key="the-key-of-the-class", submits_per_hour=1000)
ANN, BOB = Person("a" * 32, "Ann", "student"), Person("b" * 32, "Bob", "student")
TEACHER = Person("c" * 32, "Carl", "presenter")


def row(owner, shared=False):
    return ExperimentRow("id", "title", None, 0.0, owner=owner, shared=shared)


@pytest.mark.parametrize(
    ("person", "experiment", "sees", "touches"),
    [
        (ANN, row(ANN.id), True, True),
        (ANN, row(BOB.id), False, False),
        (ANN, row(BOB.id, shared=True), True, False),
        (ANN, row(""), False, False),
        (TEACHER, row(BOB.id), True, True),
        (TEACHER, row(""), True, True),
        (GUEST, row(""), False, False),
        (GUEST, row(BOB.id, shared=True), False, False),
        (YOU, row(""), True, True),
        (YOU, row(BOB.id), True, True),
    ],
)
def test_owners_and_presenters_touch_and_everybody_sees_what_is_shared(person, experiment, sees, touches):
    assert (may_see(person, experiment), may_touch(person, experiment)) == (sees, touches)


class School:
    """A served class: Ann, Bob and a presenter, each with a browser."""

    def __init__(self, live, port):
        self.live, self.store, self.port = live, live.client.store, port
        people = live.people
        self.ann, self.bob = (Browser(port)(people.new_cookie()) for _ in range(2))
        self.carl = Browser(port)(people.presenter_cookie({}, CLASS.presenter_key))
        self.nobody = Browser(port)

    def person(self, browser):
        return self.live.people(browser.cookies)

    def start(self, browser, title="Mine"):
        """Ids of an experiment and of its run, which has a frame."""
        owner = self.person(browser).id
        experiment = self.store.create_experiment(str(uuid.uuid4()), title, [("S6", SETTINGS)], owner=owner).id
        run = self.store.runs_of(experiment)[0].id
        attempt = self.store.claim(run)
        self.store.move(run, "running", attempt=attempt)
        db = self.store.rundb(run, attempt)
        db.begin_attempt(None, {"device": "cpu", "backend": "numba", "parameters": 7, "notes": []})
        db.put_frame(1, b"a frame")
        return experiment, run

    def closed_with(self, browser, experiment):
        """The close code of a socket, None when it says hello."""
        headers = {"Cookie": browser.cookie} if browser.cookies else {}
        origin = f"http://127.0.0.1:{self.port}"
        address = f"ws://127.0.0.1:{self.port}/api/experiments/{experiment}/live"
        with connect(address, origin=origin, additional_headers=headers, proxy=None) as socket:
            try:
                socket.recv(timeout=10)
            except ConnectionClosed as closed:
                return closed.rcvd.code
        return None


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    root = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "ensure_launcher", lambda self: None)
        store = Store(root / "home", free=lambda _: 10**12)
        live = Live(Client(store), Library(store, root / "none"), Anonymous(CLASS, b"key"), CLASS)
        with served(Starlette(routes=live.routes())) as port:
            yield School(live, port)


CONTROLS = (
    *({"action": name} for name in ("pause", "resume", "stop", "restart", "resume_run", "step")),
    {"action": "speed", "value": 0},
    {"action": "probe", "tokens": None},
)


def everything(browser, experiment, run):
    """Every request about a run, in words for a failed assertion."""
    at = f"/api/experiments/{experiment}"
    yield "experiment", browser.get(at)
    yield "frames", browser.get(f"/api/runs/{run}/frames")
    for control in CONTROLS:
        yield control["action"], browser.post(f"{at}/control", control)
    yield "delete", browser.delete(at)


def test_a_strangers_run_is_absent_in_the_words_of_what_never_was(school):
    experiment, run = school.start(school.ann)
    never = str(uuid.uuid4())
    real, made_up = everything(school.bob, experiment, run), everything(school.bob, never, never)
    for (what, (status, _, body)), (_, (absent, _, words)) in zip(real, made_up, strict=True):
        assert (what, status) == (what, absent) == (what, 404)
        same = body["error"].replace(experiment, never).replace(run, never)
        assert same == words["error"], what
    assert school.store.control(experiment) == type(school.store.control(experiment))()
    assert school.store.run(run).state == "running"


def test_a_strangers_socket_closes_as_one_to_nowhere(school):
    experiment, _ = school.start(school.ann)
    assert school.closed_with(school.bob, experiment) == school.closed_with(school.bob, str(uuid.uuid4())) == 4004
    assert school.closed_with(school.nobody, experiment) == 4004
    assert school.closed_with(school.ann, experiment) is None


def test_a_socket_of_the_owner_opens_no_door_for_others(school):
    experiment, _ = school.start(school.ann)
    origin, headers = f"http://127.0.0.1:{school.port}", {"Cookie": school.ann.cookie}
    address = f"ws://127.0.0.1:{school.port}/api/experiments/{experiment}/live"
    with connect(address, origin=origin, additional_headers=headers, proxy=None) as socket:
        socket.recv(timeout=10)
        assert school.closed_with(school.bob, experiment) == 4004


def test_who_is_not_known_changes_nothing(school):
    experiment, run = school.start(school.ann)
    for what, (status, _, _) in everything(school.nobody, experiment, run):
        assert (what, status) == (what, 404 if what in ("experiment", "frames") else 401)
    assert school.nobody.get("/api/experiments")[2] == {"experiments": []}


def test_the_owner_sees_and_steers(school):
    experiment, run = school.start(school.ann)
    assert school.ann.get(f"/api/experiments/{experiment}")[0] == 200
    assert school.ann.get(f"/api/runs/{run}/frames")[0] == 200
    assert school.ann.post(f"/api/experiments/{experiment}/control", {"action": "pause"})[0] == 200
    assert school.store.control(experiment).paused


def test_a_presenter_sees_and_steers_everybodys(school):
    experiment, run = school.start(school.ann)
    assert school.carl.get(f"/api/runs/{run}/frames")[0] == 200
    assert school.carl.post(f"/api/experiments/{experiment}/control", {"action": "stop"})[0] == 200
    assert school.closed_with(school.carl, experiment) is None


def test_what_is_shared_is_seen_by_all_of_the_class_and_touched_by_none(school):
    experiment, run = school.start(school.ann)
    school.store.share(experiment)
    for what, (status, _, body) in everything(school.bob, experiment, run):
        assert (what, status) == (what, 200 if what in ("experiment", "frames") else 403)
        if status == 403:
            assert "press Train" in body["error"]
    assert school.closed_with(school.bob, experiment) is None
    assert school.closed_with(school.nobody, experiment) == 4004
    school.store.share(experiment, False)
    assert school.bob.get(f"/api/experiments/{experiment}")[0] == 404


def test_who_looks_at_a_shared_run_is_sent_away_when_it_is_no_longer_shared(school):
    experiment, _ = school.start(school.ann)
    school.store.share(experiment)
    address = f"ws://127.0.0.1:{school.port}/api/experiments/{experiment}/live"
    headers, origin = {"Cookie": school.bob.cookie}, f"http://127.0.0.1:{school.port}"
    with connect(address, origin=origin, additional_headers=headers, proxy=None) as socket:
        socket.recv(timeout=10)
        school.store.share(experiment, False)
        for _ in socket:  # until it is closed
            pass
    assert socket.close_code == 1001
    assert school.closed_with(school.bob, experiment) == 4004


def test_lists_hold_ones_own_and_what_is_shared(school):
    mine, theirs, shared = (school.start(who)[0] for who in (school.bob, school.ann, school.ann))
    school.store.share(shared)

    def listed(browser):
        return {e["id"] for e in browser.get("/api/experiments")[2]["experiments"]}

    assert {mine, shared} <= listed(school.bob)
    assert theirs not in listed(school.bob)
    assert {mine, theirs, shared} <= listed(school.carl)


def test_no_answer_says_who_owns_what(school):
    experiment, _ = school.start(school.ann)
    school.store.share(experiment)
    text = str(school.bob.get(f"/api/experiments/{experiment}")[2]) + str(school.bob.get("/api/experiments")[2])
    assert school.person(school.ann).id not in text


def test_a_restart_belongs_to_who_asked_and_two_people_do_not_share_one(school):
    experiment, _ = school.start(school.ann)
    _, _, body = school.carl.post(f"/api/experiments/{experiment}/control", {"action": "restart"})
    assert school.store.experiment(body["experiment"]).owner == school.person(school.carl).id
    _, _, again = school.ann.post(f"/api/experiments/{experiment}/control", {"action": "restart"})
    assert again["experiment"] != body["experiment"]
    assert school.store.experiment(again["experiment"]).owner == school.person(school.ann).id


# the log


@pytest.fixture
def access(tmp_path, monkeypatch):
    """Makes a person's access to one store."""
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    store = Store(tmp_path / "home", free=lambda _: 10**12)
    client, library = Client(store), Library(store, tmp_path)
    yield lambda person: Access(person, client, library)
    store.close()


def test_the_log_says_who_did_what_in_eight_letters_and_no_name(access, caplog):
    caplog.set_level(logging.INFO, "ssmviz.audit")
    ann = access(ANN)
    experiment = ann.start("Ann's secret title", [("S6", SETTINGS)]).id
    ann.share(experiment)
    ann.stop(experiment)
    ann.resume(experiment)
    access(TEACHER).delete(experiment)
    assert [record.getMessage() for record in caplog.records] == [
        *(f"aaaaaaaa {did} {experiment}" for did in ("started", "shared", "stopped", "resumed")),
        f"cccccccc deleted {experiment}",
    ]


def test_the_one_person_of_a_machine_is_not_logged(access, caplog):
    caplog.set_level(logging.INFO, "ssmviz.audit")
    access(YOU).delete(access(YOU).start("Mine", [("S6", SETTINGS)]).id)
    assert not caplog.records


def test_nothing_is_done_for_who_may_not(access):
    experiment = access(ANN).start("Mine", [("S6", SETTINGS)]).id
    with pytest.raises(NotKnown):
        access(GUEST).start("Mine", [("S6", SETTINGS)])
    for person in (BOB, GUEST):
        for action in ("view", "restart", "resume", "stop", "delete", "share"):
            with pytest.raises((KeyError, NotKnown)):
                getattr(access(person), action)(experiment)
    access(ANN).share(experiment)
    assert access(BOB).view(experiment)
    for action in ("restart", "resume", "stop", "delete", "share"):
        with pytest.raises(NotYours):
            getattr(access(BOB), action)(experiment)
    assert [summary.experiment.id for summary in access(BOB).summaries()] == [experiment]
    assert access(GUEST).summaries() == []
