"""Search and confirm the CPU presets: every run that led to `ssmviz/presets` can be made again.

    python -m benchmarks.presets_cpu search selective_copying   # one table of variants, a run per seed
    python -m benchmarks.presets_cpu confirm                    # the presets themselves, twins at once

One thread per run. `search` counts the processor's time, which other work on the machine disturbs least; `confirm`
counts the wall clock, as a person does. Rows are appended to a JSON-lines file, and what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.presets_confirm import confirm
from benchmarks.presets_variants import VARIANTS, settings_of
from ssmviz.settings import TrainSettings
from ssmviz.traces import Evaluation, Rung, Step

GOAL = 0.99  # token accuracy
SEEDS = (0, 1, 2)
RESULTS = Path("presets_cpu.jsonl")


def measure(settings: TrainSettings) -> dict[str, Any]:
    """Train once; the curve, the ladder, and when the goal was reached."""
    from ssmviz.training.loop import train

    events = train(settings)
    next(events)
    cpu, wall = time.process_time(), time.perf_counter()
    row: dict[str, Any] = {"curve": [], "ladder": {}, "steps": 0}
    for event in events:
        if isinstance(event, Step):
            row["steps"] = event.step
        if isinstance(event, Evaluation):
            now = round(time.process_time() - cpu, 3), round(time.perf_counter() - wall, 3)
            row["curve"].append((event.step, event.token_accuracy, event.sequence_accuracy, *now))
        if isinstance(event, Rung):
            row["ladder"][str(event.length)] = (event.token_accuracy, event.sequence_accuracy, event.sequences)
    step, token, sequence, cpu_s, _ = row["curve"][-1]
    row |= {"token": token, "sequence": sequence, "cpu_ms_per_step": round(1e3 * cpu_s / step, 2)}
    reached = next((point for point in row["curve"] if point[1] > GOAL), None)
    goal = (reached[0], *reached[3:]) if reached else (None, None, None)
    return row | dict(zip(("goal_step", "goal_cpu", "goal_wall"), goal, strict=True))


def warm(settings: TrainSettings) -> None:
    """Compile before the clock runs, as the worker of the app does."""
    from ssmviz.training.loop import train

    events = train(settings)
    for _ in range(3):
        next(events)


def _search_one(job: tuple[str, str, int, TrainSettings]) -> dict[str, Any]:
    task, name, seed, settings = job
    warm(settings)
    return {"task": task, "variant": name, "seed": seed} | measure(settings)


def search(task: str, file: Path, seeds: list[int], only: str, processes: int) -> None:
    """Run what is missing, then print the table."""
    rows = read(file)
    known = {(row["task"], row["variant"], row["seed"]) for row in rows}
    wanted = [name for name in VARIANTS[task] if only in name]
    jobs = [(task, n, s, settings_of(task, n, s)) for n in wanted for s in seeds if (task, n, s) not in known]
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool, file.open("a") as out:
        for row in pool.imap_unordered(_search_one, jobs):
            out.write(json.dumps(row) + "\n")
            out.flush()
            rows.append(row)
    print(table([row for row in rows if row["task"] == task and row["variant"] in wanted]))


def read(file: Path) -> list[dict[str, Any]]:
    """Rows measured before."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, one line per variant, seeds side by side."""
    lines = [
        "| variant | 99 % at step | CPU s | CPU ms/step | token % | sequence % | ladder, token % |",
        "|" + "--|" * 7,
    ]
    for name in dict.fromkeys(row["variant"] for row in rows):
        of = sorted((row for row in rows if row["variant"] == name), key=lambda row: row["seed"])
        cells = [
            ", ".join(str(row["goal_step"] or "-") for row in of),
            ", ".join("-" if row["goal_cpu"] is None else f"{row['goal_cpu']:.1f}" for row in of),
            f"{statistics.median(row['cpu_ms_per_step'] for row in of):.1f}",
            ", ".join(f"{100 * row['token']:.1f}" for row in of),
            ", ".join(f"{100 * row['sequence']:.0f}" for row in of),
            "; ".join(f"{length}: {scores}" for length, scores in rungs(of)),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rungs(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Length and token accuracies of every rung, seeds side by side."""
    for length in sorted({length for row in rows for length in row["ladder"]}, key=int):
        scores = [row["ladder"][length][0] for row in rows if length in row["ladder"]]
        yield length, ", ".join(f"{100 * score:.0f}" for score in scores)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    searching = commands.add_parser("search")
    searching.add_argument("task", choices=VARIANTS)
    searching.add_argument("--only", default="", help="variants whose name contains this")
    searching.add_argument("--file", type=Path, default=RESULTS)
    searching.add_argument("--processes", type=int, default=2)
    confirming = commands.add_parser("confirm")
    confirming.add_argument("presets", nargs="*", default=["selective_copying", "induction_heads", "copying"])
    for command in (searching, confirming):
        command.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    args = parser.parse_args()
    if args.command == "search":
        search(args.task, args.file, args.seeds, args.only, args.processes)
    else:
        for line in confirm(args.presets, args.seeds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
