"""The recurrence h_t = a_t h_{t-1} + b_t, all at once: a scan over pairs (a, b).

A pair is a map h -> a h + b. One map after another is again such a map, (a, b) then (c, d) is (c a, c b + d), and it
does not matter which neighbours are joined first (Blelloch 1990; Martin & Cundy 2018; S5: Smith, Warrington & Linderman
2023, section 2.2; Mamba: Gu & Dao 2023, section 3.3.2). So L steps become about log2 L levels, each of which joins many
pairs at the same time. The b of what has been joined from the beginning up to t is h_t, for h_{-1} = 0.

a and b are (L,), float64. Every level is kept, because looking at them is what this module is for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ssmviz.systems.arrays import Array, Real, vector

Phase = Literal["leaves", "up", "root", "down", "last"]
Pair = tuple[float, float]


class Join(NamedTuple):
    """The pair at `earlier`, then the one at `later`, is put at `to`: three positions.

    Both are of the level before, but for the last level of a tree, where `later` is a leaf.
    """

    earlier: int
    later: int
    to: int


@dataclass(frozen=True, eq=False)
class Level:
    """What all positions hold after one level, and what was joined in it, all at the same time."""

    phase: Phase
    a: Real  # (n,)
    b: Real  # (n,)
    joins: tuple[Join, ...] = ()


class Scan(NamedTuple):
    """States h (L,), and every level; `work` joins in all, `depth` levels that join something."""

    h: Real
    levels: tuple[Level, ...]

    @property
    def work(self) -> int:
        """Joins in all levels."""
        return sum(len(level.joins) for level in self.levels)

    @property
    def depth(self) -> int:
        """Levels that have to wait for one another."""
        return sum(bool(level.joins) for level in self.levels)


def combine(first: Pair, then: Pair) -> Pair:
    """(a, b) and then (c, d): h -> c (a h + b) + d, so (c a, c b + d). Associative, not commutative."""
    (a, b), (c, d) = first, then
    return c * a, c * b + d


def loop(a: ArrayLike, b: ArrayLike) -> Real:
    """One step after the other: h (L,), the truth that every scan is held against.

    Raises:
        ValueError: a and b are not finite sequences of one length.
    """
    a, b = _pairs(a, b)
    h = np.empty_like(b)
    state = 0.0
    for t in range(len(b)):
        h[t] = state = a[t] * state + b[t]
    return h


def hillis_steele(a: ArrayLike, b: ArrayLike) -> Scan:
    """Every position joins the one 1, 2, 4, ... before it: ceil(log2 L) levels, about L log2 L joins.

    The shallowest scan, not the one of least work (Hillis & Steele 1986).

    Raises:
        ValueError: a and b are not finite sequences of one length.
    """
    a, b = _pairs(a, b)
    L = len(a)
    levels = [Level("leaves", a, b)]
    distance = 1
    while distance < L:
        joins = tuple(Join(t - distance, t, t) for t in range(distance, L))
        levels.append(_join(levels[-1], "up", joins))
        distance *= 2
    return Scan(levels[-1].b, tuple(levels))


def blelloch(a: ArrayLike, b: ArrayLike) -> Scan:
    """A tree, up and down: 2 ceil(log2 L) levels and one last join, about 3 L joins.

    Up, each node joins its two halves. Then the root is cleared to (1, 0), which changes nothing, and going down each
    node hands its left half what lies before the node, and its right half that joined with the left half. Every leaf
    then holds what lies before it (an exclusive scan), and a last join with the leaf itself gives h (Blelloch 1990).
    L is filled up to a power of two with (1, 0).

    Raises:
        ValueError: a and b are not finite sequences of one length.
    """
    a, b = _pairs(a, b)
    L = len(a)
    n = 1 << (L - 1).bit_length()
    leaves = Level("leaves", np.append(a, np.ones(n - L)), np.append(b, np.zeros(n - L)))
    levels = [leaves]
    spans = [1 << level for level in range(n.bit_length() - 1)]
    for half in spans:
        ends = range(2 * half - 1, n, 2 * half)
        levels.append(_join(levels[-1], "up", tuple(Join(end - half, end, end) for end in ends)))
    levels.append(_clear_root(levels[-1]))
    for half in reversed(spans):
        levels.append(_down(levels[-1], half))
    before = levels[-1]
    joined = _joined((before.a, before.b), (leaves.a, leaves.b))
    levels.append(Level("last", *joined, tuple(Join(t, t, t) for t in range(n))))
    return Scan(joined[1][:L], tuple(levels))


def by_running_products(a: ArrayLike, b: ArrayLike, dtype: DTypeLike = np.float32) -> Real:
    """The tempting formula without a scan, (L,): h_t = P_t sum_{s <= t} b_s / P_s with P_t = a_0 a_1 ... a_t.

    Right on paper. In floats P underflows and 1 / P overflows, so that h becomes inf, then nan: that is the lesson.

    Raises:
        ValueError: a and b are not finite sequences of one length.
    """
    a, b = (values.astype(dtype) for values in _pairs(a, b))
    with np.errstate(all="ignore"):
        P = np.cumprod(a, dtype=dtype)
        return np.asarray(P * np.cumsum(b / P, dtype=dtype))


def first_not_finite(h: Array) -> int | None:
    """The first step (from 0) whose state is inf or nan, or None."""
    broken = np.flatnonzero(~np.isfinite(h))
    return int(broken[0]) if broken.size else None


def _join(level: Level, phase: Phase, joins: tuple[Join, ...]) -> Level:
    earlier, later, to = np.array(joins).T
    a, b = level.a.copy(), level.b.copy()
    a[to], b[to] = _joined((level.a[earlier], level.b[earlier]), (level.a[later], level.b[later]))
    return Level(phase, a, b, joins)


def _clear_root(level: Level) -> Level:
    a, b = level.a.copy(), level.b.copy()
    a[-1], b[-1] = 1.0, 0.0
    return Level("root", a, b)


def _down(level: Level, half: int) -> Level:
    """Each node's end holds what lies before the node, the end of its left half still that half's total."""
    ends = np.arange(2 * half - 1, len(level.a), 2 * half)
    a, b = level.a.copy(), level.b.copy()
    a[ends], b[ends] = _joined((level.a[ends], level.b[ends]), (level.a[ends - half], level.b[ends - half]))
    a[ends - half], b[ends - half] = level.a[ends], level.b[ends]
    return Level("down", a, b, tuple(Join(int(end), int(end) - half, int(end)) for end in ends))


def _joined(first: tuple[Real, Real], then: tuple[Real, Real]) -> tuple[Real, Real]:
    (a, b), (c, d) = first, then
    return c * a, c * b + d


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[Real, Real]:
    a, b = vector("a", a), vector("b", b)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one length, got {len(a)} and {len(b)}; give one pair a step")
    return a, b
