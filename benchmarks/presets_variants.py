"""What the preset search tries: per task, names of variants and what they change of `BASE`."""

from __future__ import annotations

from typing import Any

from ssmviz.settings import TrainSettings

Change = dict[str, dict[str, Any]]

BASE: dict[str, Change] = {
    "selective_copying": {
        "task": {"name": "selective_copying", "L": 64, "vocab": 10, "n_data": 8},
        "model": {"d_model": 32, "N": 8, "dt_rank": 8, "bc_scale": 4.0},
        "optim": {"steps": 1000, "batch": 32, "lr": 5e-3, "lr_muon": 0.05},
    },
    "copying": {
        "task": {"name": "copying", "L": 64, "vocab": 10, "n_data": 8},
        "model": {"d_model": 32, "N": 16, "dt_rank": 8, "bc_scale": 4.0, "dt_min": 0.01, "dt_max": 0.1},
        "optim": {"steps": 500, "batch": 32, "lr": 5e-3, "lr_muon": 0.05},
    },
    "induction_heads": {
        "task": {"name": "induction_heads", "L": 64, "vocab": 16},
        "model": {"d_model": 32, "N": 8, "dt_rank": 8, "dt_min": 0.01, "dt_max": 0.5},
        "optim": {"steps": 500, "batch": 32, "lr": 5e-3, "lr_muon": 0.05, "curriculum": True},
    },
}


def rates(layer: str, lrs: list[float], lrs_muon: list[float], **optim: Any) -> dict[str, Change]:
    """A grid over both learning rates."""
    return {
        f"{layer} lr {lr:g} muon {muon:g}{_suffix(optim)}": {
            "model": {"layer": layer},
            "optim": {"lr": lr, "lr_muon": muon} | optim,
        }
        for lr in lrs
        for muon in lrs_muon
    }


def one(layer: str, name: str, **changes: dict[str, Any]) -> dict[str, Change]:
    """One variant that differs from the base in `changes` ("model" or "optim" or "task")."""
    return {f"{layer} {name}": changes | {"model": {"layer": layer} | changes.get("model", {})}}


def _suffix(optim: dict[str, Any]) -> str:
    return "".join(f" {key}" if value is True else f" {key} {value}" for key, value in optim.items())


TWIN = {"lr": 4e-2, "lr_muon": 0.0125, "curriculum": True}

VARIANTS: dict[str, dict[str, Change]] = {
    "selective_copying": rates("s6", [2.5e-3, 5e-3, 1e-2, 2e-2], [0.025, 0.05, 0.1])
    | rates("s6", [5e-3, 1e-2, 1.5e-2, 2e-2, 4e-2], [0.0125, 0.025, 0.05, 0.1], curriculum=True)
    | one("s6", "cur bc_scale 1", model={"bc_scale": 1.0}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur dt_rank 2", model={"dt_rank": 2}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur adamw 1e-2", optim={"optimiser": "adamw", "lr": 1e-2, "curriculum": True})
    | one("s6", "cur constant rate", optim={"schedule": "constant", "curriculum": True, "lr": 1e-2})
    | one("s6", "cur 700 steps", optim={"curriculum": True, "lr": 1e-2, "steps": 700})
    | one("s6", "cur N 16", model={"N": 16}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur N 4", model={"N": 4}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur bc_scale 2", model={"bc_scale": 2.0}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur bc_scale 8", model={"bc_scale": 8.0}, optim={"curriculum": True, "lr": 1e-2})
    | one(
        "s6",
        "cur both dt_rank 2 bc_scale 8",
        model={"bc_scale": 8.0, "dt_rank": 2},
        optim={"curriculum": True, "lr": 1e-2},
    )
    | one("s6", "cur dt_rank 16", model={"dt_rank": 16}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur dt 0.01 to 0.1", model={"dt_min": 0.01}, optim={"curriculum": True, "lr": 1e-2})
    | one("s6", "cur batch 48", optim={"curriculum": True, "lr": 1e-2, "batch": 48})
    | one("s6", "cur zoh", model={"b_discretisation": "zoh"}, optim={"curriculum": True, "lr": 1e-2})
    | rates("s4d", [2.5e-3, 5e-3, 1e-2, 2e-2, 4e-2], [0.0125, 0.025, 0.05, 0.1], curriculum=True)
    | rates("s4d", [2e-2, 4e-2, 8e-2], [0.003, 0.006], curriculum=True)
    | rates("s4d", [8e-2], [0.0125], curriculum=True)
    | rates("s4d", [1e-2, 2e-2, 4e-2, 8e-2], [0.0125, 0.025, 0.05, 0.1])
    | one("s4d", "cur init inv", model={"s4d_init": "inv"}, optim=TWIN)
    | one("s4d", "cur init legs", model={"s4d_init": "legs"}, optim=TWIN)
    | one("s4d", "cur init real", model={"s4d_init": "real"}, optim=TWIN)
    | one("s4d", "cur dt 0.01 to 0.1", model={"dt_min": 0.01}, optim=TWIN)
    | one("s4d", "cur N 16", model={"N": 16}, optim=TWIN)
    | one("s4d", "cur N 64", model={"N": 64}, optim=TWIN)
    | one("s4d", "cur adamw", optim=TWIN | {"optimiser": "adamw"})
    | one("s4d", "cur constant rate", optim=TWIN | {"schedule": "constant"}),
    "copying": {
        name: change
        for N in (8, 16, 32, 64)
        for layer in ("s6", "s4d")
        for lr, lr_muon in ((1e-2, 0.05), (2e-2, 0.05), (1e-2, 0.025), (2e-2, 0.0125))
        for name, change in one(
            layer, f"N {N} lr {lr:g} muon {lr_muon:g}", model={"N": N}, optim={"lr": lr, "lr_muon": lr_muon}
        ).items()
    },
    "induction_heads": rates("s6", [2.5e-3, 5e-3, 1e-2, 2e-2], [0.025, 0.05, 0.1])
    | one("s6", "adamw 1e-2", optim={"optimiser": "adamw", "lr": 1e-2})
    | one("s6", "no curriculum", optim={"curriculum": False})
    | one("s6", "d_model 16", model={"d_model": 16})
    | one("s6", "dt 0.001 to 0.1", model={"dt_min": 1e-3, "dt_max": 0.1})
    | rates("s4d", [2.5e-3, 5e-3, 1e-2, 2e-2], [0.025, 0.05, 0.1]),
}


def settings_of(task: str, variant: str, seed: int) -> TrainSettings:
    """The full settings of one run of the search, validated."""
    change = VARIANTS[task][variant]
    parts = {part: BASE[task].get(part, {}) | change.get(part, {}) for part in ("task", "model", "optim")}
    return TrainSettings.model_validate(parts | {"seed": seed, "device": "cpu", "threads": 1})
