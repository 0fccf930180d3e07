"""What the measurements of the scan share: inputs, floors, and how one call is timed."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ssmviz.timings import Ceilings

Shape = tuple[int, int, int, int]  # batch, L, D, N


def problem(shape: Shape, device: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Random inputs as a Mamba block makes them: z half of a wider matrix, B and C slices of another."""
    batch, L, D, N = shape
    torch.manual_seed(0)
    normal = functools.partial(torch.randn, device=device)
    _, B, C = normal(batch, L, 8 + 2 * N).to(dtype).split((8, N, N), -1)
    return {
        "x": normal(batch, L, D).to(dtype),
        "delta": (normal(batch, L, D) - 3.0).to(dtype),
        "A": -torch.arange(1.0, N + 1, device=device).repeat(D, 1),
        "B": B,
        "C": C,
        "D_skip": normal(D),
        "z": normal(batch, L, 2 * D).to(dtype)[..., D:],
        "delta_bias": 0.1 * normal(D),
    }


def floors(shape: Shape, size: int, ceilings: Ceilings, *, gate: bool = True) -> tuple[float, float]:
    """Least ms of forward, and of both ways: the slowest of bytes, ex2 and fp32 alone, as far as they are known.

    Per (batch, position, channel, state) one ex2 and 4 multiply-adds forward, one and 12 backward; per (batch,
    position, channel) x, delta and y are moved forward, x, delta, dy and two gradients backward, once, and with the
    gate z and its gradient. Softplus, gate and the states that are kept are left out.

    Args:
        shape: batch, L, D, N.
        size: bytes of an element.
        ceilings: of the machine.
        gate: whether z is there.
    """
    batch, L, D, N = shape
    rows, columns = batch * L * D, batch * L * N
    forward, backward = (4, 7) if gate else (3, 5)
    moved = (forward * rows + 2 * columns) * size, (backward * rows + 2 * columns) * size + 8 * columns
    parts = []
    for data, multiplies in zip(moved, (4, 12), strict=True):
        times = [data / ceilings.copy_bytes]
        times += [rows * N / ceilings.ex2] if ceilings.ex2 else []
        times += [multiplies * rows * N / ceilings.ffma] if ceilings.ffma else []
        parts.append(max(times) * 1e3)
    return parts[0], sum(parts)


def sample(work: Callable[[], object], device: str, calls: int) -> float:
    """Ms of a call, the mean of some: by the device's clock on CUDA."""
    if device == "cuda":
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / calls
    begin = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - begin) / calls * 1e3


def in_graph(work: Callable[[], object]) -> Callable[[], object]:
    """The same work as one CUDA graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay
