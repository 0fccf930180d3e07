"""Torch tensors as the arrays that the numba kernels take, and back. Float32 on the CPU."""

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


def padded(channels: int) -> int:
    """Channels in whole groups of LANES."""
    return -(-channels // LANES) * LANES


def pad(tensor: Tensor | None, *shape: int) -> Array:
    """A contiguous copy whose last axis, the channels, is filled up with zeros; nothing but zeros for None.

    Args:
        tensor: any strides, or None.
        shape: of the tensor.
    """
    D = shape[-1]
    copy = np.zeros((*shape[:-1], padded(D)), np.float32)
    if tensor is not None:
        copy[..., :D] = tensor.detach().numpy()
    return copy


def sum_sequences(partial: Array, D: int) -> Tensor:
    """Sum over the batch, one sequence after the other, whatever the number of threads; without the padding."""
    return torch.from_numpy(partial.sum(axis=0)[..., :D])
