"""Drives one trainer: decides before every event whether to go on, look, save, hold or end."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Protocol

import numpy as np

from ssmviz.runs.records import Control, Fenced, RunRow, State
from ssmviz.runs.steering import Watch
from ssmviz.settings import TaskSettings, TrainSettings
from ssmviz.tasks import TASKS, SignalTask, rng_for
from ssmviz.traces import Advance, Checkpoint, Command, Diverged, Evaluation, Event, Finished, Frame, Probe, Save, Step

LOOK_SECONDS = 0.02  # between two looks at what people ask for
LEAD_SECONDS = 0.001  # between two looks at a twin that is behind
FRAME_SECONDS = 0.3  # between two pictures, at least
FRAME_SHARE = 0.1  # of the time, at most, goes into pictures

End = tuple[State, str]
Trainer = Generator[Event, Command | None, None]


class Wishes(Protocol):
    """What people ask for: the store, or what it says on another machine."""

    def watch(self, experiment: str, run: str) -> Watch:
        """All in one look."""

    def raise_hold(self, experiment: str, step: int) -> None:
        """Let the twins come to `step`, too."""


class Sink(Protocol):
    """Where events go: a recorder, or what stands for it on another machine."""

    step: int

    def take(self, event: Event, *, probe_version: int = 0) -> None:
        """Keep one event."""

    def beat(self) -> None:
        """Say that the run is alive."""

    def flush_if_pending(self) -> None:
        """The run waits: let go of what is kept."""


class March(Protocol):
    """The twins of a run."""

    def set(self, runs: tuple[str, ...]) -> None:
        """Who they are now."""

    def are_far_behind(self, step: int) -> bool:
        """Whether a run at `step` must wait."""


class Driver:
    """One attempt of one run, from its first event to its end.

    Args:
        wishes: what people ask for.
        run: its row, with the attempt that runs.
        recorder: where events go.
        twins: who marches with it.
        leaving: says whether this process has been asked to leave.
    """

    def __init__(self, wishes: Wishes, run: RunRow, recorder: Sink, twins: March, leaving: Callable[[], bool]) -> None:
        self._wishes = wishes
        self._run = run
        self._recorder = recorder
        self._leaving = leaving
        self._twins = twins
        self._control = Control()
        self._end: End | None = None
        self._looked = -1.0
        self._worked_from = time.monotonic()  # moved on by every wait, so that only work counts
        self._pending_evaluation = False
        self._saved_at: int | None = None
        self._frame_step: int | None = None
        self._frame_version = -1
        self._frame_at = 0.0
        self._frame_cost = 0.0
        self._next_step_at = 0.0

    def drive(self, trainer: Trainer) -> End:
        """Run it.

        Returns:
            The final state, and the reason in words.

        Raises:
            Fenced: a newer attempt owns the run.
        """
        event = next(trainer)
        while True:
            self._take(event)
            if isinstance(event, Diverged):
                return "diverged", f"training diverged at step {event.step}: {event.reason}"
            if isinstance(event, Finished):
                return "done", ""
            command = self._decide()
            if command is None:
                return self._end or ("interrupted", "")
            began = time.monotonic()
            event = trainer.send(command)
            if isinstance(event, Frame):
                self._note_frame(event, began)

    @property
    def _step(self) -> int:
        return self._recorder.step

    # events

    def _take(self, event: Event) -> None:
        if isinstance(event, Frame):
            return  # taken where its cost is measured
        self._recorder.take(event)
        if isinstance(event, Step):
            due = event.step % self._run.settings.eval_every == 0 or event.step == self._run.steps
            self._pending_evaluation = due
            self._pace()
        elif isinstance(event, Evaluation):
            self._pending_evaluation = False
        elif isinstance(event, Checkpoint):
            self._saved_at = event.step

    def _note_frame(self, event: Frame, began: float) -> None:
        self._recorder.take(event, probe_version=self._control.probe_version)
        self._frame_at = time.monotonic()
        self._frame_cost = 0.5 * (self._frame_cost + self._frame_at - began)
        self._frame_step, self._frame_version = event.step, self._control.probe_version

    # decisions

    def _decide(self) -> Command | None:
        """The next command; None when it is over. Waits as long as there is nothing to do."""
        while True:
            self._look()
            if self._pending_evaluation:
                return Advance()  # the score of a step belongs to it: neither saved nor held between the two
            if self._end is not None:
                if self._end[0] != "interrupted" and self._frame_step != self._step:
                    return self._probe()  # what was stopped is shown as it was at its last step
                return None if self._saved_at == self._step else Save()
            if self._frame_is_due():
                return self._probe()
            seconds = self._wait()
            if seconds <= 0:
                return Advance()
            if self._is_held():
                if self._frame_step != self._step:
                    return self._probe()
                if self._saved_at != self._step:
                    return Save()
            self._sleep(seconds)

    def _look(self) -> None:
        """See what is asked for, at most every LOOK_SECONDS."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        self._recorder.beat()
        with suppress(sqlite3.OperationalError):  # busy or full: look again in a moment
            watch = self._wishes.watch(self._run.experiment, self._run.id)
            if watch.attempt != self._run.attempt:
                raise Fenced(f"attempt {self._run.attempt} of run {self._run.id} is over")
            self._obey(watch.control)
            self._twins.set(watch.twins)
            if watch.shutdown:
                self._end = "interrupted", "the app was closed"
        limit = self._run.settings.wall_limit_s
        if self._leaving():
            self._end = "interrupted", "the app was closed"
        elif self._control.stop:
            self._end = "cancelled", ""
        elif now - self._worked_from > limit:
            self._end = "timeout", f"it took longer than {limit:.0f} s; make it smaller, or resume it"

    def _obey(self, control: Control) -> None:
        if control.speed != self._control.speed:
            self._next_step_at = 0.0
        self._control = control

    def _wait(self) -> float:
        """Seconds until the next step may be taken, or until it makes sense to ask again; 0 = now."""
        if self._is_held():
            return LOOK_SECONDS
        if self._twins.are_far_behind(self._step):
            return LEAD_SECONDS
        return min(self._next_step_at - time.monotonic(), LOOK_SECONDS) if self._control.speed else 0.0

    def _is_held(self) -> bool:
        if not self._control.paused:
            return False
        hold_at = self._step if self._control.hold_at is None else self._control.hold_at
        if self._step > hold_at:  # this run had gone on when the pause was asked for: its twin follows
            with suppress(sqlite3.OperationalError):
                self._wishes.raise_hold(self._run.experiment, self._step)
            self._control = replace(self._control, hold_at=self._step)
        return self._step >= hold_at

    def _pace(self) -> None:
        if self._control.speed:
            now = time.monotonic()
            self._next_step_at = max(self._next_step_at, now - LOOK_SECONDS) + 1 / self._control.speed

    def _sleep(self, seconds: float) -> None:
        began = time.monotonic()
        if seconds >= LOOK_SECONDS:
            self._recorder.flush_if_pending()
        time.sleep(seconds)
        self._worked_from += time.monotonic() - began

    # frames

    def _frame_is_due(self) -> bool:
        if self._frame_version != self._control.probe_version or self._frame_step is None:
            return True
        if self._frame_step == self._step:
            return False
        if self._step == self._run.steps:
            return True
        return time.monotonic() - self._frame_at > max(FRAME_SECONDS, self._frame_cost / FRAME_SHARE)

    def _probe(self) -> Probe:
        return Probe(probe_tokens(self._run.settings, self._control.probe))


def probe_tokens(settings: TrainSettings, wanted: tuple[int, ...] | None) -> tuple[int, ...] | tuple[float, ...]:
    """The sequence people look at: what they put in, or one that training never sees.

    A signal is put in as levels; see `SignalTask.drawn`.
    """
    task = TASKS[settings.task.name]
    if wanted is not None and isinstance(task, SignalTask):
        return tuple(task.drawn(np.array(wanted)).tolist())
    if wanted is not None and all(0 <= token < settings.task.vocab for token in wanted):
        return wanted
    return _own_probe(settings.task, settings.seed)


@cache
def _own_probe(task: TaskSettings, seed: int) -> tuple[int, ...] | tuple[float, ...]:
    sample = TASKS[task.name].sample(task, rng_for(seed, "probe"), 1)
    return tuple(sample.tokens[0].tolist())
