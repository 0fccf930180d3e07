"""Starts queued runs, starts again those whose process died, and ends when nobody needs it. No torch here.

One launcher per store, held by a file lock. It can be killed at any moment: workers go on, and the next launcher
knows from the locks they hold that they do.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from multiprocessing import forkserver
from pathlib import Path
from types import FrameType
from typing import Any

from ssmviz.runs import entry, fair, memory
from ssmviz.runs.bell import Bell
from ssmviz.runs.closing import SECONDS, drain
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.locks import FileLock, is_held
from ssmviz.runs.records import ACTIVE, LIVE, MAX_ATTEMPTS, RunRow
from ssmviz.runs.store import Store

POLL_SECONDS = 0.25  # for what no bell rings: locks and hung workers
POLL_WITHOUT_BELL = 0.02
GRACE_SECONDS = 1.0  # until a process that should exist must hold its lock
HUNG_SECONDS = 2.0  # beyond the run's own limit, which a worker that lives keeps by itself
ABANDONED_SECONDS = 60.0  # without an app, paused runs are saved and ended
MAX_PROBERS = 4

log = logging.getLogger("ssmviz.launcher")


@dataclass
class Job:
    """A process of ours."""

    process: Any  # multiprocessing's Process of the context in use
    attempt: int
    kills: int  # by the kernel for want of memory, before it started


class Launcher:
    """See the module.

    Args:
        store: whose runs it starts.
        trainer: "module:function".
        kills: counts processes that the kernel killed for want of memory.
    """

    def __init__(self, store: Store, trainer: str = TRAINER, *, kills: Callable[[], int] = memory.kills) -> None:
        self.store = store
        self.trainer = trainer
        self._kills = kills
        self._context = _context(trainer)
        self._bell = Bell(store.root)
        self._jobs: dict[str, Job] = {}
        self._probers: dict[str, Job] = {}
        self._heard: dict[str, tuple[int, float]] = {}  # run -> its beats, and since when
        self._missing: dict[str, float] = {}  # run without a process -> since when
        self._hung: set[str] = set()
        self._began = self._app_seen = time.monotonic()
        self._asked = False

    def leave(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Shut down at the next turn. A signal handler."""
        self._asked = True

    def run(self) -> None:
        """Work until asked to leave, or until no app lives and nothing is left to do."""
        while True:
            self._bell.quiet()
            self._reap()
            if self._asked or self.store.is_shutdown():
                log.info("shutting down")
                drain(self.store, time.monotonic() + SECONDS)
                return
            self._start_waiting()
            self._start_probers()
            if self._is_over():
                log.info("nothing left to do")
                return
            self._wait()

    # the living and the dead

    def _reap(self) -> None:
        for run in [run for run, job in self._probers.items() if job.process.exitcode is not None]:
            self._probers.pop(run).process.close()
        for run in [run for run, job in self._jobs.items() if job.process.exitcode is not None]:
            self._ended(run, self._jobs.pop(run))
        active = {row.id: row for row in self.store.runs_in(ACTIVE)}
        for forgotten in (self._missing.keys() | self._heard.keys() | self._hung) - active.keys():
            self._missing.pop(forgotten, None)
            self._heard.pop(forgotten, None)
            self._hung.discard(forgotten)
        for row in active.values():
            if row.id not in self._jobs and not self.store.is_alive(row.id):
                self._is_missing(row)
            else:
                self._missing.pop(row.id, None)
                self._end_if_hung(row)

    def _ended(self, run: str, job: Job) -> None:
        code = job.process.exitcode
        job.process.close()
        with suppress(KeyError):  # deleted meanwhile
            row = self.store.run(run)
            log.info("run %s attempt %d ended with %s as %s", run, job.attempt, code, row.state)
            if row.attempt == job.attempt and row.state in ACTIVE and not self.store.is_alive(run):
                killed = code == -getattr(signal, "SIGKILL", 9)
                self._died(row, f"exit code {code}", out_of_memory=killed and self._kills() > job.kills)

    def _is_missing(self, row: RunRow) -> None:
        """Nobody works on a run that should be worked on: another launcher's worker, or one before a reboot."""
        since = self._missing.setdefault(row.id, time.monotonic())
        if row.state == "running" or time.monotonic() - since > GRACE_SECONDS:
            self._died(row, "its process is gone", out_of_memory=False)

    def _died(self, row: RunRow, how: str, *, out_of_memory: bool) -> None:
        self._missing.pop(row.id, None)
        self._heard.pop(row.id, None)
        failures = row.failures + 1
        log.warning("run %s attempt %d died (%s), %d times now", row.id, row.attempt, how, failures)
        if row.id in self._hung:
            self._hung.discard(row.id)
            reason = f"it gave no sign of life for {row.settings.wall_limit_s:.0f} s"
            self.store.move(row.id, "timeout", attempt=row.attempt, reason=reason)
        elif out_of_memory:
            reason = "the machine ran out of memory; make batch, length or width smaller"
            self.store.move(row.id, "oom", attempt=row.attempt, reason=reason)
        elif self.store.control(row.experiment).stop:
            self.store.move(row.id, "cancelled", attempt=row.attempt)
        elif failures >= MAX_ATTEMPTS:
            reason = f"its process died {failures} times ({how}); resume it to try again from its last checkpoint"
            self.store.move(row.id, "failed", attempt=row.attempt, reason=reason, failures=failures)
        else:
            reason = f"its process died ({how}); it goes on from its last checkpoint"
            self.store.move(row.id, "queued", attempt=row.attempt, reason=reason, failures=failures)

    def _end_if_hung(self, row: RunRow) -> None:
        beats, now = self.store.beats(row.id), time.monotonic()
        known = self._heard.get(row.id)
        if known is None or known[0] != beats or not beats:  # not begun: it waits for its turn in a command line
            self._heard[row.id] = beats, now
        elif now - known[1] > row.settings.wall_limit_s + HUNG_SECONDS:
            self._hung.add(row.id)
            self.store.kill(row.id)
            if row.id in self._jobs:
                self._jobs[row.id].process.kill()

    # starting

    def _start_waiting(self) -> None:
        live = self.store.runs_in(LIVE)
        if not any(row.state == "queued" for row in live):
            return
        owners = self.store.owners()
        active = [row for row in live if row.state in ACTIVE]
        busy = Counter(owners[row.experiment] for row in active if not self.store.control(row.experiment).paused)
        begun = {row.experiment for row in active} | {row.experiment for row in live if row.failures}
        queued: dict[str, list[str]] = {}
        for row in live:
            if row.state == "queued":
                queued.setdefault(row.experiment, []).append(row.id)
        waiting = [fair.Waiting(e, owners[e], tuple(runs), e in begun) for e, runs in queued.items()]
        free = min(fair.slots() - busy.total(), fair.MAX_WORKERS - len(active))
        chosen = [(run, self.store.claim(run)) for run in fair.next_runs(waiting, busy, free)]
        for run, attempt in chosen:  # all are claimed before the first starts, so that it knows of its twins
            if attempt is not None:
                self._start(run, attempt)

    def _start(self, run: str, attempt: int) -> None:
        kills = self._kills()
        log.info("run %s attempt %d starts", run, attempt)
        process = self._spawn(entry.work, run, attempt)
        if process is None:
            self._died(self.store.run(run), "it could not be started", out_of_memory=False)
        else:
            self._jobs[run] = Job(process, attempt, kills)

    def _start_probers(self) -> None:
        for row in self.store.probes_waiting():
            if len(self._probers) >= MAX_PROBERS:
                return
            if row.id not in self._probers and row.id not in self._jobs:
                process = self._spawn(entry.probe, row.id, row.attempt)
                if process is not None:
                    self._probers[row.id] = Job(process, row.attempt, 0)

    def _spawn(self, target: Callable[[str, str, int, str], None], run: str, attempt: int) -> Any:
        process = self._context.Process(target=target, args=(str(self.store.root), run, attempt, self.trainer))
        try:
            process.start()
        except (OSError, EOFError) as error:  # the fork server is gone; the next call starts another
            log.warning("a process for run %s could not be started: %s", run, error)
            return None
        return process

    # waiting and leaving

    def _is_over(self) -> bool:
        now = time.monotonic()
        live = self.store.runs_in(LIVE)
        if is_held(self.store.root / "app.lock") or now - self._began < GRACE_SECONDS:
            self._app_seen = now
        elif not live and not self._jobs:
            return True
        elif now - self._app_seen > ABANDONED_SECONDS:
            self._asked = all(self.store.control(row.experiment).paused for row in live)
        return False

    def _wait(self) -> None:
        sources: list[Any] = [job.process.sentinel for job in (*self._jobs.values(), *self._probers.values())]
        if self._bell.works:
            sources.append(self._bell)
        seconds = POLL_SECONDS if self._bell.works else POLL_WITHOUT_BELL
        if not self._asked:
            multiprocessing.connection.wait(sources, seconds) if sources else time.sleep(seconds)


