"""What is asked for, held against what there may be, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import ValidationError

from ssmviz.runs.quota import Quota
from ssmviz.runs.records import Refused
from ssmviz.settings import TrainSettings, explain
from ssmviz.tasks import TASKS


def validated(settings: TrainSettings) -> TrainSettings:
    """Settings that a machine can afford.

    Raises:
        Refused: they are out of bounds; the text says which.
    """
    try:
        return TrainSettings.model_validate(settings.model_dump())
    except ValidationError as error:
        raise Refused(explain(error)) from None


def within(settings: TrainSettings, quota: Quota) -> TrainSettings:
    """The same, ended by the clock of the classroom if that is earlier."""
    if not quota.wall_s or settings.wall_limit_s <= quota.wall_s:
        return settings
    return settings.model_copy(update={"wall_limit_s": quota.wall_s})


def checked_probe(settings: TrainSettings, tokens: Sequence[int]) -> tuple[int, ...]:
    """A sequence of the task, to be looked at.

    Raises:
        Refused: it is none.
    """
    try:
        probe = tuple(int(token) for token in tokens)
        TASKS[settings.task.name].answer(settings.task, np.asarray(probe, dtype=np.int64))
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(f"this is no probe sequence: {error}") from None
    return probe
