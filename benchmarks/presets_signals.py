"""Search and time the presets on signals: the tables of `presets_signals_*.md`.

    python -m benchmarks.presets_signals search --processes 2     # every variant, three seeds, one thread each
    python -m benchmarks.presets_signals time                     # each preset's runs side by side, as in the app

Without a scan in them, these networks run the same on every backend. `search` counts the processor's time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings, changed
from ssmviz.tasks.mass_spring import poles as true_poles
from ssmviz.traces import Checkpoint, Evaluation, Probe, Rung

SEEDS = (0, 1, 2)
UNTRAINED = {"model.learn_poles": False, "model.learn_dt": False}
TRAINED = {"model.learn_poles": True, "model.learn_dt": True}


@dataclass(frozen=True)
class Variant:
    """One row: a preset's first run with some settings changed."""

    preset: str
    name: str
    changes: dict[str, Any]
    unit: bool = False  # random poles of a matrix with spectral radius 1


def variants() -> Iterator[Variant]:
    """All rows of all tables."""
    for name, changes in (
        ("3 pole pairs (the preset)", {}),
        ("2 pole pairs, as many as the system has", {"model.N": 2}),
        ("2 pole pairs, lr 0.1", {"model.N": 2, "optim.lr": 0.1}),
        ("4 pole pairs", {"model.N": 4}),
        ("3 pole pairs, from S4D-Inv", {"model.s4d_init": "inv"}),
        ("3 pole pairs, from S4D-LegS", {"model.s4d_init": "legs"}),
        ("6 real poles (the preset's other run)", {"model.s4d_init": "real", "model.N": 6}),
        ("1 mass, 1 pole pair", {"task.n_data": 1, "model.N": 1}),
        ("3 masses, 4 pole pairs", {"task.n_data": 3, "model.N": 4}),
    ):
        yield Variant("mass_spring", name, changes)
    inits = (("HiPPO (S4D-LegS)", "legs", False), ("evenly spaced (S4D-Lin)", "lin", False))
    inits += (("random, as large as HiPPO", "random", False), ("random, spectral radius 1", "random", True))
    for trained, how in ((UNTRAINED, ""), (TRAINED, ", poles and Delta trained")):
        for name, init, unit in inits:
            yield Variant("digits", name + how, {"model.s4d_init": init, **trained}, unit)
    for name, init, unit in inits[::2]:
        bigger = {"task.L": 256, "model.s4d_init": init, "model.dt_min": 1 / 256, "model.dt_max": 1 / 256}
        yield Variant("digits", f"{name}, 256 pixels", bigger, unit)
    for name, changes in (
        ("one layer of width 32 (the preset)", {}),
        ("width 16", {"model.d_model": 16}),
        ("lr 0.01", {"optim.lr": 0.01}),
        ("Delta from 0.001 to 0.1", {"model.dt_min": 0.001, "model.dt_max": 0.1}),
        ("Mamba block (convolves over samples)", {"model.block": "mamba", "model.d_model": 16}),
    ):
        yield Variant("resampled", name, changes)


