"""What a CUDA device was seen to do: copy, ex2 and multiply-adds."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
import triton
import triton.language as tl

from benchmarks.scan_measure import in_graph, sample
from ssmviz.timings import Ceilings

SAMPLES = 15
SHORTEST = 4.0  # ms of a sample
INNER = 64  # operations per element and loop


@triton.jit
def _ex2_kernel(out, loops, BLOCK: tl.constexpr, INNER: tl.constexpr):
    v = tl.arange(0, BLOCK).to(tl.float32) * -1e-6
    for _ in range(loops):
        for _ in tl.static_range(INNER):
            v = tl.exp2(v) - 1.0
    tl.store(out + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), v)


@triton.jit
def _fma_kernel(out, loops, BLOCK: tl.constexpr, INNER: tl.constexpr):
    v = tl.arange(0, BLOCK).to(tl.float32) * 1e-6
    for _ in range(loops):
        for _ in tl.static_range(INNER):
            v = v * 0.999 + 0.001
    tl.store(out + tl.program_id(0) * BLOCK + tl.arange(0, BLOCK), v)


def milliseconds(work: Callable[[], object], *, graph: bool = False) -> float:
    """Median time of one call: samples of enough calls to last, between CUDA events."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    run = in_graph(work) if graph else work
    calls = max(1, min(200, int(SHORTEST / sample(run, "cuda", 3))))
    return statistics.median(sample(run, "cuda", calls) for _ in range(SAMPLES))


def measured() -> Ceilings:
    """Of this device, per second; the copy counts what is read and written."""
    source = torch.randn(1 << 28, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * source.nbytes / milliseconds(lambda: target.copy_(source)) * 1e3
    programs, block, loops = 132 * 16, 1024, 64
    out = torch.empty(programs * block, device="cuda")
    operations = programs * block * loops * INNER
    ex2, ffma = (
        operations
        / milliseconds(lambda kernel=kernel: kernel[(programs,)](out, loops, BLOCK=block, INNER=INNER, num_warps=8))
        * 1e3
        for kernel in (_ex2_kernel, _fma_kernel)
    )
    return Ceilings(copy_bytes=copy, ex2=ex2, ffma=ffma)
