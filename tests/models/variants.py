import itertools
from typing import get_args

import pytest
import torch

from ssmviz.models import BLOCKS, LAYERS, build
from ssmviz.settings import ModelSettings, Selective, TaskSettings

VOCAB = 7
TASK = TaskSettings(L=8, vocab=VOCAB, n_data=4)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
SMALL = {"d_model": 8, "heads": 2, "N": 4, "dt_rank": 0, "bc_scale": 4.0, "dt_max": 0.5}
SWITCHES = {
    "s6": ("b_discretisation", ["zoh", "euler"]),
    "s4d": ("s4d_init", ["lin", "inv", "legs", "real", "random"]),
    "attention": ("positions", ["rope", "xpos", "absolute", "none"]),
}
DIAGONAL = ("s6", "s4d")
INSIDE = ("s6", "s4d", "retnet", "hyena")  # kinds of memory that a block must carry: tensor, complex, tuple, growing
ABLATIONS = ({"d_conv": 0}, {"gate": False}, {"skip": False}, {"d_conv": 0, "gate": False, "skip": False})


def variants():
    """Every layer in a Mamba block with every switch that changes its mathematics; every block with some layers."""
    for layer, block in itertools.product(LAYERS, BLOCKS):
        switch, values = SWITCHES.get(layer, ("n_layers", [2]))
        if block != "mamba" and layer not in INSIDE:
            continue
        for value in values if block == "mamba" else values[:1]:
            yield _variant(f"{layer}-{block}-{value}", layer=layer, block=block, **{switch: value})
        if block == "mamba" and layer in DIAGONAL:
            for off in ABLATIONS:
                yield _variant(f"{layer}-without-{'-'.join(off)}", layer=layer, block=block, **off)
    for selective, how in itertools.product(get_args(Selective)[1:], ("zoh", "euler")):
        yield _variant(f"selective-{selective}-{how}".replace(" ", "-"), selective=selective, b_discretisation=how)
    yield _variant("plain-selective-none", block="plain", selective="none", skip=False)


def _variant(name, **changes):
    # without a norm, large numbers round coarsely
    small = SMALL | ({"bc_scale": 1.0} if changes.get("block") == "linear" else {})
    return pytest.param(ModelSettings(**small | changes), id=name)


every_variant = pytest.mark.parametrize("settings", list(variants()))
every_diagonal = pytest.mark.parametrize("settings", [v for v in variants() if v.values[0].layer in DIAGONAL])


def network(settings, dtype=torch.float64, seed=0):
    return build(TASK, settings, seed=seed).to(dtype)


def some_tokens(batch=3, length=19, seed=0):
    return torch.randint(0, VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))
