"""Legendre memories in the browser against ssmviz.systems.legendre."""

import numpy as np
import pytest

from ssmviz.systems.legendre import delay_decoder, legs_matrices, legs_step, legt_matrices, lmu_scale, shifted_legendre

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def test_polynomials_equal(js):
    r = np.linspace(0, 1, 9)
    np.testing.assert_allclose(
        js("legendre.js", "(m, N, r) => m.shiftedLegendre(N, r)", 64, r), shifted_legendre(64, r)
    )


def test_a_sum_of_polynomials_equals_the_table(js):
    r, c = np.linspace(0, 1, 9), np.sin(np.arange(20.0))
    norm = np.sqrt(2 * np.arange(20) + 1)
    found = js("legendre.js", "(m, c, r) => m.legendreSum(c, 20, r)", c, r)
    np.testing.assert_allclose(found, (c * norm) @ shifted_legendre(20, r), **CLOSE)


@pytest.mark.parametrize(
    ("call", "matrices"), [("legsMatrices(7)", legs_matrices(7)), ("legtMatrices(7, 2.5)", legt_matrices(7, theta=2.5))]
)
def test_matrices_equal(js, call, matrices):
    found = js("legendre.js", f"(m) => m.{call}")
    np.testing.assert_allclose(found["A"], matrices[0], **CLOSE)
    np.testing.assert_allclose(found["B"], matrices[1], **CLOSE)


def test_the_steps_of_legs_are_the_exact_ones(js):
    N, L = 64, 6
    packed = np.array(js("legendre.js", "(m, N, L) => m.legsSteps(N, L)", N, L)).reshape(L, -1)
    rows, columns = np.tril_indices(N)
    for k in range(L):
        A_bar, B_bar = legs_step(N, k / (k + 1))
        np.testing.assert_allclose(packed[k], A_bar[rows, columns], atol=1e-11)
        np.testing.assert_allclose(np.eye(N)[0] - A_bar[:, 0], B_bar, atol=1e-11)  # a curve that stays 1 stays e_0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_delay_line_reads_what_the_lmu_reads(js, share):
    found = js("legendre.js", "(m, N, r) => m.delayDecoder(N, r)", 16, share)
    np.testing.assert_allclose(found, delay_decoder(16, share) * lmu_scale(16), **CLOSE)
