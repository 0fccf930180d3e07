"""Two things that the server around us leaves to be desired: small answers that wait, and a loud goodbye."""

from __future__ import annotations

import gc
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import uvicorn

STOPS = (int(signal.SIGINT), int(signal.SIGTERM))


def send_at_once() -> int:
    """Switch Nagle's algorithm off for every connection that will be accepted; call before the first one.

    asyncio does so for sockets that say they are TCP. Streamlit 1.67 makes its listening socket without saying so, and
    then the second packet of every answer waits for the browser's delayed acknowledgement: 40 ms a file, 40 ms a
    rerun. Accepted sockets inherit the option.

    Returns:
        Number of listening sockets found.
    """
    found = [thing for thing in gc.get_objects() if issubclass(type(thing), socket.socket) and _listens(thing)]
    for listener in found:
        with suppress(OSError):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return len(found)


def _listens(candidate: socket.socket) -> bool:
    try:
        inet = candidate.family in (socket.AF_INET, socket.AF_INET6) and candidate.type == socket.SOCK_STREAM
        return inet and bool(candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError:  # closed
        return False


@contextmanager
def quiet_end() -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM is a request that the server carries out: status 0, not a word.

    Uvicorn raises the signal again once it has closed everything, and so ends a clean stop as an abort. It still does
    when the block fails, and at the second signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = {number: signal.getsignal(number) for number in STOPS}

    def stop(number: int, frame: FrameType | None) -> None:
        handler = before[number]
        server = getattr(handler, "__self__", None)
        if isinstance(server, uvicorn.Server) and not asked:
            server.should_exit = True
        elif callable(handler):
            handler(number, frame)
        asked.append(number)

    for number in STOPS:
        signal.signal(number, stop)
    try:
        yield
    except BaseException:
        if asked and callable(handler := before[asked[0]]):
            handler(asked[0], None)
        raise
