"""Torch tensors as the arrays that the numba kernels take, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from kernels.vectors import LANES

Array = np.ndarray[Any, np.dtype[np.float32]]


def arrays(*tensors: Tensor) -> list[Array]:
    """The tensors' own memory."""
    return [tensor.detach().numpy() for tensor in tensors]


def rows(tensor: Tensor) -> Tensor:
    """The tensor itself if its last axis is contiguous, a copy otherwise."""
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def pad(tensor: Tensor) -> Tensor:
    """A contiguous copy with zeros at the end of the last axis, up to a multiple of LANES."""
    copy = tensor.new_zeros(*tensor.shape[:-1], -(-tensor.shape[-1] // LANES) * LANES)
    copy[..., : tensor.shape[-1]] = tensor
    return copy


def sum_sequences(partial: Tensor) -> Tensor:
    """Sum over the batch, one sequence after the other, whatever the number of threads."""
    return torch.from_numpy(partial.numpy().sum(axis=0))
