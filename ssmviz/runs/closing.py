"""The orderly end: every worker saves and leaves, late ones are killed, nothing is left running."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from ssmviz.runs.records import ACTIVE
from ssmviz.runs.store import Store

SECONDS = 2.2  # workers get this long; the app promises three seconds in all


def drain(store: Store, end: float) -> None:
    """Wait until no worker lives, kill those that still do at `end` (time.monotonic).

    Runs that did not end by themselves become `interrupted`; they can be resumed.
    """
    store.set_shutdown(True)  # workers look every 20 ms
    runs = store.runs_in(ACTIVE)
    for run in runs:
        if hasattr(signal, "SIGKILL") and (pid := store.pid(run.id)):
            with suppress(OSError):
                os.kill(pid, signal.SIGTERM)  # those that are still importing do not look yet
    while any(store.is_alive(run.id) for run in runs) and time.monotonic() < end:
        time.sleep(0.01)
    for run in runs:
        store.kill(run.id)
        row = store.run(run.id)
        store.move(row.id, "interrupted", attempt=row.attempt, reason="the app was closed")
    for run in store.runs_in(("queued",)):
        store.move(run.id, "interrupted", attempt=run.attempt, expect=("queued",), reason="the app was closed")
