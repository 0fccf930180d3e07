"""What lies in the folders of single runs, read by id. A damaged file costs its run and nothing else."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ssmviz.runs.connections import Connections
from ssmviz.runs.locks import holder, is_held
from ssmviz.runs.progress import Progress, read
from ssmviz.runs.records import FrameInfo, Metric, checked_id
from ssmviz.runs.rundb import RunDb

T = TypeVar("T")
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows ends a process with either


class RunFiles:
    """Metrics, frames and checkpoints of runs by id, and whether a process works on them.

    Reading a run that is damaged, or deleted meanwhile, gives nothing.
    """

    def __init__(self, root: Path, connections: Connections, free: Callable[[Path], int]) -> None:
        self.root = root
        self._connections = connections
        self._free = free

    def folder(self, run: str) -> Path:
        """Directory of a run.

        Raises:
            Refused: no UUID.
        """
        return self.root / "runs" / checked_id(run)

    def rundb(self, run: str, attempt: int | None = None) -> RunDb:
        """The run's own file, for writing as `attempt`."""
        return RunDb(self.folder(run) / "run.db", self._connections, attempt=attempt, free=self._free)

    def metrics_since(self, run: str, rowid: int = 0) -> list[Metric]:
        """Rows after `rowid` in the order they happened, at most `rundb.PAGE`; ask again from the last one's rowid."""
        return self._read(run, lambda db: db.metrics_since(rowid), [])

    def newest_frame(self, run: str) -> FrameInfo | None:
        """The frame written last; its `seq` tells whether it is new."""
        return self._read(run, RunDb.newest_frame, None)

    def newest_frame_step(self, run: str) -> int | None:
        """Step of the frame written last."""
        info = self.newest_frame(run)
        return info.step if info else None

    def frame_steps(self, run: str) -> list[int]:
        """Steps of all frames kept, ascending."""
        return self._read(run, RunDb.frame_steps, [])

    def frame(self, run: str, step: int) -> bytes | None:
        """The frame of exactly this step."""
        return self._read(run, lambda db: db.frame(step), None)

    def frames_after(self, run: str, step: int) -> Iterator[tuple[int, bytes]]:
        """(step, frame) of every frame after `step` (-1: all), ascending, read one by one."""
        frames = self.rundb(run).frames_after(step)
        while (item := self._read(run, lambda _: next(frames, None), None)) is not None:
            yield item

    def load_checkpoint(self, run: str) -> tuple[int, bytes] | None:
        """(step, safetensors bytes) of the newest whole checkpoint."""
        return self._read(run, RunDb.checkpoint, None)

    def changes(self, run: str) -> int:
        """A number that changes, for this thread, when a worker has written to the run's file."""
        return self._read(run, RunDb.changes, 0)

    def progress(self, run: str) -> Progress:
        """The run's progress file, for its worker and its twins."""
        return Progress(self.folder(run) / "progress")

    def step(self, run: str) -> int:
        """Steps done by now, exact at any moment."""
        return read(self.folder(run) / "progress").step

    def beats(self, run: str) -> int:
        """Grows while its worker lives and gets on; 0 before the first."""
        return read(self.folder(run) / "progress").beats

    def is_alive(self, run: str) -> bool:
        """Whether a process works on it."""
        return is_held(self.folder(run) / "alive.lock")

    def pid(self, run: str) -> int | None:
        """The process that works on it."""
        return holder(self.folder(run) / "alive.lock")

    def kill(self, run: str) -> None:
        """End the process that works on a run, if any, at once."""
        if pid := self.pid(run):
            with suppress(OSError):
                os.kill(pid, KILL)

    def mark_unreadable(self, run: str, reason: str) -> None:
        """Called when a run's file turns out to be damaged."""
        raise NotImplementedError

    def _read(self, run: str, action: Callable[[RunDb], T], default: T) -> T:
        try:
            return action(self.rundb(run))
        except FileNotFoundError:
            return default
        except (sqlite3.DatabaseError, ValueError) as error:
            if isinstance(error, sqlite3.OperationalError) or not isinstance(error, sqlite3.DatabaseError):
                raise
            self.mark_unreadable(run, str(error))
            return default
