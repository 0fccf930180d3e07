"""Clipping and both optimisers in three launches: parameters, gradients and moments side by side in flat buffers.

`torch.optim` and the clipping of `torch.nn.utils` start some sixty small kernels a step; on a GPU, starting them is
what takes the time. Here one kernel copies the gradients together, one adds up their norm, one is AdamW and one Muon.
What is computed is what `Optimiser` computes, and its named state keeps its names: it becomes views of the buffers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from kernels import triton_update
from ssmviz.training.optimiser import BETAS, MOMENTUM, NEWTON_SCHULZ, TURNS, Optimiser, decays


class FlatUpdate:
    """The update of one network, AdamW's parameters first, those that decay before those that do not."""

    def __init__(self, optimiser: Optimiser, clip: float, *, limit: float) -> None:
        rest = sorted(optimiser.rest.items(), key=lambda item: not decays(*item))
        muon = list(optimiser.muon.parameters.items())
        self.optimiser, self.clip, self.limit = optimiser, clip, limit
        self.parameters = [p for _, p in (*rest, *muon)]
        sizes = [p.numel() for p in self.parameters]
        device = self.parameters[0].device
        self.gradient, self.first, self.second = (torch.zeros(sum(sizes), device=device) for _ in range(3))
        self.flat = torch.cat([p.detach().flatten() for p in self.parameters])
        self.views = self._views(self.gradient)
        self.partial = torch.zeros(triton_update.blocks(sum(sizes)), device=device)
        self.count = torch.zeros(len(rest), device=device)  # of steps: all the same, one for each parameter's state
        decayed = sum(p.numel() for n, p in rest if decays(n, p))
        self.span = (0, decayed, sum(sizes[: len(rest)]))
        offsets = [sum(sizes[:i]) for i in range(len(rest), len(sizes))]
        rows = [(offset, *p.shape) for offset, (_, p) in zip(offsets, muon, strict=True)]
        self.table = torch.tensor(rows, dtype=torch.int32, device=device).view(-1, 3)
        self.sides = sides([p for _, p in muon])
        self._adopt(rest, [name for name, _ in muon])

    def step(self, loss: Tensor, gradients: Sequence[Tensor], notes: tuple[Tensor, ...]) -> None:
        """Update from gradients in the order of `parameters`; `notes` as in `triton_update.adamw`."""
        torch._foreach_copy_(self.views, list(gradients))
        optim, flat = self.optimiser.settings, (self.flat, self.gradient, self.first, self.second)
        triton_update.count_and_norm(self.gradient, self.partial, self.count)
        triton_update.adamw(
            flat, self.partial, self.count, self.optimiser.lr, loss, notes,
            span=self.span, clip=self.clip, decay=optim.weight_decay, betas=BETAS, eps=optim.eps, limit=self.limit,
        )  # fmt: skip
        if len(self.table):
            triton_update.muon(
                self.flat, self.gradient, self.first, self.table, self.partial, self.optimiser.lr_muon,
                sides=self.sides, clip=self.clip, decay=optim.weight_decay, mass=MOMENTUM,
                polynomial=NEWTON_SCHULZ, turns=TURNS,
            )  # fmt: skip

    def _adopt(self, rest: Sequence[tuple[str, Tensor]], muon: Sequence[str]) -> None:
        """Parameters and the optimiser's named state become views of the buffers."""
        for p, view in zip(self.parameters, self._views(self.flat), strict=True):
            p.data = view
        first, second = self._views(self.first), self._views(self.second)
        for i, (_, p) in enumerate(rest):
            state = self.optimiser.adamw.state[p]
            first[i].copy_(state["exp_avg"])
            second[i].copy_(state["exp_avg_sq"])
            self.count[i] = state["step"]
            state.update(exp_avg=first[i], exp_avg_sq=second[i], step=self.count[i])
        for name, view in zip(muon, first[len(rest) :], strict=True):
            view.copy_(self.optimiser.muon.momentum[name])
            self.optimiser.muon.momentum[name] = view

    def _views(self, buffer: Tensor) -> list[Tensor]:
        parts = torch.split(buffer, [p.numel() for p in self.parameters])
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]


def sides(matrices: Sequence[Tensor]) -> tuple[int, int]:
    """The largest shorter and longer side."""
    return max((min(p.shape) for p in matrices), default=1), max((max(p.shape) for p in matrices), default=1)


def fits(optimiser: Optimiser) -> bool:
    """Whether one program can orthogonalise each Muon matrix."""
    matrices = list(optimiser.muon.parameters.values())
    largest = triton_update.MAX_SIDES
    return all(prod(p.shape) > 0 for p in matrices) and all(
        a <= b for a, b in zip(sides(matrices), largest, strict=True)
    )
