"""What one layer of each kind was measured to cost over the length L: `benchmarks/layer_costs.py` writes it.

One JSON file a machine, in `assets/layers`; times in milliseconds, forward and backward.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent.parent.parent / "assets" / "layers"
RATES_FILE = FOLDER / "rates.json"  # beside the costs, see `ssmviz.family.rates`

Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Record(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Lengths(Record):
    """One layer: what each length took."""

    L: tuple[int, ...]
    ms: tuple[Milliseconds, ...]
    bytes: tuple[int, ...]  # most memory at once beside the inputs


class Measured(Record):
    """All layers on one machine."""

    machine: str
    software: dict[str, str]
    measured: date
    command: str
    sizes: dict[str, int]
    layers: dict[str, Lengths]


def measured(folder: Path = FOLDER) -> tuple[Measured, ...]:
    """Every machine that measured, by name of the file.

    Raises:
        ValidationError: a file is none of `benchmarks/layer_costs.py`.
    """
    files = sorted(path for path in folder.glob("*.json") if path.name != RATES_FILE.name)
    return tuple(Measured.model_validate_json(path.read_text()) for path in files)
