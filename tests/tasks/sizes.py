"""Small settings of any task of the catalogue."""

from contextlib import suppress

from pydantic import ValidationError

from ssmviz.presets import PRESETS, preset_of
from ssmviz.settings import TaskSettings


def small(task: str) -> TaskSettings:
    """The settings of the task's own preset, as short as the task allows."""
    own = PRESETS[preset_of(task)].runs[0][1].task
    for L in (16, 32):
        with suppress(ValidationError):
            return TaskSettings.model_validate(own.model_dump() | {"L": L})
    return own
