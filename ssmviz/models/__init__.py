"""Torch networks of one shape, with the layer and the block to choose.

A layer is one file here, one line in `LAYERS`, and a card in `ssmviz.family`; so is a block.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import torch
from torch import nn

from ssmviz.models.attention import Attention
from ssmviz.models.blocks import Block, Linear, MixerState, Plain, Transformer
from ssmviz.models.h3 import H3
from ssmviz.models.hyena import Hyena
from ssmviz.models.layer import Layer
from ssmviz.models.lmu import LMU
from ssmviz.models.lssl import LSSL
from ssmviz.models.mamba import Mamba
from ssmviz.models.network import Mixer, Network, State, loss_of
from ssmviz.models.retention import LinearAttention, RetNet
from ssmviz.models.rwkv import RWKV
from ssmviz.models.s4 import S4
from ssmviz.models.s4d import S4D
from ssmviz.models.s5 import S5
from ssmviz.models.s6 import S6
from ssmviz.models.swiglu import SwiGLU, width
from ssmviz.settings import ModelSettings, TaskSettings

LAYERS: dict[str, type[Layer]] = {
    "s6": S6,
    "s4d": S4D,
    "s4": S4,
    "s5": S5,
    "lssl": LSSL,
    "lmu": LMU,
    "hyena": Hyena,
    "retnet": RetNet,
    "rwkv": RWKV,
    "linear_attention": LinearAttention,
    "attention": Attention,
}
# a block becomes concrete only with a layer
BLOCKS: dict[str, type[Block]] = {
    "mamba": Mamba,  # type: ignore[type-abstract]
    "plain": Plain,  # type: ignore[type-abstract]
    "linear": Linear,  # type: ignore[type-abstract]
    "h3": H3,  # type: ignore[type-abstract]
    "transformer": Transformer,  # type: ignore[type-abstract]
}

__all__ = ["BLOCKS", "LAYERS", "Block", "Layer", "MixerState", "Network", "State", "build", "loss_of"]


def build(task: TaskSettings, model: ModelSettings, *, seed: int) -> Network:
    """A network with initial weights that depend on the seed and on nothing else, on the CPU in float32.

    Every module draws from a generator of its own, seeded by its name. So networks that differ in the layer
    start with equal weights wherever they have the same module, and the global generators do not move.
    """
    with torch.random.fork_rng(devices=[]):
        network = Network(task, [part for _ in range(model.n_layers) for part in _parts(model)])
        for name, module in reversed(list(network.named_modules())):  # children first
            _reset(module, name, seed)
    return network


def _parts(model: ModelSettings) -> list[Mixer]:
    """The residual layers of one block."""
    mixer = _mixer(BLOCKS[model.block], LAYERS[model.layer])
    if model.block != "transformer":
        return [mixer(model)]
    return [mixer(model), SwiGLU(model, width(model, mixer, _mixer(Mamba, S6)))]


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
