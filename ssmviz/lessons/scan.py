"""The scan and the memory hierarchy: a tree of pairs (a, b), and the bytes that pass between slow and fast memory.

`assets/maths/scan.js` and `assets/maths/memory.js` are the same in the browser. What was measured is told by
`ssmviz/lessons/scan_measured.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from ssmviz.lessons.controls import Choice, Control, Number, Numbers, Switch
from ssmviz.systems.scan import Scan, blelloch, by_running_products, first_not_finite, hillis_steele

STEPS = 8  # leaves of the tree that is drawn
A = (0.9, 0.5, 0.8, 0.7, 0.9, 1.0, 0.7, 0.6)
B = (1.0, 0.0, -0.5, 0.8, 0.0, -0.4, 0.6, 0.3)
PRODUCT_STEPS = 2048  # over which the running product is tried

CONTROLS: tuple[Control, ...] = (
    Choice(
        "method",
        "Scan",
        default="hillis_steele",
        options=(("hillis_steele", "Hillis–Steele"), ("blelloch", "Blelloch (up, then down)")),
    ),
    Switch("fused", "One kernel (fused)", default=False),
    Switch("recompute", "Recompute h backward", default=False, symbol="h"),
    Number("length", "Steps L", default=2048, low=256, high=65536, step=256, more=True),
    Number("batch", "Batch", default=8, low=1, high=64, step=1, more=True),
    Number("channels", "Channels D", default=1024, low=64, high=4096, step=64, more=True),
    Number("states", "States N", default=16, low=1, high=128, step=1, more=True, symbol="h"),
    Choice("size", "Numbers", default="4", options=(("4", "float32"), ("2", "bfloat16")), more=True),
    Number(
        "keep", "Running product: a of every step", default=0.46, low=0.05, high=0.99, step=0.01, more=True, symbol="A"
    ),
    Number("level", "Level that is shown", default=-1, low=-1, high=8, step=1, hidden=True),
    Numbers("a", "a", default=A, low=0.0, high=1.0, places=2, symbol="A"),
    Numbers("b", "b", default=B, low=-1.0, high=1.0, places=2, symbol="B"),
)

Values = Mapping[str, Any]


def scan(values: Values) -> Scan:
    """The tree of the eight pairs that are drawn."""
    method = {"hillis_steele": hillis_steele, "blelloch": blelloch}[values["method"]]
    return method(values["a"], values["b"])


def levels(L: int) -> int:
    """How often L steps have to be doubled: ceil(log2 L)."""
    return (L - 1).bit_length()


def breaks_at(values: Values, dtype: type[np.floating[Any]] = np.float32) -> int | None:
    """The step at which the running-product formula is no number any more, for b = 1; None where it survives."""
    a = np.full(PRODUCT_STEPS, values["keep"])
    return first_not_finite(by_running_products(a, np.ones_like(a), dtype))


class Move(NamedTuple):
    """One tensor on its way between slow memory (HBM) and fast memory (SRAM)."""

    direction: Literal["forward", "backward"]
    kernel: str
    tensor: str
    way: Literal["in", "out"]  # in: HBM to SRAM
    bytes: int


def sizes(values: Values) -> dict[str, int]:
    """Bytes of a tensor: what has a state is N times as large. The gradient of v is written dv."""
    batch, L, D, N, size = (int(values[k]) for k in ("batch", "length", "channels", "states", "size"))
    rows, columns, state = batch * L * D * size, batch * L * N * size, batch * L * D * N * size
    small = {"x": rows, "Δ": rows, "y": rows, "B": columns, "C": columns, "A": D * N * size}
    large = {"Ā": state, "B̄x": state, "h": state}
    return small | large | {f"d{name}": bytes_ for name, bytes_ in (small | large).items()}


Kernels = tuple[tuple[str, str, str], ...]  # name, what it reads, what it writes; in the order in which they run
FUSED = (("one kernel", "x Δ A B C", "y"),)
SEPARATE = (("discretise", "x Δ A B", "Ā B̄x"), ("scan", "Ā B̄x", "h"), ("read out", "h C", "y"))
FUSED_BACK = (("one kernel", "x Δ A B C dy", "dx dΔ dA dB dC"),)
SEPARATE_BACK = (
    ("read out", "h C dy", "dh dC"),
    ("scan", "Ā h dh", "dĀ dB̄x"),
    ("discretise", "x Δ A B Ā dĀ dB̄x", "dx dΔ dA dB"),
)


def traffic(values: Values) -> tuple[Move, ...]:
    """Every tensor that passes between HBM and SRAM in one forward and one backward pass, in order.

    Without `recompute` what the backward needs lies in HBM since the forward: h alone where one kernel does all, and
    A_bar, B_bar x and h where there are several. With it they are made again from x, Delta, A and B (Gu & Dao 2023,
    section 3.3.2 and appendix D). Counted as if each kernel moved each tensor once, which is the least it can; scans
    that are written in plain PyTorch pass over their pairs once a level, and move more.
    """
    fused, recompute = values["fused"], values["recompute"]
    forward: Kernels = FUSED if fused else SEPARATE
    backward: Kernels = FUSED_BACK if fused else SEPARATE_BACK
    if fused and not recompute:
        forward = (("one kernel", "x Δ A B C", "y h"),)
        backward = (("one kernel", "x Δ A B C h dy", "dx dΔ dA dB dC"),)
    if recompute and not fused:
        backward = SEPARATE[:2] + SEPARATE_BACK
    bytes_of = sizes(values)
    return tuple(_moves("forward", forward, bytes_of)) + tuple(_moves("backward", backward, bytes_of))


def moved(values: Values, direction: str) -> int:
    """Bytes that pass in one direction of training."""
    return sum(move.bytes for move in traffic(values) if move.direction == direction)


def kept(values: Values) -> int:
    """Bytes that have to wait in HBM for the backward, beside inputs and outputs."""
    if values["recompute"]:
        return 0
    bytes_of = sizes(values)
    return bytes_of["h"] if values["fused"] else bytes_of["Ā"] + bytes_of["B̄x"] + bytes_of["h"]


def _moves(
    direction: Literal["forward", "backward"], kernels: Iterable[tuple[str, str, str]], bytes_of: Mapping[str, int]
) -> Iterable[Move]:
    for kernel, reads, writes in kernels:
        yield from (Move(direction, kernel, tensor, "in", bytes_of[tensor]) for tensor in reads.split())
        yield from (Move(direction, kernel, tensor, "out", bytes_of[tensor]) for tensor in writes.split())


def words(size: float) -> str:
    """Bytes for people: "1.07 GB"."""
    unit, name = (1e9, "GB") if size >= 1e8 else (1e6, "MB") if size >= 1e5 else (1e3, "kB")
    return f"{size / unit:.3g} {name}"
