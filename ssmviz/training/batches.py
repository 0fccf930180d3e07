"""Batch k of a run, from (seed, k) alone: twins see the same sequences, and a resumed run goes on with them."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ssmviz.settings import TaskSettings, TrainSettings
from ssmviz.tasks import TASKS, rng_for

SHORTEST = 8  # context slots where a curriculum starts, unless the data need more
RUNGS = 8  # different lengths of a curriculum; few, so that a captured step per length stays possible
CLIMB = 0.3  # part of the steps after which one that climbs trains at full length
GOLDEN = (5**0.5 - 1) / 2


@cache
def curriculum(settings: TaskSettings) -> tuple[int, ...]:
    """The lengths of a curriculum, geometric from the shortest to L."""
    shortest = min(settings.L, max(SHORTEST, TASKS[settings.name].shortest(settings)))
    return tuple(sorted({round(L) for L in np.geomspace(shortest, settings.L, RUNGS)}))


def length(settings: TrainSettings, step: int) -> int:
    """L of batch `step` (from 0).

    With a curriculum, a task climbs from the shortest length to L during the first third of the steps, or visits all
    lengths all the time, evenly in log L: multiples of the golden ratio cover [0, 1) more evenly than random numbers
    do. `Task.curriculum` says which; some have none.
    """
    task = settings.task
    kind = TASKS[task.name].curriculum
    if not settings.optim.curriculum or kind is None:
        return task.L
    lengths = curriculum(task)
    climbing = step / (CLIMB * settings.optim.steps)
    part = step * GOLDEN % 1.0 if kind == "evenly" else climbing
    return lengths[min(int(part * len(lengths)), len(lengths) - 1)]


def batch(settings: TrainSettings, step: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Tokens (or signals) (batch, T) and the answers (batch, k) asked at the last k positions."""
    task = TASKS[settings.task.name]
    sizes = task.at_length(settings.task, length(settings, step))
    drawn = task.sample(sizes, rng_for(settings.seed, "train", step), settings.optim.batch)
    return asked(drawn.tokens, drawn.targets, task.answers(sizes), device)


def asked(tokens: np.ndarray, targets: np.ndarray, answers: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Numpy tokens and targets (n, T) as tensors on the device, the targets cut to the `answers` last positions."""
    pair = torch.from_numpy(tokens), torch.from_numpy(np.ascontiguousarray(targets[:, -answers:]))
    if device.type == "cuda":
        return pair[0].pin_memory().to(device, non_blocking=True), pair[1].pin_memory().to(device, non_blocking=True)
    return pair
