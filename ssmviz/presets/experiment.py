"""What an experiment is: labelled runs, what may differ between them, and twins made of one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ssmviz.settings import TrainSettings, changed, get

S6, S4D = "S6", "S4D"  # the labels of the twins, in their order
RATES = ("optim.lr", "optim.lr_muon")  # each run has its own best

Runs = Sequence[tuple[str, TrainSettings]]  # (label, settings) of one experiment


@dataclass(frozen=True)
class Preset:
    """An experiment ready to start."""

    title: str
    sentence: str  # what will be seen
    runs: tuple[tuple[str, TrainSettings], ...]  # label, settings
    why: str  # why these settings and no others


@dataclass(frozen=True)
class TwinRate:
    """The twin's own best learning rates, as multiples of S6's, found by as wide a search."""

    lr: float
    lr_muon: float


TWIN_RATES: dict[str, TwinRate] = {
    "copying": TwinRate(lr=1.0, lr_muon=1.0),
    "selective_copying": TwinRate(lr=4.0, lr_muon=0.25),
    "induction_heads": TwinRate(lr=2.0, lr_muon=0.5),
    "associative_recall": TwinRate(lr=4.0, lr_muon=0.25),
    "listops": TwinRate(lr=2.0, lr_muon=0.25),
    "text": TwinRate(lr=2.0, lr_muon=1.0),
}

# of the large presets for a GPU: `benchmarks/gpu_training_h200_202611.md`
TWIN_RATES_CUDA: dict[str, TwinRate] = {
    "copying": TwinRate(lr=1.0, lr_muon=1.0),
    "selective_copying": TwinRate(lr=20.0, lr_muon=1.0),
    "induction_heads": TwinRate(lr=1.0, lr_muon=1.0),
}


def twins(settings: TrainSettings) -> tuple[TrainSettings, TrainSettings]:
    """The same run with selection (S6) and without (S4D).

    Task, seed, batches, block, sizes, steps and schedule are the same. The twin has its own best learning rates, and
    its N complex states stand for N conjugate pairs, so twice as many numbers as S6 carries.
    """
    rates = (TWIN_RATES_CUDA if settings.device == "cuda" else TWIN_RATES)[settings.task.name]
    optim = settings.optim
    own = {"lr": optim.lr * rates.lr, "lr_muon": optim.lr_muon * rates.lr_muon}
    s6 = {"model": settings.model.model_copy(update={"layer": "s6"})}
    s4d = {
        "model": settings.model.model_copy(update={"layer": "s4d"}),
        "optim": optim.model_copy(update=own),
    }
    return settings.model_copy(update=s6), settings.model_copy(update=s4d)


def with_changes(runs: Runs, changes: Mapping[str, Any]) -> tuple[tuple[str, TrainSettings], ...]:
    """An experiment with other settings: what its runs have in common changes, what makes each of them different stays.

    Learning rates that differ are all multiplied by what multiplies the first run's.

    Args:
        runs: of the experiment.
        changes: new values of the first run's settings, {"model.N": 4, "seed": 1}.

    Raises:
        ValidationError: a run would be impossible.
    """
    first = runs[0][1]

    def own(settings: TrainSettings) -> dict[str, Any]:
        values = {}
        for path, value in changes.items():
            mine, its = get(settings, path), get(first, path)
            if path not in differing(runs):
                values[path] = value
            elif path in RATES:
                values[path] = value * (mine / its)
        return values

    return tuple((label, changed(settings, own(settings))) for label, settings in runs)


def differing(runs: Runs) -> set[str]:
    """Paths of the settings that are not the same in all runs."""
    first, *others = (_leaves(settings.model_dump()) for _, settings in runs)
    return {path for path, value in first.items() for other in others if other[path] != value}


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        leaves |= _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return leaves


def pair(settings: TrainSettings) -> tuple[tuple[str, TrainSettings], ...]:
    """The twins, labelled."""
    return tuple(zip((S6, S4D), twins(settings), strict=True))


def runs_of(base: TrainSettings, **runs: Mapping[str, Any]) -> tuple[tuple[str, TrainSettings], ...]:
    """Labels (with _ for spaces), and what each run changes of the base."""
    return tuple((label.replace("_", " "), changed(base, values)) for label, values in runs.items())
