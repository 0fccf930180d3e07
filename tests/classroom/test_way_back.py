"""A link survives signing in, and no other address comes of it."""

from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ssmviz.classroom.people import Person
from ssmviz.classroom.way_back import COOKIE, WayBack
from tests.classroom.server import Browser, served

GUEST, BOB = Person("", "Guest", "guest"), Person("b", "Bob", "student")


def people(cookies):
    return BOB if cookies.get("signed") == "in" else GUEST


async def page(request):
    return Response(status_code=304) if "if-none-match" in request.headers else HTMLResponse("a page")


async def data(request):
    return JSONResponse({})


@pytest.fixture(scope="module")
def port():
    routes = [Route("/lab/", page), Route("/lab/join", page), Route("/lab/api/x", data)]
    with served(WayBack(Starlette(routes=routes), people=people, base="/lab", secure=True)) as port:
        yield port


def arrive(browser):
    """What the start page answers once they are signed in: (status, where to)."""
    browser.cookies["signed"] = "in"
    status, headers, _ = browser.get("/lab/")
    return status, headers.get("location")


def test_who_came_with_a_link_is_there_after_signing_in(port):
    browser = Browser(port)
    _, headers, _ = browser.get("/lab/join?code=ABC%20D&x=1")
    for part in ("HttpOnly", "SameSite=lax", "Secure", "Path=/lab", "Max-Age=600"):
        assert part in headers["set-cookie"]
    assert headers["cache-control"] == "no-store"
    browser.get("/lab/")  # where a sign-in that failed ends
    assert arrive(browser) == (303, "/lab/join?code=ABC%20D&x=1")
    assert arrive(browser) == (200, None)  # once


def test_who_has_the_page_already_is_led_back_too(port):
    browser = Browser(port)
    assert browser.get("/lab/join?code=A", **{"If-None-Match": "x"})[0] == 200
    assert arrive(browser) == (303, "/lab/join?code=A")


def test_nothing_is_noted_of_data_of_the_start_page_and_of_who_is_known(port):
    browser = Browser(port)
    for address in ("/lab/api/x", "/lab/", "/lab/join?" + "x" * 2000):
        assert "set-cookie" not in browser.get(address)[1]
    assert arrive(browser) == (200, None)
    assert "set-cookie" not in browser.get("/lab/join?code=A")[1]


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/other",
        "/lab",
        "/lab/\\evil",
        "/lab/\r\nSet-Cookie: a=b",
        "/lab/ä",
        "",
        "%",
    ],
)
def test_a_forged_cookie_leads_nowhere_else(port, wanted):
    browser = Browser(port, {COOKIE: quote(wanted, safe="")})
    status, where = arrive(browser)
    assert (status, where) == (303, "/lab/")
    assert arrive(browser) == (200, None)


def test_without_a_base_another_server_is_refused_too():
    with served(WayBack(Starlette(routes=[Route("/", page)]), people=people, base="", secure=False)) as port:
        browser = Browser(port, {COOKIE: quote("//evil.example/", safe=""), "signed": "in"})
        assert browser.get("/")[1]["location"] == "/"
