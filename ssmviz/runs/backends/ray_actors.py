"""Actors of attempts: what they are called, how they are ended, and how they died."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from ssmviz.runs.records import RunRow


def name_of(row: RunRow) -> str:
    """Of the actor that works on this attempt."""
    return f"ssmviz:{row.id}:{row.attempt}"


def kill(actor: Any) -> None:
    """End it at once, if it is still there."""
    with suppress(RayError, ValueError):
        ray.kill(actor, no_restart=True)


def how(error: RayActorError) -> str:
    """Why an actor died, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("RuntimeError", "ModuleNotFoundError", "AttributeError"))]
    return (said or ["its process or its machine is gone"])[-1][:300]
