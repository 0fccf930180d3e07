"""Sequence tasks, on tokens and on real-valued signals. numpy only.

`TASKS[settings.name].sample(settings, rng_for(seed, "train", step), n)` is training batch `step`.
"""

from ssmviz.tasks.associative_recall import AssociativeRecall
from ssmviz.tasks.audio import Audio
from ssmviz.tasks.copying import Copying
from ssmviz.tasks.delay import Delay
from ssmviz.tasks.digits import Digits
from ssmviz.tasks.induction_heads import InductionHeads
from ssmviz.tasks.irregular import Irregular
from ssmviz.tasks.listops import ListOps
from ssmviz.tasks.mackey_glass import MackeyGlass
from ssmviz.tasks.mass_spring import MassSpring
from ssmviz.tasks.pathfinder import Pathfinder
from ssmviz.tasks.permuted_digits import PermutedDigits
from ssmviz.tasks.resampled import Resampled
from ssmviz.tasks.selective_copying import SelectiveCopying
from ssmviz.tasks.series import Series
from ssmviz.tasks.signal import SignalTask
from ssmviz.tasks.streams import Split, Stream, held_out, rng_for
from ssmviz.tasks.task import IGNORED, Batch, Kind, Task, TokenTask, Trial, Upload
from ssmviz.tasks.text import Text

TASKS: dict[str, Task] = {
    "copying": Copying(),
    "selective_copying": SelectiveCopying(),
    "induction_heads": InductionHeads(),
    "associative_recall": AssociativeRecall(),
    "listops": ListOps(),
    "text": Text(),
    "mass_spring": MassSpring(),
    "digits": Digits(),
    "permuted_digits": PermutedDigits(),
    "pathfinder": Pathfinder(),
    "resampled": Resampled(),
    "audio": Audio(),
    "irregular": Irregular(),
    "delay": Delay(),
    "mackey_glass": MackeyGlass(),
    "series": Series(),
}

__all__ = [
    "IGNORED",
    "TASKS",
    "Batch",
    "Kind",
    "SignalTask",
    "Split",
    "Stream",
    "Task",
    "TokenTask",
    "Trial",
    "Upload",
    "held_out",
    "rng_for",
]
