"""GET /api/health: whether people can train here now, for a proxy, a container or whoever is called at night.

It names no run, no person, no path and no key.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import ssmviz
from ssmviz.runs.locks import is_held
from ssmviz.runs.records import ACTIVE, LIVE, MIN_FREE_RUN
from ssmviz.runs.store import Store

KEPT_SECONDS = 1.0  # one look answers everybody who asks within it


@dataclass(frozen=True)
class State:
    """What the answer says."""

    ok: bool
    problems: tuple[str, ...]
    store: bool  # can be written to, and is not a temporary one
    launcher: bool  # is alive
    running: int
    waiting: int
    free_mb: int
    version: str = ssmviz.__version__


class Health:
    """The state of a store, looked at when asked.

    Args:
        store: the store.
        clock: seconds that never go back.
        free: bytes left on the disk of a path.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self._store = store
        self._clock = clock
        self._free = free
        self._lock = threading.Lock()
        self._seen: tuple[float, State] | None = None

    async def answer(self, request: Request) -> Response:
        """200 when runs can be started, else 503."""
        state = await run_in_threadpool(self.state)
        return JSONResponse(asdict(state), 200 if state.ok else 503, headers={"Cache-Control": "no-store"})

    def state(self) -> State:
        """At most a second old."""
        with self._lock:
            now = self._clock()
            if self._seen is None or now - self._seen[0] >= KEPT_SECONDS:
                self._seen = now, self._look()
            return self._seen[1]

    def _look(self) -> State:
        store, launcher = self._is_writable(), is_held(self._store.root / "launcher.lock")
        waiting = running = free = 0
        try:
            states = [run.state for run in self._store.runs_in(LIVE)]
            waiting, running = states.count("queued"), sum(state in ACTIVE for state in states)
            free = self._free(self._store.root)
        except (OSError, sqlite3.Error):
            store = False
        said = {
            "runs cannot be kept": not store,
            "nothing starts runs": not launcher,
            "the disk is full": store and free < MIN_FREE_RUN,
        }
        problems = tuple(words for words, is_so in said.items() if is_so)
        return State(not problems, problems, store, launcher, running, waiting, free // 10**6)

    def _is_writable(self) -> bool:
        try:
            with tempfile.TemporaryFile(dir=self._store.root) as file:
                file.write(b"1")
        except OSError:
            return False
        return not self._store.notice
