"""How a scan is cut into programs on CUDA: fixed choices for each class of shapes, the best measured on an H200.

Nothing is tried at run time, so that no learner waits for a search; `benchmarks/scan_h200_*.md` has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_GRID_YZ = 65_535  # CUDA's limit on the second and third grid axis
LANES = 32
FORWARD_WARPS = 64  # per multiprocessor, wanted of a sequence in chunks: not all at a time, so that all end together
BACKWARD_WARPS = 16  # half of them at a time; its registers allow no more
FORWARD_CHUNK = 256  # steps of the shortest chunk; below, the pass that joins them costs more than it brings
BACKWARD_CHUNK = 512
SHARED = range(64, 2048)  # steps for which several warps share the times of a sequence
LONG = 1024  # steps


def ceil_div(a: int, b: int) -> int:
    """Quotient of a and b, rounded up."""
    return -(-a // b)


def power_of_2(n: int) -> int:
    """The smallest power of two that is at least n."""
    return 1 << (n - 1).bit_length()


@dataclass(frozen=True)
class Forward:
    """Tile of the forward: T * W steps of CL channels; PN >= N states in Q blocks, each on NL lanes."""

    T: int
    CL: int
    NL: int
    PN: int
    Q: int = 1
    W: int = 1
    stages: int = 3  # tiles of input on their way

    @property
    def steps(self) -> int:
        """Steps of a tile."""
        return self.T * self.W

    @property
    def shape(self) -> dict[str, int]:
        """The kernel's compile-time arguments."""
        sizes = {"T": self.T, "W": self.W, "Q": self.Q, "PN": self.PN, "NL": self.NL, "CL": self.CL}
        return sizes | {"STAGES": self.stages, "num_warps": self.W}


@dataclass(frozen=True)
class Backward:
    """Tile of the backward: 8 channels on 8 lanes, 4 states each; W warps share the states or T * W steps."""

    T: int
    PN: int
    W: int = 1
    split_n: bool = False
    stages: int = 3
    CL: int = 8

    @property
    def steps(self) -> int:
        """Steps of a tile."""
        return self.T if self.split_n else self.T * self.W

    @property
    def shape(self) -> dict[str, int]:
        """The kernel's compile-time arguments."""
        sizes = {"T": self.T, "W": self.W, "SPLIT_N": self.split_n, "PN": self.PN}
        return sizes | {"STAGES": self.stages, "num_warps": self.W}


@dataclass(frozen=True)
class Plan:
    """How one problem is cut. The forward keeps the state before every `backward.T`-th step."""

    forward: Forward
    backward: Backward
    forward_chunks: int
    backward_chunks: int


def plan(batch: int, L: int, D: int, N: int, *, multiprocessors: int, plain: bool = False) -> Plan:
    """Tiles and chunks of a problem; `plain` if the forward reads float32 and keeps no states.

    With enough sequences and channels a warp goes through all of time. With too few to fill the device, a short
    sequence is shared by the warps of a program, and a long one is cut into chunks, with a pass before that finds the
    state at each border.
    """
    warps = batch * ceil_div(D, 8)  # programs with the smallest tile
    few = warps < 4 * multiprocessors
    share = few and L in SHARED and N <= 16
    cut = few and not share
    forward_chunks = _chunks(batch * ceil_div(D, 16), L // FORWARD_CHUNK, FORWARD_WARPS * multiprocessors) if cut else 1
    backward_chunks = _chunks(warps, L // BACKWARD_CHUNK, BACKWARD_WARPS * multiprocessors) if cut else 1
    wanted = 8 * multiprocessors
    crowded = forward_chunks * batch * ceil_div(D, 16) > wanted if cut else 2 * warps >= 3 * wanted
    return Plan(
        _forward(power_of_2(N), crowded=crowded, share=share, narrow=plain and L >= LONG),
        _backward(power_of_2(N), share=share),
        forward_chunks,
        backward_chunks,
    )


def _forward(PN: int, *, crowded: bool, share: bool, narrow: bool) -> Forward:
    if PN < 4:
        return Forward(T=8, CL=LANES // PN, NL=PN, PN=PN)
    if share:
        return Forward(T=16, CL=8, NL=4, PN=PN, W=4)
    if PN > 64:
        return Forward(T=4, CL=8, NL=4, PN=PN, Q=8)
    if PN > 16:
        return Forward(T=8, CL=16, NL=2, PN=PN, Q=PN // 16)
    if crowded:  # short tiles need fewer registers, so that more warps find room
        return Forward(T=8, CL=16, NL=2, PN=PN, stages=4)
    if narrow:  # twice as many warps, of fewer channels: no gain where they also write states
        return Forward(T=16, CL=8, NL=4, PN=PN)
    return Forward(T=16, CL=16, NL=2, PN=PN)


def _backward(PN: int, *, share: bool) -> Backward:
    PN = max(PN, 4)
    if share:
        return Backward(T=8, PN=PN, W=4)
    if PN <= 16:
        return Backward(T=8, PN=PN)
    if PN <= 32:
        return Backward(T=8, PN=PN, W=2, split_n=True)
    # 8 states a thread instead of 4 leave half the warps to wait for each other, and fewer steps between checkpoints
    return Backward(T=4, PN=PN, W=PN // 32, split_n=True)


def _chunks(warps: int, most: int, wanted: int) -> int:
    """Pieces of a sequence that run side by side; a second pass pays only where the device would be mostly idle."""
    return max(1, min(wanted // warps, most, MAX_GRID_YZ))
