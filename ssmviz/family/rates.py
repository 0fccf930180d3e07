"""Learning rates of every layer in every block, as far as a search on small tasks has found them.

`benchmarks/family_rates.py` writes `assets/layers/rates.json`: of each task, block and layer that was searched, the
rates that were best and what they reached.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import cache
from pathlib import Path
from statistics import geometric_mean
from typing import Annotated, NamedTuple

from pydantic import Field

from ssmviz.family.costs import RATES_FILE, Record

Positive = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Best(Record):
    """The best rates of one layer in one block on one task, and what they reached there with one seed."""

    lr: Positive  # of AdamW
    lr_muon: Positive | None = None  # None: AdamW alone
    token: Annotated[Share, Field(le=1)] | None = None  # accuracy, or
    error: Share | None = None  # where real numbers are said


class Search(Record):
    """All of one machine: task -> "block, layer" -> what was best."""

    machine: str
    measured: date
    command: str
    rates: dict[str, dict[str, Best]]


class Rates(NamedTuple):
    """Learning rates to start with, and where they are from."""

    lr: float
    lr_muon: float
    words: str


FIRST_GUESS = Rates(5e-3, 0.02, "a first guess")


@cache
def searched(path: Path = RATES_FILE) -> Search | None:
    """What is committed; None where nothing is.

    Raises:
        ValidationError: the file is none of `benchmarks/family_rates.py`.
    """
    return Search.model_validate_json(path.read_text()) if path.exists() else None


def rates_of(task: str, block: str, layer: str, *, muon: bool, search: Search | None) -> Rates:
    """The nearest that is known: of this task, else the geometric mean over the tasks searched, else a guess.

    Rates beside Muon's say nothing of AdamW alone, nor the other way round.
    """
    found = {} if search is None else {name: of.get(f"{block}, {layer}") for name, of in search.rates.items()}
    known = {name: best for name, best in found.items() if best and (best.lr_muon is not None) == muon}
    if (best := known.get(task)) is not None:
        words = f"the best of a search on this task, which reached {_reached(best)}"
    elif known:
        words = "the mean of what was best on other tasks"
    else:
        return FIRST_GUESS
    near = [best] if best else list(known.values())
    lr_muon = [one.lr_muon for one in near if one.lr_muon is not None] or [FIRST_GUESS.lr_muon]
    return Rates(_mean(one.lr for one in near), _mean(lr_muon), words)


def _reached(best: Best) -> str:
    return f"{100 * best.token:.0f} %" if best.token is not None else f"an error of {best.error:.2f}"


def _mean(rates: Iterable[float]) -> float:
    """Geometric, of two digits: what a control can show."""
    return float(f"{geometric_mean(rates):.2g}")
