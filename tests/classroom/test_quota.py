"""How much one person may use, and how that is said."""

import sqlite3
import threading

import pytest
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ssmviz.classroom.access import Access, quota_of
from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import YOU, Anonymous, Person
from ssmviz.live import routes
from ssmviz.live.routes import Live
from ssmviz.runs.client import Client
from ssmviz.runs.quota import HOUR, UNLIMITED, NotNow, Rates, windows
from ssmviz.runs.records import Refused
from ssmviz.runs.store import Store
from ssmviz.runs.turns import Turns
from ssmviz.runs.view import Library
from tests.classroom.server import SETTINGS, Browser, served

CLASS = Classroom(runs_waiting_per_person=4, submits_per_hour=1000, experiments_per_person=3, wall_minutes=2)
ANN, BOB = Person("a" * 32, "Ann", "student"), Person("b" * 32, "Bob", "student")
TEACHER = Person("c" * 32, "Carl", "presenter")
TWINS = [("S6", SETTINGS), ("S4D", SETTINGS)]


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    store = Store(tmp_path / "home", free=lambda _: 10**12)
    yield Client(store)
    store.close()


def access(client, person, classroom=CLASS):
    return Access(person, client, Library(client.store, client.store.root / "none"), quota_of(person, classroom))


def folders(client):
    return len(list((client.store.root / "runs").iterdir()))


def test_a_student_has_so_many_runs_in_the_queue_and_others_still_have_room(client):
    ann = access(client, ANN)
    ann.start("1", TWINS)
    ann.start("2", TWINS)
    with pytest.raises(NotNow, match="4 of your runs are waiting already, one person may have 4; wait until"):
        ann.start("3", TWINS)
    assert folders(client) == 4
    assert access(client, BOB).start("1", TWINS).owner == BOB.id


def test_an_experiment_larger_than_the_limit_waits_alone(client):
    ann = access(client, ANN, CLASS.model_copy(update={"runs_waiting_per_person": 1}))
    ann.start("1", TWINS)
    with pytest.raises(NotNow, match="waiting already"):
        ann.start("2", TWINS)


def test_a_student_keeps_so_many_experiments(client):
    ann = access(client, ANN)
    for number in range(3):
        ann.stop(ann.start(str(number), TWINS).id)
    with pytest.raises(Refused, match="you keep 3 experiments, as many as one person may; delete old ones"):
        ann.start("4", TWINS)
    ann.delete(ann.summaries()[0].experiment.id)
    ann.start("4", TWINS)


def test_a_restart_that_is_refused_stops_nothing(client):
    ann = access(client, ANN)
    first, *_ = [ann.start(str(number), [("S6", SETTINGS)]).id for number in range(3)]
    with pytest.raises(Refused, match="you keep 3"):
        ann.restart(first)
    assert {run.state for run in client.store.runs_of(first)} == {"queued"}


def test_resuming_counts_as_waiting(client):
    ann = access(client, ANN)
    stopped = ann.start("old", TWINS).id
    ann.stop(stopped)
    ann.start("1", TWINS)
    ann.start("2", TWINS)
    with pytest.raises(NotNow, match="waiting already"):
        ann.resume(stopped)


def test_presenters_and_the_one_person_of_a_machine_have_no_such_limits(client):
    for person, classroom in ((TEACHER, CLASS), (YOU, None)):
        for number in range(5):
            access(client, person, classroom).start(str(number), TWINS)
    assert quota_of(YOU, None) is UNLIMITED


def test_the_clock_of_the_class_ends_a_run_unless_its_settings_do_earlier(client):
    short = SETTINGS.model_copy(update={"wall_limit_s": 60.0})
    for person in (ANN, TEACHER):
        row = access(client, person).start("1", [("S6", SETTINGS), ("S4D", short)])
        assert [run.settings.wall_limit_s for run in client.store.runs_of(row.id)] == [120.0, 60.0]
    row = access(client, YOU, None).start("1", [("S6", SETTINGS)])
    assert client.store.runs_of(row.id)[0].settings.wall_limit_s == SETTINGS.wall_limit_s


