"""What the sweep page asks for, over a real server and a real store."""

import json
import uuid
from dataclasses import dataclass

import pytest
from starlette.applications import Starlette

from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import Person
from ssmviz.live import sweep_routes
from ssmviz.live.sweep_routes import SweepRoutes
from ssmviz.runs import sweeps
from ssmviz.runs.client import Client
from ssmviz.runs.store import Store
from ssmviz.runs.sweep_rows import MAX_OPEN
from tests.asynchronous import outcome

HERE = {"Origin": "http://testserver"}


def dumped(value):
    return json.dumps(value).encode()


GRID = {
    "preset": "selective_copying",
    "changes": {"optim.steps": 40},
    "rows": {"name": "layer", "values": ["s6", "s4d"]},
    "columns": {"name": "N", "values": [2, 300]},
    "seeds": [0, 1],
}
PEOPLE = {
    "a": Person("a" * 32, "A", "student"),
    "b": Person("b" * 32, "B", "student"),
    "t": Person("f" * 32, "T", "presenter"),
    "": Person("", "guest", "guest"),
}


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


class Browser:
    """Speaks to the routes in this process.

    Args:
        routes: of the server.
        headers: of every request.
    """

    def __init__(self, routes, headers=()):
        self.app = Starlette(routes=routes)
        self.headers = dict(headers)

    def ask(self, method, path, body=None, headers=HERE):
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        all_headers = {"Host": "testserver", "Content-Type": "application/json"} | self.headers | dict(headers)
        scope = {"type": "http", "http_version": "1.1", "method": method, "path": path, "query_string": b""}
        scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in all_headers.items()]
        sent = []

        async def receive():
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message):
            sent.append(message)

        outcome(self.app(scope, receive, send))
        start, *rest = sent
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, b"".join(message.get("body", b"") for message in rest))

    def get(self, path, **headers):
        return self.ask("GET", path, headers=headers)

    def post(self, path, body):
        return self.ask("POST", path, body)

    def delete(self, path):
        return self.ask("DELETE", path)


@pytest.fixture
def client(tmp_path, monkeypatch):
    monkeypatch.setattr(Client, "ensure_launcher", lambda self: None)
    monkeypatch.setattr(sweep_routes, "FRESH_SECONDS", 0.0)
    client = Client(Store(tmp_path, free=lambda _: 10**12))
    yield client
    client.store.close()


@pytest.fixture
def web(client):
    return Browser(SweepRoutes(client).routes())


@pytest.fixture
def school(client):
    """A browser of one person of a class: `school("a")`."""
    routes = SweepRoutes(client, lambda cookies: PEOPLE[cookies.get("who", "")], Classroom())
    return lambda who: Browser(routes.routes(), {"Cookie": f"who={who}"})


def begin(web, **changes):
    return web.post("/api/sweeps", GRID | changes).json()["sweep"]


def test_a_grid_becomes_a_sweep_and_twice_is_once(web):
    sweep = begin(web)
    assert begin(web) == sweep
    assert [one["id"] for one in web.get("/api/sweeps").json()["sweeps"]] == [sweep]


def test_a_sweep_answers_with_every_cell_every_hole_and_the_words_of_its_axes(web, client):
    sweep = begin(web)
    sweeps.top_up(client.store, 1)
    board = web.get(f"/api/sweeps/{sweep}").json()
    assert board["rows"]["words"] == ["S6", "S4D"]
    assert board["columns"] == {"name": "N", "label": "States N", "values": [2, 300], "words": ["2", "300"]}
    assert [(c["row"], c["column"], c["seed"], c["state"]) for c in board["cells"]] == [
        (0, 0, 0, "queued"),
        (1, 0, 0, "waiting"),
        (0, 0, 1, "waiting"),
        (1, 0, 1, "waiting"),
    ]
    assert [(hole["row"], hole["column"]) for hole in board["holes"]] == [(0, 1), (1, 1)]
    assert board["grid"] == GRID
    assert not board["settled"]
    assert board["chance"] == pytest.approx(1 / 8)
    assert [measure["name"] for measure in board["measures"]] == ["token_accuracy", "sequence_accuracy", "test_loss"]


def test_nothing_new_is_not_sent_again(web):
    sweep = begin(web)
    tag = web.get(f"/api/sweeps/{sweep}").headers["etag"]
    assert web.get(f"/api/sweeps/{sweep}", **{"If-None-Match": tag}).status == 304


def test_scores_and_steps_follow_the_training(web, client):
    store, sweep = client.store, begin(web)
    sweeps.top_up(store, 1)
    run = store.cell_rows(sweep)[0].run
    attempt = store.claim(run)
    store.move(run, "running", attempt=attempt)
    db = store.rundb(run, attempt)
    db.begin_attempt(None, {"device": "cpu"})
    data = {"step": 20, "test_loss": 0.5, "token_accuracy": 0.75, "sequence_accuracy": 0.25, "seconds": 2.0}
    db.append([("evaluation", 20, data)])
    cell = web.get(f"/api/sweeps/{sweep}").json()["cells"][0]
    assert (cell["state"], cell["token_accuracy"], cell["test_loss"], cell["scored_at"]) == ("running", 0.75, 0.5, 20)
    db.append([("evaluation", 40, data | {"token_accuracy": 1.0})])
    store.move(run, "done", attempt=attempt, step=40, seconds=4.0)
    board = web.get(f"/api/sweeps/{sweep}").json()
    assert (board["cells"][0]["state"], board["cells"][0]["token_accuracy"]) == ("done", 1.0)
    assert board["left_s"] == pytest.approx(2.0 / 40 * 120)  # what was done took 2 s for 40 steps, 120 are left


