"""After signing in, back to the page that was asked for: Streamlit's sign-in always ends on the start page.

A link into the room, `/join?code=...`, or to a lesson would otherwise be lost on the way through the provider.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ssmviz.classroom.cookies import answer_with_cookie, cookie
from ssmviz.classroom.people import People

COOKIE = "ssmviz_wanted"
SECONDS = 600
LONGEST = 1500  # characters of an address


class WayBack:
    """ASGI middleware: notes which page a guest has asked for, and sends who arrives signed in there.

    Args:
        app: what answers.
        people: knows who is signed in.
        base: what addresses begin with, "" or "/lab".
        secure: whether people come by HTTPS alone.
    """

    def __init__(self, app: ASGIApp, *, people: People, base: str, secure: bool) -> None:
        self.app = app
        self._people = people
        self._base = base
        self._start = f"{base}/"
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the start page may become a redirection."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
        at_start, is_known = scope["path"] == self._start, self._people(cookies).is_known
        if is_known and at_start and COOKIE in cookies:
            where = self._safe(unquote(cookies[COOKIE]))
            answer = RedirectResponse(where, status_code=303, headers={"Cache-Control": "no-store"})
            answer.headers.append("set-cookie", self._cookie("", seconds=0))
            await answer(scope, receive, send)
        elif is_known or at_start or len(wanted := _address(scope)) > LONGEST:
            await self.app(scope, receive, send)
        else:
            await answer_with_cookie(self.app, scope, receive, send, lambda: self._cookie(wanted, seconds=SECONDS))

    def _cookie(self, value: str, *, seconds: int) -> str:
        return cookie(COOKIE, value, self._base, seconds=seconds, secure=self._secure)

    def _safe(self, wanted: str) -> str:
        """An address below our own base, or the start page: a cookie may say anything."""
        plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
        ours = wanted.startswith(self._start) and not wanted.startswith("//")
        return wanted if plain and ours else self._start


def _address(scope: Scope) -> str:
    """What was asked for, as a cookie may hold it."""
    query = scope["query_string"].decode("latin-1")
    return quote(scope["path"] + (f"?{query}" if query else ""), safe="")
