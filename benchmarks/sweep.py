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
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.sweep_workers import Workers
from benchmarks.sweeps import SWEEPS, Sweep
from ssmviz.settings import TrainSettings, changed, explain

FOLDER = Path(__file__).parent / "results"
GRACE = 45.0  # seconds after the deadline in which cells save themselves and ladders end
HEARTBEAT = 30.0  # seconds between two words on what is under way
WHERE = ("device", "threads", "backend", "wall_limit_s", "checkpoint_every")  # decides no result
Row = dict[str, Any]


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
    rates = given.rates or (sweep.small_rates if given.small else sweep.rates)
    seeds = given.seeds or (sweep.seeds[:1] if given.small else sweep.seeds)

    def cell(row: str, rate: float, seed: int) -> Cell:
        return Cell(
            name + "_small" * given.small, row, rate, seed, settings_of(sweep, row, rate, seed, small=given.small)
        )

    for row in rows:
        first = [cell(row, rate, seeds[0]) for rate in rates]
        yield from first
        if all(c.key in known for c in first):
            best = max(first, key=lambda c: score(known[c.key], sweep.measure))
            yield from (cell(row, best.rate, seed) for seed in seeds[1:])


def score(row: Row, measure: str) -> float:
    """Larger is better; what diverged or failed is worse than anything."""
    value = row.get(measure)
    if row["state"] != "done" or value is None:
        return -1e9
    return -value if measure == "error" else value


# -- what is known ----------------------------------------------------------------------------------------------------


def read(folder: Path, name: str, machines: Iterable[str] = ()) -> dict[str, Row]:
    """Results of a sweep by key, on these machines or on any."""
    rows: dict[str, Row] = {}
    for file in sorted(folder.glob(f"{name}_*.jsonl")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            if row["sweep"] == name and (not machines or row["hardware"] in machines):
                rows[row["key"]] = row
    return rows


def append(folder: Path, row: Row) -> None:
    """One line at the end of the sweep's file, in one write."""
    folder.mkdir(parents=True, exist_ok=True)
    machine = re.sub(r"[^a-z0-9]+", "-", re.sub(r"NVIDIA|AMD|Intel|\(R\)", "", row["hardware"]).lower()).strip("-")
    with (folder / f"{row['sweep']}_{machine}_{row['measured'][:7].replace('-', '')}.jsonl").open("a") as out:
        out.write(json.dumps(row) + "\n")


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
    known = {name: read(given.folder, name + "_small" * given.small, machines.values()) for name in given.sweeps}
    if given.again:
        known = {name: {k: r for k, r in rows.items() if r["state"] == "done"} for name, rows in known.items()}
    rows = {name: chosen(name, given) for name in given.sweeps}
    began, said = time.time(), time.time()
    with Workers(
        given.gpus, given.per_gpu, given.processes, given.folder / "partial", began + given.seconds
    ) as workers:
        while True:
            cells = [c for name in given.sweeps for c in wanted(name, rows[name], known[name], given)]
            missing = {c.key: c for c in cells if c.key not in known[c.sweep.removesuffix("_small")]}
            over = time.time() > began + given.seconds
            for cell in sorted(missing.values(), key=lambda c: -c.work):
                if not over and cell.key not in workers.busy:
                    workers.offer(cell)
            if not workers.busy or time.time() > began + given.seconds + GRACE:
                return len(missing)
            for cell, result in workers.results(timeout=1.0):
                if result is not None:
                    row = record(cell, result, given, machines)
                    known[cell.sweep.removesuffix("_small")][cell.key] = row
                    append(given.folder, row)
                    say(f"{time.time() - began:5.0f} s  {cell.name}: {in_words(row)}; {len(missing) - 1} are missing")
            if time.time() - said > HEARTBEAT:
                said = time.time()
                say(f"{said - began:5.0f} s  {len(workers.busy)} under way")


def chosen(name: str, given: argparse.Namespace) -> list[str]:
    """Rows to train; says what is left out."""
    rows, missing = possible(name, small=given.small)
    for sentence in missing:
        say(sentence)
    few = SWEEPS[name].small_rows if given.small else ()
    return [row for row in rows if given.only in row and (row in few or not few)]


def record(cell: Cell, result: Row, given: argparse.Namespace, machines: dict[str, str]) -> Row:
    """The line of one cell."""
    command = f"python -m benchmarks.sweep {cell.sweep.removesuffix('_small')}" + " --small" * given.small
    names = {"sweep": cell.sweep, "row": cell.row, "lr": cell.rate, "seed": cell.seed, "key": cell.key}
    return names | result | facts(given, machines[cell.settings.device]) | {"command": command, "settings": cell.values}


def in_words(row: Row) -> str:
    """One result, short."""
    values = [f"{100 * row[m]:.1f} % {m}" for m in ("token", "sequence", "error") if row.get(m) is not None]
    ladder = " ".join(f"{rung['L']}:{100 * rung['token']:.0f}" for rung in row["ladder"] if rung["token"] is not None)
    return f"{row['state']}{' (' + row['reason'] + ')' if row['reason'] else ''} {', '.join(values)} {ladder}".strip()


def say(text: str) -> None:
    """A line, at once."""
    print(text, flush=True)


def table(name: str, rows: dict[str, Row], measure: str) -> Iterator[str]:
    """Markdown: each row at its best rate, seeds side by side."""
    yield f"### {name}\n"
    yield "| row | lr | token % | sequence % | error % | state | longest L with 99 % |"
    yield "|--|--|--|--|--|--|--|"
    for label in dict.fromkeys(row["row"] for row in rows.values()):
        of = [row for row in rows.values() if row["row"] == label]
        rate = max(of, key=lambda row: score(row, measure))["lr"]
        best = sorted((row for row in of if row["lr"] == rate), key=lambda row: row["seed"])
        cells = [", ".join("-" if row[m] is None else f"{100 * row[m]:.1f}" for row in best) for m in MEASURES]
        longest = [max((r["L"] for r in row["ladder"] if (r["token"] or 0) >= 0.99), default=0) for row in best]
        states = ", ".join(dict.fromkeys(row["state"] for row in best))
        yield f"| {label} | {rate:g} | {' | '.join(cells)} | {states} | {', '.join(map(str, longest))} |"


MEASURES = ("token", "sequence", "error")


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
            rows = read(given.folder, name + "_small" * given.small)
            say("\n".join(table(name, rows, SWEEPS[name].measure)))
        elif given.list:
            known = read(given.folder, name + "_small" * given.small, here.values())
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
