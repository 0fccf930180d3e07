"""Where our numbers stand: results of sweeps, times over L, and tables of committed reports. Nothing is typed in."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ssmviz.claims.claim import Measured
from ssmviz.lessons.scan_measured import Growth, growths

ROOT = Path(__file__).parent.parent.parent
BENCHMARKS = ROOT / "benchmarks"
MACHINES = {"h200": "NVIDIA H200", "epyc-2-cores": "AMD EPYC, 2 cores", "xeon": "Intel Xeon"}  # names of reports
ON_CPU = ("digits_random_a",)  # sweeps that need no GPU
EQUALLY_GOOD = 0.005  # score: between rates so near to the best, the smallest is taken; it diverges less often
Results = Sequence[dict[str, Any]]


# -- sweeps -----------------------------------------------------------------------------------------------------------


@cache
def results(sweep: str, *, folder: Path = BENCHMARKS / "results") -> tuple[dict[str, Any], ...]:
    """All lines of a sweep: of a GPU where there are any, else of a CPU; each with the name of its file."""
    rows = []
    for path in sorted(folder.glob(f"{sweep}_*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if row["sweep"] == sweep:
                rows.append(row | {"file": path.relative_to(folder.parent.parent).as_posix()})
    on_gpu = tuple(row for row in rows if "NVIDIA" in row["hardware"])
    return on_gpu or tuple(rows)


def score(row: dict[str, Any], measure: str) -> float:
    """How good a run was, larger is better; what diverged or failed is worse than anything.

    Args:
        row: of a sweep.
        measure: "token" or "sequence" accuracy, "error" (better when small), or "ladder": the mean over all lengths.
    """
    if row["state"] != "done":
        return -math.inf
    if measure == "ladder":
        rungs = [rung["token"] for rung in row["ladder"] if rung["token"] is not None]
        return sum(rungs) / len(rungs) if rungs else -math.inf
    value = row.get(measure)
    if value is None:
        return -math.inf
    return float(-value if measure == "error" else value)


def best(rows: Results, label: str, measure: str = "token") -> list[dict[str, Any]]:
    """The runs of one row at its best learning rate on the first seed, one for each seed."""
    of = [row for row in rows if row["row"] == label and score(row, measure) > -math.inf]
    if not of:
        return []
    rate = best_rate(of, measure)
    return sorted((row for row in of if row["lr"] == rate), key=lambda row: row["seed"])


def best_rate(runs: Results, measure: str) -> float:
    """The learning rate with which the first seed of these runs of one row did best: see `EQUALLY_GOOD`."""
    first = min(run["seed"] for run in runs)
    scores: dict[float, float] = {run["lr"]: score(run, measure) for run in runs if run["seed"] == first}
    return min(rate for rate, value in scores.items() if value >= max(scores.values()) - EQUALLY_GOOD)


def full_or_small(sweep: str) -> tuple[Results, bool]:
    """The results of a sweep, or of its miniature where the sweep itself was not run."""
    rows = results(sweep)
    return (rows, False) if rows else (results(f"{sweep}_small"), True)


@dataclass(frozen=True)
class Swept:
    """The score of one row of a sweep, mean over its seeds; at `times` the length that was trained, where given."""

    sweep: str
    row: str
    measures: tuple[str, ...] = ("token", "sequence")
    times: int = 0
    miniature: bool = True  # whether a miniature may stand in

    @property
    def command(self) -> str:
        """See `Ours.command`."""
        return f"python -m benchmarks.sweep {self.sweep}{'' if self.sweep in ON_CPU else ' --gpus 1'}"

    def find(self) -> Measured | None:
        """See `Ours.find`."""
        rows, small = full_or_small(self.sweep) if self.miniature else (results(self.sweep), False)
        runs = best(rows, self.row, "ladder" if self.times else self.measures[0])
        scores = [(self._at(run) if self.times else run) for run in runs]
        if not runs or any(score is None for score in scores):
            return None
        means = [sum(100 * score[name] for score in scores if score) / len(runs) for name in self.measures]
        text, first = " / ".join(_percent(mean) for mean in means), runs[0]
        detail = f"lr {first['lr']:g}, {len(runs)} seed{'s' * (len(runs) > 1)}"
        if lost := sum(row["row"] == self.row and row["lr"] == first["lr"] for row in rows) - len(runs):
            detail += f", {lost} diverged"
        made = (first["hardware"], first["measured"], first["command"], first["file"])
        return Measured(text, *made, _settings_words(first), detail, small, len(runs))

    def _at(self, run: dict[str, Any]) -> dict[str, Any] | None:
        length = self.times * run["settings"]["task"].get("L", 64)
        return next((rung for rung in run["ladder"] if rung["L"] == length), None)


def _settings_words(run: dict[str, Any]) -> str:
    task, optim = run["settings"].get("task", {}), run["settings"].get("optim", {})
    sizes = [f"{name} = {task[name]}" for name in ("L", "n_data", "vocab") if name in task]
    return ", ".join([*sizes, f"batch {optim.get('batch', 32)}", f"{run['steps']:,} steps"])


def _percent(value: float) -> str:
    return "100" if value > 99.95 else f"{value:.1f}"


@dataclass(frozen=True)
class Line:
    """Accuracy of one row of a sweep against the length of the test, at its best rate and first seed."""

    label: str
    L: tuple[int, ...]
    values: tuple[float, ...]
    trained: int  # length


def ladders(sweep: str) -> list[Line]:
    """Every row of a sweep whose ladder was measured."""
    rows, _ = full_or_small(sweep)
    lines = []
    for label in dict.fromkeys(row["row"] for row in rows):
        for run in best(rows, label, "ladder")[:1]:
            rungs = [rung for rung in run["ladder"] if rung["token"] is not None]
            L, values = [rung["L"] for rung in rungs], [rung["token"] for rung in rungs]
            lines.append(Line(label, tuple(L), tuple(values), run["settings"]["task"]["L"]))
    return lines


# -- growth -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grown:
    """A number that is computed from `assets/growth`: see the functions below."""

    compute: Callable[[Growth], float | None]
    unit: str = ""
    places: int = 1
    command: str = "python -m benchmarks.scan_growth"

    def find(self) -> Measured | None:
        """See `Ours.find`."""
        for growth in growths():
            value = self.compute(growth)
            if value is not None and math.isfinite(value):
                file = f"assets/growth/{re.sub('[^a-z0-9]+', '-', growth.machine.lower()).strip('-')}.json"
                text = f"{value:.{self.places}f}{self.unit}"
                return Measured(text, growth.machine, growth.measured.isoformat(), growth.command, file)
        return None


def slope(kind: str) -> Callable[[Growth], float | None]:
    """Of log time over log L."""
    return lambda growth: next((curve.slope for curve in growth.curves if curve.kind == kind), None)


def times_faster(slow: str, fast: str, L: int) -> Callable[[Growth], float | None]:
    """How many times longer one kind takes than another at a length."""

    def ratio(growth: Growth) -> float | None:
        at: dict[str, float | None] = {}
        for curve in growth.curves:
            at[curve.kind] = dict(zip(curve.L, curve.ms, strict=True)).get(L)
        a, b = at.get(slow), at.get(fast)
        return a / b if a and b else None

    return ratio


def way_ratio(backend: str, field: str = "forward_ms") -> Callable[[Growth], float | None]:
    """How many times more a program for the scan takes than the fused one."""

    def ratio(growth: Growth) -> float | None:
        ways = {way.backend: float(getattr(way, field)) for way in growth.ways}
        fused = next((ways[name] for name in ("triton", "numba") if name in ways), None)
        return ways[backend] / fused if fused and backend in ways else None

    return ratio


def crossover(growth: Growth) -> float | None:
    """The shortest length from which on the scan is faster than attention."""
    found = growth.crossover()
    return None if found is None else float(found)


# -- reports ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reported:
    """A cell of a table in `benchmarks/<theme>_<machine>_<yyyymm>.md`, below the heading and of the row named.

    Args:
        theme: of the report.
        row: what the row's first cells, joined by a space, begin with.
        column: what the column's head begins with.
        command: that made it; the report names it, too.
        heading: of the section, if the row stands in several.
        over: another column; the cell is its first number over this column's.
        pick: regular expression whose group is what is taken of the cell.
        machine: where the section is of another machine than the report's name.
    """

    theme: str
    row: str
    column: str
    command: str
    heading: str = ""
    over: str = ""
    pick: str = ""
    machine: str = ""

    def find(self) -> Measured | None:
        """See `Ours.find`."""
        for path in sorted(BENCHMARKS.glob(f"{self.theme}_*_*.md"), reverse=True):
            cells = next(self._rows(path), None)
            text = None if cells is None else self._text(cells)
            if text:
                machine, month = path.stem.removeprefix(f"{self.theme}_").rsplit("_", 1)
                date = f"{month[:4]}-{month[4:]}"
                file = path.relative_to(ROOT).as_posix()
                return Measured(text, MACHINES[self.machine or machine], date, self.command, file)
        return None

    def _rows(self, path: Path) -> Iterator[dict[str, str]]:
        section, head = "", list[str]()
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                section, head = line.lstrip("# "), []
            elif not line.startswith("|"):
                head = []
            else:
                cells = [cell.strip().replace("*", "") for cell in line.strip("|").split("|")]
                head = head or cells
                if section.startswith(self.heading) and " ".join(cells[:2]).startswith(self.row):
                    yield dict(zip(head, cells, strict=False))

    def _text(self, cells: dict[str, str]) -> str | None:
        def cell(column: str) -> str | None:
            return next((text for head, text in cells.items() if head.startswith(column)), None)

        text = cell(self.column)
        if text is not None and self.pick:
            match = re.search(self.pick, text)
            text = match[1] if match else None
        if not self.over or text is None:
            return text and text.removesuffix(" %")
        numbers = [re.search(r"[\d.,]+", part or "") for part in (cell(self.over), text)]
        above, below = (float(number[0].replace(",", "")) if number else 0.0 for number in numbers)
        return f"{above / below:.1f}×" if below else None


def chosen_preset(row: str) -> Reported:
    """Tokens right of a lesson's preset, all seeds, on two CPU cores."""
    command = "python -m benchmarks.presets_pages chosen"
    return Reported("presets_pages", row, "token %", command, "On the CPU", machine="epyc-2-cores")
