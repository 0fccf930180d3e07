"""Small dense matrices of the browser against numpy and scipy."""

import numpy as np
import pytest
from scipy.linalg import expm

from ssmviz.systems.continuous import mass_spring_damper


def random(N, M=None, seed=0):
    return np.random.default_rng(seed).normal(size=(N, M or N))


@pytest.mark.parametrize("scale", [1e-6, 0.3, 40.0])
@pytest.mark.parametrize("N", [1, 2, 7])
def test_expm_is_that_of_scipy(js, N, scale):
    A = scale * (random(N) - 2 * np.sqrt(N) * np.eye(N))
    np.testing.assert_allclose(js("linalg.js", "(m, A) => m.expm(A)", A), expm(A), rtol=1e-9, atol=1e-12)


def test_expm_of_a_nilpotent_and_of_a_large_turn_is_exact(js):
    np.testing.assert_allclose(js("linalg.js", "(m) => m.expm([[0, 3], [0, 0]])"), [[1, 3], [0, 1]], atol=1e-15)
    turned = js("linalg.js", "(m) => m.expm([[0, 100], [-100, 0]])")
    np.testing.assert_allclose(turned, [[np.cos(100), np.sin(100)], [-np.sin(100), np.cos(100)]], atol=1e-11)


def test_expm_of_what_is_no_number_is_no_number(js):
    assert np.isnan(js("linalg.js", "(m) => m.expm([[Infinity, 0], [0, 1]])")).all()


@pytest.mark.parametrize("columns", [None, 1, 4])
def test_solve_is_that_of_numpy(js, columns):
    A, B = random(6, seed=1), random(6, columns or 1, seed=2)
    B = B[:, 0] if columns is None else B
    np.testing.assert_allclose(js("linalg.js", "(m, A, B) => m.solve(A, B)", A, B), np.linalg.solve(A, B), rtol=1e-10)


def test_solve_pivots(js):
    assert js("linalg.js", "(m) => m.solve([[0, 2], [3, 1]], [4, 5])") == [1, 2]


def test_solve_leaves_what_it_is_given(js):
    A = [[1.0, 2.0], [3.0, 4.0]]
    assert js("linalg.js", "(m, A) => { m.solve(A, [1, 2]); m.inverse(A); return A; }", A) == A


def test_products_and_sums_are_those_of_numpy(js):
    A, B, v = random(4, 3, seed=3), random(3, 5, seed=4), random(3, 1, seed=5)[:, 0]
    expression = (
        "(m, A, B, v) => [m.product(A, B), m.apply(A, v), m.transpose(A), m.combine(2, A, -1, A), m.outer(v, v)]"
    )
    for got, wanted in zip(js("linalg.js", expression, A, B, v), (A @ B, A @ v, A.T, A, np.outer(v, v)), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-15)
    norms = js("linalg.js", "(m, A, v) => [m.rowNorm(A), m.norm(v), m.dot(v, v)]", A, v)
    np.testing.assert_allclose(norms, [np.linalg.norm(A, np.inf), np.linalg.norm(v), v @ v], rtol=1e-13)


@pytest.mark.parametrize("damper", [0.0, 0.5, 4.0, 9.0])
def test_two_eigenvalues_are_those_of_numpy(js, damper):
    A = mass_spring_damper(spring=4.0, damper=damper).A
    got = np.array(js("linalg.js", "(m, A) => m.eigenvalues2(A)", A)) @ [1, 1j]
    wanted = sorted(np.linalg.eigvals(A), key=lambda p: (p.imag, p.real), reverse=True)
    np.testing.assert_allclose(got, wanted, atol=1e-7)


def test_a_small_eigenvalue_keeps_its_digits(js):
    slow, fast = js("linalg.js", "(m) => m.eigenvalues2([[0, 1], [-1e-9, -3]])")
    assert (slow[0], fast[0]) == pytest.approx((-1e-9 / 3, -3), rel=1e-9)
