"""S4 and S4D in the browser against ssmviz.systems and the lesson's own functions."""

import numpy as np
import pytest

from ssmviz.lessons import structured
from ssmviz.systems import s4, s4d
from ssmviz.systems.nplr import diagonalise, normal_plus_low_rank

SIZES = (2, 7, 16, 64)


@pytest.mark.parametrize("N", SIZES)
def test_the_poles_found_by_counting_angles_are_lapacks(js, N):
    found, system = js("s4.js", "(m, N) => m.diagonalPlusLowRank(N)", N), diagonalise(normal_plus_low_rank(N))
    np.testing.assert_allclose(found["omega"], system.Lambda.imag, atol=1e-9)
    assert system.Lambda.real == pytest.approx(found["re"], abs=1e-12)
    np.testing.assert_allclose(found["B"], np.abs(system.B), atol=1e-9)
    np.testing.assert_allclose(found["P"], np.abs(system.P[:, 0]), atol=1e-9)


@pytest.mark.parametrize("N", SIZES)
def test_the_parts_and_the_bilinear_rule_equal(js, N):
    nplr = normal_plus_low_rank(N)
    found = js(
        "s4.js",
        "(m, N) => { const p = m.normalPlusLowRank(N); return { ...p, ...m.bilinear(p.A, p.B, 0.01) }; }",
        N,
    )
    np.testing.assert_allclose(found["normal"], nplr.normal, atol=1e-12)
    np.testing.assert_allclose(found["P"], nplr.P[:, 0], atol=1e-12)
    system = diagonalise(nplr)
    A_bar, B_bar = s4.bilinear(system, 0.01)
    np.testing.assert_allclose(found["A_bar"], (system.V @ A_bar @ system.V.conj().T).real, atol=1e-10)
    np.testing.assert_allclose(found["B_bar"], (system.V @ B_bar).real, atol=1e-10)


@pytest.mark.parametrize("N", SIZES)
def test_every_stage_equals(js, N):
    L, delta, C = 64, 0.02, structured.output(N)
    system = diagonalise(normal_plus_low_rank(N))
    done = s4.stages(system, C, delta, L)
    found = js(
        "s4.js",
        """(m, N, C, delta, L) => {
          const { A, B } = m.normalPlusLowRank(N);
          const { A_bar, B_bar } = m.bilinear(A, B, delta);
          const { K, rest } = m.denseKernel(A_bar, B_bar, C, L);
          const dplr = m.diagonalPlusLowRank(N);
          const stages = m.stages(dplr, m.outputInModes(dplr, C.map((c, n) => c - rest[n])), delta, L);
          return { ...stages, dense: K, first: m.generatingFunction(K) };
        }""",
        *(N, C, delta, L),
    )
    for name in ("k00", "correction", "K_hat"):
        np.testing.assert_allclose(pairs(found[name]), getattr(done, name), atol=1e-9)
    np.testing.assert_allclose(pairs(found["first"]), done.K_hat, atol=1e-9)
    np.testing.assert_allclose(found["K"], done.K, atol=1e-11)
    np.testing.assert_allclose(found["dense"], done.K, atol=1e-11)


def test_a_dense_resolvent_is_numpys(js):
    rng = np.random.default_rng(0)
    M0, M1, row, column, z = *rng.standard_normal((2, 9, 9)), *rng.standard_normal((2, 9)), 0.6 - 0.8j
    found = js("s4.js", "(m, ...given) => m.denseResolvent(...given)", M0, M1, row, column, [z.real, z.imag])
    assert complex(*found) == pytest.approx(row @ np.linalg.solve(M0 + z * M1, column))


@pytest.mark.parametrize("floats", ["float32", "float64"])
@pytest.mark.parametrize("N", [2, 8, 16, 24])
def test_the_eigenvectors_fail_in_the_same_digits(js, N, floats):
    C = structured.output(N)
    found = js("s4.js", "(m, N, C, single) => m.eigenvectorKernel(N, 0.01, C, 256, single)", N, C, floats == "float32")
    K = structured.eigenvector_kernel(N, 0.01, C, floats)
    np.testing.assert_allclose(found, K, rtol=1e-5, atol=1e-5 * np.abs(K).max())


@pytest.mark.parametrize("init", s4d.INITS)
@pytest.mark.parametrize("n", [1, 4, 32])
def test_the_starts_of_s4d_equal(js, init, n):
    found = js("s4d.js", "(m, init, n) => m.initialPoles(init, n)", init, n)
    np.testing.assert_allclose(pairs(found), s4d.initial_poles(init, n), atol=1e-9)


@pytest.mark.parametrize("conjugates", [True, False])
def test_diagonal_kernels_equal(js, conjugates):
    poles = np.array([-0.5 + 3j, -2 + 0j, 0j, 0.1 + 9j]) if conjugates else np.array([-1.0, -2, -3, -4]) + 0j
    B, C, delta = np.array([1.0, 0.5, 1, 2]), np.array([1.0, -1, 0.3, 2]), 0.05
    A_bar = np.exp(delta * poles)
    B_bar = np.where(poles == 0, delta, (A_bar - 1) / np.where(poles == 0, 1, poles)) * B
    K = s4d.kernel(A_bar, B_bar, C, 40, conjugates=conjugates)
    found = js(
        "s4d.js",
        "(m, re, im, B, C, delta, conjugates) => m.diagonalKernel({ re, im }, B, C, delta, 40, { conjugates })",
        *(poles.real, poles.imag, B, C, delta, conjugates),
    )
    np.testing.assert_allclose(found["K"], K, atol=1e-12)
    np.testing.assert_allclose(np.sum(found["rows"], axis=0), K, atol=1e-12)


def test_costs_equal(js):
    assert js("s4.js", "(m) => m.cost(64, 256)") == pytest.approx(structured.cost(64, 256)._asdict())


def pairs(found):
    return np.array(found["re"]) + 1j * np.array(found["im"])
