"""Who somebody is: from a cookie, the same in routes and on pages, and nobody else can make one."""

import json
import stat

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from ssmviz.classroom.config import KEY_VARIABLE, VARIABLE, BadClassroom, Classroom, read_classroom
from ssmviz.classroom.door import Door, PresenterForm
from ssmviz.classroom.people import COOKIE, COOKIE_SECONDS, GUEST, YOU, Anonymous, People, SignedIn, people, read_key
from ssmviz.widgets import sign_in
from tests.classroom.server import Browser, served

KEY = "the key of this class"
SECRET = KEY.replace(" ", "-")
CLASS = Classroom(presenter_key=SECRET)


def write(path, text):
    path.write_text(text)
    return path


def test_without_a_classroom_there_is_one_person_and_no_key(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    everyone = people(read_classroom(), tmp_path, lambda cookies: pytest.fail("nobody signs in here"))
    assert everyone({}) is YOU
    assert YOU.presents
    assert list(tmp_path.iterdir()) == []


def test_a_classroom_is_read_from_the_file_that_the_environment_names(tmp_path, monkeypatch):
    path = write(tmp_path / "class.toml", 'title = "SSMs"\nruns_per_person = 3\nwall_minutes = 5\n')
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    classroom = read_classroom()
    assert (classroom.title, classroom.runs_per_person, classroom.wall_seconds) == ("SSMs", 3, 300)
    assert classroom.presenter_key == SECRET
    assert SECRET not in repr(classroom)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runs_per_persons = 3", "there is no key runs_per_persons"),
        ("runs_per_person = 0", "runs_per_person: "),
        ('runs_per_person = "2"', "runs_per_person: "),
        ("wall_minutes = inf", "wall_minutes: "),
        ('sign_in = "google"', "sign_in: "),
        ('presenters = ["nobody"]', "presenters.0: "),
        ('address = "javascript:alert(1)"', "address: "),
        ("title = ", "is no TOML file"),
    ],
)
def test_a_bad_file_names_the_key(tmp_path, text, words):
    with pytest.raises(BadClassroom, match=words):
        read_classroom(write(tmp_path / "class.toml", text))


def test_a_bad_key_is_never_repeated(tmp_path):
    for text in ('presenter_key = "hunter2"', 'presenters_key = "hunter2"'):
        with pytest.raises(BadClassroom) as error:
            read_classroom(write(tmp_path / "class.toml", text))
        assert "hunter2" not in str(error.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BadClassroom, match="cannot be read"):
        read_classroom(tmp_path / "none.toml")


def test_the_key_of_a_store_is_made_once_and_belongs_to_its_owner_alone(tmp_path):
    key = read_key(tmp_path)
    path = tmp_path / "cookie.key"
    assert read_key(tmp_path) == key == path.read_bytes()
    assert len(key) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    read_key(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["cookie.key"]


def test_a_cookie_makes_the_same_student_every_time():
    ann = Anonymous(CLASS, b"key")
    cookie = ann.new_cookie()
    first, again = ann({COOKIE: cookie}), Anonymous(CLASS, b"key")({COOKIE: cookie})
    assert first == again
    assert (first.role, len(first.id)) == ("student", 32)
    assert ann({COOKIE: ann.new_cookie()}).id != first.id


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "é" * 50, "x" * 5000])
def test_a_cookie_that_is_not_ours_is_a_guests(value):
    assert Anonymous(CLASS, b"key")({COOKIE: value}) is GUEST
    assert Anonymous(CLASS, b"key")({}) is GUEST


def test_a_cookie_of_another_server_is_a_guests():
    assert Anonymous(CLASS, b"key")({COOKIE: Anonymous(CLASS, b"other").new_cookie()}) is GUEST


def test_a_cookie_of_last_year_is_a_guests(monkeypatch):
    ann = Anonymous(CLASS, b"key")
    cookie = ann.new_cookie()
    signed = ann._signer.make_signer(COOKIE).get_timestamp()
    monkeypatch.setattr("itsdangerous.TimestampSigner.get_timestamp", lambda self: signed + COOKIE_SECONDS + 10)
    assert ann({COOKIE: cookie}) is GUEST


def test_the_key_makes_a_presenter_of_the_same_person_and_another_key_ends_it():
    ann = Anonymous(CLASS, b"key")
    cookie = ann.new_cookie()
    assert ann.presenter_cookie({COOKIE: cookie}, "wrong") is None
    presenter = {COOKIE: ann.presenter_cookie({COOKIE: cookie}, SECRET)}
    assert ann(presenter).presents
    assert ann(presenter).id == ann({COOKIE: cookie}).id
    assert Anonymous(Classroom(presenter_key="another-key-now"), b"key")(presenter).role == "student"
    assert Anonymous(Classroom(), b"key")(presenter).role == "student"


def test_without_a_key_nobody_becomes_presenter():
    ann = Anonymous(Classroom(), b"key")
    assert ann.presenter_cookie({}, "") is None


def test_names_are_short_text_and_are_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr("ssmviz.classroom.people.MAX_NAMES", 2)
    claims = {"sub": "1", "name": "A\0nn <b>" + "x" * 200}
    everyone = SignedIn(Classroom(sign_in="oidc"), b"key", lambda cookies: claims | cookies)
    person = everyone({})
    assert len(person.name) == 80
    assert person.name.startswith("Ann <b>x")
    assert everyone.name_of(person.id) == person.name
    for subject in "234":
        everyone({"sub": subject})
    assert everyone.name_of(person.id) == f"Student {person.id[:4].upper()}"


