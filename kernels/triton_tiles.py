# ruff: noqa: ANN001, ANN201, ANN202 - Triton compiles these functions; it has its own types
# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls, allow-untyped-decorators
"""Device functions shared by the scan's kernels on CUDA: arithmetic of one step, loads, sums over lanes.

A program owns CL channels of one sequence and walks through time in tiles of T steps. What has a state is laid out
[T, NR, W, NL, CL]: NL * CL = 32 lanes of a warp hold NL states of CL channels, every thread NR states and all T times
in registers, and W warps either stretches of time or blocks of states. So the recurrence over T is plain multiply-adds
without a shuffle. What depends on time and channel alone is laid out [T / NL, W, NL, CL], every value on one lane.

Names: `_b` and `_l` are strides of the batch and of a row (a step), PN is N rounded up to a power of two, `in_...`
masks what lies inside the tensors, `u = delta A`, `a = exp(u)`.
"""

import triton
import triton.language as tl

INTERPRETED = tl.constexpr(bool(triton.knobs.runtime.interpret))  # runs on the CPU, step by step, for tests
LOG2E = tl.constexpr(1.4426950408889634)
LN2 = tl.constexpr(0.6931471805599453)
# log(1 + e) / e on [0, 1]: minimax polynomial from its highest power on, relative error 2e-7
SOFTPLUS_TERMS = tl.constexpr(
    (-0.00853917, 0.04408952, -0.10768157, 0.17745234, -0.24495462, 0.33275480, -0.49997404, 0.99999982)
)
# delta at the first step of a document: exp(delta A) is 0, and so is what it lets through of the state before
FORGET = tl.constexpr(1e30)


@triton.jit
def compose(a_l, h_l, a_r, h_r):
    """The two steps h -> a h + b, l before r, as one."""
    return a_l * a_r, a_r * h_l + h_r


@triton.jit
def compose_with_previous(a_l, h_l, pa_l, ph_l, a_r, h_r, pa_r, ph_r):
    """`compose`, which also keeps all but the last step."""
    return a_l * a_r, a_r * h_l + h_r, a_l * pa_r, pa_r * h_l + ph_r


@triton.jit
def _asm(v, CODE: tl.constexpr):
    return tl.inline_asm_elementwise(CODE, "=f,f", [v], dtype=tl.float32, is_pure=True, pack=1)


@triton.jit
def reciprocal(v):
    """1 / v for v >= 1, one instruction."""
    if INTERPRETED:
        return 1.0 / v
    return _asm(v, "rcp.approx.ftz.f32 $0, $1;")


@triton.jit
def exp2(v):
    """2 ** v; below 2 ** -126 it is 0. One instruction, where `tl.exp2` takes care of what is smaller."""
    if INTERPRETED:
        return tl.exp2(v)
    return _asm(v, "ex2.approx.ftz.f32 $0, $1;")


@triton.jit
def sigmoid(v):
    """1 / (1 + exp(-v))."""
    return reciprocal(1.0 + exp2(v * -LOG2E))


@triton.jit
def softplus(v):
    """log(1 + exp(v)) with full relative precision at both ends."""
    e = exp2(tl.abs(v) * -LOG2E)
    p = SOFTPLUS_TERMS[0]
    for k in tl.static_range(1, 8):
        p = SOFTPLUS_TERMS[k] + e * p
    return tl.maximum(v, 0.0) + e * p


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
def multiple(stride, UNIT: tl.constexpr):
    """`stride`, which is a multiple of UNIT: says so to the compiler, for wide loads."""
    return stride // UNIT * UNIT


@triton.jit
def load(pointer, mask, MASKED: tl.constexpr):
    """What is there as float32, and 0 outside the mask. Without MASKED nothing lies outside."""
    if MASKED:
        return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)
    return tl.load(pointer).to(tl.float32)


@triton.jit
def store(pointer, value, mask, MASKED: tl.constexpr):
    """The reverse of `load`, in the type of the memory."""
    if MASKED:
        tl.store(pointer, value.to(pointer.dtype.element_ty), mask=mask)
    else:
        tl.store(pointer, value.to(pointer.dtype.element_ty))


@triton.jit
def forget(delta, seq_idx, t, mask):
    """`delta`, or FORGET at times t (counted from the row of `seq_idx`) where another document begins."""
    here = tl.load(seq_idx + t, mask=mask, other=0)
    before = tl.load(seq_idx + t - 1, mask=mask & (t > 0), other=0)
    return tl.where(mask & (t > 0) & (here != before), FORGET, delta)


@triton.jit
def load_states(states, d_0, n_0, n_warp, D, N, NR: tl.constexpr, W: tl.constexpr, NL: tl.constexpr, CL: tl.constexpr):
    """[NR, W, NL, CL] of states (D, N), from channel d_0 and state n_0, those of the next warp n_warp further on.

    Loaded in the order of the lanes, so that they arrive in the layout of the kernel: what a loop carries keeps the
    layout of what it starts from, and would else be moved between lanes at every tile.
    """
    i = tl.arange(0, NR * W * NL * CL)
    d = d_0 + i % CL
    n = n_0 + i // (W * NL * CL) + i // CL % NL * NR + i // (NL * CL) % W * n_warp
    return tl.reshape(tl.load(states + d * N + n, mask=(d < D) & (n < N), other=0.0), [NR, W, NL, CL])


@triton.jit
def spread(v, T: tl.constexpr, W: tl.constexpr, CL: tl.constexpr):
    """[T / NL, W, NL, CL] -> [T, 1, W, 1, CL], to every lane that holds a state of the channel."""
    return tl.reshape(tl.permute(v, (0, 2, 1, 3)), (T, W, CL))[:, None, :, None, :]


@triton.jit
def at_time(v, j, T: tl.constexpr):
    """v[j] along the first axis, which lies in registers."""
    here = (tl.arange(0, T) == j)[:, None, None, None, None]
    return tl.sum(tl.where(here, v, 0.0), axis=0)
