"""What every backend is given, what it gives back, and the checks before any of them sees a tensor."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

DISCRETISATIONS = ("euler", "zoh")
ACTIVATIONS = ("silu", None)
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
INTEGERS = (torch.int32, torch.int64, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True)
class Probe:
    """Which states h to look at: some channels at all positions, or all channels at some positions.

    Exactly one of the two, without repetition, in the order in which the states are wanted; counted from 0.
    """

    channels: Sequence[int] | None = None
    times: Sequence[int] | None = None

    def __post_init__(self) -> None:
        if (self.channels is None) == (self.times is None):
            raise ValueError(f"a Probe takes channels or times, one of them, got {self.channels} and {self.times}")
        name = "times" if self.channels is None else "channels"
        try:
            wanted = tuple(operator.index(i) for i in getattr(self, name))
        except TypeError as error:
            raise TypeError(f"{name} of a Probe must be a sequence of integers, got {getattr(self, name)!r}") from error
        if not wanted or len(set(wanted)) < len(wanted):
            raise ValueError(f"{name} of a Probe must be at least one, none of them twice, got {_short(wanted)}")
        object.__setattr__(self, name, wanted)

    @property
    def indices(self) -> tuple[int, ...]:
        """The channels or times."""
        return tuple(self.channels or self.times or ())

    def check(self, L: int, D: int) -> None:
        """Raise ValueError for what lies outside of x."""
        name, end = ("channels", D) if self.times is None else ("times", L)
        outside = [i for i in self.indices if not 0 <= i < end]
        if outside:
            raise ValueError(f"{name} of the probe must be in 0..{end - 1}, got {_short(outside)}")


class Result(NamedTuple):
    """What a backend returns."""

    y: Tensor  # (batch, L, D) in the dtype of x
    h_last: Tensor  # (batch, D, N) in at least float32, as all states
    probed: Tensor | None = None  # (batch, L, channels, N) or (batch, times, D, N), detached, where a probe was given


@dataclass(frozen=True)
class Problem:
    """The checked arguments of one scan; `kernels.selective_scan` describes them."""

    x: Tensor
    delta: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D_skip: Tensor | None = None
    z: Tensor | None = None
    delta_bias: Tensor | None = None
    h0: Tensor | None = None
    seq_idx: Tensor | None = None
    delta_softplus: bool = False
    zoh: bool = False
    probe: Probe | None = None
    deterministic: bool = True

    def __post_init__(self) -> None:
        """Raise what `kernels.selective_scan` promises to raise."""
        _check_input("x", self.x, "(batch, L, D)")
        batch, L, D = self.x.shape
        N = _states(self.A, D)
        sequence, parameter = (self.x.dtype,), _parameter_dtypes(self.x.dtype)
        _check_tensor("delta", self.delta, (batch, L, D), self.x, sequence)
        _check_tensor("z", self.z, (batch, L, D), self.x, sequence)
        for name, tensor in (("B", self.B), ("C", self.C)):
            if tensor.ndim == 2:
                _check_tensor(name, tensor, (D, N), self.x, parameter, "(batch, L, N) or, where constant, ")
            else:
                _check_tensor(name, tensor, (batch, L, N), self.x, sequence)
        _check_tensor("A", self.A, (D, N), self.x, parameter)
        _check_tensor("D_skip", self.D_skip, (D,), self.x, parameter)
        _check_tensor("delta_bias", self.delta_bias, (D,), self.x, parameter)
        _check_tensor("h0", self.h0, (batch, D, N), self.x, parameter)
        _check_tensor("seq_idx", self.seq_idx, (batch, L), self.x, INTEGERS)
        if self.probe is not None:
            self.probe.check(L, D)

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """batch, L, D, N."""
        return *self.x.shape, self.A.shape[1]

    def resets(self) -> Tensor | None:
        """(batch, L), true where the next document starts from a state of zero; None where there is but one."""
        if self.seq_idx is None:
            return None
        resets = torch.zeros(self.seq_idx.shape, dtype=torch.bool, device=self.seq_idx.device)
        resets[:, 1:] = self.seq_idx[:, 1:] != self.seq_idx[:, :-1]
        return resets


def check_step(
    h: Tensor,
    x: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D_skip: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
) -> None:
    """Raise what `kernels.step` promises to raise."""
    _check_input("x", x, "(batch, D)")
    batch, D = x.shape
    N = _states(A, D)
    sequence, parameter = (x.dtype,), _parameter_dtypes(x.dtype)
    _check_tensor("delta", delta, (batch, D), x, sequence)
    _check_tensor("z", z, (batch, D), x, sequence)
    for name, tensor in (("B", B), ("C", C)):
        if tensor.ndim == 3:
            _check_tensor(name, tensor, (1, D, N), x, parameter, "(batch, N) or, where constant, ")
        else:
            _check_tensor(name, tensor, (batch, N), x, sequence)
    _check_tensor("A", A, (D, N), x, parameter)
    _check_tensor("D_skip", D_skip, (D,), x, parameter)
    _check_tensor("delta_bias", delta_bias, (D,), x, parameter)
    _check_tensor("h", h, (batch, D, N), x, parameter)


def check_conv(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str | None) -> None:
    """Raise what `kernels.causal_conv1d` promises to raise."""
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {ACTIVATIONS}, got {activation!r}")
    _check_input("x", x, "(batch, L, D)")
    D = x.shape[2]
    if weight.ndim != 2 or weight.shape[0] != D or weight.shape[1] < 1:
        raise ValueError(f"weight must be (D={D}, taps) with at least 1 tap, got {tuple(weight.shape)}")
    _check_tensor("weight", weight, tuple(weight.shape), x, (x.dtype,))
    _check_tensor("bias", bias, (D,), x, (x.dtype,))


def is_zoh(b_discretisation: str) -> bool:
    """Whether B is discretised by zero-order hold; ValueError for what is neither of the two names."""
    if b_discretisation not in DISCRETISATIONS:
        raise ValueError(f"b_discretisation must be one of {DISCRETISATIONS}, got {b_discretisation!r}")
    return b_discretisation == "zoh"


def _states(A: Tensor, D: int) -> int:
    if A.ndim != 2 or A.shape[0] != D or A.shape[1] < 1:
        raise ValueError(f"A must be (D={D}, N) with N at least 1, got {tuple(A.shape)}")
    return A.shape[1]


def _check_input(name: str, x: Tensor, shape: str) -> None:
    if x.ndim != shape.count(",") + 1 or 0 in x.shape:
        raise ValueError(f"{name} must be {shape}, none of them 0, got {tuple(x.shape)}")
    if x.dtype not in DTYPES:
        raise TypeError(f"{name} must be real floating point ({_names(DTYPES)}), got {_names((x.dtype,))}; convert it")


def _check_tensor(
    name: str,
    tensor: Tensor | None,
    shape: tuple[int, ...],
    x: Tensor,
    dtypes: tuple[torch.dtype, ...],
    otherwise: str = "",
) -> None:
    if tensor is None:
        return
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} must be {otherwise}{shape} to go with x {tuple(x.shape)}, got {tuple(tensor.shape)}")
    if tensor.device != x.device:
        raise ValueError(f"{name} must be on {x.device} as x is, got {tensor.device}; move it there")
    if tensor.dtype not in dtypes:
        raise TypeError(f"{name} must be {_names(dtypes)} to go with x, got {_names((tensor.dtype,))}; convert it")


def _parameter_dtypes(dtype: torch.dtype) -> tuple[torch.dtype, ...]:
    """Parameters may stay in float32 when the sequence is in half precision."""
    return (dtype,) if dtype in (torch.float32, torch.float64) else (dtype, torch.float32)


def _names(dtypes: tuple[torch.dtype, ...]) -> str:
    return " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)


def _short(numbers: Sequence[int]) -> str:
    return f"{list(numbers[:8])}{' and more' if len(numbers) > 8 else ''}"
