"""Synthetic tasks that tell selective from time-invariant systems apart. numpy only.

`TASKS[settings.name].sample(settings, rng_for(seed, "train", step), n)` is training batch `step`.
"""

from ssmviz.tasks.copying import Copying
from ssmviz.tasks.induction_heads import InductionHeads
from ssmviz.tasks.selective_copying import SelectiveCopying
from ssmviz.tasks.streams import Split, Stream, held_out, rng_for
from ssmviz.tasks.task import IGNORED, Batch, Kind, Task

TASKS: dict[str, Task] = {
    "copying": Copying(),
    "selective_copying": SelectiveCopying(),
    "induction_heads": InductionHeads(),
}

__all__ = ["IGNORED", "TASKS", "Batch", "Kind", "Split", "Stream", "Task", "held_out", "rng_for"]
