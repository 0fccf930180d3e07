# ruff: noqa: ANN001, ANN201 - Triton compiles the device functions from their arguments; annotations are its own
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Device functions shared by the kernels on CUDA: loads, the arithmetic of one step, and composition over time.

A program of the scan owns a few channels of one chunk of one sequence and walks through time in tiles of `T` steps. A
tile is laid out [T, R, N, CL]: `R * CL` channels, the last `CL` on neighbouring lanes, and time inside the thread. So
`tl.associative_scan` over axis 0 lowers to plain multiply-adds without a shuffle, and shifting or flipping time
renames registers.

Names: `_b` and `_l` are strides of the batch and of a row (a step), PN is N rounded up to a power of two, `in_...`
masks what lies inside the tensors, `u = delta A`, `a = exp(u)`.
"""

import triton
import triton.language as tl

INTERPRETED = bool(triton.knobs.runtime.interpret)  # runs on the CPU, step by step, for tests
LOG2E = tl.constexpr(1.4426950408889634)
LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def compose(a_l, h_l, a_r, h_r):
    """The two steps h -> a h + b, l before r, as one."""
    return a_l * a_r, a_r * h_l + h_r


@triton.jit
def shift(v_l, before_l, many_l, v_r, before_r, many_r):
    """The element before the last one; `many` is 0 for a single element."""
    return v_r, tl.where(many_r == 0, v_l, before_r), many_r | 1


@triton.jit
def previous(v):
    """v[t - 1] along axis 0, and 0 at the first t. A scan, so that inside a thread it costs nothing."""
    zero = tl.zeros_like(v)
    _, before, _ = tl.associative_scan((v, zero, zero.to(tl.int32)), 0, shift)
    return before


@triton.jit
def sigmoid(v):
    """1 / (1 + exp(-v))."""
    return 1.0 / (1.0 + tl.exp(-v))


@triton.jit
def softplus(v):
    """log(1 + exp(v)) with full relative precision at both ends."""
    e = tl.exp(-tl.abs(v))
    one_e = 1.0 + e
    # log(1 + e) loses the digits of a small e; the factor repairs what rounding 1 + e took (Kahan)
    log1p = tl.where(one_e == 1.0, e, tl.log(one_e) * (e / (one_e - 1.0)))
    return tl.maximum(v, 0.0) + log1p


@triton.jit
def phi1(u, a):
    """(exp(u) - 1) / u with a = exp(u), u <= 0; the series where the difference cancels."""
    series = 1.0 + u * (1 / 2 + u * (1 / 6 + u * (1 / 24 + u * (1 / 120 + u * (1 / 720 + u * (1 / 5040))))))
    return tl.where(tl.abs(u) < 0.25, series, (a - 1.0) / u)


@triton.jit
def phi1_slope(u, a, phi):
    """Slope of phi: (exp(u) - phi) / u."""
    series = 1 / 2 + u * (1 / 3 + u * (1 / 8 + u * (1 / 30 + u * (1 / 144 + u * (1 / 840 + u * (1 / 5760))))))
    return tl.where(tl.abs(u) < 0.25, series, (a - phi) / u)


@triton.jit
def load_td(pointer, stride, t, d, mask):
    """[T, R, CL] of a (L, D) matrix whose rows lie `stride` apart."""
    return tl.load(pointer + t[:, None, None] * stride + d[None, :, :], mask=mask, other=0.0).to(tl.float32)


@triton.jit
def load_tn(pointer, stride, t, n, mask):
    """[T, 1, N, 1] of a (L, N) matrix."""
    tile = tl.load(pointer + t[:, None] * stride + n[None, :], mask=mask, other=0.0).to(tl.float32)
    return tile[:, None, :, None]


@triton.jit
def channels(R: tl.constexpr, CL: tl.constexpr):
    """[R, CL] channel numbers of this program."""
    return tl.program_id(0) * (R * CL) + tl.arange(0, R)[:, None] * CL + tl.arange(0, CL)[None, :]


@triton.jit
def over_n(v):
    """[T, R, N, CL] -> [T, R, CL]."""
    return tl.sum(v, axis=2)


@triton.jit
def over_d(v):
    """[T, R, N, CL] -> [T, N]; the channels inside the thread first, so that fewer values are shuffled."""
    return tl.sum(tl.sum(v, axis=1), axis=2)


@triton.jit
def step_sizes(delta, stride, t, d, mask, bias, SOFTPLUS: tl.constexpr):
    """Delta of a tile and its raw value; 0 outside the sequence, where a step must leave the state alone."""
    raw = load_td(delta, stride, t, d, mask) + bias[None, :, :]
    size = raw
    if SOFTPLUS:
        size = softplus(raw)
    return tl.where(mask, size, 0.0), raw
