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
from ssmviz.runs.driver import Driver, End, Trainer, probe_tokens
from ssmviz.runs.entry import ERROR, THREADS
from ssmviz.runs.locks import FileLock
from ssmviz.runs.recorder import Recorder
from ssmviz.runs.records import ACTIVE, LIVE, Fenced, RunRow, State
from ssmviz.runs.store import Store
from ssmviz.runs.twins import Twins
from ssmviz.settings import TrainSettings
from ssmviz.traces import Frame, Probe

RETRY = 75  # exit code: the same from the checkpoint may work (sysexits.h: EX_TEMPFAIL)
LOCK_SECONDS = 3.0
ROOM_SECONDS = 600.0  # that a run which has ended waits for room on the disk
LOOK_SECONDS = 0.2
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


def driven(
    driver: Driver,
    row: RunRow,
    saved: bytes | None,
    trainer: str,
    explain: Callable[[str], object],
    *,
    gpu_share: float | None = None,
) -> End:
    """Train until it is over.

    Args:
        driver: of the attempt.
        row: of the run.
        saved: the checkpoint to go on from.
        trainer: "module:function".
        explain: is given the traceback of what a trainer raises.
        gpu_share: of the GPU's memory that this process may take; None: all of it.

    Returns:
        The final state and the reason; "starting" when the same from the checkpoint may work in a new process.

    Raises:
        Fenced: a newer attempt owns the run.
    """
    try:
        if gpu_share is not None:
            _cap_gpu_memory(gpu_share)
        return driver.drive(load(trainer)(row.settings, saved))
    except Fenced:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a trainer raises must end in a state
        explain(traceback.format_exc())
        return _state_of(error)


def device() -> str:
    """What torch computes with here, such as "cuda: NVIDIA H200, torch 2.13.0"."""
    import torch

    name = f"cuda: {torch.cuda.get_device_name()}" if torch.cuda.is_available() else "cpu"
    return f"{name}, torch {torch.__version__}"


def _cap_gpu_memory(share: float) -> None:
    """Let this process take so much of its GPU's memory and no more: `oom` for this run, none for its neighbours."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


def be_modest() -> None:
    """App and browser answer first where they share the cores, and stay when memory runs out."""
    with suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    with suppress(OSError):  # Linux
        Path("/proc/self/oom_score_adj").write_text("600")


def limit_threads(count: int) -> None:
    """Before torch works: its libraries read these when they start."""
    for name in THREADS:
        os.environ[name] = str(count)
    if (torch := sys.modules.get("torch")) is not None:  # the fork server has loaded it already
        torch.set_num_threads(count)


def _attempt(store: Store, row: RunRow, trainer: str, leaving: Callable[[], bool]) -> None:
    limit_threads(row.settings.threads)
    step, saved = store.load_checkpoint(row.id) or (None, None)
    recorder = Recorder(store, row, resumed=step)
    recorder.beat()
    driver = Driver(store, row, recorder, Twins(store), leaving)
    state, reason = driven(driver, row, saved, trainer, (store.folder(row.id) / ERROR).write_text)
    if state == "starting":
        sys.exit(RETRY)
    _end(recorder, state, reason, leaving)


def _end(recorder: Recorder, state: State, reason: str, leaving: Callable[[], bool]) -> None:
    """Say how it ended. A full disk is waited for: what was trained is not thrown away for a row of a table."""
    patience = time.monotonic() + ROOM_SECONDS
    while True:
        try:
            return recorder.end(state, reason)
        except sqlite3.OperationalError:
            if leaving() or time.monotonic() > patience:
                raise
        recorder.beat()
        time.sleep(LOOK_SECONDS)


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
    limit_threads(row.settings.threads)
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
    be_modest()
    return lambda: bool(asked)
