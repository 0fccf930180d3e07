"""The orderly end: every worker saves and leaves, late ones are killed, nothing is left running."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ssmviz.runs.records import ACTIVE, RunRow
from ssmviz.runs.store import Store

SECONDS = 2.2  # workers get this long; the app promises three seconds in all


def drain(
    store: Store,
    end: float,
    *,
    look: Callable[[float], None] = time.sleep,
    cancel: Callable[[RunRow], None] = lambda row: None,
) -> None:
    """Wait until no worker lives, kill those that still do at `end` (time.monotonic).

    Runs that did not end by themselves become `interrupted`; they can be resumed.

    Args:
        store: whose runs end.
        end: when patience does.
        look: waits so many seconds, and meanwhile brings here what workers on other machines still say.
        cancel: ends a worker that `store.kill` does not reach.
    """
    store.set_shutdown(True)  # workers look every 20 ms
    runs = store.runs_in(ACTIVE)
    for run in runs:
        if hasattr(signal, "SIGKILL") and (pid := store.pid(run.id)):
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)  # those that are still importing do not look yet
    while _anybody(store, runs, here=look is time.sleep) and time.monotonic() < end:
        look(0.01)
    for run in runs:
        store.kill(run.id)
        cancel(run)
        store.move(run.id, "interrupted", attempt=run.attempt, reason="the app was closed")
    for run in store.runs_in(("queued",)):
        store.move(run.id, "interrupted", attempt=run.attempt, expect=("queued",), reason="the app was closed")


def _anybody(store: Store, runs: Sequence[RunRow], *, here: bool) -> bool:
    """Whether somebody still works: here that is a lock, elsewhere a state that has not changed yet."""
    return any(store.is_alive(run.id) for run in runs) or (not here and bool(store.runs_in(ACTIVE)))
