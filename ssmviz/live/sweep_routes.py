"""What the sweep page asks for: sweeps, how each stands, and what people want of it.

GET {base}/api/sweeps                     {"sweeps": [about]}, newest first
POST {base}/api/sweeps                    a grid (`ssmviz.runs.grid.Grid`); answers {"sweep": id}
GET {base}/api/sweeps/{id}                about, and {"holes": [{row, column, why}], "settled", "left_s", "cells": [
                                          {number, row, column, seed, state, step, steps, experiment, seconds, reason,
                                           token_accuracy, sequence_accuracy, error, test_loss, scored_at}]}
POST {base}/api/sweeps/{id}/control       {"action": "pause" | "resume" | "stop"}
DELETE {base}/api/sweeps/{id}

A state is one of `ssmviz.runs.records.State`, or "waiting" (not in the queue yet), or "deleted". Several people who
look at one sweep share one look at the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ssmviz.classroom.access import quota_of
from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import YOU, People, Person
from ssmviz.live import guard
from ssmviz.live.guard import Refused, answering
from ssmviz.live.wire import to_json
from ssmviz.runs import records, sweeps
from ssmviz.runs.client import Client
from ssmviz.runs.grid import Grid
from ssmviz.runs.sweep_board import Boards, about
from ssmviz.runs.sweep_rows import SweepRow
from ssmviz.settings import Settings, explain

FRESH_SECONDS = 0.2  # that one look serves everybody
MAX_LOOKS = 64  # sweeps whose last look is kept

T = TypeVar("T")


class Action(Settings):
    """What is wanted of a sweep."""

    action: Literal["pause", "resume", "stop"]


ACTIONS: dict[str, Callable[[Client, str], None]] = {
    "pause": sweeps.pause,
    "resume": sweeps.resume,
    "stop": sweeps.stop,
}
_ACTION = TypeAdapter(Action)
_GRID = TypeAdapter(Grid)


class SweepRoutes:
    """The routes of the sweeps of one store.

    Args:
        client: starts and steers.
        people: who asks; None: the one person of a server without a classroom.
        classroom: what a person may use; None: no limits but those of every sweep.
    """

    def __init__(self, client: Client, people: People | None = None, classroom: Classroom | None = None) -> None:
        self._client = client
        self._people = people
        self._classroom = classroom
        self._boards = Boards(client.store)
        self._looks: dict[str, tuple[float, str]] = {}  # sweep -> when, and what was seen

    def routes(self, base: str = "") -> list[BaseRoute]:
        """For `st.App(routes=...)`, below `base` ("" or "/lab")."""
        one = f"{base}/api/sweeps/{{id:path}}"
        return [
            Route(f"{base}/api/sweeps", answering(self.listed)),
            Route(f"{base}/api/sweeps", answering(self.start), methods=["POST"]),
            Route(f"{one}/control", answering(self.control), methods=["POST"]),
            Route(one, answering(self.delete), methods=["DELETE"]),
            Route(one, answering(self.look)),
        ]

    async def listed(self, request: Request) -> Response:
        """The sweeps of who asks, in short; of everybody for presenters."""
        person = self._person(request)
        return _json(await _call(lambda: {"sweeps": [about(row) for row in seen_by(person, self._client)]}))

    async def start(self, request: Request) -> Response:
        """Begin a sweep."""
        grid = await guard.body_of(request, _GRID)
        person = self._person(request)
        if not person.is_known:
            raise Refused(401, "sign in first, or reload the page: nothing is started for somebody unknown")
        quota = quota_of(person, self._classroom)
        row = await _call(lambda: sweeps.start(self._client, grid, owner=person.id, quota=quota))
        return _json({"sweep": row.id})

    async def look(self, request: Request) -> Response:
        """How a sweep stands."""
        row = await self._own(request)
        text = await _call(lambda: self._look(row.id))
        tag = f'"{sha256(text.encode()).hexdigest()[:20]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(text, media_type="application/json", headers=headers)

    async def control(self, request: Request) -> Response:
        """Steer a sweep."""
        wanted = await guard.body_of(request, _ACTION)
        row = await self._own(request)
        await _call(lambda: ACTIONS[wanted.action](self._client, row.id))
        self._looks.pop(row.id, None)
        return _json({"sweep": row.id, "state": (await _call(lambda: self._client.store.sweep(row.id))).state})

    async def delete(self, request: Request) -> Response:
        """Remove a sweep and all its runs, also while they train."""
        guard.require_same_origin(request)
        row = await self._own(request)
        await _call(lambda: sweeps.delete(self._client, row.id))
        self._looks.pop(row.id, None)
        return _json({"deleted": row.id})

    def _person(self, request: Request) -> Person:
        return self._people(request.cookies) if self._people else YOU

    async def _own(self, request: Request) -> SweepRow:
        """The sweep that is asked for; what belongs to somebody else is absent."""
        sweep = guard.known_id(request.path_params["id"])
        person = self._person(request)
        row = await _call(lambda: self._client.store.sweep(sweep))
        if not may_touch(person, row):
            raise Refused(404, f"there is no sweep {sweep}; it may have been deleted")
        return row

    def _look(self, sweep: str) -> str:
        now = time.monotonic()
        when, text = self._looks.get(sweep, (0.0, ""))
        if text and now - when < FRESH_SECONDS:
            return text
        text = to_json(self._boards.board(sweep))
        if len(self._looks) >= MAX_LOOKS:
            self._looks.clear()
        self._looks[sweep] = (now, text)
        return text


def may_touch(person: Person, sweep: SweepRow) -> bool:
    """Whether it exists for this person, who may then do everything with it."""
    return person.presents or (person.is_known and person.id == sweep.owner)


def seen_by(person: Person, client: Client) -> list[SweepRow]:
    """The sweeps that a person may see, newest first."""
    return [row for row in client.store.sweeps() if may_touch(person, row)]


async def _call(work: Callable[[], T]) -> T:
    """Run what reads or writes files in a thread, with the store's words for "no" as answers."""
    try:
        return await run_in_threadpool(work)
    except KeyError as missing:
        raise Refused(404, str(missing.args[0]) if missing.args else "not found") from missing
    except records.Refused as refusal:
        raise Refused(409, str(refusal)) from refusal
    except ValidationError as error:
        raise Refused(400, explain(error)) from error


def _json(value: dict[str, Any]) -> Response:
    return Response(to_json(value), media_type="application/json", headers={"Cache-Control": "no-store"})
