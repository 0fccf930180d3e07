"""What machines were measured to do with a selective scan: its time, its memory, and how both grow with L.

`benchmarks/scan.py` writes times at some shapes (`ssmviz/timings.py`), `benchmarks/scan_growth.py` the rest: one file
a machine, in `assets/growth`. Nothing here is typed in by hand.
"""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ssmviz.timings import Timing, Timings, load_all

FOLDER = Path(__file__).parent.parent.parent / "assets" / "growth"
CLAIM = "20–40× faster than a standard scan in PyTorch, on an A100 (Mamba, section 4.5)"
FUSED = frozenset({"numba", "triton"})
LONGEST = 4  # lengths that a slope is fitted to: at shorter ones the launch is what takes the time

Milliseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Kind = Literal["scan", "convolution", "attention"]


class Record(BaseModel):
    """Frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Way(Record):
    """One backend at the shape whose bytes the lesson counts."""

    backend: str
    forward_ms: Milliseconds
    both_ms: Milliseconds  # forward and backward, the gradient of every input
    peak_bytes: Annotated[int, Field(ge=1)]  # most memory at once, both ways, beside the inputs


class Curve(Record):
    """Forward time at some lengths L, everything else the same."""

    kind: Kind
    L: tuple[int, ...]
    ms: tuple[Milliseconds, ...]
    peak_bytes: tuple[int, ...] = ()  # most memory at once beside the inputs

    @property
    def slope(self) -> float:
        """Of log time over log L, at the longest lengths: 1 where twice the length takes twice the time."""
        steps, times = (np.log([float(v) for v in values[-LONGEST:]]) for values in (self.L, self.ms))
        return float(np.polyfit(steps, times, 1)[0])


class Growth(Record):
    """One run on one machine."""

    machine: str
    software: dict[str, str]
    measured: date
    command: str
    shape: tuple[int, int, int, int]  # batch, L, D, N of `ways`
    ways: tuple[Way, ...]
    curves: tuple[Curve, ...]

    def crossover(self, kind: Kind = "attention") -> int | None:
        """The shortest measured length from which on the scan is faster than `kind`; None where it never is."""
        scan, other = (next(curve for curve in self.curves if curve.kind == name) for name in ("scan", kind))
        wins = [L for L, a, b in zip(scan.L, scan.ms, other.ms, strict=True) if a < b]
        later = [L for L, a, b in zip(scan.L, scan.ms, other.ms, strict=True) if a >= b]
        return next((L for L in wins if max(later, default=0) < L), None)


def growths(folder: Path = FOLDER) -> tuple[Growth, ...]:
    """Every machine whose growth was measured, by name of the file."""
    return tuple(Growth.model_validate_json(path.read_text()) for path in sorted(folder.glob("*.json")))


def speedups(timings: Timings) -> dict[str, float]:
    """At each shape where both were timed: the loop's forward time over that of the fused kernel."""
    times: dict[str, dict[str, float]] = {}
    for row in timings.rows:
        if row.dtype == "float32":
            times.setdefault(row.name, {})[row.backend] = row.forward.median_ms
    return {
        name: by["reference"] / by[next(iter(FUSED & set(by)))]
        for name, by in times.items()
        if "reference" in by and FUSED & set(by)
    }


def speedup_words() -> str:
    """What our measurements say about one kernel against plain PyTorch, forward: a clause for each file."""
    said = []
    for timings in load_all():
        ratios = speedups(timings).values()
        if ratios:
            said.append(f"{_on(timings)} {min(ratios):.0f}–{max(ratios):.0f}× faster than a loop over the tokens")
    for growth in growths():
        times = {way.backend: way.forward_ms for way in growth.ways}
        fused = next(times[name] for name in FUSED if name in times)
        others = [f"{times[name] / fused:.0f}× faster than {words}" for name, words in PLAIN.items() if name in times]
        said.append(f"{_on(growth)} {' and '.join(others)}")
    return f"one kernel against plain PyTorch: {'; '.join(said)}."


def growth_words() -> str:
    """The measured slopes of log time over log L, and the measured memory: a sentence for each machine."""
    said = []
    for growth in growths():
        slopes = ", ".join(f"{curve.kind} {curve.slope:.2f}" for curve in growth.curves)
        most = {way.backend: way.peak_bytes / 1e9 for way in growth.ways}
        memory = ", ".join(f"{name} {size:.2f} GB" for name, size in most.items())
        said.append(f"{_on(growth)} slopes of log time over log L: {slopes}; most memory, both ways: {memory}.")
    return " ".join(said)


PLAIN = {"reference": "a loop over the tokens", "torch": "a scan in chunks"}


def _on(measured: Timings | Growth) -> str:
    return f"on {measured.machine} ({measured.measured.isoformat()})"


def for_browser() -> dict[str, Any]:
    """Everything that was measured, JSON-able."""
    return {
        "said": [
            f"Paper's claim, not run here: {CLAIM}.",
            f"Measured by us, forward, {speedup_words()}",
            "Each ratio is against another plain program. What is the same: one kernel that never writes h.",
            "Your machine: python -m benchmarks.scan, then start the app again.",
        ],
        "machines": [
            {
                "machine": timings.machine,
                "measured": timings.measured.isoformat(),
                "rows": [_row(row) for row in timings.rows if row.dtype == "float32"],
            }
            for timings in load_all()
        ],
        "growths": [growth.model_dump(mode="json") | {"slopes": _slopes(growth)} for growth in growths()],
    }


def _slopes(growth: Growth) -> dict[str, float]:
    return {curve.kind: round(curve.slope, 2) for curve in growth.curves if not math.isnan(curve.slope)}


def _row(row: Timing) -> dict[str, Any]:
    return {
        "name": row.name,
        "shape": f"{row.batch} × {row.L} × {row.D} × {row.N}",
        "backend": row.backend,
        "forward": (row.forward_in_graph or row.forward).median_ms,
        "floor": row.forward_floor_ms,
    }
