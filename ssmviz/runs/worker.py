"""One process, one run: takes the run's lock, drives the trainer, leaves the right state behind.

The only part of this package that runs where torch is loaded.
"""

from __future__ import annotations

import importlib
import os
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from ssmviz import frames
from ssmviz.runs.driver import Driver, Trainer, probe_tokens
from ssmviz.runs.entry import THREADS
from ssmviz.runs.locks import FileLock
from ssmviz.runs.recorder import Recorder
from ssmviz.runs.records import ACTIVE, LIVE, Fenced, RunRow, State
from ssmviz.runs.store import Store
from ssmviz.settings import TrainSettings
from ssmviz.traces import Frame, Probe

RETRY = 75  # exit code: the same from the checkpoint may work (sysexits.h: EX_TEMPFAIL)
LOCK_SECONDS = 3.0
NICE = 10
LINGER_SECONDS = 3.0  # a prober waits for the next edit so long: people drag tokens

Train = Callable[[TrainSettings, bytes | None], Trainer]


def work(root: str, run: str, attempt: int, trainer: str) -> None:
    """Train one attempt of one run.

    Args:
        root: of the store.
        run: id of the run, in state "starting".
        attempt: that this process is.
        trainer: "module:function".
    """
    leaving = _prepare()
    store = Store(root, fixed=True)
    lock = FileLock(store.folder(run) / "alive.lock")
    if not lock.acquire(timeout=LOCK_SECONDS):
        return  # somebody works on it: the launcher sees the lock and lets them
    lock.sign()
    with suppress(Fenced, KeyError):  # not wanted any more
        row = store.run(run)
        if row.attempt == attempt and row.state in ACTIVE:
            _attempt(store, row, trainer, leaving)


def probe(root: str, run: str, attempt: int, trainer: str) -> None:
    """Answer edits of the probe from the checkpoint of a run at rest, as long as edits keep coming."""
    leaving = _prepare()
    store = Store(root, fixed=True)
    lock = FileLock(store.folder(run) / "alive.lock")
    if not lock.acquire():
        return
    lock.sign()
    with suppress(KeyError, Fenced):
        _answer(store, store.run(run), attempt, trainer, leaving)


def load(trainer: str) -> Train:
    """The function that "module:function" names."""
    module, _, name = trainer.partition(":")
    train: Train = getattr(importlib.import_module(module), name)
    return train


def _attempt(store: Store, row: RunRow, trainer: str, leaving: Callable[[], bool]) -> None:
    _limit_threads(row.settings.threads)
    saved = store.load_checkpoint(row.id)
    recorder = Recorder(store, row, resumed=saved[0] if saved else None)
    recorder.beat()
    state: State
    try:
        train = load(trainer)(row.settings, saved[1] if saved else None)
        state, reason = Driver(store, row, recorder, leaving).drive(train)
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a trainer raises must end in a state
        (store.folder(row.id) / "error.txt").write_text(traceback.format_exc())
        state, reason = _state_of(error)
        if state == "starting":
            sys.exit(RETRY)
    recorder.end(state, reason)


def _state_of(error: Exception) -> tuple[State, str]:
    """What an exception means; "starting" when a new process may do better."""
    text = f"{type(error).__name__}: {error}"[:500]
    names = {cls.__name__ for cls in type(error).__mro__}
    if names & {"MemoryError", "OutOfMemoryError"} or "can't allocate memory" in text or "out of memory" in text:
        return "oom", "there is not enough memory for this run; make batch, length or width smaller"
    if "AcceleratorError" in names or "CUDA error" in text or "CUDNN_STATUS" in text:
        return "starting", text  # the device was lost
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return "unreadable", f"its file cannot be read ({error}); delete the experiment and train it again"
    return "failed", text


def _answer(store: Store, row: RunRow, attempt: int, trainer: str, leaving: Callable[[], bool]) -> None:
    version, answered = store.control(row.experiment).probe_version, -1
    store.note(row.id, attempt, probe_version=version)  # asked once, whatever comes of it
    saved = store.load_checkpoint(row.id)
    if saved is None:
        return
    _limit_threads(row.settings.threads)
    train = load(trainer)(row.settings, saved[1])
    next(train)
    end = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < end and not leaving():
        now, control = store.run(row.id), store.control(row.experiment)
        if now.attempt != attempt or now.state in LIVE or store.is_shutdown():
            return  # it is about to train again
        if control.probe_version != answered:
            event = train.send(Probe(probe_tokens(row.settings, control.probe)))
            if not isinstance(event, Frame):
                return
            data = frames.pack(event, row.settings.task.name)
            store.rundb(row.id, attempt).put_frame(event.step, data, control.probe_version)
            store.note(row.id, attempt, probe_version=control.probe_version)
            answered = control.probe_version
            end = time.monotonic() + LINGER_SECONDS
        time.sleep(0.02)


def _prepare() -> Callable[[], bool]:
    """Signals and priority of this process; the returned function says whether it has been asked to leave."""
    asked: list[int] = []

    def leave(number: int, frame: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the app, which asks in its own way
    signal.signal(signal.SIGTERM, leave)
    with suppress(AttributeError, OSError):  # the app and the browser answer first where they share the cores
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(OSError):  # Linux: when memory runs out, a worker goes before the app does
        Path("/proc/self/oom_score_adj").write_text("600")
    return lambda: bool(asked)


def _limit_threads(count: int) -> None:
    """Before torch works: its libraries read these when they start."""
    for name in THREADS:
        os.environ[name] = str(count)
    if (torch := sys.modules.get("torch")) is not None:  # the fork server has loaded it already
        torch.set_num_threads(count)
