"""A run's history as the browser keeps it: metrics folded into columns, together with what was added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ssmviz.runs.records import Metric

EVALUATION = (
    "step",
    "loss",
    "test_loss",
    "token_accuracy",
    "sequence_accuracy",
    "position_accuracy",
    "lr",
    "grad_norm",
    "seconds",
    "error",
)


class Series:
    """Losses, evaluations and rungs of one run, as columns."""

    def __init__(self) -> None:
        self.columns = empty()

    def fold(self, metrics: Iterable[Metric]) -> dict[str, Any] | None:
        """Take new metrics in; returns what a browser has to do to follow, None if nothing.

        `truncate` in the answer is the step after which everything older is void.
        """
        added, truncate, changed = empty(), None, False
        for metric in metrics:
            changed = True
            if metric.kind == "started":
                if self.columns["losses"]["step"] or self.columns["evaluations"]["step"] or self.columns["rungs"]:
                    truncate = metric.step if truncate is None else min(truncate, metric.step)
                _truncate(self.columns, metric.step)
                _truncate(added, metric.step)
            else:
                _append(self.columns, metric)
                _append(added, metric)
        return added | {"truncate": truncate} if changed else None


def empty() -> dict[str, Any]:
    """Columns without rows."""
    return {
        "losses": {"step": [], "loss": []},
        "evaluations": {name: [] for name in EVALUATION},
        "rungs": [],
    }


def _append(columns: dict[str, Any], metric: Metric) -> None:
    if metric.kind == "steps":
        columns["losses"]["step"] += metric.data["steps"]
        columns["losses"]["loss"] += metric.data["losses"]
    elif metric.kind == "evaluation":
        for name, column in columns["evaluations"].items():
            column.append(metric.step if name == "step" else metric.data.get(name))
    elif metric.kind == "rung":
        columns["rungs"].append({key: value for key, value in metric.data.items() if key != "step"})


def _truncate(columns: dict[str, Any], step: int) -> None:
    for table in (columns["losses"], columns["evaluations"]):
        keep = sum(1 for s in table["step"] if s <= step)
        for column in table.values():
            del column[keep:]
    columns["rungs"].clear()