# signed in


def signed_in(classroom, **claims):
    return SignedIn(classroom, b"key", lambda cookies: claims or None)({})


OIDC = Classroom(sign_in="oidc", presenters=("Ann@Example.org",), students=("@example.org", "bob@other.org"))


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"sub": "1", "email": "ann@example.org"}, "presenter"),
        ({"sub": "1", "email": "ann@example.org", "email_verified": False}, "guest"),
        ({"sub": "2", "email": "carl@example.org", "email_verified": True}, "student"),
        ({"sub": "3", "email": "BOB@other.org"}, "student"),
        ({"sub": "4", "email": "eve@other.org"}, "guest"),
        ({"sub": "5", "email": "eve@example.org.evil.com"}, "guest"),
        ({"sub": "6"}, "guest"),
        ({"email": "ann@example.org"}, "guest"),
        ({}, "guest"),
    ],
)
def test_the_lists_of_the_class_decide_who_somebody_is(claims, role):
    assert signed_in(OIDC, **claims).role == role


def test_everybody_who_can_sign_in_is_a_student_where_there_is_no_list():
    assert signed_in(Classroom(sign_in="oidc"), sub="1").role == "student"


def test_an_id_tells_nothing_about_the_person():
    person = signed_in(OIDC, sub="1", email="ann@example.org", iss="https://id.example.org", name="Ann")
    assert "ann" not in person.id.lower()
    same = SignedIn(OIDC, b"another server", lambda cookies: {"sub": "1", "email": "ann@example.org"})({})
    assert same.id != person.id


def test_streamlits_cookie_is_read_also_in_pieces_and_only_with_its_signature(monkeypatch):
    monkeypatch.setattr(sign_in, "get_cookie_secret", lambda: "secret")

    def signed(name, value, secret="secret"):  # noqa: S107
        return create_signed_value(secret, name, value).decode()

    whole = json.dumps({"sub": "1", "is_logged_in": True})
    assert sign_in.claims({USER_COOKIE_NAME: signed(USER_COOKIE_NAME, whole)})["sub"] == "1"
    pieces = {USER_COOKIE_NAME: "chunks-2", f"{USER_COOKIE_NAME}_1": whole[:9], f"{USER_COOKIE_NAME}_2": whole[9:]}
    assert sign_in.claims({name: signed(name, value) for name, value in pieces.items()})["sub"] == "1"
    for bad in (
        {},
        {USER_COOKIE_NAME: whole},
        {USER_COOKIE_NAME: signed(USER_COOKIE_NAME, whole, "other")},
        {USER_COOKIE_NAME: signed("another", whole)},
        {USER_COOKIE_NAME: signed(USER_COOKIE_NAME, "[1]")},
        {USER_COOKIE_NAME: signed(USER_COOKIE_NAME, "no json")},
        {USER_COOKIE_NAME: signed(USER_COOKIE_NAME, '{"sub": "1"}')},
    ):
        assert sign_in.claims(bad) is None


# the door


async def page(request):
    return HTMLResponse("a page", headers={"Cache-Control": "no-cache"})


async def data(request):
    return JSONResponse({})


@pytest.fixture(scope="module")
def door():
    """(people, a browser without a cookie, address) of a server with a door."""
    everyone = Anonymous(CLASS, b"key")
    routes = [Route("/lab/", page), Route("/lab/api/x", data), *PresenterForm(everyone, secure=False).routes("/lab")]
    with served(Door(Starlette(routes=routes), people=everyone, base="/lab", secure=True)) as port:
        yield everyone, Browser(port)


def test_the_first_page_comes_with_a_cookie_that_scripts_cannot_read(door):
    everyone, browser = door[0], Browser(door[1].port)
    _, headers, _ = browser.get("/lab/", **{"If-None-Match": "x"})
    for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/lab"):
        assert part in headers["set-cookie"]
    assert headers["cache-control"] == "no-store"
    assert everyone(browser.cookies).role == "student"
    assert "set-cookie" not in browser.get("/lab/")[1]


def test_data_come_without_a_cookie(door):
    assert "set-cookie" not in door[1].get("/lab/api/x")[1]


def test_a_cookie_of_somebody_else_is_replaced(door):
    browser = door[1]("forged")
    browser.get("/lab/")
    assert door[0](browser.cookies).is_known


def test_who_knows_the_key_presents(door):
    everyone, browser = door[0], Browser(door[1].port)
    browser.get("/lab/")
    who = everyone(browser.cookies)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _ = browser.post("/lab/api/presenter", f"key={SECRET}".encode(), **form)
    assert (status, headers["location"]) == (303, "/lab/")
    assert everyone(browser.cookies).presents
    assert everyone(browser.cookies).id == who.id


def test_keys_are_not_to_be_guessed(door):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answers = [door[1].post("/lab/api/presenter", b"key=guess", **form) for _ in range(6)]
    assert [status for status, _, _ in answers] == [403] * 5 + [429]
    assert int(answers[-1][1]["retry-after"]) > 0
    assert not door[1].cookies


def test_another_sites_page_cannot_send_a_key(door):
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    assert door[1].post("/lab/api/presenter", f"key={SECRET}".encode(), **form)[0] == 403


def test_a_server_for_one_person_knows_everybody_as_you():
    assert People()({COOKIE: "anything"}) is YOU
