"""Settings that teach within seconds, found by search: `benchmarks/presets_*_202611.md`. No torch here.

One file a kind of task holds its settings and its presets side by side; `catalogue` puts them together.
"""

from ssmviz.presets.catalogue import LAB, PRESETS, TWINS, preset_of
from ssmviz.presets.experiment import RATES, S4D, S6, Preset, Runs, differing, twins, with_changes
from ssmviz.presets.recall import (
    ASSOCIATIVE_RECALL,
    COPYING,
    INDUCTION_HEADS,
    INDUCTION_HEADS_GPU,
    SELECTIVE_COPYING,
    SELECTIVE_COPYING_GPU,
)
from ssmviz.presets.signals import DIGITS

__all__ = [
    "ASSOCIATIVE_RECALL",
    "COPYING",
    "DIGITS",
    "INDUCTION_HEADS",
    "INDUCTION_HEADS_GPU",
    "LAB",
    "PRESETS",
    "RATES",
    "S4D",
    "S6",
    "SELECTIVE_COPYING",
    "SELECTIVE_COPYING_GPU",
    "TWINS",
    "Preset",
    "Runs",
    "differing",
    "preset_of",
    "twins",
    "with_changes",
]
