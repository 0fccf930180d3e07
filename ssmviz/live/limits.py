"""What one address, and all together, may take of a public server: sockets and requests.

A class behind one router is one address, so an address may have enough for a class. Everything finer is bounded where
it costs something: runs by the quota of a person, bodies and uploads by their size, slow clients by the proxy.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SOCKETS = 400  # open at once: thirty people with six tabs of two each, and some more
SOCKETS_OF_ONE = 300  # of one address
PER_SECOND = 200.0  # requests and new sockets of one address, in the long run
AT_ONCE = 6000.0  # of one address: sixty browsers that open their first page in the same second
ADDRESSES = 4096  # whose requests are counted; the longest silent is forgotten first
SELF = ("localhost", "127.0.0.1", "[::1]")  # health checks of this machine


def guards(hosts: Sequence[str], *, limited: bool) -> list[Middleware]:
    """What stands before everything else.

    Args:
        hosts: names that this server answers to (`server.allowedHosts`); all when empty. Streamlit asks for them at
            its own socket only: a page of a stranger whose name suddenly means this machine must not reach the rest.
        limited: whether to count sockets and requests.
    """
    found = []
    if hosts:
        names = [f"[{name}]" if ":" in name and name[0] != "[" else name for name in (*hosts, *SELF)]
        found.append(Middleware(TrustedHostMiddleware, allowed_hosts=names, www_redirect=False))
    if limited:
        found.append(Middleware(Limits))
    return found


class Limits:
    """ASGI middleware.

    Args:
        app: what answers within the limits.
        clock: seconds that never go back.
    """

    def __init__(self, app: ASGIApp, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # requests left, and when that was so

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 429 or 503 in one sentence, or pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        if not self._take(address):
            await _refuse(429, "too many requests from your address; wait a few seconds")(scope, receive, send)
        elif scope["type"] == "http":
            await self.app(scope, receive, send)
        elif self._open.total() >= SOCKETS or self._open[address] >= SOCKETS_OF_ONE:
            await _refuse(503, "this server has as many visitors as it can serve; try again later")(
                scope, receive, send
            )
        else:
            await self._count(address, scope, receive, send)

    async def _count(self, address: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._open[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def _take(self, address: str) -> bool:
        """One request of this address, if it has one left."""
        now = self._clock()
        left, since = self._buckets.pop(address, (AT_ONCE, now))
        left = min(AT_ONCE, left + PER_SECOND * (now - since))
        allowed = left >= 1
        self._buckets[address] = (left - allowed, now)
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return allowed


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers={"Retry-After": "10"})
