"""The GPU presets: time of a step, eager and as a graph, and from the click to the goal through the real launcher.

    python -m benchmarks.gpu_training step
    python -m benchmarks.gpu_training click [preset ...]

`click` starts both twins as the app does: a launcher, its fork server with torch loaded, one process a run. The clock
starts when the experiment is asked for, so it counts starting the processes, CUDA, compiling or loading kernels,
capturing graphs, and every picture taken on the way.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings

SEEDS = (0, 1, 2)
COLD = 3  # seed of the first experiment
HEADER = "| seed | first picture s | S6 at the goal: s (step) | all done s | S6 token / seq. % | S4D token / seq. % |"
READING = 12.0  # seconds before the first click, while a person reads and the fork server loads torch
STEPS = 100  # timed
GOAL = {"token_accuracy": 0.99, "sequence_accuracy": 0.95}
TIMEOUT = 240.0


def step() -> list[str]:
    """Milliseconds per step of every GPU preset and layer."""
    lines = ["| preset | layer | eager ms | graph ms | graph with making the batch | ratio |", "|--|--|--|--|--|--|"]
    for name, preset in PRESETS.items():
        if name.endswith("_gpu"):
            for label, settings in preset.runs:
                lines.append(f"| {name} | {label} | " + " | ".join(_step(settings)) + " |")
    return lines


def _step(settings: TrainSettings) -> list[str]:
    from ssmviz.training.batches import batch
    from ssmviz.training.loop import Training
    from ssmviz.training.stepper import EagerStepper

    optim = settings.optim.model_copy(update={"curriculum": False})
    training = Training(settings.model_copy(update={"optim": optim, "device": "cuda"}))
    tokens, targets = batch(training.settings, 0, training.place.device)
    eager = EagerStepper(training.network, training.optimiser, optim.clip)
    graphed = training.stepper
    times = [
        _milliseconds(lambda: eager.step(tokens, targets, 1.0)),
        _milliseconds(lambda: graphed.step(tokens, targets, 1.0)),
        _milliseconds(lambda: graphed.step(*batch(training.settings, 1, training.place.device), 1.0)),
    ]
    return [*(f"{t:.2f}" for t in times), f"{times[0] / times[1]:.1f}"]


def _milliseconds(work: Callable[[], object]) -> float:
    """Median over five samples, warmed up."""
    import torch

    def sample(calls: int) -> float:
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        return 1e3 * (time.perf_counter() - began) / calls

    sample(10)
    return statistics.median(sample(STEPS // 5) for _ in range(5))


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
    arguments.add_argument("what", choices=("step", "click"))
    arguments.add_argument("presets", nargs="*", default=[])
    given = arguments.parse_args()
    lines = (
        step() if given.what == "step" else click(given.presets or [name for name in PRESETS if name.endswith("_gpu")])
    )
    print("\n".join(lines))


if __name__ == "__main__":
    main()
