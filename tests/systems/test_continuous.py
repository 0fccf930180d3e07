"""Continuous systems against scipy.signal, scipy.linalg and closed forms, in float64."""

import numpy as np
import pytest
from scipy import signal
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ssmviz.systems import continuous as c
from ssmviz.systems.exponentials import phi1, phi2

T = np.linspace(0, 12, 97)
PAIRS = c.Diagonal([-0.3 + 2j, -1.5 + 0.1j], [1.0, 0.5 - 1j], [0.7j, 1.0 + 0.2j], 0.4)
REAL = c.Diagonal([-0.2, -3.0, 0.0], [1.0, 2.0, -1.0], [0.5, -1.0, 0.3], -0.1)
SPRING = c.mass_spring_damper(mass=2.0, spring=3.0, damper=0.4)
SYSTEMS = {"spring": SPRING, "pairs": PAIRS, "real, with an integrator": REAL}


def random_system(N=6, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(N, N))
    return c.StateSpace(A - 2.5 * np.sqrt(N) * np.eye(N), rng.normal(size=N), rng.normal(size=N), rng.normal())


SYSTEMS["random"] = random_system()


def dense(system):
    return system if isinstance(system, c.StateSpace) else system.dense()


def lti(system):
    d = dense(system)
    return signal.StateSpace(d.A, d.B[:, None], d.C[None], [[d.D]])


def some_input(n=97, seed=1):
    return np.random.default_rng(seed).normal(size=n)


every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)


@every_system
@pytest.mark.parametrize(("hold", "interp"), [("constant", False), ("linear", True)])
def test_response_is_that_of_lsim(system, hold, interp):
    x = some_input()
    got = c.response(system, x, T[1], hold=hold)
    t, y, h = signal.lsim(lti(system), x, T, interp=interp)
    np.testing.assert_allclose(got.t, t, atol=1e-12)
    np.testing.assert_allclose(got.y, y, atol=1e-10)
    if isinstance(system, c.StateSpace):
        np.testing.assert_allclose(got.h, h, atol=1e-10)


@every_system
def test_response_from_a_state_is_the_sum_of_free_and_driven(system):
    h0, x = np.ones(system.N), some_input()
    both = c.response(system, x, T[1], h0=h0)
    driven = c.response(system, x, T[1])
    np.testing.assert_allclose(both.h, driven.h + c.free_response(system, h0, T), atol=1e-10)
    np.testing.assert_array_equal(both.h[0], h0)


def test_a_constant_hold_solves_the_differential_equation():
    x, dt = some_input(9), 0.7
    got = c.response(SPRING, x, dt)
    h = np.zeros(2)
    for k in range(8):

        def slope(_, h, now=x[k]):
            return SPRING.A @ h + SPRING.B * now

        h = solve_ivp(slope, (0, dt), h, rtol=1e-11, atol=1e-12).y[:, -1]
        np.testing.assert_allclose(got.h[k + 1], h, atol=1e-8)


@every_system
def test_impulse_response_is_c_expm_b(system):
    d = dense(system)
    np.testing.assert_allclose(c.impulse_response(system, T), [d.C @ expm(d.A * t) @ d.B for t in T], atol=1e-12)


@every_system
def test_step_response_is_that_of_scipy(system):
    np.testing.assert_allclose(c.step_response(system, T), signal.step(lti(system), T=T)[1], atol=1e-10)


@pytest.mark.filterwarnings("ignore::scipy.signal.BadCoefficients")  # scipy goes through polynomials, we do not
@every_system
def test_frequency_response_is_that_of_scipy(system):
    omega = np.geomspace(0.01, 50, 40)
    d = dense(system)
    direct = [d.C @ np.linalg.solve(1j * w * np.eye(d.N) - d.A, d.B) + d.D for w in omega]
    np.testing.assert_allclose(c.frequency_response(system, omega), direct, rtol=1e-10)
    np.testing.assert_allclose(c.frequency_response(system, omega), signal.freqresp(lti(system), omega)[1], rtol=1e-7)


def test_frequency_response_is_the_measured_gain_of_a_sine():
    omega, dt = 1.7, 0.002
    t = dt * np.arange(30_000)
    y = c.response(c.mass_spring_damper(damper=1.0), np.sin(omega * t), dt, hold="linear").y[-4000:]
    gain = abs(c.frequency_response(c.mass_spring_damper(damper=1.0), [omega])[0])
    assert np.abs(y).max() == pytest.approx(gain, rel=1e-4)


@pytest.mark.parametrize("D", [0.5, -2.0])
def test_d_is_a_bypass_the_state_does_not_see(D):
    x = some_input()
    with_D, without = (c.response(c.StateSpace(SPRING.A, SPRING.B, SPRING.C, d), x, 0.1) for d in (D, 0.0))
    np.testing.assert_array_equal(with_D.h, without.h)
    np.testing.assert_array_equal(with_D.y, without.y + D * x)


def test_the_state_is_all_you_need():
    x = some_input(60)
    whole = c.response(SPRING, x, 0.1)
    rest = c.response(SPRING, x[25:], 0.1, h0=whole.h[25])
    np.testing.assert_allclose(rest.y, whole.y[25:], atol=1e-14)


def test_mass_on_a_spring_follows_its_closed_form():
    m, k, b = 2.0, 3.0, 0.4
    w0, zeta = np.sqrt(k / m), b / (2 * np.sqrt(k * m))
    wd = w0 * np.sqrt(1 - zeta**2)
    K = np.exp(-zeta * w0 * T) * np.sin(wd * T) / (m * wd)
    np.testing.assert_allclose(c.impulse_response(SPRING, T), K, atol=1e-13)
    envelope = np.exp(-zeta * w0 * T) * (np.cos(wd * T) + zeta * w0 / wd * np.sin(wd * T))
    np.testing.assert_allclose(c.step_response(SPRING, T), (1 - envelope) / k, atol=1e-13)


