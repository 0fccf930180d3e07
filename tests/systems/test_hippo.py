"""Memories of the past against their papers, numpy and scipy: matrices, bases, Padé, refusals."""

import math

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.special
from numpy.polynomial import laguerre, legendre

from ssmviz.systems.hippo import fourier, lagt, project, reconstruct, relative_error
from ssmviz.systems.hippo_online import memory_by_age, online
from ssmviz.systems.legendre import (
    delay_decoder,
    legs,
    legs_matrices,
    legs_step,
    legt,
    legt_matrices,
    lmu_matrices,
    lmu_scale,
    pade_delay,
    shifted_legendre,
)
from tests.systems.hippo_cases import FADING, WINDOWED, identity

SIZES = (1, 2, 5, 16, 64)

# matrices, entry by entry as printed


@pytest.mark.parametrize("N", SIZES)
def test_legs_matrix_is_the_papers(N):
    A, B = legs_matrices(N)
    for n in range(N):
        assert B[n] == pytest.approx(math.sqrt(2 * n + 1), rel=1e-12)
        for k in range(N):
            printed = math.sqrt((2 * n + 1) * (2 * k + 1)) if n > k else (n + 1.0 if n == k else 0.0)
            assert -A[n, k] == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize("N", SIZES)
def test_lmu_matrix_is_the_papers_over_theta(N):
    A, B = lmu_matrices(N, theta=2.5)
    for i in range(N):
        assert 2.5 * B[i] == pytest.approx((2 * i + 1) * (-1) ** i, rel=1e-12)
        for j in range(N):
            printed = (2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1))
            assert 2.5 * A[i, j] == pytest.approx(printed, rel=1e-12)


@pytest.mark.parametrize("N", SIZES)
def test_lmu_is_legt_in_another_scale(N):
    A, B = legt_matrices(N, theta=0.4)
    S = lmu_scale(N)
    np.testing.assert_allclose(lmu_matrices(N, theta=0.4)[0], S[:, None] * A / S, rtol=1e-12)
    np.testing.assert_allclose(lmu_matrices(N, theta=0.4)[1], S * B, rtol=1e-12)


def test_code_that_halves_legt_has_a_window_of_two():
    for half, one in zip(legt_matrices(6, theta=2.0), legt_matrices(6), strict=True):
        np.testing.assert_allclose(half, one / 2, rtol=1e-15)


def test_laguerre_diagonal_is_1_in_the_paper_and_a_half_in_code():
    paper, code = lagt(5), lagt(5, beta=0.0)
    np.testing.assert_allclose(paper.A, -np.tril(np.ones((5, 5))), atol=1e-12)
    np.testing.assert_allclose(code.A, -np.tril(np.ones((5, 5))) + np.eye(5) / 2, atol=1e-12)
    np.testing.assert_allclose(paper.B, np.ones(5), rtol=1e-12)


def test_fourier_matrix_is_the_papers():
    # n, k odd are cosines, even ones sines, 0 the constant
    N, root = 7, math.sqrt(2)
    for n in range(N):
        for k in range(N):
            cosines = (n == 0 or n % 2 == 1) and (k == 0 or k % 2 == 1)
            printed = -2.0 * (root if n else 1) * (root if k else 1) if cosines else 0.0
            printed += math.pi * (k + 1) if n - k == 1 and k % 2 == 1 else 0.0
            printed -= math.pi * (n + 1) if k - n == 1 and n % 2 == 1 else 0.0
            assert fourier(N).A[n, k] == pytest.approx(printed, rel=1e-12)
    np.testing.assert_allclose(fourier(N).B, [2, 2 * root, 0, 2 * root, 0, 2 * root, 0], rtol=1e-12)


# facts about the matrices


def test_legs_forgets_at_the_rates_1_to_n():
    np.testing.assert_allclose(np.sort(-np.linalg.eigvals(legs_matrices(12)[0]).real), np.arange(1, 13), rtol=1e-9)


@pytest.mark.parametrize("N", [2, 8, 16, 64])
def test_legs_is_normal_plus_rank_one(N):
    A, _ = legs_matrices(N)
    P = np.sqrt(np.arange(N) + 0.5)
    S = A + np.outer(P, P)
    np.testing.assert_allclose(S + S.T, -np.eye(N), atol=1e-12 * N)  # -1/2 and skew, so normal
    np.testing.assert_allclose(S @ S.T, S.T @ S, atol=1e-12 * np.linalg.norm(S) ** 2)
    assert np.linalg.cond(np.linalg.eig(1j * (S + np.eye(N) / 2))[1]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("N", "condition"), [(8, 7.7e4), (16, 8.3e10)])
def test_the_eigenvectors_of_legs_are_useless_in_floats(N, condition):
    assert np.linalg.cond(np.linalg.eig(legs_matrices(N)[0])[1]) == pytest.approx(condition, rel=0.01)
    assert np.linalg.cond(np.linalg.eig(legs_matrices(32)[0])[1]) > 1e18  # 1.3e19, all digits gone


