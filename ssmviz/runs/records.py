"""The words of the store: states, limits and the typed rows it gives out."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pydantic import ValidationError

from ssmviz.settings import TrainSettings

State = Literal[
    "queued",
    "starting",
    "running",
    "done",
    "cancelled",
    "interrupted",
    "diverged",
    "oom",
    "timeout",
    "failed",
    "unreadable",
]
ACTIVE: tuple[State, ...] = ("starting", "running")  # a process works on it, or should
LIVE: tuple[State, ...] = ("queued", *ACTIVE)
RESUMABLE: tuple[State, ...] = ("cancelled", "interrupted", "timeout", "failed", "oom")

MAX_ATTEMPTS = 3  # processes that may die under one run before it is given up
MAX_NAME = 80  # characters of a title or label
MAX_RUNS = 8  # runs of one experiment
MAX_QUEUED = 64  # runs waiting, of one person
MAX_QUEUED_IN_ALL = 256
MAX_FRAMES = 500
MAX_FRAME_TOTAL = 64 * 1024**2  # bytes of frames of one run
MIN_FREE_FRAMES = 500_000_000  # no frames on a disk with less room
MIN_FREE_RUN = 200_000_000  # no new runs below this


class Fenced(Exception):  # noqa: N818 - it is no mistake of anybody
    """A newer attempt owns the run: whoever sees this stops writing and leaves."""


class Refused(ValueError):  # noqa: N818 - a sentence for a person, not a fault
    """A request that cannot be served now; the text is written for the person who asked."""


def checked_id(text: object) -> str:
    """The canonical form of a UUID, before it becomes part of any path.

    Raises:
        Refused: anything else, such as "../../etc/passwd".
    """
    try:
        return str(uuid.UUID(str(text)))
    except ValueError:
        raise Refused(f"an id must be a UUID, got {str(text)[:60]!r}") from None


def cut(name: str) -> str:
    """A name that fits on a screen: no control characters, at most MAX_NAME characters."""
    return "".join(c for c in name if c.isprintable())[:MAX_NAME].strip()


@lru_cache(maxsize=1024)  # the same rows are read thirty times a second, and settings are frozen
def read_settings(text: str) -> TrainSettings:
    """Settings as they were stored. The bound on the whole work is not applied again.

    A run of a larger machine (a recording made on a GPU) stays readable here; starting it again is
    validated in full by the client.
    """
    try:
        return TrainSettings.model_validate_json(text)
    except ValidationError:
        loose = _Loose.model_validate_json(text)
        return TrainSettings.model_construct(**{name: getattr(loose, name) for name in type(loose).model_fields})


class _Loose(TrainSettings):
    """Every field bounded, their products not."""

    def _affordable(self) -> TrainSettings:  # type: ignore[override] # replaces the validator of this name
        return self


@dataclass(frozen=True)
class ExperimentRow:
    """What a person started with one click."""

    id: str
    title: str
    preset: str | None
    created: float  # wall clock, to be shown; nothing is ordered by it
    read_only: bool = False  # imported: may be looked at and deleted, not run
    owner: str = ""  # who started it; "": the one person of a machine without a classroom
    shared: bool = False  # everybody may look at it


@dataclass(frozen=True)
class RunRow:
    """One run as the index knows it; step and scores lag behind by at most a quarter of a second."""

    id: str
    experiment: str
    position: int
    label: str
    settings: TrainSettings
    state: State
    attempt: int  # fencing token: counts processes that were ever started for it
    failures: int  # processes that died since a person last asked for it
    step: int
    reason: str  # why it ended so, or a note; "" when all is well
    device: str
    backend: str
    parameters: int
    notes: tuple[str, ...]
    seconds: float  # of training
    token_accuracy: float | None
    sequence_accuracy: float | None
    checkpoint_step: int | None  # None: nothing to resume from
    probe_version: int  # of the newest frame

    @property
    def steps(self) -> int:
        """Steps it is meant to do."""
        return self.settings.optim.steps


@dataclass(frozen=True)
class Control:
    """What the workers of one experiment obey; they look at most every 20 ms."""

    paused: bool = False
    hold_at: int | None = None  # while paused: go on up to this step
    speed: float = 0.0  # largest steps per second, 0 = free
    stop: bool = False
    probe: tuple[int, ...] | None = None  # None: the task's own probe sequence
    probe_version: int = 0


MetricKind = Literal["started", "steps", "evaluation", "rung", "diverged", "finished", "message"]


@dataclass(frozen=True)
class Metric:
    """One row of a run's history, in the order it happened (`rowid`).

    kind and data:
        started: the fields of `traces.Started`. What was read before about later steps is void; of two rows
            about one step the later counts.
        steps: {"steps": [...], "losses": [...]}, thinned; `step` is the last.
        evaluation, rung, diverged, finished: the fields of the event of that name.
        message: {"text": ...}, for people.
    """

    rowid: int
    kind: MetricKind
    step: int
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameInfo:
    """Which frame is the newest; `seq` grows with every frame written, also at the same step."""

    step: int
    seq: int
    probe_version: int
