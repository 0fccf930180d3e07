"""Attempts as detached actors of a Ray cluster. Ray is imported here and in `ray_*` alone, when it was chosen.

The launcher is Ray's driver, on the head, beside the store. Every attempt is an actor named `ssmviz:<run>:<attempt>`;
a launcher that has just begun finds the actors of the last one by these names. Ray never tries again by itself.
"""

from __future__ import annotations

import logging
import multiprocessing.connection
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError

import ssmviz
from ssmviz.runs.backends import Choice, Gone, Picture
from ssmviz.runs.backends.attempt import Attempt
from ssmviz.runs.backends.embedded import wait
from ssmviz.runs.backends.pump import Pump
from ssmviz.runs.backends.ray_actors import how, kill, name_of
from ssmviz.runs.backends.ray_nodes import connect, namespace_of, survey
from ssmviz.runs.backends.ray_twins import RayTwins
from ssmviz.runs.backends.watchdog import Watchdog
from ssmviz.runs.bell import Bell
from ssmviz.runs.records import ACTIVE, Fenced, RunRow
from ssmviz.runs.steering import Watch
from ssmviz.runs.store import Store

LOOK_SECONDS = 0.02  # between two looks at what people ask for
SURVEY_SECONDS = 2.0  # between two looks at which nodes there are
SWEEP_SECONDS = 30.0  # between two looks for actors that nobody wants any more
CONNECT_SECONDS = 5.0  # between two tries to reach the head
ROOM_SECONDS = 10.0  # an actor that has not begun by then has no room: its twins go on without it
HUNG_SECONDS = 20.0  # Ray's calls may wait for ever for a head that is gone
CLOSE_SECONDS = 5.0  # until the last actor must have ended
GRACE_SECONDS = 1.0  # until an actor that should exist must have its name
THREADS = 16  # of an actor: the launcher's calls, and those of up to seven twins
MEMORY_SHARE = 0.95  # of its share of the GPU that a run may take; the rest is what CUDA itself needs

log = logging.getLogger("ssmviz.launcher")


@dataclass
class Remote:
    """An attempt as the head sees it."""

    row: RunRow
    actor: Any
    pump: Pump
    since: float = field(default_factory=time.monotonic)
    asked: Any = None  # what its `exchange` will answer
    begun: bool = False  # it has answered
    version: int | None = 0  # of what it was last told; None: what the last launcher told it is not known yet
    watch: Watch | None = None  # what it was last told


