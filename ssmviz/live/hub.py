"""Who watches what: one poller per experiment, shared by its sockets; none where nobody watches.

Everything here runs on the server's event loop. A poll costs two cheap questions when nothing has changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Protocol

from ssmviz.live.wire import live_frame, to_json

POLL_SECONDS = 1 / 30
CREDIT = 2  # frames of one run on their way without an acknowledgement
BACKLOG = 64  # updates waiting for one browser; whoever falls further behind starts over
MAX_VIEWERS = 200  # sockets in all
MAX_OF_ONE = 24  # of one person of a class

SETTLED, TOO_SLOW, TOO_MANY, AGAIN = 4000, 1013, 4009, 1001

log = logging.getLogger(__name__)


class Followed(Protocol):
    """An experiment that can be followed: see `ssmviz.live.snapshot.Snapshot`."""

    def hello(self) -> dict[str, Any]:
        """Everything so far."""

    def poll(self) -> dict[str, Any] | None:
        """What changed since the last poll, None if nothing."""

    def new_frames(self) -> list[tuple[int, int, bytes]]:
        """(index of the run, step, frame) of every newest frame that was not given out yet."""

    @property
    def settled(self) -> bool:
        """Nothing will change any more."""

    @property
    def shared(self) -> bool:
        """Everybody may look at it."""


class Viewer:
    """What one socket still has to send: updates in order, of frames only the newest of each run.

    Args:
        person: who looks; "" where nobody is told apart.
    """

    def __init__(self, person: str = "") -> None:
        self.person = person
        self.close_code: int | None = None
        self._texts: deque[str] = deque()
        self._frames: dict[int, bytes] = {}
        self._credit: dict[int, int] = {}
        self._wake = asyncio.Event()

    def tell(self, text: str) -> None:
        """Queue an update; a browser that is too far behind is sent away to connect again."""
        if len(self._texts) >= BACKLOG:
            self.close(TOO_SLOW)
            return
        self._texts.append(text)
        self._wake.set()

    def show(self, run: int, message: bytes) -> None:
        """Replace the frame of `run` that waits."""
        self._frames[run] = message
        self._wake.set()

    def acknowledge(self, run: int) -> None:
        """The browser has drawn one frame of `run`."""
        self._credit[run] = min(CREDIT, self._credit.get(run, CREDIT) + 1)
        self._wake.set()

    def close(self, code: int) -> None:
        """Send what waits, then end."""
        self.close_code = code
        self._wake.set()

    async def next(self) -> str | bytes | None:
        """The next message to send, None when the socket is to be closed with `close_code`."""
        while True:
            if self.close_code not in (None, SETTLED):
                return None
            if self._texts:
                return self._texts.popleft()
            for run in self._frames:
                if self._credit.get(run, CREDIT) > 0:
                    self._credit[run] = self._credit.get(run, CREDIT) - 1
                    return self._frames.pop(run)
            if self.close_code is not None and not self._frames:  # the last picture is worth waiting for
                return None
            self._wake.clear()
            await self._wake.wait()


class Watch:
    """One experiment and everybody who looks at it."""

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self.viewers: set[Viewer] = set()
        self._frames: dict[int, bytes] = {}

    def join(self, viewer: Viewer) -> None:
        """Tell a new viewer everything so far; the rest follows with everybody."""
        self.refresh()
        viewer.tell(to_json({"type": "hello"} | self.followed.hello()))
        for run, message in self._frames.items():
            viewer.show(run, message)
        self.viewers.add(viewer)
        if self.followed.settled:
            viewer.close(SETTLED)

    def refresh(self) -> None:
        """Look once, and pass on what is new."""
        shared = self.followed.shared
        update = self.followed.poll()
        if update is not None:
            text = to_json({"type": "update"} | update)
            for viewer in self.viewers:
                viewer.tell(text)
        for run, step, frame in self.followed.new_frames():
            self._frames[run] = live_frame(run, step, frame)
            for viewer in self.viewers:
                viewer.show(run, self._frames[run])
        if shared and not self.followed.shared:
            for viewer in self.viewers:
                viewer.close(AGAIN)  # who still may look comes back by itself


class Hub:
    """All watches of the server, by experiment."""

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._pollers: dict[str, asyncio.Task[None]] = {}

    def join(self, experiment: str, followed: Followed | None, viewer: Viewer) -> None:
        """Let `viewer` look on; `followed` is needed when nobody does yet (see `is_watched`)."""
        others = [other.person for watch in self._watches.values() for other in watch.viewers]
        if len(others) >= MAX_VIEWERS or (viewer.person and others.count(viewer.person) >= MAX_OF_ONE):
            viewer.close(TOO_MANY)
            return
        watch = self._watches.get(experiment)
        if watch is None:
            if followed is None:
                raise ValueError("the first viewer of an experiment must bring what is followed")
            watch = self._watches[experiment] = Watch(followed)
        watch.join(viewer)
        if experiment not in self._pollers and not watch.followed.settled:
            self._pollers[experiment] = asyncio.create_task(self._poll(experiment, watch))
        elif watch.followed.settled:
            self._forget(experiment)

    def is_watched(self, experiment: str) -> bool:
        """Whether somebody looks at it already."""
        return experiment in self._watches

    def leave(self, experiment: str, viewer: Viewer) -> None:
        """The viewer is gone; the last one turns off the light."""
        watch = self._watches.get(experiment)
        if watch is None:
            return
        watch.viewers.discard(viewer)
        if not watch.viewers:
            self._forget(experiment)

    def close(self, code: int = 1001) -> None:
        """Send everybody away."""
        for experiment, watch in list(self._watches.items()):
            for viewer in watch.viewers:
                viewer.close(code)
            self._forget(experiment)

    async def _poll(self, experiment: str, watch: Watch) -> None:
        while not watch.followed.settled:
            await asyncio.sleep(POLL_SECONDS)
            try:
                watch.refresh()
            except KeyError:  # deleted while somebody looked
                break
            except Exception:
                log.exception("cannot follow experiment %s", experiment)
                break
        for viewer in watch.viewers:
            viewer.close(SETTLED)
        self._pollers.pop(experiment, None)
        self._forget(experiment)

    def _forget(self, experiment: str) -> None:
        self._watches.pop(experiment, None)
        poller = self._pollers.pop(experiment, None)
        if poller is not None:
            poller.cancel()
