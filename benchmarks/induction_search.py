"""Which training keeps induction heads at lengths never seen: variants of one run on a GPU, tested up to 2^20.

python -m benchmarks.induction_search [--steps 20000]
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from ssmviz.presets import PRESETS
from ssmviz.settings import TrainSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.training import batches, evaluation
from ssmviz.training.loop import Training

BASE = {"optimiser": "adamw", "lr": 1e-3, "schedule": "linear", "eps": 1e-15}
LENGTHS = (256, 4096, 2**14, 2**16, 2**18, 2**20)
SEQUENCES = 16
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # changes of optim, changes of model
    "penalty 1e-2": ({"delta_penalty": 1e-2}, {}),
    "penalty 1e-1": ({"delta_penalty": 1e-1}, {}),
    "penalty 1e-2, eps 1e-11": ({"delta_penalty": 1e-2, "eps": 1e-11}, {}),
    "penalty 1e-2, lr 3e-3": ({"delta_penalty": 1e-2, "lr": 3e-3}, {}),
    "penalty 1e-2, first Delta 0.5 to 1": ({"delta_penalty": 1e-2}, {"dt_min": 0.5, "dt_max": 1.0}),
    "muon, penalty 1e-2": ({"optimiser": "muon", "lr": 2e-3, "lr_muon": 0.01, "delta_penalty": 1e-2}, {}),
    "penalty 1e-2, no curriculum": ({"delta_penalty": 1e-2, "curriculum": False}, {}),
    "penalty 1e-2, constant": ({"delta_penalty": 1e-2, "schedule": "constant"}, {}),
    "no penalty": ({}, {}),
    "no penalty, eps 1e-8": ({"eps": 1e-8}, {}),
    "no penalty, first Delta 0.5 to 1": ({}, {"dt_min": 0.5, "dt_max": 1.0}),
}


def settings_of(name: str, steps: int, seed: int) -> TrainSettings:
    """The preset with one variant's changes."""
    optim, model = VARIANTS[name]
    preset = dict(PRESETS["induction_heads_gpu"].runs)["S6"]
    changed = {
        "optim": preset.optim.model_copy(update=BASE | {"steps": steps} | optim),
        "model": preset.model.model_copy(update=model),
        "seed": seed,
    }
    return preset.model_copy(update=changed)


def row(name: str, steps: int, seed: int) -> str:
    """Train one variant and test it."""
    settings = settings_of(name, steps, seed)
    training = Training(settings)
    began = time.perf_counter()
    for step in range(steps):
        tokens, targets = batches.batch(settings, step, training.place.device)
        rate = 1.0 if settings.optim.schedule == "constant" else 1.0 - step / steps
        training.stepper.step(tokens, targets, rate)
    mean = training.stepper.loss_sum.item() / steps
    seconds = time.perf_counter() - began
    scores = [f"{100 * _accuracy(training, L):.0f}" for L in LENGTHS]
    delta = _delta_of_noise(training)
    return f"| {name}, seed {seed} | {seconds:.1f} | {mean:.1e} | {' | '.join(scores)} | {delta} |"


def _accuracy(training: Training, L: int) -> float:
    task, settings = TASKS["induction_heads"], training.settings
    drawn = task.sample(task.at_length(settings.task, L), rng_for(settings.seed, "test", L), SEQUENCES)
    tensors = evaluation.asked(drawn.tokens, drawn.targets, 1, training.place.device)
    return evaluation.score(training.network, *tensors).token_accuracy


def _delta_of_noise(training: Training) -> str:
    """Delta A of the second layer's slowest decay: what channels let go per token, of those that kept most."""
    task, settings = TASKS["induction_heads"], training.settings
    tokens = task.sample(settings.task, rng_for(0, "probe"), 1).tokens[0]
    layer, A = training.network.trace(tokens).layers[1], training.network.A()[1]
    lost = (layer.delta.mean(0)[:, None] * -A).min(1)  # per channel, the slowest state
    return " ".join(
        f"{q:.0e}" for q in torch.from_numpy(lost).quantile(torch.tensor([0.0, 0.1, 0.5, 0.9, 1.0])).tolist()
    )


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--steps", type=int, default=20_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("variants", nargs="*", default=list(VARIANTS))
    given = arguments.parse_args()
    print(f"| variant, {given.steps} steps | s | mean loss | {' | '.join(map(str, LENGTHS))} | lost per token |")
    print("|--" * (len(LENGTHS) + 4) + "|")
    for name in given.variants:
        print(row(name, given.steps, given.seed), flush=True)


if __name__ == "__main__":
    main()