def main(arguments: Sequence[str]) -> int:
    """Be the launcher of a store, unless there is one."""
    parser = argparse.ArgumentParser(prog="python -m ssmviz.runs", description="Start queued training runs.")
    parser.add_argument("--root", type=Path, help="directory of the store")
    parser.add_argument("--trainer", default=TRAINER, help="module:function that trains")
    options = parser.parse_args(arguments)
    store = Store(options.root, fixed=options.root is not None)
    lock = FileLock(store.root / "launcher.lock")
    if not lock.acquire(timeout=0.3):  # whoever only looks holds it for microseconds
        return 0
    with suppress(AttributeError, OSError):
        os.setsid()  # Ctrl-C in a terminal is not for us
    lock.sign()
    _log_to(store.root / "launcher.log")
    launcher = Launcher(store, options.trainer)
    signal.signal(signal.SIGTERM, launcher.leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        launcher.run()
    except Exception:
        log.exception("the launcher failed")
        raise
    finally:
        store.close()
        lock.release()
    return 0


def _context(trainer: str) -> Any:
    """Processes that start in milliseconds where there is fork, in seconds elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    for name in entry.THREADS:
        os.environ.setdefault(name, "1")  # the fork server must not start threads; a worker sets its own number
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # nor touch the GPU
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ssmviz.runs.preload"] if trainer == TRAINER else ["ssmviz.runs.worker"])
    forkserver.ensure_running()  # loads in the background
    return context


def _log_to(path: Path) -> None:
    handler = RotatingFileHandler(path, maxBytes=256 * 1024, backupCount=1, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
