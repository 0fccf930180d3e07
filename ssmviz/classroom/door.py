"""Where people of a class without sign-in come in: everybody gets a cookie, and who knows the key presents.

GET, POST {base}/api/presenter      a field for the presenter's key
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ssmviz.classroom.cookies import answer_with_cookie, cookie
from ssmviz.classroom.guesses import Guesses
from ssmviz.classroom.people import COOKIE, COOKIE_SECONDS, Anonymous

MAX_FORM = 4096  # bytes
WRONG_A_MINUTE = {"one": 5, "all": 50}  # keys that one address, and everybody, may try

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Present</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="same-origin">
<style>
:root {{ color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; }}
body {{ max-width: 26rem; margin: 15vh auto 0; padding: 0 1rem; }}
input, button {{ font: inherit; padding: .4rem .6rem; box-sizing: border-box; width: 100%; margin-top: .6rem; }}
p[role=alert] {{ color: light-dark(#b3261e, #ff8a80); }}
</style>
<h1>Present this class</h1>
<p>With the presenter's key you see everybody's runs, and what you show all can see.</p>{problem}
<form method="post"><label>Presenter's key
<input type="password" name="key" autocomplete="current-password" maxlength="200" required autofocus></label>
<button>Present</button></form></html>
"""


class Door:
    """ASGI middleware: a page that is opened without a cookie of ours comes with one.

    Args:
        app: what answers.
        people: makes and knows the cookies.
        base: what addresses begin with, "" or "/lab".
        secure: whether people come by HTTPS alone.
    """

    def __init__(self, app: ASGIApp, *, people: Anonymous, base: str, secure: bool) -> None:
        self.app = app
        self._people = people
        self._base = base
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with a cookie where one is missing."""
        if scope["type"] != "http" or scope["method"] != "GET" or self._knows(scope):
            await self.app(scope, receive, send)
            return
        await answer_with_cookie(self.app, scope, receive, send, self._cookie)

    def _cookie(self) -> str:
        return _identity(self._people.new_cookie(), self._base, secure=self._secure)

    def _knows(self, scope: Scope) -> bool:
        return self._people(cookie_parser(Headers(scope=scope).get("cookie", ""))).is_known


class PresenterForm:
    """The page where somebody becomes presenter.

    Args:
        people: knows the key.
        secure: whether people come by HTTPS alone.
    """

    def __init__(self, people: Anonymous, *, secure: bool) -> None:
        self._people = people
        self._secure = secure
        self._guesses = Guesses()

    def routes(self, base: str = "") -> Sequence[BaseRoute]:
        """For `st.App(routes=...)`, below `base`."""
        self._base = base
        return [Route(f"{base}/api/presenter", self.answer, methods=["GET", "POST"])]

    async def answer(self, request: Request) -> Response:
        """The field; after the right key, the start page with another cookie."""
        if request.method != "POST":
            return _page()
        if not _same_origin(request.headers):
            return _page("Only this page may send a key.", 403)
        address = request.client.host if request.client else ""
        limits = {f"one {address}": WRONG_A_MINUTE["one"], "all": WRONG_A_MINUTE["all"]}
        if wait := self._guesses.wait(limits):
            return _page(f"Too many wrong keys. Try again in {wait} s.", 429, wait)
        if int(request.headers.get("content-length", MAX_FORM + 1)) > MAX_FORM:
            return _page("That is no key.", 413)
        async with request.form(max_files=0, max_fields=4) as form:
            value = self._people.presenter_cookie(request.cookies, str(form.get("key", "")).strip())
        if value is None:
            self._guesses.note(limits)
            return _page("That is not the key of this class.", 403)
        answer = RedirectResponse(f"{self._base}/", status_code=303, headers={"Cache-Control": "no-store"})
        answer.headers.append("set-cookie", _identity(value, self._base, secure=self._secure))
        return answer


def _identity(value: str, base: str, *, secure: bool) -> str:
    return cookie(COOKIE, value, base, seconds=COOKIE_SECONDS, secure=secure)


def _same_origin(headers: Headers) -> bool:
    origin = urlsplit(headers.get("origin", "")).netloc.lower()
    return bool(origin) and origin == headers.get("host", "").lower()


def _page(problem: str = "", status: int = 200, retry_after: int = 0) -> Response:
    words = f'<p role="alert">{problem}</p>' if problem else ""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(retry_after)} if retry_after else {})
    return HTMLResponse(PAGE.format(problem=words), status, headers=headers)
