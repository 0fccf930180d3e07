"""Memories of the past against quadrature, closed forms and scipy."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.special
from numpy.polynomial import laguerre, legendre

from ssmviz.systems.hippo import MEMORIES, fourier, lagt, project, reconstruct, relative_error
from ssmviz.systems.hippo_online import memory_by_age, online, random_matrices, tones
from ssmviz.systems.legendre import (
    delay_decoder,
    legs,
    legs_matrices,
    legs_step,
    legt,
    legt_matrices,
    lmu,
    lmu_matrices,
    lmu_scale,
    pade_delay,
    shifted_legendre,
)

SIZES = (1, 2, 5, 16, 64)
WINDOWED = [legt(9, theta=1.3), lmu(9, theta=1.3), fourier(9, theta=1.3), fourier(9, theta=1.3, decay=True)]
FADING = [
    lagt(8, theta=0.7),
    lagt(8, theta=0.7, alpha=0.3, beta=0.5),
    lagt(8, theta=0.7, alpha=-0.4, beta=2.0),
    lagt(8, theta=0.7, beta=0.0),
]


def identity(memory):
    return f"{memory.name}{memory.N}"


def held(samples, dt):
    """The staircase whose sample k lasts from k dt to (k+1) dt, and its jumps."""

    def f(t):
        return samples[np.minimum((t / dt).astype(int), len(samples) - 1)]

    return f, np.arange(1, len(samples)) * dt


def band_limited(seed, cycles, *, window=200, L=6000):
    """Noise of at most so many cycles in a window of samples, of energy 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(L))
    spectrum[np.fft.rfftfreq(L, 1 / window) > cycles] = 0
    f = np.fft.irfft(spectrum, L)
    return f / f.std()


def slope(memory, f, now, h=1e-2):
    """dc/dt of the projection by a difference of sixth order."""
    c = {k: project(memory, f, now + k * h) for k in (-3, -2, -1, 1, 2, 3)}
    return (45 * (c[1] - c[-1]) - 9 * (c[2] - c[-2]) + c[3] - c[-3]) / (60 * h)


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


# the recurrence against the projection, which does not know it


@pytest.mark.parametrize("N", [1, 4, 16, 64])
def test_legs_recurrence_equals_the_projection_of_the_held_signal(N):
    samples = np.random.default_rng(N).standard_normal(200)
    c = online(legs(N), samples)
    for k in (1, 2, 50, 200):
        f, jumps = held(samples[:k], 1.0)
        np.testing.assert_allclose(c[k - 1], project(legs(N), f, float(k), breaks=jumps), atol=1e-9)


def test_legs_recurrence_equals_numpys_integrals():
    samples, N, L = np.random.default_rng(3).standard_normal(50), 8, 50
    edges = np.linspace(-1, 1, L + 1)
    steps = [np.diff(legendre.Legendre.basis(n).integ()(edges)) @ samples / 2 * math.sqrt(2 * n + 1) for n in range(N)]
    np.testing.assert_allclose(online(legs(N), samples)[-1], steps, atol=1e-12)


@pytest.mark.parametrize("memory", FADING, ids=["plain", "alpha", "negative", "code"])
def test_laguerre_recurrence_equals_the_projection_of_the_held_signal(memory):
    samples = np.random.default_rng(4).standard_normal(150)
    f, jumps = held(samples, 0.02)
    c = online(memory, samples, dt=0.02)[-1]
    np.testing.assert_allclose(c, project(memory, f, 3.0, breaks=jumps), atol=1e-9)


@pytest.mark.parametrize("memory", [legs(8), *FADING], ids=identity)
def test_ode_equals_the_slope_of_the_projection_for_any_signal(memory):
    def f(t):
        return np.sin(3 * t) + np.exp(-t)

    right = (memory.A @ project(memory, f, 2.0) + memory.B * f(2.0)) / (2.0 if memory.scaled else 1.0)
    np.testing.assert_allclose(slope(memory, f, 2.0), right, atol=1e-9 * max(1, np.abs(right).max()))


@pytest.mark.parametrize("memory", WINDOWED[:2], ids=identity)
def test_ode_equals_the_slope_of_the_projection_for_polynomials_in_a_window(memory):
    f = legendre.Legendre(np.random.default_rng(5).standard_normal(memory.N), domain=[0.7, 2.1])
    np.testing.assert_allclose(slope(memory, f, 2.0), memory.A @ project(memory, f, 2.0) + memory.B * f(2.0), atol=1e-9)


def test_ode_equals_the_slope_of_the_projection_for_harmonics_of_the_window():
    def f(t):
        return 1 + np.cos(2 * np.pi * t / 1.3) - np.sin(4 * np.pi * t / 1.3)

    fout = WINDOWED[2]
    right = fout.A @ project(fout, f, 2.0) + fout.B * f(2.0)
    np.testing.assert_allclose(slope(fout, f, 2.0, h=2e-3), right, atol=1e-9)


def test_foud_fades_by_a_third_with_every_window():
    # the constant coefficient of an impulse: its weight by age, averaged over a window
    memory = fourier(201, decay=True)
    response = [scipy.linalg.expm(memory.A * age)[0] @ memory.B for age in (0.5, 1.5, 2.5)]
    np.testing.assert_allclose(response, [2 / 3, 2 / 9, 2 / 27], atol=0.01)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 0.97])