def test_legt_and_fourier_lose_energy_only_at_the_edges_of_the_window():
    assert np.linalg.matrix_rank(sum_with_transpose(legt(9).A)) == 2
    for decay in (False, True):
        assert np.linalg.matrix_rank(sum_with_transpose(fourier(9, decay=decay).A)) == 1


def sum_with_transpose(A):
    return A + A.T


@pytest.mark.parametrize("memory", [legs(16), *WINDOWED, *FADING], ids=identity)
def test_every_memory_is_stable(memory):
    assert np.linalg.eigvals(memory.A).real.max() < 0


# bases and measures


@pytest.mark.parametrize("memory", [legs(12), *WINDOWED], ids=identity)
def test_kernels_are_dual_to_bases(memory):
    now = 1.3
    x, w = legendre.leggauss(64)
    age, w = now * (1 + x) / 2, now * w / 2
    scale = 1.5 if memory.name == "foud" else 1.0  # 2/3 of FouD's measure lie in the newest window
    gram = scale * (memory.kernel(age, now) * w) @ memory.basis(age, now).T
    np.testing.assert_allclose(gram, np.eye(memory.N), atol=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(0.0, 1.0), (0.3, 0.5), (-0.4, 2.0)])
def test_laguerre_kernels_are_dual_to_bases_and_the_measure_has_mass_one(alpha, beta):
    memory = lagt(8, theta=0.7, alpha=alpha, beta=beta)
    s, w = scipy.special.roots_genlaguerre(20, alpha)
    age = s * memory.theta
    pairs = memory.kernel(age, 1.0) * w * memory.theta / (s**alpha * np.exp(-s))
    np.testing.assert_allclose(pairs @ memory.basis(age, 1.0).T, np.eye(8), atol=1e-10)
    s, w = scipy.special.roots_genlaguerre(20, -alpha)
    age = s * memory.theta / beta
    mass = np.sum(memory.density(age, 1.0) * w / (s**-alpha * np.exp(-s))) * memory.theta / beta
    assert mass == pytest.approx(1, abs=1e-12)


def test_polynomials_are_numpys():
    r = np.linspace(0, 1, 7).reshape(7, 1)
    for n, row in enumerate(shifted_legendre(20, r)):
        np.testing.assert_allclose(row, legendre.Legendre.basis(n)(2 * r - 1), atol=1e-12)
    s = np.linspace(0, 5, 9)
    for n, row in enumerate(lagt(8).basis(s, 9.0)):
        np.testing.assert_allclose(row, laguerre.Laguerre.basis(n)(s), atol=1e-11)


@pytest.mark.parametrize("N", [1, 2, 6, 12])
def test_lmu_read_at_its_full_delay_is_the_pade_approximant(N):
    A, B = lmu_matrices(N, theta=0.5)
    numerator, denominator = pade_delay(N)
    for s in (0.3j, 1 + 2j, 5j, 12j):
        transfer = delay_decoder(N, 1.0) @ np.linalg.solve(s * np.eye(N) - A, B)
        assert abs(transfer - np.polyval(numerator, s / 2) / np.polyval(denominator, s / 2)) < 1e-12


@pytest.mark.parametrize("N", [1, 2, 4])
def test_pade_coefficients_are_scipys(N):
    taylor = [(-1) ** k / math.factorial(k) for k in range(2 * N)]
    top, bottom = scipy.interpolate.pade(taylor, N, N - 1)
    np.testing.assert_allclose(pade_delay(N)[0], top.coeffs / top.coeffs[-1], atol=1e-12)
    np.testing.assert_allclose(pade_delay(N)[1], bottom.coeffs / bottom.coeffs[-1], atol=1e-12)


# bad input


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: legs(0), "at least 1"),
        (lambda: legs_matrices(2.5), "whole number"),
        (lambda: legt(4, theta=0.0), "theta"),
        (lambda: lagt(4, alpha=1.0), "alpha"),
        (lambda: lagt(4, alpha=0.2, beta=0.0), "beta"),
        (lambda: fourier(4), "take 3 or 5"),
        (lambda: pade_delay(61), "at most 60"),
        (lambda: delay_decoder(4, 1.5), "divide"),
        (lambda: legs_step(4, 1.5), "ratio"),
        (lambda: project(legs(4), np.sin, 0.0), "now"),
        (lambda: project(legs(4), np.sin, 1.0, panels=0), "panels"),
        (lambda: reconstruct(legs(4), np.zeros(3), [0.0], 1.0), "N=4"),
        (lambda: relative_error(np.zeros(3), np.ones(3)), "everywhere"),
        (lambda: online(legs(4), [1.0, np.nan]), "finite"),
        (lambda: online(legs(4), [1.0], method="foh"), "method"),
        (lambda: online(legt(4), [1.0], dt=-1.0), "dt"),
        (lambda: memory_by_age(np.zeros((5, 2)), np.zeros(4), [0]), "states"),
        (lambda: memory_by_age(np.zeros((9, 4)), np.zeros(9), [5]), "too few"),
        (lambda: memory_by_age(np.zeros((9, 2)), np.zeros(9), [0], noise=0.0), "noise"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()
