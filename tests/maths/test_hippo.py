"""HiPPO in the browser against ssmviz.systems.hippo and hippo_online."""

import dataclasses

import numpy as np
import pytest
from numpy.polynomial import legendre

from ssmviz.systems.hippo import MEMORIES, reconstruct, relative_error
from ssmviz.systems.hippo_online import online, random_matrices, tones
from ssmviz.systems.legendre import delay_decoder, legt, lmu_scale

L, DT, THETA = 200, 0.05, 3.0
SIGNAL = tones((np.arange(L) + 0.5) / L)


@pytest.mark.parametrize("name", ["legs", "legt", "lagt", "fout"])
@pytest.mark.parametrize("N", [1, 8, 33, 64])
def test_the_state_and_the_remembered_curve_equal(js, name, N):
    size = N - 1 if name == "fout" and N % 2 == 0 else N
    memory = MEMORIES[name](size, THETA)
    now = L * DT
    ages = np.linspace(0, now if name == "legs" else THETA, 50)
    c = online(memory, SIGNAL, dt=DT)
    found = js(
        "hippo.js",
        """(m, name, N, theta, f, dt, ages, now) => {
          const memory = m.memory(name, N, theta);
          const c = m.online(memory, f, dt);
          return { c, N: memory.N, curve: m.reconstruct(memory, c.slice(-memory.N), ages, now), A: memory.A,
                   density: memory.density(ages, now) };
        }""",
        *(name, N, THETA, SIGNAL, DT, ages, now),
    )
    assert found["N"] == size
    np.testing.assert_allclose(found["A"], memory.A, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.reshape(found["c"], (L, size)), c, atol=1e-9)
    np.testing.assert_allclose(found["curve"], reconstruct(memory, c[-1], ages, now), atol=1e-7)
    np.testing.assert_allclose(found["density"], memory.density(ages, now), atol=1e-12)


def test_a_large_legs_serves_smaller_and_shorter_ones(js):
    found = js(
        "hippo.js",
        "(m, f) => [64, 5, 64].map((N, i) => m.online(m.memory('legs', N), i === 1 ? f.slice(0, 90) : f).slice(-N))",
        SIGNAL,
    )
    np.testing.assert_allclose(found[1], online(MEMORIES["legs"](5, 1.0), SIGNAL[:90])[-1], atol=1e-10)
    np.testing.assert_array_equal(found[0], found[2])


def test_a_random_system_equals(js):
    A, B = random_matrices(np.random.default_rng(2), 12, theta=THETA)
    h = online(dataclasses.replace(legt(12, theta=THETA), A=A, B=B), SIGNAL, dt=DT)[-1]
    found = js("hippo.js", "(m, A, B, f, dt) => m.run({ A, B, N: 12 }, f, dt).slice(-12)", A, B, SIGNAL, DT)
    np.testing.assert_allclose(found, h, rtol=1e-9)


def test_the_best_polynomials_are_numpys(js):
    x = 2 * (np.arange(L) + 0.5) / L - 1
    best = [relative_error(SIGNAL, legendre.Legendre.fit(x, SIGNAL, N - 1)(x)) for N in range(1, 41)]
    np.testing.assert_allclose(js("hippo.js", "(m, f) => m.bestErrors(f, 40)", SIGNAL), best, atol=1e-9)


def test_the_delay_line_equals_the_lmus(js):
    c = online(legt(12, theta=THETA), SIGNAL, dt=DT)
    found = js("hippo.js", "(m, c, r) => m.delayed(c, 12, r)", c.ravel(), 0.7)
    np.testing.assert_allclose(found, (c * lmu_scale(12)) @ delay_decoder(12, 0.7), atol=1e-10)


def test_the_signal_and_its_error_equal(js):
    found = js("hippo.js", "(m, r) => r.map(m.tones)", np.linspace(0, 1, 7))
    np.testing.assert_allclose(found, tones(np.linspace(0, 1, 7)), atol=1e-12)
    error = js("hippo.js", "(m, f, g) => m.relativeError(f, g)", SIGNAL, 0.9 * SIGNAL)
    assert error == pytest.approx(0.1)
