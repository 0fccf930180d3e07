"""Train every cell of a sweep once, as many at a time as the machine takes, and go on where the last call stopped.

    python -m benchmarks.sweep table1 table2 --gpus 4 --per-gpu 6 --seconds 540
    python -m benchmarks.sweep table1 --small           # the miniature: a minute or two on two CPU cores
    python -m benchmarks.sweep table1 --list            # what is missing
    python -m benchmarks.sweep table1 --table           # what is known, as Markdown

The grids are in `benchmarks/sweeps.py`. A cell becomes one JSON line of `<folder>/<sweep>_<machine>_<yyyymm>.jsonl`,
named by a digest of its settings: what stands there is not trained again, whatever became of it (`--again` retries
what failed). When the time is over, the cells under way are saved in `<folder>/partial`; the next call goes on there.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from benchmarks.sweep_results import Row, append, in_words, read, table
from benchmarks.sweep_workers import Workers
from benchmarks.sweeps import SWEEPS, Sweep
from ssmviz.claims.measured import best_rate
from ssmviz.settings import TrainSettings, changed, explain

FOLDER = Path(__file__).parent / "results"
GRACE = 45.0  # seconds after the deadline in which cells save themselves and ladders end
HEARTBEAT = 30.0  # seconds between two words on what is under way
WHERE = ("device", "threads", "backend", "wall_limit_s", "checkpoint_every")  # decides no result


@dataclass(frozen=True)
class Cell:
    """One training."""

    sweep: str
    row: str
    rate: float
    seed: int
    settings: TrainSettings

    @property
    def values(self) -> Row:
        """The settings that are not the default, without those that decide no result."""
        tree = self.settings.model_dump(exclude_defaults=True)
        return {name: value for name, value in tree.items() if name not in WHERE}

    @property
    def grid(self) -> str:
        """Name of the sweep, of a miniature, too."""
        return self.sweep.removesuffix("_small")

    @property
    def key(self) -> str:
        """Of the settings: equal settings are trained once."""
        return sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.sweep}: {self.row}, lr {self.rate:g}, seed {self.seed}"

    @property
    def work(self) -> float:
        """About how long it takes, in no unit."""
        task, model, optim = self.settings.task, self.settings.model, self.settings.optim
        T = task.sequence_length
        pairs = 1 + T / 1024 * (model.layer == "attention")
        return optim.steps * (1e6 + optim.batch * T * model.D * model.n_layers * pairs)


# -- which cells ------------------------------------------------------------------------------------------------------


def settings_of(sweep: Sweep, row: str, rate: float, seed: int, *, small: bool) -> TrainSettings:
    """Of one cell.

    Raises:
        ValidationError, KeyError: the row asks for what does not exist.
    """
    common = {**sweep.changes, **(sweep.small if small else {})}
    return changed(sweep.base, common | {**sweep.rows[row], "optim.lr": rate, "seed": seed})


def possible(name: str, *, small: bool) -> tuple[list[str], list[str]]:
    """Rows that this version can train, and a sentence for each that it cannot."""
    from ssmviz.models import build

    sweep, rows, missing = SWEEPS[name], [], []
    for row in sweep.rows:
        try:
            settings = settings_of(sweep, row, sweep.rates[0], 0, small=small)
            build(settings.task, settings.model, seed=0)
        except ValidationError as error:
            missing.append(f"{name}: {row} is left out: {explain(error)}")
        except (KeyError, ValueError, TypeError) as error:
            missing.append(f"{name}: {row} is left out: {error!r}")
        else:
            rows.append(row)
    return rows, missing


def wanted(name: str, rows: Iterable[str], known: dict[str, Row], given: argparse.Namespace) -> Iterator[Cell]:
    """Cells of these rows: every rate with the first seed, then the best rate with the others, once it is known."""
    sweep = SWEEPS[name]
    found = best_rates(sweep.rates_of, given) if sweep.rates_of and not given.small else {}
    rates = sweep.small_rates if given.small else sweep.rates
    seeds = given.seeds or (sweep.seeds[:1] if given.small else sweep.seeds)

    def cell(row: str, rate: float, seed: int) -> Cell:
        return Cell(full_name(name, given), row, rate, seed, settings_of(sweep, row, rate, seed, small=given.small))

    for row in rows:
        first = [cell(row, rate, seeds[0]) for rate in given.rates or found.get(row, rates)]
        yield from first
        if all(c.key in known for c in first):
            best = best_rate([known[c.key] | names(c) for c in first], sweep.measure)
            yield from (cell(row, best, seed) for seed in seeds[1:])


def best_rates(name: str, given: argparse.Namespace) -> dict[str, tuple[float]]:
    """What was best for each row of a sweep."""
    rows = list(read(given.folder, name).values())
    of = {label: [row for row in rows if row["row"] == label] for label in {row["row"] for row in rows}}
    return {label: (best_rate(runs, SWEEPS[name].measure),) for label, runs in of.items()}


def commit() -> str:
    """Of the working tree, with a + where it was changed; empty where there is no repository."""
    git = ("git", "-C", str(Path(__file__).parent))
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changes = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True)
    return head.stdout.strip() + "+" * bool(changes.stdout.strip()) if head.returncode == 0 else ""


def facts(given: argparse.Namespace, hardware: str) -> Row:
    """What is said with every result."""
    return {
        "hardware": hardware,
        "software": {"python": platform.python_version(), "torch": importlib.metadata.version("torch")},
        "commit": given.commit or commit(),
        "measured": datetime.now(UTC).date().isoformat(),
        "at_once": given.per_gpu if given.gpus else given.processes,
    }


# -- running ----------------------------------------------------------------------------------------------------------


def run(given: argparse.Namespace, machines: dict[str, str]) -> int:
    """Train what is missing until it is done or the time is over; how many cells are still missing."""
    began = said = time.time()
    deadline = began + given.seconds

    def found(name: str) -> dict[str, Row]:
        return {k: row for k, row in read(given.folder, name, machines.values()).items() if is_kept(row, given)}

    known, kept = {name: found(full_name(name, given)) for name in given.sweeps}, found("")
    rows = {name: chosen(name, given) for name in given.sweeps}

    def note(cell: Cell, row: Row) -> None:
        known[cell.grid][cell.key] = kept[cell.key] = row
        append(given.folder, row)

    with Workers(given.gpus, given.per_gpu, given.processes, given.folder / "partial", deadline) as workers:
        while True:
            cells = [cell for name in given.sweeps for cell in wanted(name, rows[name], known[name], given)]
            missing = {cell.key: cell for cell in cells if cell.key not in known[cell.grid]}
            if elsewhere := [cell for cell in missing.values() if cell.key in kept]:  # trained for another sweep
                for cell in elsewhere:
                    note(cell, kept[cell.key] | names(cell))
                continue
            for cell in sorted(missing.values(), key=lambda c: -c.work):
                if time.time() < deadline and cell.key not in workers.busy:
                    workers.offer(cell)
            if not workers.busy or time.time() > deadline + GRACE:
                return len(missing)
            for cell, result in workers.results(timeout=1.0):
                if result is not None:
                    note(cell, row := record(cell, result, given, machines))
                    say(f"{time.time() - began:5.0f} s  {cell.name}: {in_words(row)}; {len(missing) - 1} are missing")
            if time.time() - said > HEARTBEAT:
                said = time.time()
                say(f"{said - began:5.0f} s  {len(workers.busy)} under way")


def is_kept(row: Row, given: argparse.Namespace) -> bool:
    """Whether it need not be trained again."""
    return row["state"] == "done" or not given.again


def full_name(name: str, given: argparse.Namespace) -> str:
    """Of a sweep, or of its miniature."""
    return f"{name}_small" if given.small else name


def chosen(name: str, given: argparse.Namespace) -> list[str]:
    """Rows to train; says what is left out."""
    rows, missing = possible(name, small=given.small)
    for sentence in missing:
        say(sentence)
    few = SWEEPS[name].small_rows if given.small else ()
    return [row for row in rows if given.only in row and (row in few or not few)]


def names(cell: Cell) -> Row:
    """What a line says of its cell."""
    command = f"python -m benchmarks.sweep {cell.grid}{' --small' if cell.sweep != cell.grid else ''}"
    place = {"sweep": cell.sweep, "row": cell.row, "lr": cell.rate, "seed": cell.seed, "key": cell.key}
    return place | {"command": command, "settings": cell.values}


def record(cell: Cell, result: Row, given: argparse.Namespace, machines: dict[str, str]) -> Row:
    """The line of one cell."""
    return names(cell) | result | facts(given, machines[cell.settings.device])


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", choices=SWEEPS, metavar="sweep", help=", ".join(SWEEPS))
    parser.add_argument("--small", action="store_true", help="the miniature, on the CPU")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs to use; 0: the CPU")
    parser.add_argument("--per-gpu", type=int, default=6, help="processes that share one GPU")
    parser.add_argument("--processes", type=int, default=2, help="on the CPU")
    parser.add_argument("--seconds", type=float, default=1e9, help="save what is under way after this time, and end")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--rates", type=float, nargs="+", help="other learning rates than the sweep's")
    parser.add_argument("--seeds", type=int, nargs="+", help="other seeds than the sweep's")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the results")
    parser.add_argument("--commit", default="", help="what to note, where there is no repository")
    parser.add_argument("--again", action="store_true", help="retry what failed or diverged")
    parser.add_argument("--list", action="store_true", help="only say what is missing")
    parser.add_argument("--table", action="store_true", help="only print what is known")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    given = arguments(argv)
    from benchmarks.scan import machine

    here = {device: machine(device) for device in ("cpu", "cuda")[: 1 + bool(given.gpus)]}
    for name in given.sweeps:
        if given.table:
            rows = read(given.folder, full_name(name, given))
            say("\n".join(table(name, rows, SWEEPS[name].measure)))
        elif given.list:
            known = read(given.folder, full_name(name, given), here.values())
            for cell in wanted(name, chosen(name, given), known, given):
                if cell.key not in known:
                    say(f"{cell.work:.1e}  {cell.name}")
        elif not given.small and SWEEPS[name].base.device == "cuda" and not given.gpus:
            sys.exit(f"{name} needs a GPU, and none was given; add --gpus 1, or --small for the miniature")
    if not given.table and not given.list:
        left = run(given, here)
        say(f"{left} cells are missing; the same command goes on" if left else "all cells are known")
        sys.exit(bool(left))


if __name__ == "__main__":
    main()
