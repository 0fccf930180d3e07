"""All presets by name, and which of them the lab offers."""

from __future__ import annotations

from ssmviz.presets import language, lessons, recall, signals
from ssmviz.presets.experiment import S4D, S6, TWIN_RATES, Preset
from ssmviz.tasks import TASKS

PRESETS: dict[str, Preset] = {**recall.PRESETS, **language.PRESETS, **signals.PRESETS, **lessons.PRESETS}


def preset_of(task: str) -> str:
    """Name of a task's own preset: the first that trains it."""
    return next(name for name, preset in PRESETS.items() if preset.runs[0][1].task.name == task)


# those whose runs are `twins` of each other
TWINS = tuple(
    name
    for name, preset in PRESETS.items()
    if [label for label, _ in preset.runs] == [S6, S4D] and preset.runs[0][1].task.name in TWIN_RATES
)
# what the lab offers: every task's own preset, and the long ones for a GPU
LAB = tuple(dict.fromkeys(["selective_copying", *map(preset_of, TASKS), *(n for n in TWINS if n.endswith("_gpu"))]))
