"""The socket of one viewer: receiving and sending are two tasks, and when one ends so does the other."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from ssmviz.live.hub import Viewer

MAX_ACK = 256  # characters of a message from the browser
BAD_MESSAGE = 1003


async def serve(socket: WebSocket, viewer: Viewer) -> None:
    """Send what the viewer is told until either side has had enough."""
    receiving = asyncio.create_task(_receive(socket, viewer))
    sending = asyncio.create_task(_send(socket, viewer))
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (receiving, sending):
            task.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await task  # RuntimeError: Starlette's word for a socket that is closed already


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while (message := await viewer.next()) is not None:
        if isinstance(message, str):
            await socket.send_text(message)
        else:
            await socket.send_bytes(message)
    await socket.close(viewer.close_code or 1000)


async def _receive(socket: WebSocket, viewer: Viewer) -> None:
    while (message := await socket.receive())["type"] == "websocket.receive":
        run = _acknowledged(message.get("text") or "")
        if run is None:
            viewer.close(BAD_MESSAGE)
        else:
            viewer.acknowledge(run)


def _acknowledged(text: str) -> int | None:
    """The run whose frame was drawn, None for anything that is no acknowledgement."""
    try:
        message: dict[str, object] = json.loads(text[: MAX_ACK + 1])
        run = message["run"] if message["type"] == "ack" else None
    except (ValueError, KeyError, TypeError):
        return None
    return run if isinstance(run, int) and 0 <= run < MAX_ACK else None
