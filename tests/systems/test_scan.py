"""The scan equals the loop, level by level."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from ssmviz.systems.scan import (
    blelloch,
    by_running_products,
    combine,
    first_not_finite,
    hillis_steele,
    loop,
)

LENGTHS = [1, 2, 3, 5, 8, 13, 16, 100, 2048]
SCANS = [hillis_steele, blelloch]


def pairs(L: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, L), rng.standard_normal(L)


@pytest.mark.parametrize("scan", SCANS)
@pytest.mark.parametrize("L", LENGTHS)
def test_a_scan_equals_the_loop(scan, L):
    a, b = pairs(L)
    assert np.abs(scan(a, b).h - loop(a, b)).max() < 1e-12


def test_the_loop_is_the_selective_recurrence():
    a, b = [0.5, 0.25, 0.0], [1.0, 2.0, 3.0]
    assert loop(a, b).tolist() == [1.0, 2.25, 3.0]


def test_joining_is_associative_and_not_commutative():
    p, q, r = (0.5, 1.0), (-0.3, 2.0), (0.9, -1.0)
    assert np.allclose(combine(combine(p, q), r), combine(p, combine(q, r)), atol=1e-15)
    assert combine(p, q) != combine(q, p)


def test_nothing_is_changed_by_joining_with_one_and_zero():
    assert combine((1.0, 0.0), (0.3, 2.0)) == combine((0.3, 2.0), (1.0, 0.0)) == (0.3, 2.0)


@pytest.mark.parametrize("scan", SCANS)
def test_what_is_given_stays_as_it_is(scan):
    a, b = pairs(16)
    kept = a.copy(), b.copy()
    scan(a, b)
    assert np.array_equal(a, kept[0])
    assert np.array_equal(b, kept[1])


@pytest.mark.parametrize("L", LENGTHS)
def test_hillis_steele_needs_as_many_levels_as_doublings(L):
    scan = hillis_steele(*pairs(L))
    doublings = math.ceil(math.log2(L))
    assert scan.depth == doublings
    assert scan.work == sum(L - (1 << level) for level in range(doublings))


@pytest.mark.parametrize("L", [2, 8, 16, 2048])
def test_blelloch_goes_up_and_down_the_tree_with_three_joins_a_step(L):
    scan = blelloch(*pairs(L))
    phases = [level.phase for level in scan.levels]
    assert phases.count("up") == phases.count("down") == math.log2(L)
    assert scan.work == 3 * L - 2


def test_2048_steps_are_eleven_levels():
    a, b = pairs(2048)
    assert hillis_steele(a, b).depth == 11
    assert [level.phase for level in blelloch(a, b).levels].count("up") == 11


def test_every_level_of_hillis_steele_holds_the_last_steps_joined():
    """After levels 1, 2, 4 ... position t holds the last 2, 4, 8 ... steps as one."""
    a, b = pairs(16)
    for doublings, level in enumerate(hillis_steele(a, b).levels):
        for t in range(16):
            start = max(0, t + 1 - (1 << doublings))
            joined = (1.0, 0.0)
            for s in range(start, t + 1):
                joined = combine(joined, (a[s], b[s]))
            assert (level.a[t], level.b[t]) == pytest.approx(joined, abs=1e-14)


def test_the_root_of_the_tree_is_the_whole_sequence_as_one_step():
    a, b = pairs(16)
    up = [level for level in blelloch(a, b).levels if level.phase == "up"][-1]
    assert up.a[-1] == pytest.approx(a.prod(), abs=1e-15)
    assert up.b[-1] == pytest.approx(loop(a, b)[-1], abs=1e-12)


def test_going_down_every_leaf_gets_what_lies_before_it():
    a, b = pairs(16)
    levels = blelloch(a, b).levels
    assert levels[-2].phase == "down"
    assert np.abs(levels[-2].b - np.append(0.0, loop(a, b)[:-1])).max() < 1e-12


@pytest.mark.parametrize("scan", SCANS)
def test_every_join_of_a_level_is_one_combination(scan):
    """Recomputed one join at a time from what the level before holds, so nothing in a level waits for another."""
    levels = scan(*pairs(8)).levels
    for before, level in itertools.pairwise(levels):
        for earlier, later, to in level.joins:
            source = levels[0] if level.phase == "last" else before
            joined = combine((before.a[earlier], before.b[earlier]), (source.a[later], source.b[later]))
            assert (level.a[to], level.b[to]) == pytest.approx(joined, abs=1e-15)


def test_running_products_break_at_step_113():
    a, b = np.full(2048, 0.46), np.ones(2048)
    assert first_not_finite(by_running_products(a, b)) == 113
    assert first_not_finite(by_running_products(a, b, np.float64)) == 913
    assert first_not_finite(loop(a, b)) is None


def test_running_products_are_right_before_they_break():
    a, b = np.full(80, 0.46), np.ones(80)
    assert np.allclose(by_running_products(a, b), loop(a, b), rtol=1e-5)


@pytest.mark.parametrize("scan", [*SCANS, loop, by_running_products])
@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([1.0, 2.0], [1.0], "one length, got 2 and 1"),
        ([], [], r"a must be a list of numbers"),
        ([np.nan], [1.0], "a must be finite"),
        ([1.0], [1j], "b must be real"),
    ],
)
def test_what_does_not_fit_is_named(scan, a, b, words):
    with pytest.raises(ValueError, match=words):
        scan(a, b)