def measure(job: tuple[Variant, int]) -> dict[str, Any]:
    """Train one variant from one seed."""
    variant, seed = job
    if variant.unit:
        _make_random_poles_small()
    settings = settings_of(variant, seed)
    from ssmviz.training.loop import train

    run = train(settings)
    began, curve, rungs, miss, event = time.process_time(), [], [], None, next(run)
    for event in run:
        if isinstance(event, Evaluation):
            score = event.token_accuracy if event.error is None else event.error
            curve.append((event.step, score, time.process_time() - began))
        if isinstance(event, Rung):
            rungs.append((event.length, event.label, event.token_accuracy if event.error is None else event.error))
        if isinstance(event, Checkpoint) and event.step == settings.optim.steps and settings.task.says_signal:
            miss = farthest_miss(settings, run.send(Probe((0.0,) * 8)).A[0])
    step, score, seconds = curve[-1]
    row = {"quarter": curve[len(curve) // 4][1], "half": curve[len(curve) // 2][1], "end": score, "rungs": rungs}
    return row | {"miss": miss, "ms": 1e3 * seconds / step}


def settings_of(variant: Variant, seed: int) -> TrainSettings:
    """The variant's settings."""
    return changed(PRESETS[variant.preset].runs[0][1], {"device": "cpu", "threads": 1, "seed": seed, **variant.changes})


def farthest_miss(settings: TrainSettings, A: np.ndarray) -> float:
    """Largest distance from a true pole to the nearest learned one, in 1/s."""
    learned = A.real + 1j * np.abs(A.imag)
    return float(max(np.abs(learned - pole).min() for pole in true_poles(settings.task)))


def _make_random_poles_small() -> None:
    """The usual normalisation of a random matrix, 1 / sqrt(size), in place of the app's."""
    from ssmviz.models import s4d

    def small(G: np.ndarray) -> np.ndarray:
        size = G.shape[-1]
        values = np.linalg.eigvals(G / np.sqrt(size))
        values -= values.real.max(-1, keepdims=True) + 0.5
        return np.take_along_axis(values, np.argsort(-values.imag, axis=-1)[:, : size // 2], -1)

    s4d.random_poles = small


def search(processes: int) -> None:
    """Every variant, every seed; one table for each preset."""
    jobs = [(variant, seed) for variant in variants() for seed in SEEDS]
    # a process for each job: one of them changes what random poles are
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        rows = pool.map(measure, jobs, chunksize=1)
    for preset in dict.fromkeys(variant.preset for variant, _ in jobs):
        print(f"\n### {preset}\n")
        regresses = PRESETS[preset].runs[0][1].task.says_signal
        head = ["variant", "after a quarter %", "half %", "at the end %"]
        head += ["farthest miss 1/s"] if regresses else []
        head += ["tests at the end, seed 0, %"] if preset == "resampled" else []
        print("| " + " | ".join([*head, "ms/step (CPU)"]) + " |\n" + "|--" * (len(head) + 1) + "|")
        for first in range(0, len(jobs), len(SEEDS)):
            variant, _ = jobs[first]
            if variant.preset == preset:
                print(_row(variant, rows[first : first + len(SEEDS)], regresses))


def _row(variant: Variant, rows: Sequence[dict[str, Any]], regresses: bool) -> str:
    def cell(key: str, digits: int = 1) -> str:
        return ", ".join(f"{100 * row[key]:.{digits}f}" for row in rows)

    cells = [variant.name, cell("quarter"), cell("half"), cell("end", 4 if regresses else 1)]
    cells += [", ".join(f"{row['miss']:.2g}" for row in rows)] if regresses else []
    if variant.preset == "resampled":
        cells.append("; ".join(f"{L} {label}: {100 * score:.0f}" for L, label, score in rows[0]["rungs"]))
    return "| " + " | ".join([*cells, f"{np.median([row['ms'] for row in rows]):.1f}"]) + " |"


def clock() -> None:
    """Wall seconds of each preset, all of its runs at once, one thread each."""
    print("\n| preset | runs | steps | s, first step to last | ms/step | at the end % |\n|--|--|--|--|--|--|")
    for name in ("mass_spring", "digits", "resampled"):
        runs = PRESETS[name].runs
        with multiprocessing.get_context("spawn").Pool(len(runs)) as pool:
            got = pool.map(_timed, [changed(settings, {"device": "cpu"}) for _, settings in runs])
        labels = ", ".join(label for label, _ in runs)
        steps = runs[0][1].optim.steps
        seconds = ", ".join(f"{s:.1f}" for s, _ in got)
        each = ", ".join(f"{1e3 * s / steps:.1f}" for s, _ in got)
        print(f"| {name} | {labels} | {steps} | {seconds} | {each} | {', '.join(f'{100 * e:.3g}' for _, e in got)} |")


def _timed(settings: TrainSettings) -> tuple[float, float]:
    from ssmviz.training.loop import train

    last = [event for event in train(settings) if isinstance(event, Evaluation)][-1]
    return last.seconds, last.error if last.token_accuracy is None else last.token_accuracy  # type: ignore[return-value]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("search", "time"))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    search(given.processes) if given.what == "search" else clock()


if __name__ == "__main__":
    main()
