# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles these functions; it has its own types
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Sums over the lanes of a warp that leave another sum on every lane.

`tl.sum` over S lanes moves every value log2(S) times and leaves S copies of each sum. Where as many values as lanes
are to be summed, each lane can keep half of the values at every stage and hand the other half over: S - 1 moves for S
sums. Triton has no such operation; it is written in PTX for the layout that `triton_tiles` describes, which Triton
gives to these tensors in the versions listed here. With any other, the definition beside it is compiled.
"""

import triton
import triton.language as tl

from kernels.triton_tiles import INTERPRETED

VERIFIED = ("3.6.",)  # of Triton: the gpu tests ran on these
SHUFFLES = tl.constexpr(not INTERPRETED.value and triton.__version__.startswith(VERIFIED))


def _code(lane_bits: tuple[int, ...]) -> str:
    """PTX that takes 2 ** len(lane_bits) values and gives each lane the sum of one, over the lanes of these bits."""
    count = 2 ** len(lane_bits)
    lines = [f".reg .pred p<{len(lane_bits)}>;", ".reg .b32 lane, bit;", f".reg .f32 kept, sent, sum<{count}>;"]
    lines += ["mov.u32 lane, %laneid;"]
    values = [f"${count + k}" for k in range(count)]
    for stage, bit in enumerate(lane_bits):
        lines += [f"and.b32 bit, lane, {bit};", f"setp.ne.u32 p{stage}, bit, 0;"]
        half = len(values) // 2
        for k in range(half):
            lines += [
                f"selp.f32 sent, {values[k]}, {values[k + half]}, p{stage};",
                f"selp.f32 kept, {values[k + half]}, {values[k]}, p{stage};",
                f"shfl.sync.bfly.b32 sent, sent, {bit}, 0x1f, 0xffffffff;",
                f"add.f32 sum{k}, kept, sent;",
            ]
        values = [f"sum{k}" for k in range(half)]
    return " ".join(["{", *lines, *(f"mov.f32 ${k}, {values[0]};" for k in range(count)), "}"])


def _operands(count: int) -> str:
    return ",".join(["=f"] * count + ["f"] * count)


OVER_8_CHANNELS = tl.constexpr(_code((4, 2, 1)))
OVER_4_STATES = tl.constexpr(_code((16, 8)))
OPERANDS_8 = tl.constexpr(_operands(8))
OPERANDS_4 = tl.constexpr(_operands(4))


@triton.jit
def _first_of(v, P: tl.constexpr):
    """v[::P] along the first axis, which lies in registers."""
    v = tl.reshape(v, [v.shape[0] // P, P, v.shape[1], v.shape[2], v.shape[3]])
    return tl.sum(tl.where((tl.arange(0, P) == 0)[None, :, None, None, None], v, 0.0), axis=1)


@triton.jit
def scatter_over_channels(v):
    """[T, NR, W, 4, 8] -> [T * NR / 8, W, 4, 8]: lane c of the last axis gets the sum over it of value 8 g + c.

    Values are counted over (T, NR), NR fastest.
    """
    T: tl.constexpr = v.shape[0]
    NR: tl.constexpr = v.shape[1]
    W: tl.constexpr = v.shape[2]
    if SHUFFLES:
        v = tl.inline_asm_elementwise(OVER_8_CHANNELS, OPERANDS_8, [v], dtype=tl.float32, is_pure=True, pack=8)
        return _first_of(tl.reshape(v, [T * NR, W, 4, 8]), 8)
    return tl.permute(tl.reshape(tl.sum(v, axis=4), [T * NR // 8, 8, W, 4]), (0, 2, 3, 1))


@triton.jit
def scatter_over_states(v):
    """[T, W, 4, 8] -> [T / 4, W, 4, 8]: lane n of the third axis gets the sum over it of time 4 g + n."""
    T: tl.constexpr = v.shape[0]
    W: tl.constexpr = v.shape[1]
    if SHUFFLES:
        v = tl.inline_asm_elementwise(OVER_4_STATES, OPERANDS_4, [v], dtype=tl.float32, is_pure=True, pack=4)
        return _first_of(v, 4)
    return tl.permute(tl.reshape(tl.sum(v, axis=2), [T // 4, 4, W, 8]), (0, 2, 1, 3))
