"""Which waiting runs start next."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_SLOTS = 2  # an experiment of twins always fits
MAX_WORKERS = 16  # paused ones included


@dataclass(frozen=True)
class Waiting:
    """One experiment in the queue: its runs that wait, and whether others of its runs are at work already."""

    experiment: str
    owner: str
    runs: tuple[str, ...]
    begun: bool


def slots() -> int:
    """Runs that may compute at the same time here: one for each processor."""
    return max(MIN_SLOTS, os.cpu_count() or 1)


def next_runs(waiting: Sequence[Waiting], busy: Mapping[str, int], free: int) -> list[str]:
    """The runs to start now.

    Runs of one experiment march together, so they start together; an experiment that has begun (one of its workers
    died) is completed first. Then the slot goes to the owner with the fewest running, then to who came first.

    Args:
        waiting: in the order they were asked for.
        busy: running runs by owner.
        free: slots left; an experiment larger than all slots starts when nothing else runs.
    """
    chosen: list[str] = []
    for entry in waiting:
        if entry.begun:
            chosen += entry.runs
            free -= len(entry.runs)
    left = [entry for entry in waiting if not entry.begun]
    running = Counter(busy)
    idle = not chosen and not running.total()
    while left:
        entry = min(left, key=lambda e: running[e.owner])  # min keeps the order among equals
        if len(entry.runs) > free and not idle:
            break  # who is next waits for room; letting smaller ones pass would starve it
        left.remove(entry)
        chosen += entry.runs
        running[entry.owner] += len(entry.runs)
        free -= len(entry.runs)
        idle = False
    return chosen
