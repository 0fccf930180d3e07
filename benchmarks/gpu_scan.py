"""Time the Triton scan on a CUDA device beside ceilings measured in the same run.

python -m benchmarks.gpu_scan [--out benchmarks/scan_h200_202611.md]
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels import Probe, selective_scan

Shape = tuple[int, int, int, int]  # batch, L, D, N

SHAPES: dict[str, tuple[Shape, bool]] = {  # and whether the backward is timed
    "small": ((64, 256, 128, 16), True),
    "induction": ((8, 256, 128, 16), True),
    "train": ((8, 2048, 2048, 16), True),
    "selective copying, full size": ((64, 4096, 128, 16), True),
    "long, 64k": ((1, 65_536, 128, 16), True),
    "train, N=64": ((8, 2048, 2048, 64), True),
    "long, 1M": ((1, 1 << 20, 128, 16), True),
}
SAMPLES = 15
INNER = 64  # operations per element and loop of the arithmetic ceilings


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
    run = _captured(work) if graph else work
    calls = max(1, min(200, int(4.0 / _timed(run, 3))))
    return statistics.median(_timed(run, calls) for _ in range(SAMPLES))


def _timed(run: Callable[[], object], calls: int) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / calls


def _captured(work: Callable[[], object]) -> Callable[[], object]:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        work()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def ceilings() -> dict[str, float]:
    """Bytes per second of a copy (read plus written), ex2 and FFMA per second."""
    source = torch.randn(1 << 28, device="cuda")
    target = torch.empty_like(source)
    copy = 2 * source.numel() * 4 / milliseconds(lambda: target.copy_(source)) * 1e3
    programs, block, loops = 132 * 16, 1024, 64
    out = torch.empty(programs * block, device="cuda")
    operations = programs * block * loops * INNER
    rates = {"copy": copy}
    for name, kernel in (("ex2", _ex2_kernel), ("ffma", _fma_kernel)):
        ms = milliseconds(lambda kernel=kernel: kernel[(programs,)](out, loops, BLOCK=block, INNER=INNER, num_warps=8))
        rates[name] = operations / ms * 1e3
    return rates


def problem(shape: Shape, dtype: torch.dtype) -> dict[str, Tensor]:
    """Random inputs as the Mamba block makes them: B and C slices of one wider matrix, z half of another."""
    batch, L, D, N = shape
    torch.manual_seed(0)
    x = torch.randn(batch, L, D, device="cuda", dtype=dtype)
    z = torch.randn(batch, L, 2 * D, device="cuda", dtype=dtype)[..., D:]
    _, B, C = torch.randn(batch, L, 8 + 2 * N, device="cuda", dtype=dtype).split((8, N, N), -1)
    return {
        "x": x,
        "delta": torch.randn_like(x),
        "A": -torch.rand(D, N, device="cuda") - 0.5,
        "B": B,
        "C": C,
        "D_skip": torch.randn(D, device="cuda"),
        "z": z,
        "delta_bias": torch.randn(D, device="cuda") - 4.0,
    }


def bare(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """The recurrence alone: no skip, gate, bias or softplus."""
    delta = torch.nn.functional.softplus(inputs["delta"] + inputs["delta_bias"]).to(inputs["x"].dtype)
    return {k: inputs[k] for k in ("x", "A", "B", "C")} | {"delta": delta}


def forward(inputs: dict[str, Tensor], **options: Any) -> Callable[[], object]:
    """A call that computes y."""

    @torch.no_grad()
    def work() -> object:
        return selective_scan(**inputs, delta_softplus="z" in inputs, backend="triton", **options)

    return work


def forward_and_backward(inputs: dict[str, Tensor], **options: Any) -> Callable[[], object]:
    """A call that computes y and the gradient of every input."""
    leaves = {k: v.detach().requires_grad_() for k, v in inputs.items()}
    dy = torch.randn_like(inputs["x"])

    def work() -> object:
        y = selective_scan(**leaves, delta_softplus="z" in leaves, backend="triton", **options)
        return torch.autograd.grad(y, list(leaves.values()), dy)

    return work


def floors(shape: Shape, rates: dict[str, float], size: int) -> tuple[float, float]:
    """Least ms of forward and of forward + backward of the bare scan: the slowest of bytes, ex2 and fp32 alone."""
    batch, L, D, N = shape
    rows, columns = batch * L * D, batch * L * N
    forward = max(
        (3 * rows + 2 * columns) * size / rates["copy"], rows * N / rates["ex2"], 4 * rows * N / rates["ffma"]
    )
    backward = max(
        ((5 * rows + 2 * columns) * size + 8 * columns) / rates["copy"],
        rows * N / rates["ex2"],
        12 * rows * N / rates["ffma"],
    )
    return forward * 1e3, (forward + backward) * 1e3


def memory(work: Callable[[], object], inputs: dict[str, Tensor]) -> float:
    """Most bytes allocated while forward and backward run, over those of inputs, y, dy and gradients."""
    work()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    given = sum(t.numel() * t.element_size() for t in inputs.values())
    x = inputs["x"].numel() * inputs["x"].element_size()
    return (torch.cuda.max_memory_allocated() - before + given + x) / (2 * given + 2 * x)


def rows(rates: dict[str, float]) -> list[str]:
    """The table, a line per shape and dtype."""
    lines = []
    for name, (shape, both_ways) in SHAPES.items():
        for dtype in (torch.float32, torch.bfloat16):
            inputs = problem(shape, dtype)
            low, low_both = floors(shape, rates, inputs["x"].element_size())
            ms = milliseconds(forward(inputs), graph=True)
            plain = milliseconds(forward(bare(inputs)), graph=True)
            cells = [f"{ms:.4f}", f"**{ms / low:.1f}**", f"{plain:.4f}", f"{milliseconds(forward(inputs)):.3f}"]
            if both_ways:
                work = forward_and_backward(inputs)
                ms = milliseconds(work, graph=True)
                exact = milliseconds(forward_and_backward(inputs, deterministic=True), graph=True)
                cells += [f"{ms:.4f}", f"**{ms / low_both:.1f}**", f"{exact:.4f}", f"{milliseconds(work):.3f}"]
                cells += [f"{memory(work, inputs):.2f}"]
            else:
                cells += ["-"] * 5
            kind = str(dtype).removeprefix("torch.")
            lines.append(f"| {name} | {shape} | {kind} | " + " | ".join(cells) + f" | {low:.4f} | {low_both:.4f} |")
            del inputs
            torch.cuda.empty_cache()
    return lines


def probes() -> list[str]:
    """What looking at states costs, a line per probe."""
    lines = []
    for name in ("small", "train"):
        inputs = problem(SHAPES[name][0], torch.float32)
        without = milliseconds(forward(inputs), graph=True)
        L = inputs["x"].shape[1]
        wanted = {
            "1 channel at all times": Probe(channels=[5]),
            "8 channels at all times": Probe(channels=range(8)),
            "all channels at 1 time": Probe(times=[L // 2]),
            "all channels at 16 times": Probe(times=range(0, L, L // 16)),
        }
        for what, probe in wanted.items():
            # without a graph: the choice of states is sent from the CPU
            ms, alone = (milliseconds(forward(inputs, **o)) for o in ({"probe": probe}, {}))
            lines.append(f"| {name} | {what} | {ms:.3f} | {alone:.3f} | {without:.3f} |")
    return lines


def report(commit: str) -> str:
    """The whole page."""
    rates = ceilings()
    return "\n".join(
        [
            "# The selective scan on one GPU",
            "",
            f"{torch.cuda.get_device_name()}, torch {torch.__version__}, triton {triton.__version__}, commit {commit}; "
            "`python -m benchmarks.gpu_scan`. Medians of 15 samples in ms, in a CUDA graph but for the columns named "
            "eager. Softplus, bias, skip and gate are fused (bare: without them); gradients of every input. Memory: "
            "the peak of forward and backward over inputs, y, its gradient and all gradients.",
            "",
            f"Ceilings of the same run: copy {rates['copy'] / 1e12:.2f} TB/s, ex2 {rates['ex2'] / 1e12:.2f} T/s, "
            f"FFMA {rates['ffma'] / 1e12:.1f} T/s. A floor is the slowest of bytes, ex2 and fp32 alone at these rates, "
            "for the bare scan (`floors`).",
            "",
            "| name | batch, L, D, N | dtype | forward | x floor | bare | eager | both ways | x floor | deterministic "
            "| eager | memory | floor | floor of both |",
            "|--|--|--|--|--|--|--|--|--|--|--|--|--|--|",
            *rows(rates),
            "",
            "| name | probe | forward, eager | without probe | in a graph, without |",
            "|--|--|--|--|--|",
            *probes(),
            "",
        ]
    )


def main() -> None:
    """See the module."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, help="file to write, else standard output")
    arguments.add_argument("--commit", default="not known", help="to be named in the report")
    given = arguments.parse_args()
    text = report(given.commit)
    if given.out:
        given.out.write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
