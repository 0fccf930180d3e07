"""What the systems take: float64 arrays, checked once at the door."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Real: TypeAlias = NDArray[np.floating[Any]]  # float64
Complex: TypeAlias = NDArray[np.complex128]
Array: TypeAlias = NDArray[Any]  # float64 or complex128


def frozen(name: str, value: ArrayLike, *, paired: bool = False) -> Array:
    """A read-only copy, float64, or complex128 where paired.

    Raises:
        ValueError: ragged, not finite, or complex where real numbers are asked for.
    """
    try:
        given = np.asarray(value)
        array: Array = given.astype(np.complex128)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers in a regular shape, got {value!r}") from error
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got inf or nan; check what it was computed from")
    if not paired and np.iscomplexobj(given):
        raise ValueError(f"{name} must be real, got complex numbers; use Diagonal, whose states stand for pairs")
    array = array if paired else array.real.copy()
    array.setflags(write=False)
    return array


def vector(name: str, value: ArrayLike) -> Real:
    """One list of finite real numbers, (T,) with T at least 1.

    Raises:
        ValueError: anything else.
    """
    array = frozen(name, value)
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} must be a list of numbers, (T,) with T >= 1, got {array.shape}; flatten it")
    return array


def seconds(name: str, value: float, *, zero: bool = False) -> float:
    """A finite duration above 0; 0 too where `zero`.

    Raises:
        ValueError: anything else.
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise ValueError(f"{name} must be finite and {'at least' if zero else 'above'} 0 s, got {value}")
    return float(value)