class RayBackend:
    """See the module, and `Backend`.

    Args:
        store: whose runs it starts.
        trainer: "module:function".
        bell: rings when there is something to do.
        choice: address of the head, runs a GPU.
    """

    def __init__(self, store: Store, trainer: str, bell: Bell, choice: Choice) -> None:
        self.store = store
        self.trainer = trainer
        self.choice = choice
        self.namespace = namespace_of(store.root)
        self._bell = bell
        self._remotes: dict[str, Remote] = {}
        self._missing: dict[str, float] = {}  # run without an actor -> since when
        self._changes = -1
        self._slots = 0
        self._has_gpus = False
        self._trouble = ""
        self._watchdog = Watchdog(HUNG_SECONDS)
        self._due: dict[str, float] = {}  # what is done from time to time -> when next

    # the contract

    def start(self, row: RunRow) -> None:
        """See `Backend`."""
        if not self._is_connected():
            raise OSError(self._trouble)
        gpu = self._has_gpus and row.settings.device != "cpu"
        share = 1 / self.choice.runs_per_gpu if gpu else 0.0
        options = {
            "name": name_of(row),
            "lifetime": "detached",
            "namespace": self.namespace,
            "num_cpus": 1,
            "num_gpus": share,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": THREADS,
        }
        saved = self.store.load_checkpoint(row.id)
        watch = self._watch(row)
        try:
            actor = (
                ray.remote(Attempt)
                .options(**options)
                .remote(
                    row,
                    saved,
                    self.trainer,
                    watch,
                    RayTwins(),
                    MEMORY_SHARE * share if gpu else None,
                    ssmviz.__version__,
                )
            )
        except (RayError, ValueError) as error:
            raise OSError(str(error)) from error
        self._remotes[row.id] = Remote(row, actor, Pump(self.store, row), watch=watch)

    def poll(self, rows: Sequence[RunRow], seconds: float) -> Picture:
        """See `Backend`."""
        if not self._is_connected():
            wait([], self._bell, seconds)
            return Picture(0, 0, trouble=self._trouble)
        self._watchdog.hear()
        gone = self._adopt(rows)
        self._let_go(rows)
        if self._is_due("survey", SURVEY_SECONDS):
            self._slots, self._has_gpus = survey(self.choice.runs_per_gpu)
        if self._is_due("sweep", SWEEP_SECONDS):
            self._sweep()
        end = time.monotonic() + seconds
        while True:
            self._steer()
            gone |= self._fetch(min(LOOK_SECONDS, seconds))
            if gone or time.monotonic() >= end or self._rings() or not self._remotes:
                break
        if not self._remotes and not gone:
            wait([], self._bell, max(0.0, end - time.monotonic()))
        trouble = "" if self._slots else "no machine of the cluster has room; see docs/cluster.md"
        return Picture(self._slots, self._slots, gone, trouble)

    def cancel(self, row: RunRow) -> None:
        """See `Backend`."""
        remote = self._remotes.pop(row.id, None)
        if remote is not None:
            kill(remote.actor)
            self._changes = -1  # its twins do not wait for it

    def close(self) -> None:
        """See `Backend`. A detached actor outlives the launcher: one that nobody wants would never end."""
        if not ray.is_initialized():
            return
        self._let_go(self.store.runs_in(ACTIVE))
        end = time.monotonic() + CLOSE_SECONDS
        while self._sweep() and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)

    # what is there

    def _adopt(self, rows: Sequence[RunRow]) -> dict[str, Gone]:
        """Find the actors of runs that another launcher has started."""
        gone = {}
        for row in rows:
            if row.id in self._remotes:
                continue
            try:
                actor = ray.get_actor(name_of(row), namespace=self.namespace)
                self._remotes[row.id] = Remote(row, actor, Pump(self.store, row), version=None)
                self._missing.pop(row.id, None)
            except FileNotFoundError:  # deleted meanwhile
                continue
            except ValueError:
                since = self._missing.setdefault(row.id, time.monotonic())
                if time.monotonic() - since > GRACE_SECONDS:
                    del self._missing[row.id]
                    gone[row.id] = Gone(row.attempt, "its machine is gone")
        return gone

    def _let_go(self, rows: Sequence[RunRow]) -> None:
        """End actors whose attempt is over, for the store says so."""
        wanted = {(row.id, row.attempt) for row in rows}
        for remote in [r for r in self._remotes.values() if (r.row.id, r.row.attempt) not in wanted]:
            self.cancel(remote.row)

    def _sweep(self) -> int:
        """End our actors that nobody knows, of attempts given up while their node could not be reached; how many."""
        known = {name_of(r.row) for r in self._remotes.values()}
        unwanted: set[str] = set()
        with suppress(RayError):
            unwanted = set(ray.util.list_named_actors()) - known
        for name in unwanted:
            with suppress(RayError, ValueError):
                log.info("actor %s is not wanted any more", name)
                kill(ray.get_actor(name, namespace=self.namespace))
        return len(unwanted)

    # there and back

    def _steer(self) -> None:
        """Tell the actors what people ask for, where that has changed."""
        changes = self.store.changes()
        waiting = any(not remote.begun for remote in self._remotes.values())
        if changes == self._changes and not waiting and not self._is_due("steer", 1.0):
            return
        self._changes = changes
        for remote in self._remotes.values():
            watch = self._watch(remote.row)
            if watch != remote.watch and remote.version is not None:
                remote.version, remote.watch = remote.version + 1, watch
                remote.actor.steer.remote(remote.version, watch)

    def _watch(self, row: RunRow) -> Watch:
        """What an actor must know. Its twins by the names of their actors, those without room left out."""
        watch = self.store.watch(row.experiment, row.id)
        twins = []
        for run in watch.twins:
            remote = self._remotes.get(run)
            if remote is None:  # about to start, or not found yet
                with suppress(KeyError):
                    twins.append(name_of(self.store.run(run)))
            elif remote.begun or time.monotonic() - remote.since < ROOM_SECONDS:
                twins.append(name_of(remote.row))
        return replace(watch, twins=tuple(twins))

    def _fetch(self, seconds: float) -> dict[str, Gone]:
        """Store what has arrived; which actors are gone."""
        for remote in self._remotes.values():
            if remote.asked is None:
                remote.asked = remote.actor.exchange.remote(remote.pump.stored, remote.pump.taken)
        asked = {remote.asked: remote for remote in self._remotes.values()}
        if not asked:
            return {}
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=seconds)
        gone = {asked[ref].row.id: end for ref in ready if (end := self._take(asked[ref])) is not None}
        for remote in [self._remotes[run] for run in gone]:
            self.cancel(remote.row)
        return gone

    def _take(self, remote: Remote) -> Gone | None:
        row, asked = remote.row, remote.asked
        remote.asked = None
        try:
            parcel = ray.get(asked)
            if remote.version is None:
                remote.version = parcel.steered
            remote.begun = True
            remote.pump.take(parcel)
        except ActorUnavailableError:  # the network: ask again
            return None
        except RayActorError as error:
            return Gone(row.attempt, how(error), out_of_memory="running low on memory" in str(error))
        except RayError as error:
            return Gone(row.attempt, str(error).strip().splitlines()[-1][:300])
        except sqlite3.OperationalError as error:  # the disk does not take its end: it is asked again
            log.warning("run %s attempt %d: %s", row.id, row.attempt, error)
            return None
        except (Fenced, KeyError, FileNotFoundError):  # a newer attempt, or deleted
            self.cancel(row)
            return None
        ended = remote.pump.ended
        if ended is not None and ended.state == "starting":
            return Gone(row.attempt, ended.reason)
        if ended is not None:
            self.cancel(row)
        return None

    # waiting and connecting

    def _rings(self) -> bool:
        return self._bell.works and bool(multiprocessing.connection.wait([self._bell.fileno()], 0))

    def _is_due(self, what: str, seconds: float) -> bool:
        now = time.monotonic()
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + seconds
        return True

    def _is_connected(self) -> bool:
        if ray.is_initialized():
            return True
        if not self._is_due("connect", CONNECT_SECONDS):
            return False
        self._trouble = f"the cluster at {self.choice.address} cannot be reached; runs wait for it"
        try:
            connect(self.choice.address, self.namespace)
        except OSError as error:
            log.warning("no cluster yet: %s", error)
            return False
        self._trouble = ""
        log.info("connected to the cluster at %s", self.choice.address)
        return True
