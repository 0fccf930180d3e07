"""The routes themselves: see `ssmviz.live` for what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from ssmviz.classroom.access import Access, NotKnown, NotYours, quota_of
from ssmviz.classroom.config import Classroom
from ssmviz.classroom.people import Cookies, People
from ssmviz.live import guard, socket, wire
from ssmviz.live.assets import assets, assets_version
from ssmviz.live.guard import Refused, answering
from ssmviz.live.health import Health
from ssmviz.live.hub import Hub, Viewer
from ssmviz.live.snapshot import Queue, Snapshot, in_short
from ssmviz.live.sweep_routes import SweepRoutes
from ssmviz.runs import records
from ssmviz.runs.client import Client
from ssmviz.runs.quota import NotNow, Rates
from ssmviz.runs.view import ExperimentView, Library

MAX_HISTORY = 2 * 1024 * 1024  # bytes of one answer: many ask at once in a classroom
FOREVER = "public, max-age=31536000, immutable"
FOREIGN_ORIGIN, UNKNOWN = 4003, 4004
CHANGES = (300, 10.0)  # requests that change something, of one person of a class, in so many seconds

T = TypeVar("T")


class Live:
    """The routes over one store.

    Args:
        client: steers what trains here.
        library: reads what trains here, and recordings.
        people: tells who asks.
        classroom: of this server; None: one person on their own machine.
    """

    def __init__(
        self, client: Client, library: Library, people: People | None = None, classroom: Classroom | None = None
    ) -> None:
        self.client = client
        self.library = library
        self.people = people or People()
        self.hub = Hub()
        self._classroom = classroom
        self._queue = Queue(client.store)
        self._rates = Rates()

    def routes(self, base: str = "") -> list[BaseRoute]:
        """For `st.App(routes=...)`, below `base` ("" or "/lab")."""
        return [
            Route(f"{base}/api/health", answering(Health(self.client.store).answer)),
            Route(f"{base}/api/experiments", answering(self.experiments)),
            Route(f"{base}/api/experiments/{{id:path}}/control", answering(self.control), methods=["POST"]),
            WebSocketRoute(f"{base}/api/experiments/{{id:path}}/live", self.live),
            Route(f"{base}/api/experiments/{{id:path}}", answering(self.delete), methods=["DELETE"]),
            Route(f"{base}/api/experiments/{{id:path}}", answering(self.experiment)),
            Route(f"{base}/api/runs/{{id:path}}/frames", answering(self.frames)),
            *SweepRoutes(self.client, self.people, self._classroom).routes(base),
            Route(f"{base}/api/assets/{{version}}/{{name:path}}", answering(asset)),
        ]

    async def experiments(self, request: Request) -> Response:
        """All experiments in short."""
        access = self._access(request.cookies)
        return _json(await _call(lambda: {"experiments": [in_short(s) for s in access.summaries()]}))

    async def experiment(self, request: Request) -> Response:
        """One experiment, its series included."""
        access = self._access(request.cookies)
        return _json(await _call(lambda: self._snapshot(access, _id(request)).hello()))

    async def delete(self, request: Request) -> Response:
        """Remove an experiment, also while it trains."""
        guard.require_same_origin(request)
        access = self._changing(request)
        experiment = _own(_id(request))
        await _call(lambda: access.delete(experiment))
        return _json({"deleted": experiment})

    async def control(self, request: Request) -> Response:
        """Steer an experiment."""
        control = await guard.control_of(request)
        access = self._changing(request)
        experiment = _own(_id(request))
        return _json(await _call(lambda: self._steer(access, experiment, control)))

    async def frames(self, request: Request) -> Response:
        """History of one run, one page of it."""
        run, after = _id(request), _step(request.query_params.get("after", "-1"))
        most = _most(request.query_params.get("most", str(records.MAX_FRAMES)))
        access = self._access(request.cookies)
        view = await _call(lambda: _known(access.view_of_run, run))
        tag = await _call(lambda: _tag(view, run, after, most))
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Encoding": "identity"}  # packed already
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        body, more = await _call(lambda: _page(view.frames_after(run, after), most))
        return Response(
            body, media_type="application/octet-stream", headers=headers | ({"X-More": "1"} if more else {})
        )

    async def live(self, websocket: WebSocket) -> None:
        """The socket of one viewer."""
        await websocket.accept()  # first of all: a browser is told the close code of an open socket only
        if not guard.same_origin(websocket.headers):
            await websocket.close(FOREIGN_ORIGIN)
            return
        try:
            experiment = guard.known_id(websocket.path_params["id"])
            access = self._access(websocket.cookies)
            followed = await _call(lambda: self._followed(access, experiment))
        except Refused:
            await websocket.close(UNKNOWN)
            return
        viewer = Viewer(access.person.id)
        self.hub.join(experiment, followed, viewer)
        try:
            await socket.serve(websocket, viewer)
        finally:
            self.hub.leave(experiment, viewer)

    def _access(self, cookies: Cookies) -> Access:
        person = self.people(cookies)
        return Access(person, self.client, self.library, quota_of(person, self._classroom))

    def _changing(self, request: Request) -> Access:
        """Who wants to change something, and not too often."""
        access = self._access(request.cookies)
        if not access.person.is_known:
            raise Refused(401, "sign in first, or reload the page: nothing is changed for somebody unknown")
        if access.person.id:
            try:
                self._rates.take(access.person.id, CHANGES)
            except NotNow as refusal:
                raise Refused(429, str(refusal), refusal.seconds) from refusal
        return access

    def _snapshot(self, access: Access, experiment: str) -> Snapshot:
        return Snapshot(_known(access.view, experiment), self._queue)

    def _followed(self, access: Access, experiment: str) -> Snapshot | None:
        """What a new viewer brings; None when others look at it already."""
        if not self.hub.is_watched(experiment):
            return self._snapshot(access, experiment)
        _known(access.view, experiment)
        return None

    def _steer(self, access: Access, experiment: str, control: guard.Control) -> dict[str, Any]:
        client = self.client
        access.touch(experiment)
        if isinstance(control, guard.StepOnce):
            for _ in range(control.count):
                client.step(experiment)
        elif isinstance(control, guard.Speed):
            client.speed(experiment, control.value)
        elif isinstance(control, guard.EditProbe):
            client.set_probe(experiment, control.tokens)
        elif control.action == "restart":
            experiment = access.restart(experiment).id
        elif control.action == "resume_run":
            access.resume(experiment)
        else:
            {"pause": client.pause, "resume": client.resume, "stop": access.stop}[control.action](experiment)
        client.ensure_launcher()
        return {"experiment": experiment, "control": vars(client.store.control(experiment))}


async def asset(request: Request) -> Response:
    """One file of the components; its address carries a hash of all of them, so it may be kept forever."""
    found = assets().get(request.path_params["name"])
    if found is None:
        raise Refused(404, "there is no such file")
    content, media_type = found
    kept = FOREVER if request.path_params["version"] == assets_version() else "no-cache"
    headers = {"Cache-Control": kept, "Content-Encoding": "identity"}  # kept by the browser, not worth packing
    return Response(content, media_type=media_type, headers=headers)


async def _call(work: Callable[[], T]) -> T:
    """Run what reads or writes files in a thread, with the store's words for "no" as answers."""
    try:
        return await run_in_threadpool(work)
    except KeyError as missing:
        raise Refused(404, str(missing.args[0]) if missing.args else "not found") from missing
    except NotNow as refusal:
        raise Refused(429, str(refusal), refusal.seconds) from refusal
    except records.Refused as refusal:
        status = {NotYours: 403, NotKnown: 401}.get(type(refusal), 409)
        raise Refused(status, str(refusal)) from refusal