def test_the_step_of_legs_is_the_matrix_exponential(ratio):
    A, B = legs_matrices(12)
    A_bar, B_bar = legs_step(12, ratio)
    exact = scipy.linalg.expm(A * math.log(1 / ratio)) if ratio else np.zeros((12, 12))
    np.testing.assert_allclose(A_bar, exact, atol=1e-10)
    np.testing.assert_allclose(B_bar, np.linalg.solve(A, (exact - np.eye(12)) @ B), atol=1e-10)


@pytest.mark.parametrize("method", ["bilinear", "euler", "backward"])
@pytest.mark.parametrize("name", ["legs", "legt", "lagt", "fout", "foud", "lmu"])
def test_every_rule_converges_to_the_exact_one(name, method):
    memory, gap = MEMORIES[name](5, 1.0), []
    for L in (500, 1000):
        f = np.cos(4 * np.arange(L) / L)
        gap.append(np.abs(online(memory, f, dt=1 / L)[-1] - online(memory, f, dt=1 / L, method=method)[-1]).max())
    assert gap[1] < 0.6 * gap[0]


# what a memory is good for


def test_legs_does_not_know_the_speed_of_time():
    f = np.sin(np.linspace(0, 9, 100)) + np.linspace(0, 1, 100)
    np.testing.assert_allclose(online(legs(24), f)[-1], online(legs(24), np.repeat(f, 2))[-1], atol=1e-12)
    slow = project(legs(24), lambda t: np.sin(5 * t) + t, 2.0)
    fast = project(legs(24), lambda t: np.sin(10 * t) + 2 * t, 1.0)
    np.testing.assert_allclose(slow, fast, atol=1e-12)


@pytest.mark.parametrize("memory", [legs(9), legt(9, theta=1.3), lmu(9, theta=1.3)], ids=identity)
def test_polynomials_below_degree_n_come_back_exactly(memory):
    f = legendre.Legendre(np.random.default_rng(6).standard_normal(9), domain=[0, 2])
    age = np.linspace(0, memory.horizon(2.0), 40)
    np.testing.assert_allclose(reconstruct(memory, project(memory, f, 2.0), age, 2.0), f(2.0 - age), atol=1e-12)


def test_legs_error_falls_as_the_lesson_says_and_stays_near_the_best_polynomial():
    L, quoted = 2000, {4: 0.71, 8: 0.55, 16: 0.45, 32: 0.20, 64: 0.05}
    r = (np.arange(L) + 0.5) / L
    f = tones(r)
    for N, error in quoted.items():
        found = relative_error(f, reconstruct(legs(N), online(legs(N), f)[-1], (1 - r) * L, float(L)))
        best = relative_error(f, legendre.Legendre.fit(2 * r - 1, f, N - 1)(2 * r - 1))
        assert found == pytest.approx(error, abs=0.02)
        assert best <= found <= 1.02 * best


def test_legt_remembers_its_window_and_a_random_matrix_forgets():
    window, memory = 200, legt(32)
    f = band_limited(1, 11.4)
    ages = np.linspace(0, window, 11).astype(int)
    A, B = random_matrices(np.random.default_rng(2), 32)
    kept = memory_by_age(online(memory, f, dt=1 / window), f, ages)
    lost = memory_by_age(online(dataclasses.replace(memory, A=A, B=B), f, dt=1 / window), f, ages)
    assert kept.min() == pytest.approx(0.01, abs=0.005)
    assert kept.max() == pytest.approx(0.28, abs=0.03)
    assert (lost[2:] > 0.83).all()
    assert (lost > kept).all()


def test_random_matrix_is_stable_and_as_slow_as_the_window():
    A, _ = random_matrices(np.random.default_rng(0), 20, theta=3.0)
    assert np.linalg.eigvals(A).real.max() == pytest.approx(-1 / 3, abs=1e-9)


def test_forward_euler_on_legs_with_64_states_leaves_float32():
    f = np.random.default_rng(0).standard_normal(200)
    assert np.abs(online(legs(64), f, method="euler")).max() > np.finfo(np.float32).max
    assert np.abs(online(legs(64), f, method="bilinear")).max() < 2
    A, B, c = *(m.astype(np.float32) for m in legs_matrices(64)), np.zeros(64, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for k, sample in enumerate(f.astype(np.float32), start=1):
            c = c + (A @ c + B * sample) / np.float32(k)
    assert np.isnan(c).any()


def test_lmu_holds_a_delay_line():
    N, theta, dt = 16, 1.0, 1e-3
    t = np.arange(4000) * dt
    u = np.sin(2 * np.pi * 1.5 * t) + 0.5 * np.cos(2 * np.pi * 2 * t)
    m = online(lmu(N, theta=theta), u, dt=dt, method="bilinear")
    for r in (0.0, 0.25, 0.5, 1.0):
        late = round(r * theta / dt)
        shifted = u[2000 - late : 4000 - late]
        assert relative_error(shifted, m[2000:] @ delay_decoder(N, r)) < 0.01


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
