"""What a class hears of its room: one small message whenever something is shown, asked or, for presenters, voted.

GET {base}/api/room, WS {base}/api/room/live (text, server to browser only; anything sent to it ends the socket):
    {"open": true, "room": 3, "title": "…", "version": 7,    // a page that was made for another version runs again
     "link": {"page": "two_views", "query": "two_views_r=0.9", "title": "Two views", "serial": 4} or null,
     "experiment": "id" or null, "asked": "two_views",        // name of the question that is asked now, or ""
     "questions": {"two_views": {"counts": [3, 1, 0], "closed": false, "shown": true}},   // students: the shown ones
     "people": 30, "here": 28}                                // presenters only: who joined, who has a page open
    {"open": false}                                           // then the socket closes: 4000
Close codes: 4000 the room was closed, 4003 foreign origin or not in the room, 4004 no room, 4009 too many sockets.

All sockets share one look at the store every `POLL_SECONDS`: one PRAGMA while nothing changes, and nobody is sent
anything.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from ssmviz.classroom.people import People, Person
from ssmviz.classroom.room import Room, State
from ssmviz.live import guard, socket
from ssmviz.live.guard import Refused, answering
from ssmviz.live.hub import Viewer
from ssmviz.live.wire import to_json

POLL_SECONDS = 0.5
PER_PERSON, MAX_SOCKETS = 8, 400
CLOSED, NOT_IN, NO_ROOM, TOO_MANY = 4000, 4003, 4004, 4009

log = logging.getLogger(__name__)


class RoomLive:
    """The routes of one room.

    Args:
        room: what they tell of.
        people: who asks.
    """

    def __init__(self, room: Room, people: People) -> None:
        self.room = room
        self._people = people
        self._viewers: dict[Viewer, Person] = {}
        self._told: dict[bool, str] = {}  # to presenters (True) and students
        self._seen: int | None = None  # of the store
        self._poller: asyncio.Task[None] | None = None

    def routes(self, base: str = "") -> list[BaseRoute]:
        """For `st.App(routes=...)`, below `base` ("" or "/lab")."""
        return [
            Route(f"{base}/api/room", answering(self.look)),
            WebSocketRoute(f"{base}/api/room/live", self.live),
        ]

    async def look(self, request: Request) -> Response:
        """The room as this person may see it."""
        person = self._people(request.cookies)
        state = await run_in_threadpool(self.room.state)
        if state is None or not await self._is_in(person):
            raise Refused(404, "no room of yours is open; join with the code that your teacher shows")
        text = to_json(message(state, presents=person.presents, here=self._here()))
        return Response(text, media_type="application/json", headers={"Cache-Control": "no-store"})

    async def live(self, websocket: WebSocket) -> None:
        """The socket of one page."""
        await websocket.accept()  # first of all: a browser is told the close code of an open socket only
        person = self._people(websocket.cookies)
        refusal = await self._refusal(websocket, person)
        if refusal:
            await websocket.close(refusal)
            return
        viewer = Viewer()
        self._join(viewer, person)
        try:
            await socket.serve(websocket, viewer)
        finally:
            self._viewers.pop(viewer, None)
            self._seen = None  # one fewer is here

    def close(self) -> None:
        """Send everybody away: the server stops."""
        for viewer in self._viewers:
            viewer.close(1001)
        if self._poller:
            self._poller.cancel()

    async def _is_in(self, person: Person) -> bool:
        return person.presents or await run_in_threadpool(self.room.has, person.id)

    async def _refusal(self, websocket: WebSocket, person: Person) -> int:
        if not guard.same_origin(websocket.headers):
            return NOT_IN
        if await run_in_threadpool(self.room.state) is None:
            return NO_ROOM
        if not await self._is_in(person):
            return NOT_IN
        mine = sum(other.id == person.id for other in self._viewers.values())
        return TOO_MANY if mine >= PER_PERSON or len(self._viewers) >= MAX_SOCKETS else 0

    def _join(self, viewer: Viewer, person: Person) -> None:
        self._viewers[viewer] = person
        if person.presents not in self._refresh():
            viewer.tell(self._told[person.presents])
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        """For as long as somebody listens."""
        while self._viewers:
            await asyncio.sleep(POLL_SECONDS)
            try:
                seen = self.room.changes()
                if seen != self._seen:
                    self._refresh()
                    self._seen = seen
            except (sqlite3.Error, OSError):  # busy, or replaced by a restored one: the next look will do
                log.exception("cannot read the room")

    def _refresh(self) -> set[bool]:
        """Tell presenters (True) and students what is news to them; returns who was told."""
        state, told = self.room.state(), set()
        for presents in {person.presents for person in self._viewers.values()}:
            text = to_json(message(state, presents=presents, here=self._here()) if state else {"open": False})
            if text == self._told.get(presents):
                continue
            self._told[presents] = text
            told.add(presents)
            for viewer, person in self._viewers.items():
                if person.presents == presents:
                    viewer.tell(text)
        for viewer in () if state else self._viewers:
            viewer.close(CLOSED)
        return told

    def _here(self) -> int:
        return len({person.id for person in self._viewers.values() if not person.presents})


def message(state: State, *, presents: bool, here: int) -> dict[str, Any]:
    """What one person is told; the format is described above.

    Args:
        state: of an open room.
        presents: whether that person is a presenter.
        here: how many students have a page open.
    """
    asked = {
        question.name: {"counts": question.counts, "closed": question.closed, "shown": question.shown}
        for question in state.questions.values()
        if presents or question.shown
    }
    told = {
        "open": True,
        "room": state.number,
        "title": state.title,
        "version": state.version,
        "link": vars(state.link) if state.link else None,
        "experiment": state.experiment,
        "asked": state.asked,
        "questions": asked,
    }
    return told | ({"people": state.members, "here": here} if presents else {})
