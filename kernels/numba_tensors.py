"""Torch tensors as the arrays that the numba kernels take, and back. Float32 on the CPU."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from kernels.numba_tiles import CHUNK
from kernels.vectors import LANES

Array = np.ndarray[Any, np.dtype[np.float32]]

# Parts a problem is divided into at least, where it has so many groups of channels, for as many threads. It is fixed,
# and not the number of threads, so that sums over the parts are the same bits for every number of threads.
TASKS = 8
NARROWEST = 4  # groups of a block: rows of fewer are too short for the processor to fetch ahead, and take twice as long


class Cut(NamedTuple):
    """How a problem is divided; `numba_tiles.py` says what the kernels make of it."""

    starts: np.ndarray[Any, np.dtype[np.int64]]  # (batch, chunks + 1)
    fresh: np.ndarray[Any, np.dtype[np.bool_]]  # (batch, chunks)
    width: int  # channels of a block, in whole groups

    def tasks(self, batch: int, D: int) -> int:
        """Blocks of all sequences."""
        return batch * -(-D // self.width)


def cut(resets: Tensor | None, batch: int, L: int, D: int) -> Cut:
    """Chunks of at most CHUNK positions which end where documents end, and blocks of channels.

    Args:
        resets: (batch, L) true where a document begins, beside the first one; None for one document a sequence.
        batch: sequences.
        L: positions.
        D: channels.
    """
    groups = padded(D) // LANES
    width = max(NARROWEST, -(-groups // -(-TASKS // batch))) * LANES
    if resets is None:
        return Cut(*_whole_sequences(batch, L), width)
    begins = resets.cpu().numpy()
    t = np.arange(L)
    chunk_begins = (t - np.maximum.accumulate(np.where(begins, t, 0), axis=1)) % CHUNK == 0
    starts = np.full((batch, chunk_begins.sum(axis=1).max() + 1), L)
    fresh = np.zeros((batch, starts.shape[1] - 1), bool)
    for b in range(batch):
        found = np.flatnonzero(chunk_begins[b])
        starts[b, : len(found)], fresh[b, : len(found)] = found, begins[b, found]
    return Cut(starts, fresh, width)


@functools.lru_cache(maxsize=16)
def _whole_sequences(batch: int, L: int) -> tuple[Any, Any]:
    starts = np.minimum(np.arange(0, L + CHUNK, CHUNK), L)
    return np.tile(starts, (batch, 1)), np.zeros((batch, len(starts) - 1), bool)


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


def sum_blocks(partial: Array) -> Tensor:
    """Sum over blocks of channels, one after the other."""
    return torch.from_numpy(partial[0] if len(partial) == 1 else partial.sum(axis=0))
