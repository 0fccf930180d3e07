"""Attempts as processes of this machine: a fork server with torch preloaded where there is fork, spawn elsewhere.

Workers write straight to the store. Whether one lives is a kernel lock that it holds, so that a launcher which has
just begun knows about the workers of the last one.
"""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import Any

from ssmviz.runs import entry, fair, memory
from ssmviz.runs.backends import Gone, Picture
from ssmviz.runs.bell import Bell
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.records import RunRow
from ssmviz.runs.store import Store

POLL_WITHOUT_BELL = 0.02
GRACE_SECONDS = 1.0  # until a process that should exist must hold its lock

log = logging.getLogger("ssmviz.launcher")


@dataclass
class Job:
    """A process of ours."""

    process: Any  # multiprocessing's Process of the context in use
    attempt: int
    kills: int = 0  # by the kernel for want of memory, before it started


class Embedded:
    """The default backend.

    Args:
        store: whose runs it starts.
        trainer: "module:function".
        bell: rings when there is something to do.
        kills: counts processes that the kernel killed for want of memory.
    """

    def __init__(self, store: Store, trainer: str, bell: Bell, *, kills: Callable[[], int] = memory.kills) -> None:
        self.store = store
        self._bell = bell
        self._kills = kills
        self._spawn = Spawner(store, trainer)
        self._jobs: dict[str, Job] = {}
        self._missing: dict[str, float] = {}  # run without a process -> since when

    def start(self, row: RunRow) -> None:
        """See `Backend`."""
        kills = self._kills()
        self._jobs[row.id] = Job(self._spawn(entry.work, row), row.attempt, kills)

    def poll(self, rows: Sequence[RunRow], seconds: float) -> Picture:
        """See `Backend`."""
        wait([job.process.sentinel for job in self._jobs.values()], self._bell, seconds)
        gone = {}
        for run in [run for run, job in self._jobs.items() if job.process.exitcode is not None]:
            job = self._jobs.pop(run)
            if not self.store.is_alive(run):
                gone[run] = self._end_of(run, job)
        for row in rows:
            if row.id not in gone and self._is_missing(row):
                gone[row.id] = Gone(row.attempt, "its process is gone")
        for run in self._missing.keys() - {row.id for row in rows}:
            del self._missing[run]
        return Picture(fair.slots(), fair.MAX_WORKERS, gone)

    def cancel(self, row: RunRow) -> None:
        """See `Backend`."""
        self.store.kill(row.id)
        if row.id in self._jobs:
            self._jobs[row.id].process.kill()

    def close(self) -> None:
        """See `Backend`. A worker whose run is gone ends by itself."""

    def _end_of(self, run: str, job: Job) -> Gone:
        code = job.process.exitcode
        job.process.close()
        log.info("run %s attempt %d: its process ended with %s", run, job.attempt, code)
        killed = code == -getattr(signal, "SIGKILL", 9)
        return Gone(job.attempt, f"exit code {code}", out_of_memory=killed and self._kills() > job.kills)

    def _is_missing(self, row: RunRow) -> bool:
        """Nobody works on a run that should be worked on: another launcher's worker, or one before a reboot."""
        if row.id in self._jobs or self.store.is_alive(row.id):
            self._missing.pop(row.id, None)
            return False
        since = self._missing.setdefault(row.id, time.monotonic())
        return row.state == "running" or time.monotonic() - since > GRACE_SECONDS


class Spawner:
    """Starts processes. What they need is loaded in the background, from the start or (`lazy`) from the first on."""

    def __init__(self, store: Store, trainer: str, *, lazy: bool = False) -> None:
        self.store = store
        self.trainer = trainer
        self._context: Any = None if lazy else context(trainer)

    def __call__(self, target: Callable[[str, str, int, str], None], row: RunRow) -> Any:
        """A running process.

        Raises:
            OSError: it could not be started, this time.
        """
        self._context = self._context or context(self.trainer)
        arguments = (str(self.store.root), row.id, row.attempt, self.trainer)
        process = self._context.Process(target=target, args=arguments)
        try:
            process.start()
        except EOFError as error:  # the fork server is gone; the next call starts another
            raise OSError("the fork server is gone") from error
        return process


def wait(sentinels: Sequence[Any], bell: Bell, seconds: float) -> None:
    """Until a process ends or the bell rings."""
    if not bell.works:
        seconds = min(seconds, POLL_WITHOUT_BELL)
    sources = [*sentinels, bell] if bell.works else [*sentinels]
    if sources:
        multiprocessing.connection.wait(sources, seconds)
    else:
        time.sleep(seconds)


def context(trainer: str) -> Any:
    """Processes that start in milliseconds where a fork server can be, in seconds elsewhere."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    for name in entry.THREADS:
        os.environ.setdefault(name, "1")  # the fork server must not start threads; a worker sets its own number
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # nor touch the GPU
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["ssmviz.runs.preload"] if trainer == TRAINER else ["ssmviz.runs.worker"])
    try:
        forkserver.ensure_running()  # loads in the background
    except OSError as error:  # its socket lies in the folder for temporary files, whose path may be too long for one
        log.warning("no fork server, so runs take seconds to start: %s; set TMPDIR to a shorter path", error)
        return multiprocessing.get_context("spawn")
    return forking
