"""Ground truth of the scan in float64, and how far a backend is from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NAMES = ("x", "delta", "A", "B", "C", "D_skip", "z", "delta_bias", "h0")
SEQUENCES = ("x", "delta", "B", "C", "z")  # what comes in the dtype of the network; the rest is float32


class Tolerance(NamedTuple):
    """Largest relative error of the norm."""

    forward: float
    gradients: float


# inputs are the same numbers in every dtype, so what is left is rounding of the results
TOLERANCE = {
    torch.float64: Tolerance(1e-12, 1e-12),
    torch.float32: Tolerance(1e-5, 2e-5),
    torch.bfloat16: Tolerance(6e-3, 6e-3),
    torch.float16: Tolerance(1e-3, 1e-3),
}


@dataclass(frozen=True)
class Case:
    """Sizes and options of one problem."""

    L: int
    D: int
    N: int
    batch: int = 2
    zoh: bool = False
    softplus: bool = True
    given: tuple[str, ...] = ("D_skip", "z", "delta_bias", "h0")
    delta_scale: float = 1.0
    constant: tuple[str, ...] = ()  # of B and C
    packed: bool = False  # several documents in a sequence

    def inputs(self, seed: int = 0) -> dict[str, Tensor]:
        """Random float64 inputs that bfloat16 and float16 hold without rounding."""
        rng = torch.Generator().manual_seed(seed)
        b, L, D, N = self.batch, self.L, self.D, self.N
        shapes = {
            "x": (b, L, D), "delta": (b, L, D), "A": (D, N), "B": (b, L, N), "C": (b, L, N),
            "D_skip": (D,), "z": (b, L, D), "delta_bias": (D,), "h0": (b, D, N),
        }  # fmt: skip
        shapes |= dict.fromkeys(self.constant, (D, N))
        values = {name: torch.randn(*shape, generator=rng) for name, shape in shapes.items()}
        values["A"] = -torch.exp(values["A"])
        values["C"] /= N**0.5
        values["delta"] = self.delta_scale * (values["delta"] - 1.0)
        if not self.softplus:
            values["delta"] = F.softplus(values["delta"])
            values["delta_bias"] = values["delta_bias"].abs()
        return {k: _exact(v).double() for k, v in values.items() if k in NAMES[:5] or k in self.given}

    def weights(self, seed: int = 1) -> tuple[Tensor, Tensor]:
        """Random gradients of y and of the last state."""
        rng = torch.Generator().manual_seed(seed)
        y = torch.randn(self.batch, self.L, self.D, generator=rng)
        return _exact(y).double(), torch.randn(self.batch, self.D, self.N, generator=rng).double()

    def seq_idx(self, seed: int = 2) -> Tensor | None:
        """Numbers of documents of random lengths, of another kind in every sequence: many short ones, few long ones."""
        if not self.packed:
            return None
        rng = torch.Generator().manual_seed(seed)
        rare = torch.logspace(0, 2, self.batch)[:, None]
        return (torch.rand(self.batch, self.L, generator=rng) * rare < 0.5).cumsum(1).to(torch.int32)

    @property
    def options(self) -> dict[str, object]:
        return {"delta_softplus": self.softplus, "b_discretisation": "zoh" if self.zoh else "euler"}


def _exact(v: Tensor) -> Tensor:
    v = v.bfloat16().float()
    return torch.where(v.abs() < 1e-3, 0.0, v)  # below, float16 has fewer digits


def loop(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D_skip: Tensor | None = None, z: Tensor | None = None,
    delta_bias: Tensor | None = None, h0: Tensor | None = None,
    *, delta_softplus: bool, b_discretisation: str, seq_idx: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The definition, step by step."""
    if delta_bias is not None:
        delta = delta + delta_bias
    if delta_softplus:
        delta = F.softplus(delta)
    h = x.new_zeros(x.shape[0], *A.shape) if h0 is None else h0
    ys = []
    for t in range(x.shape[1]):
        u = delta[:, t, :, None] * A
        B_t, C_t = (v if v.ndim == 2 else v[:, t, None, :] for v in (B, C))
        if seq_idx is not None and t:
            h = h * (seq_idx[:, t] == seq_idx[:, t - 1])[:, None, None]
        gain = torch.expm1(u) / A if b_discretisation == "zoh" else delta[:, t, :, None]
        h = torch.exp(u) * h + gain * B_t * x[:, t, :, None]
        ys.append((h * C_t).sum(-1))
    y = torch.stack(ys, 1)
    if D_skip is not None:
        y = y + D_skip * x
    if z is not None:
        y = y * F.silu(z)
    return y, h


def results(
    scan: Callable[..., tuple[Tensor, Tensor]], case: Case, device: str, dtype: torch.dtype
) -> dict[str, Tensor]:
    """y, h_last and the gradient of every input given, for random weights on y and h_last."""
    leaves = {
        name: v.to(
            device, dtype if _follows_x(name, case) or dtype == torch.float64 else torch.float32
        ).requires_grad_()
        for name, v in case.inputs().items()
    }
    documents = {"seq_idx": case.seq_idx().to(device)} if case.packed else {}
    y, h = scan(**leaves, **case.options, **documents)
    wy, wh = (w.to(device, t.dtype) for w, t in zip(case.weights(), (y, h), strict=True))
    torch.autograd.backward((y, h), (wy, wh))
    return {"y": y.detach(), "h_last": h.detach(), **{f"d{k}": v.grad for k, v in leaves.items()}}


def _follows_x(name: str, case: Case) -> bool:
    return name in SEQUENCES and name not in case.constant


def errors(found: dict[str, Tensor], true: dict[str, Tensor]) -> dict[str, float]:
    """Relative error of the norm of every result; anything not finite counts as infinite."""
    assert found.keys() == true.keys()
    return {k: _error(v.double(), true[k].double().to(v.device)) for k, v in found.items()}


def _error(found: Tensor, true: Tensor) -> float:
    if not torch.isfinite(found).all():
        return float("inf")
    return float((found - true).norm() / true.norm().clamp_min(1e-12))


def assert_close(found: dict[str, Tensor], true: dict[str, Tensor], tolerance: Tolerance) -> None:
    """Name what is off, and by how much."""
    allowed = {k: tolerance.gradients if k.startswith("d") else tolerance.forward for k in true}
    off = {k: f"{e:.1e}" for k, e in errors(found, true).items() if not e <= allowed[k]}
    assert not off, f"relative errors above {tolerance}: {off}"
