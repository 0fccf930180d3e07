"""Muon on the projections, AdamW on everything else.

The learning rates live in tensors on the device and nothing here reads a tensor back, so a step can be
captured into a CUDA graph and still follow a schedule. The state is a flat dict of named tensors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.settings import OptimSettings

MUON = ("in_proj.weight", "out_proj.weight", "x_proj.weight", "qkv_proj.weight")
BETAS = (0.9, 0.95)  # AdamW
MOMENTUM = 0.95  # Muon
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # Jordan et al. 2024: steepest at 0 that stays near 1 after five turns
TURNS = 5


def decays(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies: to matrices and filters, never to A_log, D, Delta's bias, norms, poles."""
    return name.endswith(".weight") and parameter.ndim >= 2


class Muon:
    """Momentum, orthogonalised: every singular value of an update is about 1 (Jordan et al. 2024).

    `torch.optim.Muon` computes the same in bfloat16, one matrix at a time, with the learning rate read back to
    the host. Here matrices of one shape form one batch, in float32, which is several times faster on a CPU. On a GPU
    starting a product costs more than the product itself, so there all matrices form one batch, padded with zeros,
    which change nothing.
    """

    def __init__(self, named: Mapping[str, Tensor], *, weight_decay: float) -> None:
        self.weight_decay = weight_decay
        self.batches: list[list[str]] = []
        by_shape: dict[torch.Size, list[str]] = defaultdict(list)
        for name, parameter in named.items():
            by_shape[parameter.shape].append(name)
        one_batch = any(p.device.type == "cuda" for p in named.values())
        self.batches = [list(named)] if one_batch else list(by_shape.values())
        self.parameters = named
        self.momentum = {name: torch.zeros_like(p) for name, p in named.items()}

    @torch.no_grad()
    def step(self, lr: Tensor) -> None:
        """One update from the gradients, with Nesterov momentum."""
        for names in self.batches:
            parameters = [self.parameters[n] for n in names]
            gradients = [_gradient(p) for p in parameters]
            momentum = [self.momentum[n] for n in names]
            torch._foreach_lerp_(momentum, gradients, 1 - MOMENTUM)
            towards = torch._foreach_lerp(gradients, momentum, MOMENTUM)
            updates = _fitted(orthogonalised(_padded(towards)), towards)
            torch._foreach_mul_(updates, [max(1.0, p.shape[0] / p.shape[1]) ** 0.5 for p in parameters])
            torch._foreach_mul_(updates, lr)
            if self.weight_decay:
                torch._foreach_mul_(parameters, 1 - lr * self.weight_decay)
            torch._foreach_sub_(parameters, updates)

    def state(self) -> dict[str, Tensor]:
        """Momentum by parameter name."""
        return {f"momentum/{name}": m for name, m in self.momentum.items()}


def _padded(matrices: Sequence[Tensor]) -> Tensor:
    """One batch of wide matrices, tall ones transposed, with zeros where a matrix is smaller than the largest."""
    wide = [_wide(G) for G in matrices]
    if len({G.shape for G in wide}) == 1:
        return torch.stack(wide)
    rows, columns = (max(G.shape[i] for G in wide) for i in (0, 1))
    return torch.stack([F.pad(G, (0, columns - G.shape[1], 0, rows - G.shape[0])) for G in wide])


def _fitted(batch: Tensor, matrices: Sequence[Tensor]) -> list[Tensor]:
    """The inverse of `_padded`."""
    cut = [X[: _wide(G).shape[0], : _wide(G).shape[1]] for X, G in zip(batch, matrices, strict=True)]
    return [(X.mT if G.shape[0] > G.shape[1] else X).contiguous() for X, G in zip(cut, matrices, strict=True)]


def _wide(G: Tensor) -> Tensor:
    return G.mT if G.shape[-2] > G.shape[-1] else G


def orthogonalised(G: Tensor) -> Tensor:
    """U V' of each matrix G = U S V', about: Newton-Schulz iteration on (batch, rows, columns)."""
    a, b, c = NEWTON_SCHULZ
    X = _wide(G)
    X = X / X.norm(dim=(-2, -1), keepdim=True).clamp_min(1e-7)  # largest singular value at most 1
    for _ in range(TURNS):
        S = X @ X.mT
        X = torch.baddbmm(X, torch.baddbmm(S, S, S, beta=b, alpha=c), X, beta=a)
    return X.mT if G.shape[-2] > G.shape[-1] else X


class Optimiser:
    """Both optimisers of one network, driven by one factor between 0 and 1."""

    def __init__(self, network: nn.Module, settings: OptimSettings) -> None:
        named = {n: p for n, p in network.named_parameters() if p.requires_grad}
        muon = {n: p for n, p in named.items() if settings.optimiser == "muon" and n.endswith(MUON)}
        rest = {n: p for n, p in named.items() if n not in muon}
        device = next(iter(named.values())).device
        self.settings = settings
        self.lr = torch.tensor(settings.lr, device=device)
        self.lr_muon = torch.tensor(settings.lr_muon, device=device)
        self.muon = Muon(muon, weight_decay=settings.weight_decay)
        self.adamw = _adamw(rest, settings, self.lr)
        self.rest = rest
        self._factor = 1.0

    def set_rate(self, factor: float) -> None:
        """Both learning rates, as a part of their settings' values."""
        if factor == self._factor:
            return
        self._factor = factor
        self.lr.fill_(self.settings.lr * factor)
        self.lr_muon.fill_(self.settings.lr_muon * factor)

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        self.muon.step(self.lr_muon)
        self.adamw.step()

    def state(self) -> dict[str, Tensor]:
        """Every tensor of the state by name; writing into them restores it."""
        moments = {
            f"{key}/{name}": value for name, p in self.rest.items() for key, value in self.adamw.state[p].items()
        }
        return moments | self.muon.state()


def _adamw(named: Mapping[str, Tensor], settings: OptimSettings, lr: Tensor) -> torch.optim.AdamW:
    groups = [
        {"params": [p for n, p in named.items() if decays(n, p)], "weight_decay": settings.weight_decay},
        {"params": [p for n, p in named.items() if not decays(n, p)], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=BETAS, eps=settings.eps, fused=True)
    for p in named.values():  # torch makes the state at the first step; a checkpoint needs it before
        optimiser.state[p] = {
            "step": torch.zeros((), dtype=torch.float32, device=p.device),
            "exp_avg": torch.zeros_like(p),
            "exp_avg_sq": torch.zeros_like(p),
        }
    return optimiser


def _gradient(parameter: Tensor) -> Tensor:
    if parameter.grad is None:
        raise RuntimeError("a projection has no gradient; call backward() before step()")
    return parameter.grad
