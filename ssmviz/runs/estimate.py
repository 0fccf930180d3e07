"""How long a sweep will take, from what was trained here before. No torch here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from ssmviz.runs.grid import Cell
from ssmviz.runs.store import Store

LOOKED_AT = 400  # newest runs that are asked


@dataclass(frozen=True)
class Estimate:
    """Seconds of all runs, `places` at a time, as far as anything like them was trained here."""

    seconds: float
    known: int  # runs whose layer, block, task and sizes were trained here before
    runs: int


def estimate(store: Store, cells: Sequence[Cell], places: int) -> Estimate | None:
    """None where nothing of the kind was trained here; the runs that are not known take the mean of those that are."""
    seen: dict[tuple[Any, ...], list[float]] = {}
    for settings, seconds, steps in store.finished(LOOKED_AT):
        seen.setdefault(_kind(json.loads(settings)), []).append(seconds / steps)
    known = {kind: median(costs) for kind, costs in seen.items()}
    found = [(cell.settings.optim.steps, known.get(_kind(cell.settings.model_dump()))) for cell in cells]
    costs = [steps * cost for steps, cost in found if cost is not None]
    if not costs:
        return None
    mean = sum(costs) / len(costs)
    return Estimate((sum(costs) + mean * (len(cells) - len(costs))) / places, len(costs), len(cells))


def _kind(settings: dict[str, Any]) -> tuple[Any, ...]:
    """What a step costs depends on, but for the number of states, which matters little beside the rest."""
    task, model, optim = settings["task"], settings["model"], settings["optim"]
    return (
        task["name"],
        task["L"],
        *(model[name] for name in ("layer", "block", "n_layers", "d_model", "expand")),
        optim["batch"],
        settings["device"],
        settings["backend"],
    )
