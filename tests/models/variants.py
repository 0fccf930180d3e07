import itertools

import pytest
import torch

from ssmviz.models import BLOCKS, LAYERS, build
from ssmviz.settings import ModelSettings, TaskSettings

VOCAB = 7
TASK = TaskSettings(L=8, vocab=VOCAB, n_data=4)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}


def variants():
    """Every layer in every block, with every switch that changes its mathematics."""
    for layer, block in itertools.product(LAYERS, BLOCKS):
        switch, values = (
            ("s4d_init", ["lin", "inv", "legs", "real"]) if layer == "s4d" else ("b_discretisation", ["zoh", "euler"])
        )
        for value in values:
            settings = ModelSettings(
                layer=layer, block=block, **{switch: value}, d_model=8, N=4, dt_rank=0, bc_scale=4.0, dt_max=0.5
            )
            yield pytest.param(settings, id=f"{layer}-{block}-{value}")


every_variant = pytest.mark.parametrize("settings", list(variants()))


def network(settings, dtype=torch.float64, seed=0):
    return build(TASK, settings, seed=seed).to(dtype)


def some_tokens(batch=3, length=19, seed=0):
    return torch.randint(0, VOCAB, (batch, length), generator=torch.Generator().manual_seed(seed))