def test_a_new_attempt_takes_the_scores_after_its_checkpoint_back(web, client):
    store, sweep = client.store, begin(web)
    sweeps.top_up(store, 1)
    run = store.cell_rows(sweep)[0].run
    attempt = store.claim(run)
    data = {"step": 30, "test_loss": 0.5, "token_accuracy": 0.75, "sequence_accuracy": 0.25, "seconds": 2.0}
    db = store.rundb(run, attempt)
    db.begin_attempt(None, {"device": "cpu"})
    db.append([("evaluation", 30, data)])
    assert web.get(f"/api/sweeps/{sweep}").json()["cells"][0]["token_accuracy"] == 0.75
    store.move(run, "queued", attempt=attempt)
    store.rundb(run, store.claim(run)).begin_attempt(20, {"device": "cpu"})
    assert web.get(f"/api/sweeps/{sweep}").json()["cells"][0]["token_accuracy"] is None


@pytest.mark.parametrize(("action", "state"), [("pause", "paused"), ("stop", "stopped"), ("resume", "running")])
def test_controls_reach_the_sweep(web, client, action, state):
    sweep = begin(web)
    answer = web.post(f"/api/sweeps/{sweep}/control", {"action": action})
    assert answer.json() == {"sweep": sweep, "state": state}
    assert client.store.sweep(sweep).state == state


def test_deleting_removes_it(web, client):
    sweep = begin(web)
    sweeps.top_up(client.store, 2)
    assert web.delete(f"/api/sweeps/{sweep}").json() == {"deleted": sweep}
    answer = web.get(f"/api/sweeps/{sweep}")
    assert answer.status == 404
    assert "may have been deleted" in answer.json()["error"]
    assert client.store.experiments() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/sweeps", GRID),
        ("POST", "/api/sweeps/{sweep}/control", {"action": "stop"}),
        ("DELETE", "/api/sweeps/{sweep}", None),
    ],
)
@pytest.mark.parametrize("origin", [{}, {"Origin": "http://evil.example"}])
def test_another_sites_page_changes_nothing(web, client, method, path, body, origin):
    sweep = begin(web, seeds=[7])
    answer = web.ask(method, path.format(sweep=sweep), body, origin)
    assert answer.status == 403
    assert [row.id for row in client.store.sweeps()] == [sweep]
    assert client.store.sweep(sweep).state == "running"


@pytest.mark.parametrize("name", ["x", "..", "../../etc/passwd", "a" * 200, "selective_copying", str(uuid.UUID(int=7))])
def test_a_sweep_that_is_none_is_not_found(web, name):
    for answer in (
        web.get(f"/api/sweeps/{name}"),
        web.delete(f"/api/sweeps/{name}"),
        web.post(f"/api/sweeps/{name}/control", {"action": "stop"}),
    ):
        assert answer.status in (404, 405, 409)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[" * 60_000,
        dumped(GRID | {"preset": "x"}),
        dumped(GRID | {"more": 1}),
        dumped(GRID | {"seeds": [-1]}),
        dumped(GRID | {"seeds": []}),
        dumped(GRID | {"changes": {"optim.steps": 10**9}}),
        dumped(GRID | {"changes": {"optim.steps": "many"}}),
        dumped(GRID | {"changes": {"optim.lr": float("nan")}}),
        dumped(GRID | {"rows": {"name": "layer", "values": ["s6"] * 17}}),
        dumped(GRID | {"rows": {"name": "__class__", "values": [1]}}),
    ],
)
def test_a_malformed_grid_is_explained_and_starts_nothing(web, client, body):
    answer = web.post("/api/sweeps", body)
    assert answer.status == 400
    assert answer.json()["error"]
    assert client.store.sweeps() == []


def test_a_grid_of_which_nothing_can_be_trained_is_refused_in_words(web):
    answer = web.post("/api/sweeps", GRID | {"columns": {"name": "N", "values": [300, 400]}})
    assert answer.status == 409
    assert "256" in answer.json()["error"]


def test_only_so_many_sweeps_are_under_way(web):
    for seed in range(MAX_OPEN):
        begin(web, seeds=[seed])
    answer = web.post("/api/sweeps", GRID | {"seeds": [99]})
    assert answer.status == 409
    assert "stop or delete" in answer.json()["error"]


def test_in_a_class_a_sweep_is_its_owners_and_the_presenters(school):
    sweep = begin(school("a"))
    assert school("a").get(f"/api/sweeps/{sweep}").status == 200
    assert school("t").get(f"/api/sweeps/{sweep}").status == 200
    absent = school("b").get(f"/api/sweeps/{uuid.uuid4()}").json()["error"]
    for answer in (
        school("b").get(f"/api/sweeps/{sweep}"),
        school("b").delete(f"/api/sweeps/{sweep}"),
        school("b").post(f"/api/sweeps/{sweep}/control", {"action": "stop"}),
        school("").get(f"/api/sweeps/{sweep}"),
    ):
        assert answer.status == 404
        assert answer.json()["error"][:18] == absent[:18]
    assert school("b").get("/api/sweeps").json() == {"sweeps": []}
    assert len(school("t").get("/api/sweeps").json()["sweeps"]) == 1


def test_in_a_class_nobody_unknown_starts_a_sweep(school):
    assert school("").post("/api/sweeps", GRID).status == 401


def test_in_a_class_a_sweep_leaves_the_places_of_others_alone(school, client):
    begin(school("a"))
    sweeps.top_up(client.store, 16)
    assert len(client.store.runs_in(("queued",))) == Classroom().runs_per_person