def _known(find: Callable[[str], ExperimentView], name: str) -> ExperimentView:
    """What the library finds; a name that means nothing to it is not found."""
    try:
        return find(name)
    except records.Refused as unknown:
        raise KeyError(f"there is nothing called {name}; choose from the list of runs") from unknown


def _id(request: Request) -> str:
    return guard.known_id(request.path_params["id"])


def _own(experiment: str) -> str:
    """An id that may be changed."""
    if guard.RECORDING.fullmatch(experiment):
        raise Refused(409, "this is a recording: it can be looked at; press Train to train it here")
    return experiment


def _step(text: str) -> int:
    if not re.fullmatch(r"-1|[0-9]{1,9}", text):
        raise Refused(400, f"after must be a step, got {text[:40]!r}")
    return int(text)


def _most(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise Refused(400, f"most must be a number of frames, got {text[:40]!r}")
    return int(text)


def _tag(view: ExperimentView, run: str, after: int, most: int) -> str:
    newest, steps = view.newest_frame(run), view.frame_steps(run)
    return f'"{newest.seq if newest else 0}-{len(steps)}-{steps[-1] if steps else 0}-{after}-{most}"'


def _page(frames: Iterator[tuple[int, bytes]], most: int) -> tuple[bytes, bool]:
    """As many frames as one answer holds, and whether there are more."""
    page = bytearray()
    for i, block in enumerate(wire.history(frames)):
        if i == most or (page and len(page) + len(block) > MAX_HISTORY):
            return bytes(page), True
        page += block
    return bytes(page), False


def _json(value: Any) -> Response:
    return Response(wire.to_json(value), media_type="application/json", headers={"Cache-Control": "no-store"})
