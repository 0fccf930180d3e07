"""How a sweep stands, place by place: what the page's heat map and the command line show. No torch here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from ssmviz.runs.grid import Axis
from ssmviz.runs.records import ACTIVE, LIVE
from ssmviz.runs.store import Store
from ssmviz.runs.sweep_rows import CellRow, Plan, SweepRow
from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS

MEASURES = {  # field of an evaluation -> what people read; the first is shown first
    "token_accuracy": "token accuracy",
    "sequence_accuracy": "sequence accuracy",
    "error": "error",
    "test_loss": "loss",
}
KEPT = 64  # sweeps that are remembered


@dataclass
class _Heard:
    """What is known of one run: its newest evaluation, and where reading goes on."""

    rowid: int = 0
    newest: dict[str, Any] | None = None
    ended: tuple[str, int] | None = None  # state and attempt of a run at rest that was read to its end


@dataclass
class _Known:
    """What is known of one sweep."""

    plan: Plan
    runs: dict[str, _Heard] = field(default_factory=dict)


class Boards:
    """Reads boards from any thread, and each score once.

    Args:
        store: of the sweeps.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def board(self, sweep: str) -> dict[str, Any]:
        """A sweep with the state and the score of every cell, in words that JSON has.

        Raises:
            Refused: no UUID.
            KeyError: there is none of this id.
        """
        row = self._store.sweep(sweep)
        with self._lock:  # one reader at a time: who comes next finds what it has read
            known = self._of(row)
            begun = {cell.number: cell for cell in self._store.cell_rows(row.id)}
            cells = [self._cell(row, known, number, begun.get(number)) for number in range(row.runs)]
        settled = row.state in ("done", "stopped") and not any(cell["state"] in LIVE for cell in cells)
        return about(row) | {
            "holes": [vars(hole) for hole in known.plan.holes],
            "cells": cells,
            "settled": settled,
            "left_s": None if settled else _seconds_left(cells),
        }

    def _of(self, row: SweepRow) -> _Known:
        known = self._known.pop(row.id, None) or _Known(self._store.plan(row.id))
        self._known[row.id] = known
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return known

    def _cell(self, sweep: SweepRow, known: _Known, number: int, run: CellRow | None) -> dict[str, Any]:
        row, column, seed, steps = known.plan.places[number]
        place = {"number": number, "row": row, "column": column, "seed": seed, "steps": steps}
        if run is None:
            return place | {"state": "deleted" if number < sweep.begun else "waiting", "step": 0}
        active = run.state in ACTIVE
        heard = self._hear(known.runs.setdefault(run.run, _Heard()), run)
        return place | {
            "state": run.state,
            "experiment": run.experiment,
            "step": self._store.step(run.run) if active else run.step,
            "reason": run.reason,
            "seconds": heard["seconds"] if heard else run.seconds,
            "scored_at": heard["step"] if heard else None,
            **{name: heard.get(name) if heard else None for name in MEASURES},
        }

    def _hear(self, heard: _Heard, run: CellRow) -> dict[str, Any] | None:
        ended = None if run.state in LIVE else (run.state, run.attempt)
        if (ended is None or ended != heard.ended) and run.state != "unreadable":
            while metrics := self._store.metrics_since(run.run, heard.rowid):
                heard.rowid = metrics[-1].rowid
                for metric in metrics:
                    if metric.kind == "started" and heard.newest and heard.newest["step"] > metric.step:
                        heard.newest = None  # a new attempt goes on from before it
                    elif metric.kind == "evaluation":
                        heard.newest = metric.data
            heard.ended = ended
        return heard.newest


def about(row: SweepRow) -> dict[str, Any]:
    """A sweep without its cells: one line of a list."""
    grid = row.grid
    task = grid.base[0][1].task
    return {
        "id": row.id,
        "title": row.title,
        "created": row.created,
        "state": row.state,
        "begun": row.begun,
        "runs": row.runs,
        "preset": grid.preset,
        "grid": grid.model_dump(mode="json"),
        "rows": _axis(grid.rows),
        "columns": _axis(grid.columns),
        "seeds": list(grid.seeds),
        "measures": measures(task),
        "chance": TASKS[task.name].chance(task),
    }


def measures(task: TaskSettings) -> list[dict[str, str]]:
    """What may be shown of a task, the most telling first."""
    if task.says_signal:
        left_out = {"token_accuracy", "sequence_accuracy"}
    else:
        left_out = {"error", "sequence_accuracy"} if task.reads_signal else {"error"}
    names = {"token_accuracy": "right"} if task.reads_signal else {}
    return [{"name": m, "words": names.get(m, words)} for m, words in MEASURES.items() if m not in left_out]


def as_table(board: dict[str, Any], measure: str) -> list[list[str]]:
    """The grid in words: a head, then a line a row, each place the mean over its seeds."""
    rows, columns = board["rows"], board["columns"]
    table = [[f"{rows['label']} \\ {columns['label']}", *columns["words"]]]
    for r, words in enumerate(rows["words"]):
        places = [
            [c for c in board["cells"] if (c["row"], c["column"]) == (r, k)] for k in range(len(columns["words"]))
        ]
        table.append([words, *(_place(cells, measure) for cells in places)])
    return table


def _place(cells: list[dict[str, Any]], measure: str) -> str:
    scores = [cell[measure] for cell in cells if cell["state"] == "done" and cell.get(measure) is not None]
    if not cells:
        return "-"
    if not scores:
        return str(cells[0]["state"])
    mean = sum(scores) / len(scores)
    return f"{100 * mean:.1f} %" if measure.endswith("accuracy") else f"{mean:.3g}"


def _axis(axis: Axis) -> dict[str, Any]:
    words = [axis.words(i) for i in range(len(axis.values))]
    return {"name": axis.name, "label": axis.kind.label, "values": list(axis.values), "words": words}


def _seconds_left(cells: list[dict[str, Any]]) -> float | None:
    """Until all have ended, if those to come take as long a step as those that were; None while none has ended."""
    ended = [cell for cell in cells if cell["state"] == "done"]
    steps: int = sum(cell["step"] for cell in ended)
    if not steps:
        return None
    left: int = sum(cell["steps"] - cell["step"] for cell in cells if cell["state"] in ("waiting", *LIVE))
    at_once = max(1, sum(cell["state"] in ACTIVE for cell in cells))
    seconds: float = sum(cell["seconds"] for cell in ended)
    return seconds / steps * left / at_once
