"""Sweeps: who tops the queue up with their cells, what can be done to them, and how they stand. No torch here.

A cell becomes an experiment of one run with the key `sweep:<id>:<number>`. The launcher calls `top_up` before it starts
what waits, so that a sweep goes on wherever runs are started: after the death of a worker, the launcher or the app.
A launcher that dies between the two writes of one cell writes it again, under the same key: no cell is trained twice.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from ssmviz.runs.bell import ring
from ssmviz.runs.client import Client
from ssmviz.runs.grid import Grid
from ssmviz.runs.quota import UNLIMITED, Quota
from ssmviz.runs.records import ACTIVE, LIVE, Refused
from ssmviz.runs.store import Store
from ssmviz.runs.sweep_rows import KEY, OPEN, SweepRow

FRAMES = 60  # kept of a cell: a grid has up to 256, and a run's 500 pictures may take 64 MiB
AGAIN = ("cancelled", "interrupted")  # cells that a sweep goes on with

log = logging.getLogger("ssmviz.launcher")


def top_up(store: Store, places: int) -> None:
    """Queue cells of the sweeps that run until as many live as there are places. A few reads where there is no sweep.

    The next place goes to the person with the fewest cells at work, then to the sweep with the fewest, then to the
    oldest.

    Args:
        store: whose sweeps.
        places: runs that may compute at the same time, unless somebody has decided otherwise.
    """
    running = store.sweeps_in("running")
    if not running:
        return
    places = store.slots(places)
    for sweep in running:
        for run in store.interrupted_cells(sweep.id):
            store.requeue(run, expect=("interrupted",))
    live = Counter(store.live_cells())
    begun = {sweep.id: sweep.begun for sweep in running}
    left = [sweep for sweep in running if sweep.begun < sweep.runs]
    while left and sum(live[sweep.id] for sweep in running) < places:
        at_work = Counter[str]()
        for sweep in running:
            at_work[sweep.owner] += live[sweep.id]
        sweep = min(left, key=lambda s: (at_work[s.owner], live[s.id]))
        has_enough = sweep.most and at_work[sweep.owner] >= sweep.most
        if has_enough or not _begin(store, sweep, begun[sweep.id]):
            left.remove(sweep)
            continue
        live[sweep.id] += 1
        begun[sweep.id] += 1
        if begun[sweep.id] == sweep.runs:
            left.remove(sweep)
    for sweep in running:
        if begun[sweep.id] == sweep.runs and not live[sweep.id]:
            store.move_sweep(sweep.id, "done", expect=("running",))


def _begin(store: Store, sweep: SweepRow, number: int) -> bool:
    """Make a cell an experiment; False when the queue, the disk or a person says no for now."""
    try:
        cell = store.cell(sweep.id, number)
        title = f"{sweep.grid.words(cell.row, cell.column)}, seed {cell.seed}"
        experiment = store.create_experiment(
            f"{KEY}{sweep.id}:{number}",
            title,
            [(cell.label, cell.settings)],
            preset=sweep.grid.preset,
            owner=sweep.owner,
            quota=Quota(running=sweep.most, frames=FRAMES),
        )
    except (Refused, KeyError) as refusal:
        log.info("sweep %s waits with cell %d: %s", sweep.id, number, refusal)
        return False
    if not store.cell_began(sweep.id, number):  # paused, stopped or deleted a moment ago
        store.delete_experiment(experiment.id)
        return False
    return True


# -- what people do ---------------------------------------------------------------------------------------------------


def start(client: Client, grid: Grid, *, owner: str = "", title: str = "", quota: Quota = UNLIMITED) -> SweepRow:
    """Begin a sweep and wake the launcher; the one that trains this grid already when there is one.

    Raises:
        Refused: nothing of it can be trained, or it is more than this person may use.
        ValidationError: the preset cannot be changed so.
    """
    sweep = client.store.create_sweep(grid, owner=owner, title=title, quota=quota)
    _wake(client)
    return sweep


def pause(client: Client, sweep: str) -> None:
    """Begin no more cells, and hold those that are at work where they are."""
    client.store.sweep(sweep)
    if client.store.move_sweep(sweep, "paused", expect=("running",)):
        _each(client, sweep, LIVE, client.pause)


def stop(client: Client, sweep: str) -> None:
    """Begin no more cells, and end those that are at work; each saves a checkpoint first."""
    client.store.sweep(sweep)
    if client.store.move_sweep(sweep, "stopped", expect=OPEN):
        _each(client, sweep, LIVE, client.stop)


def resume(client: Client, sweep: str) -> None:
    """Go on: cells that were held or ended by hand go on where they were, then the others.

    Raises:
        Refused: it is still stopping.
    """
    store = client.store
    store.sweep(sweep)
    cells = store.cell_rows(sweep)
    if any(cell.state in ACTIVE and store.control(cell.experiment).stop for cell in cells):
        raise Refused("the sweep is still stopping; try again in a second")
    store.move_sweep(sweep, "running", expect=("paused", "stopped", "done"))
    _each(client, sweep, LIVE, client.resume)
    for cell in cells:
        if cell.state in AGAIN:
            with suppress(KeyError, Refused):  # deleted, or asked for a moment ago
                client.resume_run(cell.run)
    _wake(client)


def delete(client: Client, sweep: str) -> None:
    """Remove a sweep and all its runs, also while they train."""
    store = client.store
    store.sweep(sweep)
    _each(client, sweep, LIVE, client.stop)  # all at once; below they are waited for one by one
    store.forget_sweep(sweep)
    for _, experiment in store.keys_like(f"{KEY}{sweep}:"):
        with suppress(KeyError):
            store.delete_experiment(experiment)


def _each(client: Client, sweep: str, states: tuple[str, ...], action: Callable[[str], None]) -> None:
    for cell in client.store.cell_rows(sweep):
        if cell.state in states:
            with suppress(KeyError):  # deleted meanwhile
                action(cell.experiment)


def _wake(client: Client) -> None:
    client.ensure_launcher()
    ring(client.store.root)


if __name__ == "__main__":
    from ssmviz.runs.sweep_command import main

    sys.exit(main())