def test_two_tabs_at_once_do_not_get_past_the_limit(client):
    ann, refused = access(client, ANN), []

    def start(number):
        try:
            ann.start(str(number), TWINS, key=str(number))
        except Refused:
            refused.append(number)
        client.store.close()

    threads = [threading.Thread(target=start, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 4
    assert folders(client) == 4


def test_a_run_that_does_nothing_makes_room_when_its_time_is_over_and_others_wait(client):
    now, store = [0.0], client.store
    turns = Turns(store, 60, clock=lambda: now[0])
    paused, slow, busy = (access(client, TEACHER).start(name, TWINS).id for name in ("paused", "slow", "busy"))
    for experiment in (paused, slow, busy):
        for run in store.runs_of(experiment):
            store.claim(run.id)
    client.pause(paused)
    client.speed(slow, 0.1)
    assert turns.over() == []
    now[0] = 61
    assert turns.over() == []  # nobody waits
    access(client, ANN).start("next", TWINS)
    assert sorted(turns.over()) == sorted([paused, slow])
    client.stop(slow)
    assert turns.over() == [paused]
    assert Turns(store, 0, clock=lambda: now[0]).over() == []


# too often


def test_a_rate_has_a_burst_and_an_hour():
    now = [0.0]
    rates, limits = Rates(clock=lambda: now[0]), windows(60)
    for _ in range(10):
        rates.take("ann", *limits)
    with pytest.raises(NotNow, match="one person may do it 10 times; try again in 10 s") as refusal:
        rates.take("ann", *limits)
    assert refusal.value.seconds == 10
    rates.take("bob", *limits)
    for _ in range(5):
        now[0] += 10
        for _ in range(10):
            rates.take("ann", *limits)
    now[0] += 50
    with pytest.raises(NotNow, match="60 times in an hour, one person may do it 60 times; try again in 59 minutes"):
        rates.take("ann", *limits)
    now[0] = HOUR
    rates.take("ann", *limits)


def test_of_very_many_people_the_longest_unheard_are_forgotten(monkeypatch):
    monkeypatch.setattr("ssmviz.runs.quota.MAX_PEOPLE", 2)
    rates = Rates(clock=lambda: 0.0)
    for person in ("ann", "bob", "carl", "ann"):
        rates.take(person, (1, 10.0))
    with pytest.raises(NotNow):
        rates.take("carl", (1, 10.0))


@pytest.fixture
def served_class(client):
    """(a student's browser, the id of an experiment of theirs) on a real server."""
    classroom = CLASS.model_copy(update={"experiments_per_person": 1000, "submits_per_hour": 60})
    people = Anonymous(classroom, b"key")
    live = Live(client, Library(client.store, client.store.root / "none"), people, classroom)
    with served(Starlette(routes=live.routes())) as port:
        browser = Browser(port)(people.new_cookie())
        who = people(browser.cookies)
        yield browser, access(client, who, classroom).start("Mine", TWINS).id


def test_fifty_submits_a_second_are_refused_politely_and_the_server_goes_on(served_class):
    browser, experiment = served_class
    answers = [browser.post(f"/api/experiments/{experiment}/control", {"action": "restart"}) for _ in range(50)]
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) <= 9
    for status, headers, body in answers:
        if status == 429:
            assert 1 <= int(headers["retry-after"]) <= 10
            assert "one person may do it 10 times; try again in" in body["error"]
    assert browser.get(f"/api/experiments/{experiment}")[0] == 200


def test_a_full_queue_says_when_to_come_back(served_class, client):
    browser, experiment = served_class
    control = f"/api/experiments/{experiment}/control"
    assert browser.post(control, {"action": "stop"})[0] == 200
    owner = client.store.experiment(experiment).owner
    for key in ("1", "2"):
        client.start_experiment("More", TWINS, key=key, owner=owner)
    status, headers, body = browser.post(control, {"action": "resume_run"})
    assert (status, headers["retry-after"]) == (429, "15")
    assert "4 of your runs are waiting already" in body["error"]


def test_whoever_floods_the_controls_is_slowed_down(served_class, monkeypatch):
    browser, experiment = served_class
    monkeypatch.setattr(routes, "CHANGES", (3, 10.0))
    control = f"/api/experiments/{experiment}/control"
    answers = [browser.post(control, {"action": "speed", "value": 1}) for _ in range(4)]
    assert [status for status, _, _ in answers] == [200] * 3 + [429]
    assert int(answers[-1][1]["retry-after"]) == 10


def test_one_person_cannot_take_all_the_places_of_those_who_look(served_class, monkeypatch):
    monkeypatch.setattr("ssmviz.live.hub.MAX_OF_ONE", 0)
    browser, experiment = served_class
    address = f"ws://127.0.0.1:{browser.port}/api/experiments/{experiment}/live"
    headers, origin = {"Cookie": browser.cookie}, f"http://127.0.0.1:{browser.port}"
    with (
        connect(address, origin=origin, additional_headers=headers, proxy=None) as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(timeout=10)
    assert closed.value.rcvd.code == 4009


# the store


def test_a_store_of_an_earlier_version_opens_with_everything_in_it(tmp_path):
    store = Store(tmp_path)
    row = store.create_experiment("key", "Old", [("S6", SETTINGS)])
    store.close()
    with sqlite3.connect(tmp_path / "index.db") as db:
        for column in ("shared", "most"):
            db.execute(f"ALTER TABLE experiments DROP COLUMN {column}")
    db.close()
    store = Store(tmp_path)
    assert store.experiment(row.id).shared is False
    store.share(row.id)
    assert store.experiment(row.id).shared is True
    assert [entry.most for entry in store.line().waiting] == [0]
    store.close()


def test_sharing_what_is_not_there_is_said(client):
    with pytest.raises(KeyError, match="may have been deleted"):
        client.store.share("4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb")


def test_a_rebuilt_index_keeps_owners_and_limits_and_forgets_what_was_shared(client):
    experiment = access(client, ANN).start("1", TWINS).id
    client.store.share(experiment)
    client.store.close()
    (client.store.root / "index.db").write_bytes(b"damaged")
    fresh = Store(client.store.root)
    assert fresh.experiment(experiment).owner == ANN.id
    assert not fresh.experiment(experiment).shared
    assert fresh._index.one("SELECT most FROM experiments")["most"] == CLASS.runs_per_person
    fresh.close()
