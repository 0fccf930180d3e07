"""The browser's selective state is Python's, and Theorem 1 holds there, too."""

import math

import numpy as np
import pytest

from ssmviz.systems import discretise

Z = np.linspace(-8, 8, 33)


@pytest.mark.parametrize("name", ["softplus", "sigmoid"])
def test_functions_of_z_are_the_same(js, name):
    there = js("selective.js", f"(m, z) => z.map((v) => m.{name}(v))", Z)
    np.testing.assert_allclose(there, getattr(discretise, name)(Z), atol=1e-12)


@pytest.mark.parametrize("rule", ["zoh", "euler"])
def test_gates_and_states_are_the_same(js, rule):
    x = np.random.default_rng(0).normal(size=33)
    there = js("selective.js", "(m, z, rule) => z.map((v) => m.writeGate(v, rule))", Z, rule)
    np.testing.assert_allclose(there, discretise.write_gate(Z, rule), atol=1e-12)
    there = js("selective.js", "(m, x, z, rule) => m.selective(x, z, rule)", x, Z, rule)
    np.testing.assert_allclose(there, discretise.selective(x, Z, rule), atol=1e-12)


def test_theorem_1_holds_with_zero_order_hold_and_fails_with_euler(js):
    x = np.random.default_rng(1).normal(size=33)
    gated, zoh, euler = (
        np.array(js("selective.js", f"(m, x, z) => m.{call}", x, Z))
        for call in ("gated(x, z)", "selective(x, z)", 'selective(x, z, "euler")')
    )
    assert np.abs(gated - zoh).max() < 1e-12
    assert np.abs(gated - euler).max() > 0.1


def test_delta_and_z_go_both_ways(js):
    delta = [0.001, 0.5, 3, 40]
    there = js("selective.js", "(m, d) => d.map((v) => m.softplus(m.softplusInverse(v)))", delta)
    np.testing.assert_allclose(there, delta, rtol=1e-12)
    kept = js("selective.js", "(m, d) => d.map((v) => m.kept(v, 2))", delta)
    np.testing.assert_allclose(kept, [math.exp(-2 * d) for d in delta])
