"""Exponentials and logarithms of `Vector`s, for use inside jitted kernels.

Coefficients are minimax fits (linear programming on Chebyshev points); errors are relative, in float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.numba_runtime import inline
from kernels.vectors import fill, times_two_to_the, where_less

LN2 = np.float32(0.6931471805599453)
LOG2E = np.float32(1.4426950408889634)

ROUND = np.float32(12582912.0)  # 1.5 * 2**23: adding it leaves round(x) in the low bits of the mantissa
SMALLEST = np.float32(-126.0)  # 2**-126 is the smallest normal number, and stands for all below
LARGEST = np.float32(128.0)  # 2**128 is infinity
ZERO = np.float32(0.0)
ONE = np.float32(1.0)


@inline
def _split(x: Any) -> tuple[Any, Any]:
    """Write x = k + f with k an integer (in the low bits of `shifted`) and abs(f) <= 1/2."""
    lowest, highest = fill(SMALLEST), fill(LARGEST)
    x = where_less(x, lowest, lowest, x)
    x = where_less(highest, x, highest, x)
    shifted = x + ROUND
    return shifted, x - (shifted - ROUND)


@inline
def _exp2_less_one(f: Any) -> Any:
    """2**f - 1 for abs(f) <= 1/2, so that 2**f is good to 1.6e-7."""
    return f * (
        0.6931470036506653
        + f * (0.24022242426872253 + f * (0.05550733581185341 + f * (0.009671512991189957 + f * 0.001326472731307149)))
    )


@inline
def exp2(x: Any) -> Any:
    """2**x to 1.6e-7; NaN stays NaN, 2**x < 2**-126 becomes 2**-126, 2**128 infinity."""
    shifted, f = _split(x)
    return times_two_to_the(_exp2_less_one(f) + 1.0, shifted)


@inline
def exp2_and_less_one(x: Any) -> tuple[Any, Any]:
    """(2**x, 2**x - 1), the second without cancellation near x = 0."""
    shifted, f = _split(x)
    less_one = _exp2_less_one(f)
    power = times_two_to_the(fill(ONE), shifted)
    return times_two_to_the(less_one + 1.0, shifted), less_one * power + (power - 1.0)


@inline
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp2(x * -LOG2E))


@inline
def softplus_and_slope(x: Any) -> tuple[Any, Any]:
    """(log(1 + exp(x)), its derivative sigmoid(x)), both also accurate where they are tiny.

    With u = exp(-abs(x)): softplus = max(x, 0) + log(1 + u), and log(1 + u) = 2 artanh(s) with s = u / (2 + u).
    """
    zero = fill(ZERO)
    magnitude = where_less(x, zero, zero - x, x)
    u = exp2(magnitude * -LOG2E)
    s = u / (u + 2.0)
    w = s * s
    log = s * (
        2.0 + w * (0.6666631698608398 + w * (0.40024909377098083 + w * (0.2796066403388977 + w * 0.28177958726882935)))
    )
    inverse = 1.0 / (u + 1.0)
    return log + where_less(x, zero, zero, x), where_less(x, zero, u * inverse, inverse)
