"""Torch networks of one shape, with the layer and the block to choose.

A layer is one file here and one line in `LAYERS`; so is a block. Attention comes in a block of its own.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import torch
from torch import nn

from ssmviz.models.attention import Attention, Sublayer, SwiGLU
from ssmviz.models.blocks import Block, Linear, Mamba, MixerState, Plain
from ssmviz.models.layer import Layer
from ssmviz.models.network import Network, State, loss_of
from ssmviz.models.s4d import S4D
from ssmviz.models.s6 import S6
from ssmviz.settings import ModelSettings, TaskSettings

LAYERS: dict[str, type[Layer]] = {"s6": S6, "s4d": S4D}
# a block becomes concrete only with a layer
BLOCKS: dict[str, type[Block]] = {
    "mamba": Mamba,  # type: ignore[type-abstract]
    "plain": Plain,  # type: ignore[type-abstract]
    "linear": Linear,  # type: ignore[type-abstract]
}

__all__ = ["BLOCKS", "LAYERS", "Block", "Layer", "MixerState", "Network", "State", "build", "loss_of"]


def build(task: TaskSettings, model: ModelSettings, *, seed: int) -> Network:
    """A network with initial weights that depend on the seed and on nothing else, on the CPU in float32.

    Every module draws from a generator of its own, seeded by its name. So networks that differ in the layer
    start with equal weights wherever they have the same module, and the global generators do not move.
    """
    if model.layer == "attention":
        parts: tuple[type[Block | Sublayer], ...] = (Attention, SwiGLU)
    else:
        parts = (_mixer(BLOCKS[model.block], LAYERS[model.layer]),)
    with torch.random.fork_rng(devices=[]):
        network = Network(task, [part(model) for _ in range(model.n_layers) for part in parts])
        for name, module in reversed(list(network.named_modules())):  # children first
            _reset(module, name, seed)
    return network


@cache
def _mixer(block: type[Block], layer: type[Layer]) -> type[Block]:
    """The block around the layer: parameters of both under one flat set of names."""
    return type(block.__name__ + layer.__name__, (block, layer), {})


def _reset(module: nn.Module, name: str, seed: int) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        words = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(2)
        torch.default_generator.manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)
        reset()
