"""The second half of a Transformer block: a gated feed-forward part, every token by itself (Shazeer 2020)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import linear_add
from ssmviz.models.blocks import OUT_PROJ_GAIN, Block
from ssmviz.settings import ModelSettings


class SwiGLU(nn.Module):
    """out_proj(SiLU(a) * b) with a, b = in_proj(u): in_proj (2 m, d_model), out_proj (d_model, m), no biases.

    A residual layer with the interface of `Block`, which remembers nothing.
    """

    residual = True
    delta_penalty = 0.0  # of no effect: there is no Delta

    def __init__(self, settings: ModelSettings, m: int) -> None:
        super().__init__()
        self.settings = settings
        self.in_proj = nn.Linear(settings.d_model, 2 * m, bias=False)
        self.out_proj = nn.Linear(m, settings.d_model, bias=False)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """As for the other blocks."""
        self.out_proj.weight *= OUT_PROJ_GAIN

    def forward(
        self, x: Tensor, norm: nn.RMSNorm, state: tuple[()] | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, tuple[()] | None]:
        """See `Block.forward`."""
        return linear_add(self._gated(norm(x)), self.out_proj.weight, x, backend=backend), () if carry else None

    def step(self, u: Tensor, state: tuple[()], *, backend: str = "auto") -> tuple[Tensor, tuple[()]]:
        """See `Block.step`."""
        out: Tensor = self.out_proj(self._gated(u))
        return out, ()

    def trace(self, u: Tensor) -> tuple[Tensor, None]:
        """See `Block.trace`: there is nothing to show."""
        out: Tensor = self.out_proj(self._gated(u))
        return out, None

    def initial_state(self, batch: int) -> tuple[()]:
        """There is nothing to remember."""
        return ()

    def scale_delta(self, factor: float) -> None:
        """Of no effect: no token knows of another."""

    def _gated(self, u: Tensor) -> Tensor:
        a, b = self.in_proj(u).chunk(2, dim=-1)
        gated: Tensor = F.silu(a) * b
        return gated


def width(settings: ModelSettings, mixer: type[Block], opponent: type[Block]) -> int:
    """Inner width m that gives mixer and SwiGLU as many parameters as `opponent` has, to within half of 3 d_model."""
    d = settings.d_model
    with torch.device("meta"):  # counts without making
        target, own = (_count(block(as_settings)) for block, as_settings in (
            (opponent, settings.model_copy(update={"layer": "s6", "block": "mamba", "selective": "delta B C"})),
            (mixer, settings),
        ))  # fmt: skip
    return max(1, round((target - own - d) / (3 * d)))  # d: one norm more


def _count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
