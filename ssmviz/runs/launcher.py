"""Starts queued runs, starts again those whose attempt died, and ends when nobody needs it. No torch here.

Queue, retries, resuming and deadlines are here; where attempts run is a backend's affair (`ssmviz.runs.backends`).

One launcher per store, held by a file lock. It can be killed at any moment: attempts go on, and the next launcher
finds them.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from ssmviz.runs import backends, entry, sweeps
from ssmviz.runs.backends import Backend, Gone, Picture
from ssmviz.runs.backends.embedded import Job, Spawner
from ssmviz.runs.bell import Bell
from ssmviz.runs.closing import SECONDS, drain
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.locks import FileLock, is_held
from ssmviz.runs.records import ACTIVE, LIVE, MAX_ATTEMPTS, RunRow
from ssmviz.runs.store import Store

POLL_SECONDS = 0.25  # for what no bell rings: locks and hung workers
GRACE_SECONDS = 1.0  # from the launcher's begin until there must be an app
HUNG_SECONDS = 2.0  # beyond the run's own limit, which a worker that lives keeps by itself
ABANDONED_SECONDS = 60.0  # without an app, paused runs are saved and ended
MAX_PROBERS = 4

log = logging.getLogger("ssmviz.launcher")


class Launcher:
    """See the module.

    Args:
        store: whose runs it starts.
        backend: where they run.
        probers: starts the processes that answer probes of runs at rest; those are of this machine.
        bell: rings when there is something to do.
    """

    def __init__(self, store: Store, backend: Backend, probers: Spawner, bell: Bell) -> None:
        self.store = store
        self.backend = backend
        self._spawn = probers
        self._bell = bell
        self._picture = Picture(0, 0)
        self._probers: dict[str, Job] = {}
        self._heard: dict[str, tuple[int, float]] = {}  # run -> its beats, and since when
        self._hung: set[str] = set()
        self._began = self._app_seen = time.monotonic()
        self._asked = False

    def leave(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Shut down at the next turn. A signal handler."""
        self._asked = True

    def run(self) -> None:
        """Work until asked to leave, or until no app lives and nothing is left to do."""
        self._look(0.0)
        while not (self._asked or self.store.is_shutdown()):
            try:
                if self._turn():
                    log.info("nothing left to do")
                    return
            except sqlite3.OperationalError as error:  # the disk is full: nothing starts, what runs goes on
                log.warning("the store takes nothing: %s", error)
                time.sleep(POLL_SECONDS)
        log.info("shutting down")
        self._asked = True
        drain(self.store, time.monotonic() + SECONDS, look=self._look, cancel=self.backend.cancel)

    def _turn(self) -> bool:
        """Start what waits, see what has happened; whether nothing is left to do."""
        sweeps.top_up(self.store, self._picture.slots)
        self._start_waiting()
        self._start_probers()
        if self._is_over():
            return True
        self._look(0.0 if self._asked else POLL_SECONDS)
        return False

    # the living and the dead

    def _look(self, seconds: float) -> None:
        """See what has happened, waiting at most `seconds` for it."""
        for run in [run for run, job in self._probers.items() if job.process.exitcode is not None]:
            self._probers.pop(run).process.close()
        before = {row.id: row for row in self.store.runs_in(ACTIVE)}
        self._picture = self.backend.poll(list(before.values()), seconds)
        self._bell.quiet()  # before the store is read again: what rings from now on is heard in the next turn
        for run, gone in self._picture.gone.items():
            self._is_gone(run, gone)
        for forgotten in (self._heard.keys() | self._hung) - before.keys():
            self._heard.pop(forgotten, None)
            self._hung.discard(forgotten)
        for row in before.values():
            if row.id not in self._picture.gone:
                self._end_if_hung(row)

    def _is_gone(self, run: str, gone: Gone) -> None:
        with suppress(KeyError):  # deleted meanwhile
            row = self.store.run(run)
            log.info("run %s attempt %d ended as %s", run, gone.attempt, row.state)
            if row.attempt == gone.attempt and row.state in ACTIVE:
                self._died(row, gone)

    def _died(self, row: RunRow, gone: Gone) -> None:
        self._heard.pop(row.id, None)
        failures = row.failures + 1
        log.warning("run %s attempt %d died (%s), %d times now", row.id, row.attempt, gone.how, failures)
        if row.id in self._hung:
            self._hung.discard(row.id)
            reason = f"it gave no sign of life for {row.settings.wall_limit_s:.0f} s"
            self.store.move(row.id, "timeout", attempt=row.attempt, reason=reason)
        elif gone.out_of_memory:
            reason = "the machine ran out of memory; make batch, length or width smaller"
            self.store.move(row.id, "oom", attempt=row.attempt, reason=reason)
        elif self.store.control(row.experiment).stop:
            self.store.move(row.id, "cancelled", attempt=row.attempt)
        elif self._asked:
            self.store.move(row.id, "interrupted", attempt=row.attempt, reason="the app was closed")
        elif failures >= MAX_ATTEMPTS:
            reason = f"its process died {failures} times ({gone.how}); resume it to try again from its last checkpoint"
            self.store.move(row.id, "failed", attempt=row.attempt, reason=reason, failures=failures)
        else:
            reason = f"its process died ({gone.how}); it goes on from its last checkpoint"
            self.store.move(row.id, "queued", attempt=row.attempt, reason=reason, failures=failures)

    def _end_if_hung(self, row: RunRow) -> None:
        beats, now = self.store.beats(row.id), time.monotonic()
        known = self._heard.get(row.id)
        if known is None or known[0] != beats or not beats:  # not begun: it waits for its turn in a command line
            self._heard[row.id] = beats, now
        elif now - known[1] > row.settings.wall_limit_s + HUNG_SECONDS:
            self._hung.add(row.id)
            self.backend.cancel(row)

    # starting

    def _start_waiting(self) -> None:
        if self._picture.trouble:
            self._say_trouble(self._picture.trouble)
            return
        line = self.store.line(self._picture.slots, self._picture.places)
        chosen = [(run, self.store.claim(run)) for run in line.start_now()]
        for run, attempt in chosen:  # all are claimed before the first starts, so that it knows of its twins
            if attempt is not None:
                self._start(run, attempt)

    def _say_trouble(self, trouble: str) -> None:
        for row in self.store.runs_in(("queued",)):
            if row.reason != trouble:
                self.store.move(row.id, "queued", attempt=row.attempt, expect=("queued",), reason=trouble)

    def _start(self, run: str, attempt: int) -> None:
        log.info("run %s attempt %d starts", run, attempt)
        row = self.store.run(run)
        try:
            self.backend.start(row)
        except OSError as error:
            self._died(row, Gone(attempt, f"it could not be started: {error}"))

    def _start_probers(self) -> None:
        for row in self.store.probes_waiting():
            if len(self._probers) >= MAX_PROBERS:
                return
            if row.id not in self._probers:
                with suppress(OSError):  # the next turn tries again
                    self._probers[row.id] = Job(self._spawn(entry.probe, row), row.attempt)

    # waiting and leaving

    def _is_over(self) -> bool:
        now = time.monotonic()
        live = self.store.runs_in(LIVE)
        if is_held(self.store.root / "app.lock") or now - self._began < GRACE_SECONDS:
            self._app_seen = now
        elif not live:
            return True
        elif now - self._app_seen > ABANDONED_SECONDS:
            self._asked = all(self.store.control(row.experiment).paused for row in live)
        return False


def main(arguments: Sequence[str]) -> int:
    """Be the launcher of a store, unless there is one."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.runs", description="Start queued training runs.")
    parser.add_argument("--root", type=Path, help="directory of the store")
    parser.add_argument("--trainer", default=TRAINER, help="module:function that trains")
    options = parser.parse_args(arguments)
    try:
        choice = backends.chosen()
    except ValueError as error:
        parser.error(str(error))
    store = Store(options.root, fixed=options.root is not None)
    lock = FileLock(store.root / "launcher.lock")
    if not lock.acquire(timeout=0.3):  # whoever only looks holds it for microseconds
        return 0
    with suppress(AttributeError, OSError):
        os.setsid()  # Ctrl-C in a terminal is not for us
    lock.sign()
    _log_to(store.root / "launcher.log")
    bell = Bell(store.root)
    try:
        backend = backends.opened(store, options.trainer, bell, choice)
        launcher = Launcher(store, backend, Spawner(store, options.trainer, lazy=True), bell)
        signal.signal(signal.SIGTERM, launcher.leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        launcher.run()
        backend.close()
    except Exception:
        log.exception("the launcher failed")
        raise
    finally:
        store.close()
        lock.release()
    return 0


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=256 * 1024, backupCount=1, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
