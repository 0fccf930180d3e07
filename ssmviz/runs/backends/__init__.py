"""Where attempts run: on this machine (`embedded`), or on a Ray cluster (`ray`, the extra `ssmviz[cluster]`).

A backend starts one attempt of one run, says which have gone, and ends one at once. Queue, retries, resuming,
quotas, fair choice and deadlines live above it, once, in `ssmviz.runs.launcher`.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ssmviz.runs.bell import Bell
from ssmviz.runs.records import RunRow
from ssmviz.runs.store import Store
from ssmviz.settings import explain

INSTALL = "pip install -r requirements-cluster.txt"


class Choice(BaseModel):
    """Which backend, from the environment; see `chosen`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["embedded", "ray"] = "embedded"
    address: str = ""  # of the Ray head, HOST:PORT
    runs_per_gpu: int = Field(4, ge=1, le=64)  # each gets this share of the GPU and of its memory

    @model_validator(mode="after")
    def _is_complete(self) -> Choice:
        if self.backend == "embedded":
            return self
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdigit():
            got = repr(self.address) if self.address else "nothing"
            raise ValueError(f"RAY_ADDRESS must be HOST:PORT of `ray start --head`, got {got}; see docs/cluster.md")
        if importlib.util.find_spec("ray") is None:
            raise ValueError(f"SSMVIZ_BACKEND=ray needs Ray, which is not installed: {INSTALL}")
        return self


VARIABLES = {"backend": "SSMVIZ_BACKEND", "address": "RAY_ADDRESS", "runs_per_gpu": "SSMVIZ_RUNS_PER_GPU"}


def chosen(environ: Mapping[str, str] = os.environ) -> Choice:
    """The backend that the environment asks for: SSMVIZ_BACKEND, RAY_ADDRESS, SSMVIZ_RUNS_PER_GPU.

    Raises:
        ValueError: what is wrong, in words for who starts the server.
    """
    try:
        return Choice.model_validate({name: environ[key] for name, key in VARIABLES.items() if environ.get(key)})
    except ValidationError as error:
        text = explain(error)
        for name, key in VARIABLES.items():
            text = text.replace(f"{name}:", f"{key}:")
        raise ValueError(text) from None


@dataclass(frozen=True)
class Gone:
    """An attempt that nobody works on any more although its run is not over."""

    attempt: int
    how: str  # in words, such as "exit code -9"
    out_of_memory: bool = False


@dataclass(frozen=True)
class Picture:
    """What a backend sees."""

    slots: int  # runs that may compute at the same time
    places: int  # runs that may be there, paused ones included
    gone: Mapping[str, Gone] = field(default_factory=dict)  # by run
    trouble: str = ""  # why nothing can be started now, for people; "" when all is well


class Backend(Protocol):
    """See the module. All calls come from one thread.

    What an attempt yields reaches the store by itself or in `poll`.
    """

    def start(self, row: RunRow) -> None:
        """Begin the attempt `row.attempt` of a run in state "starting", from its newest checkpoint.

        Raises:
            OSError: it could not be started.
        """

    def poll(self, rows: Sequence[RunRow], seconds: float) -> Picture:
        """Wait until something happens or somebody rings, at most `seconds`, and look.

        Args:
            rows: the runs in state starting or running, also those that another launcher has started.
            seconds: 0 to look only.
        """

    def cancel(self, row: RunRow) -> None:
        """End the attempt at once; nothing is saved. What does not run is left alone."""

    def close(self) -> None:
        """The launcher leaves: attempts of runs that are active stay, all others have ended."""


def opened(store: Store, trainer: str, bell: Bell, choice: Choice) -> Backend:
    """The backend that was chosen. Ray is imported here and nowhere else, and only when asked for."""
    if choice.backend == "ray":
        from ssmviz.runs.backends.ray import RayBackend

        return RayBackend(store, trainer, bell, choice)
    from ssmviz.runs.backends.embedded import Embedded

    return Embedded(store, trainer, bell)
