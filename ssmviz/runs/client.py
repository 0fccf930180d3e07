"""What the app does with runs: start, steer, delete, and shut everything down. No torch here."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from ssmviz.runs.backends import chosen
from ssmviz.runs.bell import ring
from ssmviz.runs.checks import checked_probe, validated, within
from ssmviz.runs.closing import drain
from ssmviz.runs.detached import PROJECT, kill_group, start_detached
from ssmviz.runs.entry import TRAINER
from ssmviz.runs.locks import FileLock, holder, is_held
from ssmviz.runs.quota import UNLIMITED, Quota, Rates, windows
from ssmviz.runs.records import ACTIVE, RESUMABLE, Control, ExperimentRow, Refused
from ssmviz.runs.store import Store
from ssmviz.runs.turns import Turns
from ssmviz.settings import TrainSettings

__all__ = ["PROJECT", "Client"]

MAX_SPEED = 100_000.0
TEND_SECONDS = 1.0
BEGINNING_SECONDS = 15.0  # that a launcher may take to begin on a busy machine before another is started


class Client:
    """One per app process; all methods may be called from any thread.

    Args:
        store: where the runs live.
        trainer: "module:function" with the contract of `ssmviz.training.loop.train`.
        at_once: runs that may compute at the same time; 0: as many as the machine or cluster has room for.
        turn_s: seconds that a paused or slowed experiment may keep a place while others wait; 0: for ever.
    """

    def __init__(self, store: Store, *, trainer: str = TRAINER, at_once: int = 0, turn_s: float = 0.0) -> None:
        self.store = store
        self.at_once = at_once
        self.trainer = trainer
        self._app_lock = FileLock(store.root / "app.lock", shared=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._begins_until = 0.0
        self._closed = threading.Event()
        self._starting = threading.Lock()
        self._rates = Rates()
        self._turns = Turns(store, turn_s)

    # processes

    def attach(self) -> None:
        """Say that an app lives here, and have a launcher with a warm fork server until `shutdown`.

        Raises:
            ValueError: the environment asks for a backend that is not there; the text says what to do.
        """
        chosen()
        self._closed.clear()
        self._app_lock.acquire(timeout=1.0)
        self.store.run_at_once(self.at_once)
        self.ensure_launcher()
        threading.Thread(target=self._tend, name="ssmviz-launcher", daemon=True).start()

    def ensure_launcher(self) -> None:
        """Start the launcher if there is none: cheap to call."""
        with self._starting:
            if not self._closed.is_set():
                self._start_launcher()

    def _tend(self) -> None:
        """A launcher that was killed is replaced, so that runs go on while nobody clicks."""
        while not self._closed.wait(TEND_SECONDS):
            with suppress(sqlite3.OperationalError, OSError, KeyError):  # busy, full, deleted: the next look will do
                self.ensure_launcher()
                for experiment in self._turns.over():
                    self.stop(experiment)
        self.store.close()  # this thread's files

    def _start_launcher(self) -> None:
        root = self.store.root
        if self._process is not None and self._process.poll() is None and time.monotonic() < self._begins_until:
            return  # a busy machine is made no faster by a second one
        if is_held(root / "launcher.lock"):
            if not self.store.is_shutdown():
                return
            self._wait_for_launcher_to_end(3.0)  # an app was closed a moment ago
        self.store.set_shutdown(False)
        self._process = start_detached(self._command())
        self._begins_until = time.monotonic() + BEGINNING_SECONDS

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "ssmviz.runs", "--root", str(self.store.root), "--trainer", self.trainer]

    def shutdown(self, timeout: float = 3.0) -> None:
        """Save and end all work; nothing is left after `timeout` seconds.

        Does nothing but say goodbye when another app uses the same store.
        """
        end = time.monotonic() + timeout
        with self._starting:
            self._closed.set()
        self._app_lock.release()
        if is_held(self.store.root / "app.lock"):
            return
        self.store.set_shutdown(True)
        ring(self.store.root)
        self._wait_for_launcher_to_end(end - time.monotonic() - 0.4)
        self._kill_launcher()
        left = self.store.runs_in(ACTIVE)
        drain(self.store, end - 0.2)  # workers of a launcher that is not there any more
        if left and chosen().backend != "embedded":
            start_detached(self._command())  # ends what runs on other machines, and then itself

    def _wait_for_launcher_to_end(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while is_held(self.store.root / "launcher.lock") and time.monotonic() < end:
            time.sleep(0.01)

    def _kill_launcher(self) -> None:
        """What is left of it: a launcher that hangs, or a fork server that was still loading torch."""
        pid = holder(self.store.root / "launcher.lock")
        if pid is None and self._process is not None and self._process.returncode is None:
            pid = self._process.pid  # ended, but not waited for: the number is still its own
        if pid is not None:
            with suppress(OSError):
                kill_group(pid)
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)

    # experiments

    def start_experiment(
        self,
        title: str,
        runs: Sequence[tuple[str, TrainSettings]],
        *,
        key: str | None = None,
        preset: str | None = None,
        owner: str = "",
        probe: Sequence[int] | None = None,
        quota: Quota = UNLIMITED,
    ) -> ExperimentRow:
        """Queue an experiment and wake the launcher; the existing one when `key` was used before.

        Args:
            title: shown in lists.
            runs: (label, settings) in the order they are shown; same task, seed and batches.
            key: of the click; make it once per button press, so that a double click is one experiment.
            preset: name of the preset it came from.
            owner: whose it is.
            probe: tokens to look at instead of the task's own probe sequence.
            quota: of the owner.

        Raises:
            Refused: settings out of bounds, no room, too much waiting, too often. Nothing is started.
        """
        self._count(owner, quota)
        checked = [(label, within(validated(settings), quota)) for label, settings in runs]
        tokens = None if probe is None else checked_probe(checked[0][1], probe)
        key = key or str(uuid.uuid4())
        row = self.store.create_experiment(key, title, checked, preset=preset, owner=owner, quota=quota)
        if tokens is not None and self.store.control(row.id).probe_version == 0:
            self.store.update_control(row.id, probe=tokens)
        self._wake()
        return row

    def restart(self, experiment: str, *, owner: str = "", quota: Quota = UNLIMITED) -> ExperimentRow:
        """Stop it and start a new one with the same settings: the same initialisation, the same batches.

        Clicked twice it is still one new experiment, until that one has ended.

        Args:
            experiment: the old one.
            owner: whose the new one is.
            quota: of this owner.
        """
        old = self.store.experiment(experiment)
        runs = self.store.runs_of(old.id)
        prefix = f"restart:{old.id}:{owner}:" if owner else f"restart:{old.id}:"
        earlier = [id_ for _, id_ in self.store.keys_like(prefix)]
        ended = sum(not self._is_live(id_) for id_ in earlier)
        self._count(owner, quota)  # before anything ends
        self.store.check_kept(owner, quota)
        if not old.read_only:
            self.stop(old.id)
        settings = [(run.label, run.settings) for run in runs]
        probe = self.store.control(old.id).probe
        return self.start_experiment(
            old.title,
            settings,
            key=f"{prefix}{ended}",
            preset=old.preset,
            owner=owner,
            probe=probe,
            quota=replace(quota, per_hour=0),
        )

    def delete(self, experiment: str) -> None:
        """Stop its runs and remove everything about it."""
        self.store.experiment(experiment)
        self.store.delete_experiment(experiment)

    # steering; workers look every 20 ms

    def pause(self, experiment: str) -> None:
        """Hold all its runs at one step: that of the furthest."""
        if not self._control(experiment).paused:
            self.store.update_control(experiment, paused=True, hold_at=self._furthest(experiment))

    def resume(self, experiment: str) -> None:
        """Go on."""
        self._control(experiment)
        self.store.update_control(experiment, paused=False, hold_at=None)

    def step(self, experiment: str) -> None:
        """One optimiser step in every run, then hold."""
        self._control(experiment)
        self.store.hold_one_further(experiment, self._furthest(experiment))

    def speed(self, experiment: str, steps_per_second: float) -> None:
        """At most so many steps per second; 0 is as fast as it goes.

        Raises:
            Refused: negative, not finite, or absurdly large.
        """
        self._control(experiment)
        value = float(steps_per_second)
        if not (math.isfinite(value) and 0 <= value <= MAX_SPEED):
            raise Refused(f"speed must be 0 (free) to {MAX_SPEED:.0f} steps per second, got {steps_per_second}")
        self.store.update_control(experiment, speed=value)

    def stop(self, experiment: str) -> None:
        """End its runs as `cancelled`; each saves a checkpoint first and can be resumed."""
        self._control(experiment)
        self.store.update_control(experiment, stop=True)
        self.store.cancel_queued(experiment)
        ring(self.store.root)

    def resume_run(self, run: str, *, quota: Quota = UNLIMITED) -> None:
        """Go on with a run that was stopped, interrupted or failed, from its newest checkpoint.

        Raises:
            Refused: its state or the quota does not allow it, and what to do instead.
        """
        row = self.store.run(run)
        experiment = self.store.experiment(row.experiment)
        if experiment.read_only:
            raise Refused("a recording cannot be resumed; restart it to train it here")
        if row.state not in RESUMABLE:
            raise Refused(f"a run that is {row.state} cannot be resumed; restart the experiment instead")
        validated(row.settings)
        self._count(experiment.owner, quota)
        self.store.check_queue(experiment.owner, 1, quota)
        twins = self.store.runs_of(row.experiment)
        if any(twin.state in ACTIVE for twin in twins) and self.store.control(row.experiment).stop:
            raise Refused("the experiment is still stopping; try again in a second")
        self.store.update_control(row.experiment, stop=False, paused=False, hold_at=None)
        self.store.requeue(row.id, expect=RESUMABLE)
        self._wake()

    def set_probe(self, experiment: str, tokens: Sequence[int] | None) -> None:
        """Look at another sequence, in all runs, also paused and finished ones; None for the task's own.

        Raises:
            Refused: not a sequence of the task; the text says what is wrong.
        """
        runs = self.store.runs_of(experiment)
        if not runs:
            raise KeyError(f"there is no experiment {experiment}; it may have been deleted")
        if self.store.experiment(experiment).read_only:
            raise Refused("a recording shows the sequence it was made with; restart it to train it here")
        probe = None if tokens is None else checked_probe(runs[0].settings, tokens)
        self.store.update_control(experiment, probe=probe)
        ring(self.store.root)

    def _control(self, experiment: str) -> Control:
        self.store.experiment(experiment)
        return self.store.control(experiment)

    def _count(self, owner: str, quota: Quota) -> None:
        if quota.per_hour:
            self._rates.take(owner, *windows(quota.per_hour))

    def _furthest(self, experiment: str) -> int:
        active = [run for run in self.store.runs_of(experiment) if run.state in ACTIVE]
        return max((self.store.step(run.id) for run in active), default=0)

    def _is_live(self, experiment: str) -> bool:
        return any(run.state in ("queued", *ACTIVE) for run in self.store.runs_of(experiment))

    def _wake(self) -> None:
        self.ensure_launcher()
        ring(self.store.root)