def test_a_critically_damped_spring_needs_no_eigenvectors():
    system = c.mass_spring_damper(mass=1.0, spring=4.0, damper=4.0)
    np.testing.assert_allclose(c.impulse_response(system, T), T * np.exp(-2 * T), atol=1e-14)


def test_a_free_mass_drifts():
    system = c.mass_spring_damper(mass=2.0, spring=0.0, damper=0.0)
    np.testing.assert_allclose(c.step_response(system, T), T**2 / 4, rtol=1e-12)
    assert not c.is_stable(system)


def test_a_pole_is_forgetting_speed_and_ringing():
    pole = max(c.poles(SPRING), key=lambda p: p.imag)
    mode = c.mode(pole)
    assert mode.time_constant == pytest.approx(2 * 2.0 / 0.4)
    assert mode.damping == pytest.approx(0.4 / (2 * np.sqrt(3.0 * 2.0)))
    one_turn, K = 1 / mode.frequency, lambda t: c.impulse_response(SPRING, [t])[0]
    assert K(1.0 + one_turn) / K(1.0) == pytest.approx(np.exp(-one_turn / mode.time_constant))


def test_what_never_dies_out_has_no_time_constant():
    assert c.mode(2j).time_constant == np.inf
    assert c.mode(0.5).time_constant == np.inf
    assert c.mode(0.5).damping == -1
    assert np.isnan(c.mode(0).damping)


@pytest.mark.parametrize("system", [PAIRS, REAL], ids=["pairs", "real"])
def test_a_diagonal_system_equals_its_dense_form(system):
    x, d = some_input(), system.dense()
    np.testing.assert_allclose(np.sort_complex(c.poles(system)), np.sort_complex(c.poles(d)), atol=1e-14)
    np.testing.assert_allclose(c.response(system, x, 0.3).y, c.response(d, x, 0.3).y, atol=1e-12)
    np.testing.assert_allclose(c.step_response(system, T), c.step_response(d, T), atol=1e-12)


def test_stability_is_the_left_half_plane():
    assert c.is_stable(SPRING)
    assert c.is_stable(PAIRS)
    assert not c.is_stable(REAL)
    assert not c.is_stable(c.Diagonal([0.1 + 3j], [1.0], [1.0]))


def test_the_phi_functions_keep_their_digits_near_zero():
    radius = np.array([0, 1e-12, 1e-6, 0.01, 0.5, 0.999, 1.001, 3, 30])
    v = (radius[:, None] * np.exp(1j * np.linspace(np.pi / 2, np.pi, 5))).ravel()
    # independent: exp of a bordered matrix holds both functions
    both = [expm(np.array([[w, 1, 0], [0, 0, 1], [0, 0, 0]]))[0] for w in v]
    np.testing.assert_allclose(phi1(v), np.array(both)[:, 1], rtol=2e-14)
    np.testing.assert_allclose(phi2(v), np.array(both)[:, 2], rtol=2e-14)


def test_a_system_cannot_be_changed_from_outside():
    A = np.array([[-1.0]])
    system = c.StateSpace(A, [1.0], [1.0])
    A[0, 0] = 5
    assert system.A[0, 0] == -1
    with pytest.raises(ValueError, match="read-only"):
        system.A[0, 0] = 5


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: c.StateSpace([[1.0, 2.0]], [1.0], [1.0]), r"A must be square.*got \(1, 2\)"),
        (lambda: c.StateSpace([[1.0]], [1.0, 2.0], [1.0]), r"B must be \(N,\) = \(1,\).*got \(2,\)"),
        (lambda: c.StateSpace([[1j]], [1.0], [1.0]), "A must be real.*use Diagonal"),
        (lambda: c.StateSpace([[np.nan]], [1.0], [1.0]), "A must be finite"),
        (lambda: c.StateSpace([[1.0]], [1.0], [1.0], np.inf), "D must be one finite real number"),
        (lambda: c.StateSpace([[1.0], [1.0, 2.0]], [1.0], [1.0]), "regular shape"),
        (lambda: c.Diagonal([[-1.0]], [1.0], [1.0]), "A must be the poles.*use StateSpace"),
        (lambda: c.Diagonal([-1.0], [1.0], [[1.0]]), r"C must be \(N,\)"),
        (lambda: c.mass_spring_damper(mass=0), "mass must be finite and above 0"),
        (lambda: c.mass_spring_damper(damper=-1), "damper must be finite and at least 0"),
        (lambda: c.impulse_response(SPRING, [-1.0]), "t must be at least 0"),
        (lambda: c.step_response(SPRING, [[1.0]]), "t must be a list"),
        (lambda: c.free_response(SPRING, [1.0], [1.0]), r"h0 must be \(N,\) = \(2,\), got \(1,\)"),
        (lambda: c.response(SPRING, [], 0.1), "x must be a list"),
        (lambda: c.response(SPRING, [1.0], 0.0), "dt must be finite and above 0"),
        (lambda: c.response(SPRING, [1.0], 0.1, hold="cubic"), "hold must be"),
        (lambda: c.frequency_response(REAL, [0.0]), "omega must not meet a pole"),
        (lambda: c.frequency_response(REAL.dense(), [0.0]), "omega must not meet a pole"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(build, message):
    with pytest.raises(ValueError, match=message):
        build()
