"""The recurrence against the projection by quadrature, and what a memory is good for."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.interpolate
import scipy.linalg
import scipy.special
from numpy.polynomial import legendre

from ssmviz.systems.hippo import MEMORIES, fourier, project, reconstruct, relative_error
from ssmviz.systems.hippo_online import memory_by_age, online, random_matrices, tones
from ssmviz.systems.legendre import (
    delay_decoder,
    legs,
    legs_matrices,
    legs_step,
    legt,
    lmu,
)
from tests.systems.hippo_cases import FADING, WINDOWED, identity


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
