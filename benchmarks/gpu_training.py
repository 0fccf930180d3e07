"""The GPU presets: from the click to the goal through the real launcher, and induction heads at the full length.

    python -m benchmarks.gpu_training click [preset ...]
    python -m benchmarks.gpu_training full [--seed 0] [--steps 204800]

`click` starts both twins as the app does: a launcher, its fork server with torch loaded, one process a run. The clock
starts when the experiment is asked for, so it counts starting the processes, CUDA, compiling or loading kernels,
capturing graphs, and every picture taken on the way.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings
from ssmviz.traces import Checkpoint, Diverged, Evaluation, Note, Rung

SEEDS = (0, 1, 2)
COLD = 3  # seed of the first experiment
HEADER = "| seed | first picture s | S6 at the goal: s (step) | all done s | S6 token / seq. % | S4D token / seq. % |"
READING = 12.0  # seconds before the first click, while a person reads and the fork server loads torch
GOAL = {"token_accuracy": 0.99, "sequence_accuracy": 0.95}
TIMEOUT = 240.0


def full(seed: int, steps: int) -> list[str]:
    """Induction heads as long as in the paper, in this process: time, scores, lengths up to 2^20, and memory."""
    import torch

    from ssmviz.training.loop import train

    settings = _full_settings(seed, steps)
    lines = ["| step | s of training | loss | test loss | token % |", "|--|--|--|--|--|"]
    ladder, reached, last, rows = [], "never", 0.0, 20
    began = time.perf_counter()
    for event in train(settings):
        match event:
            case Note():
                lines.append(event.text)
            case Evaluation():
                if event.token_accuracy == 1 and reached == "never":
                    reached = f"{event.seconds:.1f} s, {event.step} steps"
                if event.step % (steps // rows) < settings.eval_every or event.token_accuracy < 1:
                    values = f"{event.loss:.1e} | {event.test_loss:.1e} | {100 * event.token_accuracy:.1f}"
                    lines.append(f"| {event.step} | {event.seconds:.1f} | {values} |")
                last = event.seconds
            case Checkpoint() if event.step == steps:
                trained = torch.cuda.max_memory_allocated() / 2**20
                torch.cuda.reset_peak_memory_stats()
                lap = time.perf_counter()
            case Rung():
                now, memory = time.perf_counter(), torch.cuda.max_memory_allocated() / 2**20
                torch.cuda.reset_peak_memory_stats()
                cost = f"{event.sequences} | {now - lap:.2f} | {memory:.0f}"
                ladder.append(f"| {event.length} | {100 * event.token_accuracy:.1f} | {cost} |")
                lap = now
            case Diverged():
                lines.append(event.reason)
    whole = time.perf_counter() - began
    lines += ["", f"Seed {seed}: 100 % at L=256 first after {reached}; {steps} steps in {last:.1f} s of training, ", ""]
    lines += [f"{whole:.1f} s with everything; {trained:.0f} MiB at most while training.", ""]
    return [*lines, "| L | token % | sequences | s | MiB at most |", "|--|--|--|--|--|", *ladder, ""]


def _full_settings(seed: int, steps: int) -> TrainSettings:
    preset = dict(PRESETS["induction_heads_gpu"].runs)["S6"]
    optim = {
        "optimiser": "adamw",
        "lr": 1e-3,
        "eps": 1e-15,
        "delta_penalty": 1e-2,
        "steps": steps,
    }
    every = {"seed": seed, "eval_every": min(2000, steps // 10), "checkpoint_every": steps}
    return preset.model_copy(update={"optim": preset.optim.model_copy(update=optim), **every})


def click(names: list[str]) -> list[str]:
    """One experiment per preset and seed, one after the other; the first meets no warm files."""
    from ssmviz.runs.client import Client
    from ssmviz.runs.store import Store

    lines = []
    with tempfile.TemporaryDirectory() as folder:
        client = Client(Store(Path(folder)))
        client.attach()
        time.sleep(READING)
        for name in names:
            lines += [
                f"### {name}",
                "",
                HEADER,
                "|--|--|--|--|--|--|",
            ]
            rows = {seed: _watch(client, name, seed) for seed in (COLD, *SEEDS)}
            for seed, row in rows.items():
                cells = (f"{row['first']:.1f}", row["goal"], f"{row['done']:.1f}", row["S6"], row["S4D"])
                lines.append(f"| {seed}{' (first)' * (seed == COLD)} | " + " | ".join(cells) + " |")
            median = statistics.median(rows[seed]["seconds"] for seed in SEEDS)
            lines += ["", f"Median of seeds {SEEDS}: {median:.1f} s from the click to the goal.", ""]
            lines += [
                f"{label} at other lengths, seed {SEEDS[0]}: {rows[SEEDS[0]][label + ' ladder']}"
                for label in ("S6", "S4D")
            ]
            lines.append("")
        client.shutdown()
    return lines


def _watch(client: Any, name: str, seed: int) -> dict[str, Any]:
    """Start the twins, and poll their history as the page does."""
    preset = PRESETS[name]
    runs = [(label, settings.model_copy(update={"seed": seed})) for label, settings in preset.runs]
    began = time.perf_counter()
    experiment = client.start_experiment(preset.title, runs, preset=name)
    row: dict[str, Any] = {"first": 0.0, "goal": "not reached", "seconds": float("inf"), "S6": "-", "S4D": "-"}
    row |= {"S6 ladder": "", "S4D ladder": ""}
    seen: dict[str, int] = {}
    while (now := time.perf_counter() - began) < TIMEOUT:
        states = client.store.runs_of(experiment.id)
        for run in states:
            if not row["first"] and client.store.newest_frame(run.id) is not None:
                row["first"] = now
            for metric in client.store.metrics_since(run.id, seen.get(run.id, 0)):
                seen[run.id] = metric.rowid
                if metric.kind == "rung":
                    row[run.label + " ladder"] += (
                        f"{metric.data['length']}: {100 * metric.data['token_accuracy']:.1f}, "
                    )
                if metric.kind != "evaluation":
                    continue
                token, sequence = metric.data["token_accuracy"], metric.data["sequence_accuracy"]
                row[run.label] = f"{100 * token:.1f} / {100 * sequence:.1f}"
                good = token >= GOAL["token_accuracy"] and sequence >= GOAL["sequence_accuracy"]
                if run.label == "S6" and good and row["seconds"] == float("inf"):
                    row["seconds"], row["goal"] = now, f"{now:.1f} ({metric.step})"
        if all(run.state not in ("queued", "starting", "running") for run in states):
            break
        time.sleep(0.02)
    row["done"] = now
    for run in states:
        if run.state != "done":
            row[run.label] = f"{run.state}: {run.reason}"
    return row


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=("click", "full"))
    arguments.add_argument("presets", nargs="*", default=[])
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--steps", type=int, default=204_800)
    given = arguments.parse_args()
    presets = given.presets or [name for name in PRESETS if name.endswith("_gpu")]
    print("\n".join(click(presets) if given.what == "click" else full(given.seed, given.steps)))


if __name__ == "__main__":
    main()
