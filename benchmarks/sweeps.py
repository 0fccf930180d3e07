"""What `benchmarks/sweep.py` runs: named grids of settings, each with a miniature for two CPU cores.

A sweep is one set of settings, rows that each change some of them, learning rates, and seeds. Every row is trained at
every rate with the first seed, and at its own best rate with the others, so that no row loses by a rate chosen for
another. A row whose layer, block or task does not exist is left out, and the program says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ssmviz.presets import (
    ASSOCIATIVE_RECALL,
    DIGITS,
    INDUCTION_HEADS,
    INDUCTION_HEADS_GPU,
    SELECTIVE_COPYING,
    SELECTIVE_COPYING_GPU,
)
from ssmviz.settings import TrainSettings

Changes = Mapping[str, Any]  # {"model.N": 4}, as in `ssmviz.settings.changed`

BLOCKS = ("plain", "h3", "mamba")
LAYERS = ("s6", "s4", "hyena", "s4d", "s5")
GRID: dict[str, Changes] = {f"{b}, {k}": {"model.block": b, "model.layer": k} for b in BLOCKS for k in LAYERS}
NETWORKS: dict[str, Changes] = {
    "mamba": {"model.block": "mamba", "model.layer": "s6"},
    "mamba block, s4d": {"model.block": "mamba", "model.layer": "s4d"},
    "h3": {"model.block": "h3", "model.layer": "s4d"},
    "hyena": {"model.block": "h3", "model.layer": "hyena"},
} | {
    f"attention, {p}": {"model.block": "transformer", "model.layer": "attention", "model.positions": p}
    for p in ("absolute", "rope", "xpos", "none")
}


@dataclass(frozen=True)
class Sweep:
    """One grid."""

    title: str
    base: TrainSettings
    changes: Changes  # of the base, for every row
    rows: Mapping[str, Changes]
    small: Changes  # on top, where `--small` asks for the miniature
    rates: tuple[float, ...] = (3e-3, 1e-3, 3e-4)
    small_rates: tuple[float, ...] = (1e-2,)
    rates_of: str = ""  # sweep whose best rates its rows take, where it has been run
    seeds: tuple[int, ...] = (0, 1, 2)
    small_rows: tuple[str, ...] = ()  # of the miniature; empty: all
    measure: str = "token"  # what the best rate is best at; see `ssmviz.claims.measured.score`


# as in the Mamba paper, appendix E.1: two layers, AdamW without decay; but the rate falls to 0, since at a constant
# one what is scored depends on the step (S6 without a gate went from 72 to 89 % and back within 1,000 steps)
PLAIN_TRAINING: Changes = {
    "optim.optimiser": "adamw",
    "optim.schedule": "linear",
    "optim.curriculum": False,
    "optim.weight_decay": 0.0,
    "optim.clip": 1.0,
}
COPYING_RATES = (1e-2, 3e-3)  # no row of table1 did better at 1e-3
TABLE1 = PLAIN_TRAINING | {"optim.steps": 12_000, "eval_every": 500}
SMALL_COPYING: Changes = {
    "task.L": 32,
    "task.vocab": 10,
    "task.n_data": 4,
    "model.d_model": 32,
    "model.N": 8,
    # what `ssmviz/presets` found for short trainings
    "optim.optimiser": "muon",
    "optim.schedule": "linear",
    "optim.curriculum": True,
    "optim.batch": 16,
    "optim.steps": 800,
    "eval_every": 100,
    "eval_batch": 128,
    "device": "cpu",
}
# what keeps one token over a million others; `benchmarks/gpu_step_h200_202611.md` has the search
LONG_MEMORY: Changes = {
    "optim.optimiser": "adamw",
    "optim.schedule": "linear",
    "optim.curriculum": True,
    "optim.eps": 1e-15,
    "optim.delta_penalty": 1e-2,
}
SMALL_INDUCTION: Changes = {
    "task.L": 32,
    "model.d_model": 32,
    "model.N": 8,
    "optim.steps": 1000,
    "optim.batch": 16,
    "eval_every": 100,
    "eval_batch": 128,
    "device": "cpu",
}
VARIANTS: dict[str, Changes] = {
    "as in table2": {},
    "penalty 1e-1": {"optim.delta_penalty": 1e-1},
    "eps 1e-11": {"optim.eps": 1e-11},
    "first Delta 0.5 to 1": {"model.dt_min": 0.5, "model.dt_max": 1.0},
    "Muon": {"optim.optimiser": "muon", "optim.lr_muon": 0.01},
    "no curriculum": {"optim.curriculum": False},
    "constant rate": {"optim.schedule": "constant"},
    "no penalty": {"optim.delta_penalty": 0.0},
    "no penalty, eps 1e-8": {"optim.delta_penalty": 0.0, "optim.eps": 1e-8},
    "no penalty, first Delta 0.5 to 1": {"optim.delta_penalty": 0.0, "model.dt_min": 0.5, "model.dt_max": 1.0},
}
SELECTIVE = ("delta B C", "delta B", "delta C", "B C", "delta", "B", "C", "none")
HIPPO: dict[str, Changes] = {"HiPPO (LegS)": {}, "random A": {"model.s4d_init": "random"}}
TRAINED: Changes = {"model.learn_poles": True, "model.learn_dt": True}
POLES: dict[str, Changes] = {
    "s4d": {"model.layer": "s4d"},
    "s4d, real": {"model.layer": "s4d", "model.s4d_init": "real"},
    "s6": {"model.layer": "s6"},
}
SMALL_SIGNALS: Changes = {
    "model.d_model": 32,
    "model.N": 16,
    "optim.steps": 300,
    "optim.batch": 16,
    "eval_every": 100,
    "eval_batch": 128,
    "device": "cpu",
}

# every layer in every block that the lab offers, on its three small tasks; two rates of Muon's beside AdamW's
FAMILY = ("s6", "s4d", "s4", "lssl", "s5", "lmu", "hyena", "retnet", "linear_attention", "rwkv", "attention")
FAMILY_RATES: dict[str, Changes] = {
    f"{base.task.name}: {block}, {layer}, muon {muon:g}": {
        **{f"task.{field}": value for field, value in base.task.model_dump().items()},
        **{f"model.{field}": value for field, value in base.model.model_dump().items()},
        **{"optim.steps": base.optim.steps, "optim.curriculum": base.optim.curriculum},
        **{"model.block": block, "model.layer": layer, "optim.lr_muon": muon},
    }
    for base in (SELECTIVE_COPYING, INDUCTION_HEADS, ASSOCIATIVE_RECALL)
    for block in ("mamba", "transformer", "h3", "plain")
    for layer in FAMILY
    for muon in (0.01, 0.04)
}

SWEEPS: dict[str, Sweep] = {
    "table1": Sweep(
        "Selective copying, block x layer, L = 256",
        SELECTIVE_COPYING_GPU,
        TABLE1,
        GRID,
        small=SMALL_COPYING,
        rates=COPYING_RATES,
    ),
    "table1_long": Sweep(
        "Selective copying, block x layer, L = 1024",
        SELECTIVE_COPYING_GPU,
        TABLE1 | {"task.L": 1024, "optim.steps": 10_000, "eval_every": 1000},
        GRID,
        small=SMALL_COPYING | {"task.L": 64, "task.n_data": 8},
        rates_of="table1",
    ),
    "table1_twice": Sweep(
        "Selective copying, block x layer, L = 256, with twice the steps of table1",
        SELECTIVE_COPYING_GPU,
        TABLE1 | {"optim.steps": 24_000},
        GRID,
        small=SMALL_COPYING,
        rates_of="table1",
    ),
    "table1_long_twice": Sweep(
        "Selective copying, L = 1024: S6 in each block and its best rival, with twice the steps of table1_long",
        SELECTIVE_COPYING_GPU,
        TABLE1 | {"task.L": 1024, "optim.steps": 20_000, "eval_every": 1000},
        {name: GRID[name] for name in ("mamba, s6", "h3, s6", "plain, s6", "h3, hyena")},
        small=SMALL_COPYING | {"task.L": 64, "task.n_data": 8},
        rates_of="table1",
    ),
    "table1_full": Sweep(
        "Selective copying at the paper's length: 4096 tokens, answers among them",
        SELECTIVE_COPYING_GPU,
        TABLE1 | {"task.L": 4080, "optim.steps": 16_000, "eval_every": 500},
        {"mamba, s6": GRID["mamba, s6"]},
        small=SMALL_COPYING | {"task.L": 128, "task.n_data": 4},
        rates=(3e-3,),
        seeds=(0,),
    ),
    "table2": Sweep(
        "Induction heads: trained up to 256 tokens, tested up to 2^20",
        INDUCTION_HEADS_GPU,
        LONG_MEMORY | {"optim.steps": 20_000, "eval_every": 1000},
        NETWORKS,
        small=SMALL_INDUCTION,
        rates=(3e-3, 1e-3, 3e-4),
        small_rates=(5e-3,),
        measure="ladder",
    ),
    "long_memory": Sweep(
        "Induction heads: which training keeps a token over lengths never seen",
        INDUCTION_HEADS_GPU,
        LONG_MEMORY | {"optim.steps": 20_000, "eval_every": 1000},
        VARIANTS,
        small=SMALL_INDUCTION,
        rates=(1e-3, 3e-3),
        small_rates=(5e-3,),
        seeds=(0,),
        measure="ladder",
        small_rows=("as in table2", "no penalty"),
    ),
    "switches": Sweep(
        "Selective copying, L = 256: which of Delta, B and C follow the token",
        SELECTIVE_COPYING_GPU,
        TABLE1,
        {name: {"model.selective": name} for name in SELECTIVE},
        small=SMALL_COPYING,
        rates=COPYING_RATES,
    ),
    "state_size": Sweep(
        "Selective copying, L = 256: states a channel",
        SELECTIVE_COPYING_GPU,
        TABLE1,
        {f"N = {N}": {"model.N": N} for N in (1, 2, 4, 8, 16, 32)},
        small=SMALL_COPYING,
        rates=COPYING_RATES,
    ),
    "filtering": Sweep(
        "Selective copying: 16 letters in more and more junk",
        SELECTIVE_COPYING_GPU,
        TABLE1 | {"optim.steps": 8000},
        {
            f"{k}, L = {L}": {"model.layer": k, "task.L": L}
            for L in (32, 64, 128, 256, 512, 1024)
            for k in ("s6", "s4d")
        },
        small=SMALL_COPYING,
        rates=(3e-3,),
        small_rows=("s6, L = 32", "s4d, L = 32", "s6, L = 64", "s4d, L = 64"),
    ),
    "digits_random_a": Sweep(
        "Sequential digits: poles of HiPPO against those of a random A",
        DIGITS,
        {},
        {f"{name}, fixed": changes for name, changes in HIPPO.items()}
        | {f"{name}, trained": {**changes, **TRAINED} for name, changes in HIPPO.items()},
        small={"optim.steps": 300, "optim.batch": 16},
        rates=(1e-2, 5e-3, 2e-3),
        small_rates=(5e-3,),
    ),
    "audio": Sweep(
        "Synthetic audio, the next sample: complex S4D against S6",
        SELECTIVE_COPYING_GPU,
        PLAIN_TRAINING | {"task.name": "audio", "task.L": 512, "task.n_data": 3, "optim.steps": 4000},
        {
            f"{block}, {name}": {"model.block": block, **way}
            for block in ("plain", "mamba")
            for name, way in POLES.items()
        },
        small=SMALL_SIGNALS | {"task.L": 128},
        rates=COPYING_RATES,
        measure="error",
    ),
    "listops": Sweep(
        "ListOps, lists of up to 128 tokens, 3 deep",
        SELECTIVE_COPYING_GPU,
        PLAIN_TRAINING
        | {"task.name": "listops", "task.L": 128, "task.n_data": 3, "task.vocab": 16, "optim.steps": 8000},
        NETWORKS,
        small=SMALL_SIGNALS | {"task.L": 32, "task.n_data": 2},
        rates=(3e-3, 1e-3),
    ),
    "pathfinder": Sweep(
        "Pathfinder-like pictures of 16 x 16, read pixel by pixel",
        SELECTIVE_COPYING_GPU,
        PLAIN_TRAINING
        | {"task.name": "pathfinder", "task.L": 256, "task.n_data": 1, "task.vocab": 2, "optim.steps": 8000},
        NETWORKS,
        small=SMALL_SIGNALS,
        rates=(3e-3, 1e-3),
        small_rows=("mamba", "attention, rope"),
    ),
    "family_rates": Sweep(
        "Learning rates of every layer in every block, on the lab's small tasks",
        SELECTIVE_COPYING,
        {"device": "cpu", "threads": 1, "eval_every": 100},
        FAMILY_RATES,
        small={"optim.steps": 50},
        rates=(2e-3, 1e-2, 4e-2),
        seeds=(0,),
        small_rows=("selective_copying: mamba, s5, muon 0.01",),
    ),
}
