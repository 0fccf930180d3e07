"""The presets as a person meets them: from the click, through launcher and workers, all runs at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ssmviz.presets import PRESETS
from ssmviz.runs.client import Client
from ssmviz.runs.records import LIVE
from ssmviz.runs.store import Store

GOALS = {"induction_heads": 1.0}  # token accuracy, reached or passed; of all others:
GOAL = 0.99
POLL_SECONDS = 0.02


@dataclass
class Watched:
    """One run, seen from outside; seconds count from the click."""

    label: str
    wanted: float  # token accuracy
    picture: float | None = None  # first frame
    goal: float | None = None
    goal_step: int | None = None
    end: float | None = None
    state: str = ""
    token: float = 0.0
    sequence: float = 0.0
    ladder: dict[int, float] = field(default_factory=dict)
    read: int = 0

    def note(self, row: Any, now: float) -> None:
        """One row of the run's history."""
        self.read = row.rowid
        if row.kind == "evaluation":
            self.token, self.sequence = row.data["token_accuracy"], row.data["sequence_accuracy"]
            if self.goal is None and self.token >= self.wanted:
                self.goal, self.goal_step = now, row.step
        if row.kind == "rung":
            self.ladder[row.data["length"]] = row.data["token_accuracy"]


@contextmanager
def warm_app() -> Iterator[Client]:
    """A store of its own with a launcher whose workers are preloaded, as the app has after a few seconds."""
    with tempfile.TemporaryDirectory() as home:
        client = Client(Store(home))
        client.attach()
        try:
            click(client, "induction_heads", 0, steps=5)  # compiles, once per machine
            yield client
        finally:
            client.shutdown()


def click(client: Client, preset: str, seed: int, *, steps: int | None = None) -> list[Watched]:
    """Start the preset's runs and watch until all have ended."""
    runs = []
    for label, settings in PRESETS[preset].runs:
        optim = settings.optim if steps is None else settings.optim.model_copy(update={"steps": steps})
        runs.append((label, settings.model_copy(update={"seed": seed, "optim": optim})))
    began = time.perf_counter()
    experiment = client.start_experiment(preset, runs, preset=preset)
    store = client.store
    rows = store.runs_of(experiment.id)
    watched = {row.id: Watched(row.label, GOALS.get(preset, GOAL)) for row in rows}
    while any(w.end is None for w in watched.values()):
        time.sleep(POLL_SECONDS)
        for row in store.runs_of(experiment.id):
            _look(store, row, watched[row.id], began)
    return list(watched.values())


def _look(store: Store, row: Any, seen: Watched, began: float) -> None:
    now = time.perf_counter() - began
    if seen.picture is None and store.newest_frame(row.id) is not None:
        seen.picture = now
    for metric in store.metrics_since(row.id, seen.read):
        seen.note(metric, now)
    if row.state not in LIVE and seen.end is None:
        seen.end, seen.state = now, row.state


def confirm(presets: list[str], seeds: list[int]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield "| preset, seed | run | picture s | goal after s (step) | end s | token % | sequence % | ladder, token % |"
    yield "|" + "--|" * 8
    with warm_app() as client:
        for preset in presets:
            for seed in seeds:
                for run in click(client, preset, seed):
                    yield f"| {preset}, {seed} | " + " | ".join(_cells(run)) + " |"


def _cells(run: Watched) -> list[str]:
    goal = "-" if run.goal is None else f"{run.goal:.1f} ({run.goal_step})"
    ladder = "; ".join(f"{length}: {100 * token:.0f}" for length, token in sorted(run.ladder.items()))
    return [
        run.label,
        f"{run.picture or 0:.2f}",
        goal,
        f"{run.end:.1f} {'' if run.state == 'done' else run.state}",
        f"{100 * run.token:.1f}",
        f"{100 * run.sequence:.1f}",
        ladder,
    ]
