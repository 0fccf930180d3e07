"""How a browser is given a cookie of ours."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONDITIONS = (b"if-none-match", b"if-modified-since")  # "nothing new" would bring no cookie


def cookie(name: str, value: str, base: str, *, seconds: int, secure: bool) -> str:
    """The header that gives it, out of reach of scripts.

    Args:
        name: of the cookie.
        value: its value.
        base: what addresses begin with, "" or "/lab".
        seconds: that it is kept.
        secure: whether it travels by HTTPS alone.
    """
    answer = Response()
    answer.set_cookie(name, value, max_age=seconds, path=base or "/", secure=secure, httponly=True, samesite="lax")
    return answer.headers["set-cookie"]


async def answer_with_cookie(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, header: Callable[[], str]
) -> None:
    """Pass a request on; if its answer is a page, this cookie comes with it, and the page is kept nowhere."""

    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.append("set-cookie", header())
                headers["cache-control"] = "no-store"  # or somebody else might get it, too
        await send(message)

    asked = [(name, value) for name, value in scope["headers"] if name not in CONDITIONS]
    await app({**scope, "headers": asked}, receive, send_with_cookie)
