# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles these functions; it has its own types
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""What the lanes of a warp do together: sums over lanes of which each keeps another, work of which each does a part.

`tl.sum` over S lanes moves every value log2(S) times and leaves S copies of each sum. Where as many values as lanes
are to be summed, each lane can keep half of the values at every stage and hand the other half over: S - 1 moves for S
sums. And where lanes hold the same values, each can compute its share of a function of them and hand it to the others.
Triton has no such operations; they are written in PTX for the layout that `triton_tiles` describes, which Triton
gives to these tensors in the versions listed here. With any other, the definition beside it is compiled.
"""

import math
import struct
from collections.abc import Callable

import triton
import triton.language as tl

from kernels.triton_tiles import INTERPRETED, LOG2E, SOFTPLUS_TERMS, sigmoid, softplus

VERIFIED = ("3.6.",)  # of Triton: the gpu tests ran on these
SHUFFLES = tl.constexpr(not INTERPRETED.value and triton.__version__.startswith(VERIFIED))


def _sums(lane_bits: tuple[int, ...]) -> str:
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
    """All results are written after the last operand is read."""
    return ",".join(["=&f"] * count + ["f"] * count)


def _hex(value: float) -> str:
    return f"0f{struct.unpack('<I', struct.pack('<f', value))[0]:08X}"


def _softplus(v: str) -> list[str]:
    """As `triton_tiles.softplus`."""
    lines = [f"abs.f32 e, {v};", f"mul.f32 e, e, {_hex(-LOG2E.value)};", "ex2.approx.ftz.f32 e, e;"]
    first, *others = SOFTPLUS_TERMS.value
    lines += [f"mov.f32 p, {_hex(first)};", *(f"fma.rn.f32 p, p, e, {_hex(term)};" for term in others)]
    return [*lines, f"max.f32 {v}, {v}, {_hex(0.0)};", f"fma.rn.f32 {v}, p, e, {v};"]


def _silu(v: str) -> list[str]:
    lines = [f"mul.f32 e, {v}, {_hex(-LOG2E.value)};", "ex2.approx.ftz.f32 e, e;", f"add.f32 e, e, {_hex(1.0)};"]
    return [*lines, "rcp.approx.ftz.f32 e, e;", f"mul.f32 {v}, {v}, e;"]


def _shared(function: Callable[[str], list[str]], count: int, lanes: int) -> str:
    """PTX of a function of `count` values that are equal on `lanes` groups of lanes: a part of them on each.

    Beside each value comes the group that it belongs to: in another layout than this one the result is NaN.
    """
    channels, part = 32 // lanes, count // lanes
    lines = [".reg .pred p<2>, wrong;", ".reg .b32 lane, bit, from;", f".reg .f32 e, p, v, w, own<{part}>;"]
    lines += ["mov.u32 lane, %laneid;", f"shr.u32 bit, lane, {channels.bit_length() - 1};"]
    lines += [f"setp.ne.u32 wrong, bit, ${2 * count};", f"setp.ne.or.u32 wrong, bit, ${3 * count - 1}, wrong;"]
    for stage in range(lanes.bit_length() - 1):
        lines += [f"and.b32 bit, lane, {channels << stage};", f"setp.ne.u32 p{stage}, bit, 0;"]
    for k in range(part):
        values = [f"${count + group * part + k}" for group in range(lanes)]
        lines += [f"selp.f32 v, {values[1]}, {values[0]}, p0;"]
        if lanes == 4:
            lines += [f"selp.f32 w, {values[3]}, {values[2]}, p0;", "selp.f32 v, w, v, p1;"]
        lines += [*function("v"), f"mov.f32 own{k}, v;"]
    lines += [f"selp.f32 own0, {_hex(math.nan)}, own0, wrong;", f"and.b32 lane, lane, {channels - 1};"]
    for group in range(lanes):
        lines += [f"or.b32 from, lane, {group * channels};"]
        lines += [f"shfl.sync.idx.b32 ${group * part + k}, own{k}, from, 0x1f, 0xffffffff;" for k in range(part)]
    return " ".join(["{", *lines, "}"])


SUMS_OF_8 = tl.constexpr(_sums((4, 2, 1)))  # over channels
SUMS_OF_4 = tl.constexpr(_sums((16, 8)))  # over states
OPERANDS = tl.constexpr(tuple(_operands(count) for count in (4, 8, 16)))
TAGGED = tl.constexpr(tuple(",".join([_operands(count)] + ["r"] * count) for count in (4, 8, 16)))
SHARES = [(count, lanes) for count in (4, 8, 16) for lanes in (2, 4)]
SHARED_SOFTPLUS = tl.constexpr(tuple(_shared(_softplus, *share) for share in SHARES))
SHARED_SILU = tl.constexpr(tuple(_shared(_silu, *share) for share in SHARES))


@triton.jit
def _together(v, CODES: tl.constexpr):
    T: tl.constexpr = v.shape[0]
    NL: tl.constexpr = v.shape[2]
    code: tl.constexpr = CODES[T // 8 * 2 + NL // 4]
    operands: tl.constexpr = TAGGED[T // 8]
    group = tl.broadcast_to(tl.arange(0, NL)[None, None, :, None], v.shape)
    return tl.inline_asm_elementwise(code, operands, [v, group], dtype=tl.float32, is_pure=True, pack=T)


@triton.jit
def softplus_together(v):
    """`softplus` of [T, W, NL, CL], equal along NL (2 or 4): every lane computes it for a part of the times."""
    if SHUFFLES:
        return _together(v, SHARED_SOFTPLUS)
    return softplus(v)


@triton.jit
def silu_together(v):
    """`v * sigmoid(v)`, as `softplus_together`."""
    if SHUFFLES:
        return _together(v, SHARED_SILU)
    return v * sigmoid(v)


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
        v = tl.inline_asm_elementwise(SUMS_OF_8, OPERANDS[1], [v], dtype=tl.float32, is_pure=True, pack=8)
        return _first_of(tl.reshape(v, [T * NR, W, 4, 8]), 8)
    return tl.permute(tl.reshape(tl.sum(v, axis=4), [T * NR // 8, 8, W, 4]), (0, 2, 3, 1))


@triton.jit
def scatter_over_states(v):
    """[T, W, 4, 8] -> [T / 4, W, 4, 8]: lane n of the third axis gets the sum over it of time 4 g + n."""
    T: tl.constexpr = v.shape[0]
    W: tl.constexpr = v.shape[1]
    if SHUFFLES:
        v = tl.inline_asm_elementwise(SUMS_OF_4, OPERANDS[0], [v], dtype=tl.float32, is_pure=True, pack=4)
        return _first_of(v, 4)
    return tl.permute(tl.reshape(tl.sum(v, axis=2), [T // 4, 4, W, 8]), (0, 2, 1, 3))
