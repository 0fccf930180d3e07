"""Search the presets of the lessons: what each run of an experiment does at several learning rates and sizes.

    python -m benchmarks.presets_pages switches s4d_inits ablations against_attention --device cuda --processes 14
    python -m benchmarks.presets_pages chosen --seeds 0 1 2     # the presets themselves, on the CPU
    python -m benchmarks.presets_pages --table > table.md

One thread a process, float32. Learning rates and sizes are searched; a step does the same on every device, so the
search may run where it is fast. Times are the CPU's, of the process, tests included. Rows are appended to a JSON-lines
file, and what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.presets_cpu import measure, read, table, warm
from ssmviz.presets import COPYING, INDUCTION_HEADS, PRESETS, SELECTIVE_COPYING
from ssmviz.settings import TrainSettings, changed

RESULTS = Path("presets_pages.jsonl")
RATES = ((5e-3, 0.05), (1e-2, 0.05), (2e-2, 0.05), (2e-2, 0.025), (4e-2, 0.0125))  # AdamW's, Muon's
FEW = ((5e-3, 0.05), (1e-2, 0.05), (2e-2, 0.05))

Variants = Iterator[tuple[str, TrainSettings]]


def rates(name: str, base: TrainSettings, pairs: tuple[tuple[float, float], ...] = RATES, **fields: Any) -> Variants:
    """One network at several pairs of learning rates. Fields are named as in the settings, `model__N=4`."""
    changes = {path.replace("__", "."): value for path, value in fields.items()}
    for lr, muon in pairs:
        yield f"{name}, lr {lr:g} / {muon:g}", changed(base, changes | {"optim.lr": lr, "optim.lr_muon": muon})


SHORT = changed(SELECTIVE_COPYING, {"task.L": 32, "task.n_data": 5, "optim.steps": 600})


def switches() -> Variants:
    """Selective copying with part of selection."""
    for selective in ("delta B C", "delta", "B C", "none"):
        yield from rates(selective, SHORT, model__selective=selective)


def s4d_inits() -> Variants:
    """A delay, by the poles S4D starts from."""
    base = changed(COPYING, {"model.layer": "s4d", "optim.steps": 200, "optim.batch": 16})
    for L, n_data, N in ((64, 8, 16), (128, 4, 16), (256, 4, 32)):
        sizes = {"task__L": L, "task__n_data": n_data, "model__N": N}
        for poles in ("lin", "inv", "legs", "real"):
            yield from rates(f"L {L}, N {N}: {poles}", base, FEW, model__s4d_init=poles, **sizes)


PARTS: Mapping[str, dict[str, Any]] = {
    "whole": {},
    "no convolution": {"model__d_conv": 0},
    "no gate": {"model__gate": False},
    "no D": {"model__skip": False},
}


def ablations() -> Variants:
    """The Mamba block with parts switched off, on both tasks that need selection."""
    for task, base in (("induction", INDUCTION_HEADS), ("selective copying", SHORT)):
        for name, off in PARTS.items():
            yield from rates(f"{task}: {name}", base, FEW, **off)


def against_attention() -> Variants:
    """Induction heads: S6, and a Transformer with as many parameters."""
    yield from rates("S6", INDUCTION_HEADS, FEW)
    for positions in ("rope", "absolute", "none"):
        attention = {"model__layer": "attention", "model__block": "transformer", "model__positions": positions}
        yield from rates(positions, INDUCTION_HEADS, (*RATES, (1e-2, 0.0125)), **attention)


def chosen() -> Variants:
    """The runs of the presets."""
    for name in ("switches", "two_views", "s4d_inits", "backends", "ablations", "against_attention"):
        for label, settings in PRESETS[name].runs:
            yield f"{name}: {label}", settings


SEARCHES = {search.__name__: search for search in (switches, s4d_inits, ablations, against_attention, chosen)}


def jobs(args: argparse.Namespace) -> Iterator[tuple[str, str, int, TrainSettings]]:
    """What is missing."""
    known = {(row["task"], row["variant"], row["seed"]) for row in read(args.file)}
    for name in args.searches:
        for (variant, settings), seed in product(SEARCHES[name](), args.seeds):
            if args.only in variant and (name, variant, seed) not in known:
                yield name, variant, seed, changed(settings, {"seed": seed, "device": args.device})


def one(job: tuple[str, str, int, TrainSettings]) -> dict[str, Any]:
    """Train once."""
    from ssmviz.training import evaluation

    name, variant, seed, settings = job
    for budget in (evaluation.RUNG_TOKENS, evaluation.RUNG_PAIRS):
        budget["cuda"] = budget["cpu"]  # the ladder of a CPU
    warm(settings)
    return {"task": name, "variant": variant, "seed": seed} | measure(settings)


def search(args: argparse.Namespace) -> None:
    """Run what is missing."""
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        for row in pool.imap_unordered(one, jobs(args)):
            with args.file.open("a") as out:
                out.write(json.dumps(row) + "\n")
            ladder = " ".join(f"{length}:{100 * score[0]:.0f}" for length, score in row["ladder"].items())
            print(f"{row['task']}: {row['variant']}, seed {row['seed']}: {row['goal_step']}, ", end="")
            print(f"{100 * row['token']:.1f} / {100 * row['sequence']:.0f} %  {ladder}", flush=True)


def without_times(line: str) -> str:
    """A row of the table without what a search on another device says nothing about."""
    cells = line.split("|")
    return "|".join(cells[:3] + cells[5:])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("searches", nargs="*", help=f"some of {', '.join(SEARCHES)}")
    parser.add_argument("--only", default="", help="variants whose name contains this")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--file", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print what was measured")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    os.nice(5)
    search(args)
    if args.table:
        for name in dict.fromkeys(row["task"] for row in read(args.file)):
            lines = table([row for row in read(args.file) if row["task"] == name]).splitlines()
            if name != "chosen":
                lines = [without_times(line) for line in lines]
            print(f"\n### {name}\n", *lines, sep="\n")


if __name__ == "__main__":
    main()
