"""What a class hears of its room, over a real server and real cookies."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import COOKIE, Anonymous
from ssmviz.classroom.room import Room
from ssmviz.live.room_routes import PER_PERSON, RoomLive

KEY = "a presenter's key".replace(" ", "-")
ANSWERS = ("the same", "another")


class Site:
    """A server with a room, and its people by name."""

    def __init__(self, root, port: int) -> None:
        self.room = Room(root)
        self.people = Anonymous(Classroom(presenter_key=KEY), b"key")
        self.live = RoomLive(self.room, self.people)
        self.port = port
        self.cookies = {"presenter": self.people.presenter_cookie({}, KEY), "nobody": ""}

    def cookie(self, name: str) -> str:
        if name not in self.cookies:
            self.cookies[name] = self.people.new_cookie()
        return f"{COOKIE}={self.cookies[name]}"

    def id(self, name: str) -> str:
        self.cookie(name)
        return self.people({COOKIE: self.cookies[name]}).id

    def enter(self, *names: str) -> None:
        for name in names:
            self.room.join(self.id(name), self.room.state().code)

    def vote(self, name: str, choice: int) -> bool:
        return self.room.vote(self.id(name), "two_views", "How far?", ANSWERS, choice)

    def listen(self, name: str, origin: str | None = None):
        headers = {"Cookie": self.cookie(name)}
        url = f"ws://127.0.0.1:{self.port}/api/room/live"
        return connect(url, origin=origin or f"http://127.0.0.1:{self.port}", additional_headers=headers, proxy=None)

    def look(self, name: str, method: str = "GET", path: str = "/api/room", body: bytes | None = None):
        headers = {"Cookie": self.cookie(name)}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssmviz.live.room_routes.POLL_SECONDS", 0.01)
        site = Site(tmp_path_factory.mktemp("room"), port)
        config = uvicorn.Config(Starlette(routes=site.live.routes()), host="127.0.0.1", port=port, log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield site
        server.should_exit = True
        thread.join(5)


@pytest.fixture
def site(server) -> Site:
    server.room.close()
    server.room.open("Course")
    return server


def until(listener, condition):
    """The first message for which `condition` holds."""
    while True:
        message = json.loads(listener.recv(timeout=10))
        if condition(message):
            return message


def closed_with(listener) -> int:
    try:
        while True:
            listener.recv(timeout=10)
    except ConnectionClosed as ended:
        return ended.rcvd.code


def test_who_is_in_the_room_hears_of_every_move_and_run(site):
    site.enter("a")
    with site.listen("a") as listener:
        assert until(listener, lambda m: m["open"])["link"] is None
        site.room.show("two_views", "two_views_r=0.9", "Two views")
        link = until(listener, lambda m: m["link"])["link"]
        assert (link["page"], link["query"], link["title"]) == ("two_views", "two_views_r=0.9", "Two views")
        site.room.broadcast("selective_copying", "Selective copying")
        assert until(listener, lambda m: m["experiment"])["experiment"] == "selective_copying"


def test_presenters_see_votes_arrive_and_students_see_them_once_shown(site):
    site.enter("a", "b")
    with site.listen("presenter") as presenter, site.listen("a") as student:
        until(student, lambda m: m["open"])
        site.vote("a", 0)
        site.vote("b", 1)
        told = until(presenter, lambda m: m["questions"].get("two_views", {}).get("counts") == [1, 1])
        assert told["people"] == 2
        site.room.ask("two_views", "How far?", ANSWERS)
        heard = until(student, lambda m: m["asked"])
        assert heard["questions"] == {}
        assert "people" not in heard
        site.room.reveal("two_views")
        heard = until(student, lambda m: m["questions"])
        assert heard["questions"]["two_views"] == {"counts": [1, 1], "closed": True, "shown": True}


def test_a_vote_is_no_news_to_the_class(site):
    site.enter("a", "b")
    with site.listen("presenter") as presenter, site.listen("a") as student:
        until(student, lambda m: m["open"])
        site.vote("b", 1)
        until(presenter, lambda m: m["questions"])
        site.room.show("lab", "", "Lab")
        assert json.loads(student.recv(timeout=10))["link"]["page"] == "lab"  # and nothing before it


def test_nothing_that_is_told_names_a_person(site):
    site.enter("a", "b")
    site.vote("a", 0)
    site.room.reveal("two_views")
    for name in ("presenter", "b"):
        _, told = site.look(name)
        assert site.id("a") not in json.dumps(told)


def test_a_presenter_sees_how_many_are_here_and_that_one_has_left(site):
    site.enter("a", "b")
    with site.listen("presenter") as presenter:
        with site.listen("a"), site.listen("a"), site.listen("b"):
            assert until(presenter, lambda m: m["here"] == 2)
        assert until(presenter, lambda m: m["here"] == 0)


def test_all_are_told_when_the_room_closes_and_their_sockets_end(site):
    site.enter("a")
    with site.listen("a") as student, site.listen("presenter") as presenter:
        until(student, lambda m: m["open"])
        until(presenter, lambda m: m["open"])
        site.room.close()
        assert closed_with(student) == 4000
        assert closed_with(presenter) == 4000


@pytest.mark.parametrize("name", ["stranger", "nobody"])
def test_who_has_not_joined_hears_and_sees_nothing(site, name):
    with site.listen(name) as listener:
        assert closed_with(listener) == 4003
    status, answer = site.look(name)
    assert status == 404
    assert b"join with the code" in answer
    assert site.room.state().code.encode() not in answer


def test_a_forged_cookie_is_nobody(site):
    site.enter("a")
    site.cookies["forged"] = site.cookies["a"][:-3] + "AAA"
    with site.listen("forged") as listener:
        assert closed_with(listener) == 4003


def test_a_page_of_another_site_hears_nothing(site):
    with site.listen("presenter", origin="https://elsewhere.example") as listener:
        assert closed_with(listener) == 4003


def test_without_a_room_there_is_nothing_to_hear(site):
    site.room.close()
    with site.listen("presenter") as listener:
        assert closed_with(listener) == 4004
    assert site.look("presenter")[0] == 404


@pytest.mark.parametrize("words", ["", "not json", '{"code": 1}', "x" * 100_000, b"\0\1\2", "[" * 10_000])
def test_whoever_talks_back_is_sent_away_and_the_others_go_on(site, words):
    site.enter("a")
    with site.listen("a") as student, site.listen("presenter") as presenter:
        until(student, lambda m: m["open"])
        student.send(words)
        assert closed_with(student) in (1003, 1009)
        site.room.show("lab", "", "Lab")
        assert until(presenter, lambda m: m["link"])


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/room"), ("DELETE", "/api/room"), ("PUT", "/api/room")])
def test_the_room_cannot_be_changed_from_outside_its_pages(site, method, path):
    before = site.room.state()
    assert site.look("presenter", method, path, b'{"open": false}')[0] == 405
    assert site.room.state() == before


def test_one_person_has_some_pages_open_not_a_thousand(site):
    site.enter("a")
    with ExitStack() as pages:
        for _ in range(PER_PERSON):
            until(pages.enter_context(site.listen("a")), lambda m: m["open"])
        assert closed_with(pages.enter_context(site.listen("a"))) == 4009


def test_a_class_that_listens_costs_one_look_for_all(site, monkeypatch):
    names = [f"student {i}" for i in range(30)]
    site.enter(*names)
    with ExitStack() as pages:
        listeners = [pages.enter_context(site.listen(name)) for name in [*names, "presenter"]]
        for listener in listeners[:-1]:
            until(listener, lambda m: m["open"])
        until(listeners[-1], lambda m: m["here"] == 30)
        looks = []
        state = Room.state
        monkeypatch.setattr(Room, "state", lambda self, **how: looks.append(1) or state(self, **how))
        site.room.show("lab", "", "Lab")
        for listener in listeners:
            until(listener, lambda m: m["link"])
        assert len(looks) <= 2  # somebody of the test before may have left just now
