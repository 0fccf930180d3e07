"""Which waiting runs start next, and what those that wait are told."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MIN_SLOTS = 2  # an experiment of twins always fits
MAX_WORKERS = 16  # paused ones included


@dataclass(frozen=True)
class Waiting:
    """One experiment in the queue.

    Attributes:
        experiment: its id.
        owner: who started it.
        runs: those that wait.
        begun: others of its runs are at work already, or were.
        most: runs of its owner that may be at work at the same time, paused ones included; 0: any number.
    """

    experiment: str
    owner: str
    runs: tuple[str, ...]
    begun: bool
    most: int = 0


@dataclass(frozen=True)
class Place:
    """Where an experiment stands in the queue, and why it does not run yet, for the person who waits."""

    number: int  # from 1
    reason: str

    def __str__(self) -> str:
        """In one line."""
        return f"{_ordinal(self.number)} in the queue: {self.reason}"


@dataclass(frozen=True)
class Line:
    """Everything that waits and works at one moment.

    Attributes:
        waiting: experiments in the order they were asked for.
        busy: runs that compute, by owner.
        held: the same with those that are paused: each has a process.
        slots: runs that may compute at the same time.
        places: runs that may be there, paused ones included.
    """

    waiting: tuple[Waiting, ...]
    busy: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    slots: int = MIN_SLOTS
    places: int = MAX_WORKERS

    @property
    def free(self) -> int:
        """Slots left."""
        return min(self.slots - sum(self.busy.values()), self.places - sum(self.held.values()))

    def start_now(self) -> list[str]:
        """The runs to start now: see `next_runs`. None where there is no machine."""
        return [] if self.slots <= 0 else next_runs(self.waiting, self.busy, self.free, held=self.held)

    def standing(self) -> dict[str, Place]:
        """By experiment: its place if nothing new came, and what it waits for."""
        order = self._order()
        return {entry.experiment: Place(i + 1, self._reason(entry, i)) for i, entry in enumerate(order)}

    def _order(self) -> list[Waiting]:
        order = [entry for entry in self.waiting if entry.begun]
        left = [entry for entry in self.waiting if not entry.begun]
        running, held = Counter(self.busy), Counter(self.held)
        while left:
            entry = min(left, key=lambda e: (_has_enough(e, held), running[e.owner]))
            left.remove(entry)
            order.append(entry)
            for count in (running, held):
                count[entry.owner] += len(entry.runs)
        return order

    def _reason(self, entry: Waiting, before: int) -> str:
        mine, wanted = self.held.get(entry.owner, 0), len(entry.runs)
        if self.slots <= 0:
            return "there is no machine for it now, it starts when one is back"
        if entry.begun:
            return "it goes on in a moment"
        if _has_enough(entry, self.held):
            return f"{_are(mine)} at work, one person may have {entry.most} at a time"
        if not before and (self.free >= wanted or not sum(self.busy.values())):
            return "it starts in a moment"
        if before and mine:
            return f"{_are(mine)} at work, others go first"
        if wanted > self.slots:
            return f"it needs {wanted} places of {self.slots}, so it starts when nothing else runs"
        if self.free <= 0:
            paused = sum(self.held.values()) - sum(self.busy.values())
            full = sum(self.busy.values()) >= self.slots
            return f"all {self.slots} places are taken" if full else f"{paused} paused runs take up the memory"
        if before:
            return "others came first"
        return f"{self.free} of {self.slots} places {'is' if self.free == 1 else 'are'} free, it needs {wanted}"


def slots() -> int:
    """Runs that may compute at the same time here: one for each processor."""
    return max(MIN_SLOTS, os.cpu_count() or 1)


def next_runs(
    waiting: Sequence[Waiting], busy: Mapping[str, int], free: int, *, held: Mapping[str, int] | None = None
) -> list[str]:
    """The runs to start now.

    Runs of one experiment march together, so they start together; an experiment that has begun (one of its workers
    died) is completed first. Then the slot goes to the owner with the fewest running, then to who came first. Whoever
    has as many at work as one person may have is passed over.

    Args:
        waiting: in the order they were asked for.
        busy: running runs by owner.
        free: slots left; an experiment larger than all slots starts when nothing else runs.
        held: running and paused runs by owner; `busy` when None.
    """
    chosen: list[str] = []
    for entry in waiting:
        if entry.begun:
            chosen += entry.runs
            free -= len(entry.runs)
    left = [entry for entry in waiting if not entry.begun]
    running, having = Counter(busy), Counter(busy if held is None else held)
    idle = not chosen and not running.total()
    while left := [entry for entry in left if not _has_enough(entry, having)]:
        entry = min(left, key=lambda e: running[e.owner])  # min keeps the order among equals
        if len(entry.runs) > free and not idle:
            break  # who is next waits for room; letting smaller ones pass would starve it
        left.remove(entry)
        chosen += entry.runs
        for count in (running, having):
            count[entry.owner] += len(entry.runs)
        free -= len(entry.runs)
        idle = False
    return chosen


def _has_enough(entry: Waiting, held: Mapping[str, int]) -> bool:
    """Whether its owner must wait for runs of their own; an experiment larger than the limit runs alone."""
    mine = held.get(entry.owner, 0)
    return bool(entry.most and mine and mine + len(entry.runs) > entry.most)


def _are(mine: int) -> str:
    return "1 of your runs is" if mine == 1 else f"{mine} of your runs are"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
