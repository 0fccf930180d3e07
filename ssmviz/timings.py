"""How long the selective scan takes on one machine: what `benchmarks/scan.py` writes and the scan lesson plots.

One JSON file a machine, in `assets/scan`. Times are in milliseconds. Nothing in it names a host, a person or a path.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

VERSION = 1
FOLDER = Path(__file__).parent.parent / "assets" / "scan"

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^/\\]*$")]  # no path
Count = Annotated[int, Field(ge=1)]
Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Record(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Duration(Record):
    """Of one call."""

    median_ms: Milliseconds
    best_ms: Milliseconds | None = None


class Ceilings(Record):
    """What the machine was measured to do in the same run, per second."""

    copy_bytes: Rate  # read plus written
    ex2: Rate | None = None
    ffma: Rate | None = None


class Timing(Record):
    """One backend at one shape, with softplus, bias, feedthrough and gate."""

    name: Text  # of the shape, for people
    batch: Count
    L: Count
    D: Count
    N: Count
    backend: Text
    dtype: Literal["float32", "bfloat16", "float16", "float64"]
    forward: Duration
    both: Duration | None = None  # forward and backward, the gradient of every input
    forward_in_graph: Duration | None = None  # CUDA: the same as one CUDA graph
    both_in_graph: Duration | None = None
    forward_floor_ms: Milliseconds  # least time at the ceilings of the run
    both_floor_ms: Milliseconds
    probe_channels: Duration | None = None  # forward, with the states of 8 channels at all positions
    probe_times: Duration | None = None  # forward, with the states of all channels at 8 positions
    peak_bytes: Count | None = None  # CUDA: of both ways, inputs included
    data_bytes: Count | None = None  # of inputs, outputs and gradients alone


class Timings(Record):
    """One run on one machine."""

    version: Literal[1] = 1
    machine: Text  # the GPU's name, or the processor's and how many cores
    device: Literal["cuda", "cpu", "mps", "xpu"]
    threads: Count | None = None  # CPU
    software: dict[Text, Text]
    measured: date
    command: Annotated[str, Field(max_length=200)]
    ceilings: Ceilings
    rows: tuple[Timing, ...]

    @property
    def file_name(self) -> str:
        """Of this machine: "nvidia-h200.json"."""
        return re.sub(r"[^a-z0-9]+", "-", self.machine.lower()).strip("-") + ".json"


def save(timings: Timings, path: Path | None = None) -> Path:
    """Write to `path`, or to the machine's file in `FOLDER`; returns where."""
    path = path or FOLDER / timings.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(timings.model_dump_json(indent=1, exclude_none=True) + "\n")
    return path


def load(path: Path) -> Timings:
    """Read what `save` wrote.

    Raises:
        ValueError: the file is not one, or of another version; the message names the first thing that is wrong.
    """
    try:
        return Timings.model_validate_json(path.read_text())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path.name} is no file of timings: {field}: {first['msg']}; measure again") from error


def load_all(folder: Path = FOLDER) -> tuple[Timings, ...]:
    """Every machine that was measured, by name of the file."""
    return tuple(load(path) for path in sorted(folder.glob("*.json")))
