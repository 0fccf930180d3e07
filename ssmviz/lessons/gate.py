"""The opening: four letters among noise, and the reader paints Delta. Computed by `systems.gate` and its twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Numbers
from ssmviz.systems.gate import Gate, Outcome, outcome

STRIP = "..C....A......F.H......."
N = 8
START = 0.5  # Delta of every token, before anything is painted

CONTROLS: tuple[Control, ...] = (
    Choice(
        "brush",
        "A stroke paints",
        default="kind",
        options=(("kind", "every token like it"), ("place", "this token only")),
    ),
    Choice("strip", "Strip", default=STRIP, options=((STRIP, "four letters of eight"),), hidden=True),
    Numbers("delta", "Delta", default=(START,) * len(STRIP), low=0.0, high=1.0, places=3, symbol="delta"),
)


def score(values: Mapping[str, Any]) -> Outcome:
    """What the painted gate recalls on other strips."""
    return outcome(values["strip"], Gate(np.array(values["delta"])), N)
