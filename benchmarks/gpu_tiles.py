"""Search the shapes of the programs of the fused training step: microseconds in a CUDA graph, best first.

python -m benchmarks.gpu_tiles
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any
from unittest.mock import patch

import torch

from kernels import triton_conv_project as conv
from kernels import triton_linear as linear
from kernels.triton_rows import Tile

SIZES = ((64, 272), (8, 256))
CALLS = 20  # in one graph
SHOWN = 4


def candidates() -> Iterator[tuple[str, Tile]]:
    """Every part with every shape worth a try."""
    for part in ("in_proj", "out_proj"):
        for rows, warps, stages in itertools.product((16, 32, 64), (4, 8), (1, 2, 3)):
            if not (rows == 64 and (warps == 4 or stages == 3)):
                yield f"{part} backward", Tile(rows, warps, stages, cut=64, crowd=0)
        for rows, warps, cut in itertools.product((16, 32, 64, 128), (2, 4, 8), (64, 128)):
            if rows * cut <= 1024 * warps * 2:
                yield f"{part} forward", Tile(rows, warps, cut=cut)
    for rows, warps in itertools.product((16, 32, 64), (4, 8)):
        yield "conv forward", Tile(rows, warps)
        yield "conv gradient", Tile(rows, warps)
        for stages in (1, 2, 3):
            yield "conv weights", Tile(rows, warps, stages, crowd=0)


def crowds(part: str, tile: Tile) -> Iterator[Tile]:
    """Of a persistent program: how many of them."""
    for crowd in (1, 2, 3, 4, 8) if tile.crowd == 0 else (tile.crowd,):
        yield Tile(tile.rows, tile.warps, tile.stages, tile.cut, crowd)


def work(part: str, batch: int, L: int) -> Callable[[], object]:
    """The launch of one part."""
    rng = torch.Generator("cuda").manual_seed(0)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng, device="cuda")

    x, y, gain = randn(batch * L, 64), randn(batch * L, 128), randn(64)
    wide, narrow = randn(256, 64), randn(64, 128)
    match part:
        case "in_proj forward":
            return lambda: linear.forward(x, gain, wide, None, parts=2, eps=1e-5)
        case "out_proj forward":
            return lambda: linear.forward(y, None, narrow, x, parts=1, eps=0.0)
        case "in_proj backward":
            return lambda: linear.backward(x, gain, wide, (y, y), x, eps=1e-5)
        case "out_proj backward":
            return lambda: linear.backward(y, None, narrow, (x,), None, eps=0.0)
    leaves = [y.view(batch, L, 128), randn(128, 4), randn(128), randn(40, 128), randn(128, 8)]
    leaves = [t.requires_grad_() for t in leaves]
    if part == "conv forward":
        return lambda: conv.conv_project(*leaves)
    outputs = conv.conv_project(*leaves)
    grads = [torch.randn_like(t) for t in outputs]
    return lambda: torch.autograd.grad(outputs, leaves, grads, retain_graph=True)


PLACES = {
    "in_proj forward": [(linear, "FORWARD"), (linear, "FORWARD_FEW")],
    "out_proj forward": [(linear, "FORWARD"), (linear, "FORWARD_FEW")],
    "in_proj backward": [(linear, "BACKWARD")],
    "out_proj backward": [(linear, "BACKWARD")],
    "conv forward": [(conv, "FORWARD")],
    "conv gradient": [(conv, "GRADIENT")],
    "conv weights": [(conv, "WEIGHTS")],
}


def compiled(candidate: tuple[str, Tile]) -> str:
    """Fill Triton's cache with one candidate; why it cannot run, or ""."""
    part, tile = candidate
    try:
        microseconds(part, next(crowds(part, tile)), *SIZES[1], calls=1)
    except Exception as error:  # noqa: BLE001 - too much shared memory, for example
        return f"{type(error).__name__}: {error}"[:100]
    return ""


def microseconds(part: str, tile: Tile, batch: int, L: int, *, calls: int = CALLS) -> float:
    """Of one call, the best of five graphs of many."""
    with contextlib.ExitStack() as stack:
        for place in PLACES[part]:
            stack.enter_context(patch.object(*place, tile))
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):  # where a backward follows its forward
            run = work(part, batch, L)
            run()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(calls):
                run()
    graph.replay()
    best = float("inf")
    for _ in range(5):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        best = min(best, 1e3 * start.elapsed_time(end) / calls)
    return best


def main() -> None:
    """See the module."""
    every = list(candidates())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(14, os.cpu_count() or 1), mp_context=context) as pool:
        problems = dict(zip(every, pool.map(compiled, every), strict=True))
    print("| part | batch, L | us: rows, warps, stages, cut, programs per multiprocessor |", "|--|--|--|", sep="\n")
    for part, (batch, L) in itertools.product(PLACES, SIZES):
        found: list[tuple[float, Any]] = []
        for name, tile in every:
            if name == part and not problems[name, tile]:
                found += [(microseconds(part, t, batch, L), t) for t in crowds(part, tile)]
        best = [f"{us:.1f}: {t.rows}, {t.warps}, {t.stages}, {t.cut}, {t.crowd}" for us, t in sorted(found, key=_time)]
        print(f"| {part} | {batch}, {L} | {'; '.join(best[:SHOWN])}; worst {best[-1]} |", flush=True)
    print(*{f"{name} {tile}: {why}" for (name, tile), why in problems.items() if why}, sep="\n")


def _time(row: tuple[float, Any]) -> float:
    return row[0]


if __name__ == "__main__":
    main()
