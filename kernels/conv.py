"""Causal depthwise convolution in PyTorch, for every device and dtype."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def causal_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, *, silu: bool) -> Tensor:
    """`kernels.causal_conv1d` with weight (D, taps), as PyTorch has it: channels before positions."""
    D, taps = weight.shape
    padded = F.pad(x.transpose(1, 2), (taps - 1, 0))
    y = F.conv1d(padded, weight[:, None, :], bias, groups=D).transpose(1, 2)
    return F.silu(y) if silu else y
