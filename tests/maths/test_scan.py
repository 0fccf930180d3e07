"""The browser scans, and counts bytes, as Python does."""

import itertools

import numpy as np
import pytest

from ssmviz.lessons import scan as lesson
from ssmviz.lessons.scan import CONTROLS
from ssmviz.systems import scan

METHODS = {"hillisSteele": scan.hillis_steele, "blelloch": scan.blelloch}
START = {control.name: control.default for control in CONTROLS}


def pairs(L):
    rng = np.random.default_rng(L)
    return rng.uniform(-1, 1, L), rng.standard_normal(L)


@pytest.mark.parametrize("L", [1, 2, 5, 8, 16])
@pytest.mark.parametrize("name", METHODS)
def test_every_level_is_pythons(js, name, L):
    a, b = pairs(L)
    got, wanted = js("scan.js", f"(m, a, b) => m.{name}(a, b)", a, b), METHODS[name](a, b)
    np.testing.assert_allclose(got["h"], wanted.h, rtol=0, atol=1e-15)
    assert [level["phase"] for level in got["levels"]] == [level.phase for level in wanted.levels]
    for mine, theirs in zip(got["levels"], wanted.levels, strict=True):
        np.testing.assert_allclose(mine["a"], theirs.a, rtol=0, atol=1e-15)
        np.testing.assert_allclose(mine["b"], theirs.b, rtol=0, atol=1e-15)
        assert mine["joins"] == [list(join) for join in theirs.joins]


def test_the_loop_is_pythons(js):
    a, b = pairs(100)
    np.testing.assert_allclose(js("scan.js", "(m, a, b) => m.loop(a, b)", a, b), scan.loop(a, b), rtol=0, atol=1e-15)


@pytest.mark.parametrize("L", [1, 2, 5, 8, 100, 2048])
def test_costs_for_any_length_are_those_of_the_scans(js, L):
    for name, method in (("hillis_steele", scan.hillis_steele), ("blelloch", scan.blelloch)):
        counted = method(*pairs(L))
        got = js("scan.js", "(m, ...a) => m.costOf(...a)", name, L)
        assert (got["work"], got["depth"]) == (counted.work, counted.depth)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("keep", [0.3, 0.46, 0.9, 0.99])
def test_running_products_break_at_the_same_step(js, keep, single):
    a, b = np.full(2048, keep), np.ones(2048)
    got = js("scan.js", "(m, a, b, s) => m.firstNotFinite(m.byRunningProducts(a, b, s))", a, b, single)
    dtype = np.float32 if single else np.float64
    assert got == scan.first_not_finite(scan.by_running_products(a, b, dtype))


@pytest.mark.parametrize(("fused", "recompute"), list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("size", ["4", "2"])
def test_bytes_are_pythons(js, fused, recompute, size):
    values = START | {"fused": fused, "recompute": recompute, "size": size}
    moves = js("memory.js", "(m, values) => m.traffic(values)", values)
    assert [tuple(move.values()) for move in moves] == [tuple(move) for move in lesson.traffic(values)]
    assert js("memory.js", "(m, values) => m.kept(values)", values) == lesson.kept(values)
    assert js("memory.js", "(m, values) => m.sizes(values)", values) == lesson.sizes(values)
