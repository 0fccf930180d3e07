# ruff: noqa: ANN001, ANN201, ANN202, D403 - Triton compiles the device functions from their arguments
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""What kernels of narrow networks share: blocks of rows, products that are float32, sums in a fixed order.

Products are those of tensor cores in three parts (tf32x3), which is float32 but for the last bit or two.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

PRECISION = "tf32x3"
SUM, WARPS = (64, 32), 4  # parts and columns at once


@dataclass(frozen=True)
class Tile:
    """Shape of a program."""

    rows: int
    warps: int
    stages: int = 1  # blocks of rows on their way from memory at once
    cut: int = 64  # columns of the output (forward) or of an inner sum (backward) at once
    crowd: int = 2  # programs per multiprocessor


@triton.jit
def high_part(v):
    """The leading 11 bits of every number, which a tensor core keeps."""
    return (v.to(tl.int32, bitcast=True) & -8192).to(tl.float32, bitcast=True)


@triton.jit
def product(a, b, PRECISION: tl.constexpr):
    """a b on tensor cores; in three parts ("tf32x3") nothing is lost but the product of what both had left over."""
    if PRECISION == "tf32x3":
        a_high, b_high = high_part(a), high_part(b)
        ab = tl.dot(a - a_high, b_high, input_precision="tf32")
        ab = tl.dot(a_high, b - b_high, ab, input_precision="tf32")
        return tl.dot(a_high, b_high, ab, input_precision="tf32")
    else:
        return tl.dot(a, b, input_precision=PRECISION)


@triton.jit
def inverse_rms(x, width: tl.constexpr, eps):
    """1 / sqrt(mean of squares + eps) of every row; columns beyond `width` are zero."""
    return tl.rsqrt(tl.sum(x * x, axis=1) / width + eps)


@triton.jit
def load_rows(x, start, i, k, rows, width: tl.constexpr, FULL: tl.constexpr):
    """[i, k] of the dense matrix (rows, width) from row `start` on, zero outside; FULL: no k is outside.

    What is wide in the address is added once, so that the rest fits into 32 bits.
    """
    inside = (i < rows - start)[:, None]
    if not FULL:
        inside = inside & (k < width)[None, :]
    return tl.load(x + start * width + i[:, None] * width + k[None, :], mask=inside, other=0.0)


@triton.jit
def store_rows(x, value, start, i, k, rows, width: tl.constexpr, FULL: tl.constexpr):
    """The inverse of `load_rows`."""
    inside = (i < rows - start)[:, None]
    if not FULL:
        inside = inside & (k < width)[None, :]
    tl.store(x + start * width + i[:, None] * width + k[None, :], value, mask=inside)


@triton.jit(do_not_specialize=["parts", "size"])
def _sum_kernel(partial, total, parts, size, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Columns of the sum of the rows of partial (parts, size), in a fixed order."""
    i, j = tl.arange(0, ROWS)[:, None], tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    so_far = tl.zeros((ROWS, COLUMNS), tl.float32)
    for first in tl.range(0, parts, ROWS, num_stages=1):
        inside = (first + i < parts) & (j < size)[None, :]
        so_far += tl.load(partial + (first + i).to(tl.int64) * size + j[None, :], mask=inside, other=0.0)
    tl.store(total + j, tl.sum(so_far, axis=0), mask=j < size)


def sum_parts(partial: Tensor) -> Tensor:
    """The sum over the first axis of dense float32 (parts, ...), the same bits every time."""
    parts, total = len(partial), partial.new_empty(partial.shape[1:])
    size = total.numel()
    _sum_kernel[ceil(size, SUM[1]),](partial, total, parts, size, ROWS=SUM[0], COLUMNS=SUM[1], num_warps=WARPS)
    return total


def padded(n: int) -> int:
    """The power of two that a product on tensor cores takes for n."""
    return max(16, 1 << (n - 1).bit_length())


def ceil(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def multiprocessors(device: torch.device) -> int:
    """How many programs run side by side."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 2
