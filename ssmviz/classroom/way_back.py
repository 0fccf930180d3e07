"""After signing in, back to the page that was asked for: Streamlit's sign-in always ends on the start page.

A link into the room, `/join?code=...`, or to a lesson would otherwise be lost on the way through the provider.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        self._start = f"{base}/"
        self._path = base or "/"
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the start page may become a redirection."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
        at_start = scope["path"] == self._start
        if not self._people(cookies).is_known:
            await self.app(scope, receive, send if at_start else self._noting(scope, send))
        elif at_start and COOKIE in cookies:
            wanted = self._safe(unquote(cookies[COOKIE]))
            answer = RedirectResponse(wanted, status_code=303, headers={"Cache-Control": "no-store"})
            answer.delete_cookie(COOKIE, path=self._path, secure=self._secure, httponly=True, samesite="lax")
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _noting(self, scope: Scope, send: Send) -> Send:
        query = scope["query_string"].decode("latin-1")
        value = quote(scope["path"] + (f"?{query}" if query else ""), safe="")

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and len(value) <= LONGEST:
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    answer = Response()
                    answer.set_cookie(
                        COOKIE,
                        value,
                        max_age=SECONDS,
                        path=self._path,
                        secure=self._secure,
                        httponly=True,
                        samesite="lax",
                    )
                    headers.append("set-cookie", answer.headers["set-cookie"])
                    headers["cache-control"] = "no-store"
            await send(message)

        return send_with_cookie

    def _safe(self, wanted: str) -> str:
        """An address below our own base, or the start page: a cookie may say anything."""
        plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted
        ours = wanted.startswith(self._start) and not wanted.startswith("//")
        return wanted if plain and ours else self._start
