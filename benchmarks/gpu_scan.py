"""Time the Triton scan on a CUDA device beside ceilings measured in the same run.

python -m benchmarks.gpu_scan [--out benchmarks/scan_h200_202611.md]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import triton
from torch import Tensor

from benchmarks.gpu_ceilings import SAMPLES, measured, milliseconds
from benchmarks.scan_measure import Shape, floors, problem
from kernels import Probe, selective_scan
from ssmviz.timings import Ceilings

SHAPES: dict[str, tuple[Shape, bool]] = {  # and whether the backward is timed
    "small": ((64, 256, 128, 16), True),
    "induction": ((8, 256, 128, 16), True),
    "train": ((8, 2048, 2048, 16), True),
    "selective copying, full size": ((64, 4096, 128, 16), True),
    "long, 64k": ((1, 65_536, 128, 16), True),
    "train, N=64": ((8, 2048, 2048, 64), True),
    "long, 1M": ((1, 1 << 20, 128, 16), True),
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


def rows(ceilings: Ceilings) -> list[str]:
    """The table, a line per shape and dtype."""
    lines = []
    for name, (shape, both_ways) in SHAPES.items():
        for dtype in (torch.float32, torch.bfloat16):
            inputs = problem(shape, "cuda", dtype)
            low, low_both = floors(shape, inputs["x"].element_size(), ceilings, gate=False)
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
        inputs = problem(SHAPES[name][0], "cuda", torch.float32)
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
    ceilings = measured()
    return "\n".join(
        [
            "# The selective scan on one GPU",
            "",
            f"{torch.cuda.get_device_name()}, torch {torch.__version__}, triton {triton.__version__}, commit {commit}; "
            f"`python -m benchmarks.gpu_scan`. Medians of {SAMPLES} samples in ms, in a CUDA graph but for the columns "
            "named eager. Softplus, bias, skip and gate are fused (bare: without them); gradients of every input. "
            "Memory: the peak of forward and backward over inputs, y, its gradient and all gradients.",
            "",
            f"Ceilings of the same run: copy {ceilings.copy_bytes / 1e12:.2f} TB/s, ex2 {ceilings.ex2 or 0:.3g}, FFMA "
            f"{ceilings.ffma or 0:.3g} a second. A floor is the slowest of bytes, ex2 and fp32 alone at these rates, "
            "for the bare scan (`floors`).",
            "",
            "| name | batch, L, D, N | dtype | forward | x floor | bare | eager | both ways | x floor | deterministic "
            "| eager | memory | floor | floor of both |",
            "|--|--|--|--|--|--|--|--|--|--|--|--|--|--|",
            *rows(ceilings),
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
