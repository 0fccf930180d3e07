"""Discretisations against scipy.signal, closed forms and the exact response; the numbers the lesson quotes."""

import numpy as np
import pytest
from scipy import signal
from scipy.integrate import quad_vec
from scipy.linalg import expm

from ssmviz.systems import discretise as d
from ssmviz.systems.continuous import Diagonal, StateSpace, mass_spring_damper, poles, response
from tests.systems.test_continuous import PAIRS, REAL, SPRING, SYSTEMS, dense, random_system

SCIPY = {"euler": "euler", "backward": "backward_diff", "bilinear": "bilinear", "zoh": "zoh", "foh": "foh"}
DIAGONAL = {"pairs": PAIRS, "real": REAL}
every_method = pytest.mark.parametrize("method", d.METHODS)


def legs(N):
    """HiPPO-LegS, negated: -sqrt((2n+1)(2k+1)) below the diagonal, -(n+1) on it."""
    n = np.arange(N)
    root = np.sqrt(2 * n + 1)
    return StateSpace(-np.tril(np.outer(root, root), -1) - np.diag(n + 1.0), root, np.ones(N))


def scipy_ab(system, delta, method, alpha=None):
    lti = (system.A, system.B[:, None], system.C[None], np.array([[system.D]]))
    A_bar, B_bar, *_ = signal.cont2discrete(lti, delta, method, alpha)
    return A_bar, B_bar[:, 0]


@pytest.mark.parametrize("method", SCIPY)
@pytest.mark.parametrize("system", [dense(s) for s in SYSTEMS.values()], ids=SYSTEMS)
@pytest.mark.parametrize("delta", [0.01, 0.3])
def test_a_and_b_are_those_of_scipy(system, method, delta):
    got = d.discretise(system, delta, method)
    A_bar, B_bar = scipy_ab(system, delta, SCIPY[method])
    # scipy keeps the state without the part of x_t, so that A_bar of it moves on into B_bar
    moved = got.B_before + got.A_bar @ got.B_bar if method == "foh" else got.B_bar
    np.testing.assert_allclose(got.A_bar, A_bar, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(moved, B_bar, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("alpha", [0, 0.25, 0.5, 0.8, 1])
def test_gbt_is_that_of_scipy(alpha):
    system = random_system()
    got = d.gbt(system, 0.2, alpha=alpha)
    A_bar, B_bar = scipy_ab(system, 0.2, "gbt", alpha)
    np.testing.assert_allclose(got.A_bar, A_bar, atol=1e-12)
    np.testing.assert_allclose(got.B_bar, B_bar, atol=1e-12)


@every_method
@pytest.mark.parametrize("system", DIAGONAL.values(), ids=DIAGONAL)
def test_a_diagonal_system_runs_like_its_dense_form(system, method):
    x = np.random.default_rng(0).normal(size=50)
    got = d.discretise(system, 0.2, method)
    assert got.A_bar.shape == (system.N,)
    np.testing.assert_allclose(got.run(x).y, d.discretise(system.dense(), 0.2, method).run(x).y, atol=1e-11)


def test_zoh_is_the_integral_of_the_exponential():
    system, delta = random_system(), 0.3
    B_bar = quad_vec(lambda s: expm(s * system.A) @ system.B, 0, delta, epsabs=1e-14)[0]
    np.testing.assert_allclose(d.discretise(system, delta, "zoh").B_bar, B_bar, atol=1e-13)


def test_released_code_takes_a_from_zoh_and_b_from_euler():
    released, zoh, euler = (d.discretise(SPRING, 0.5, m) for m in ("released", "zoh", "euler"))
    np.testing.assert_array_equal(released.A_bar, zoh.A_bar)
    np.testing.assert_array_equal(released.B_bar, euler.B_bar)
    assert np.abs(released.B_bar - zoh.B_bar).max() > 0.05


@pytest.mark.parametrize(("method", "hold"), [("zoh", "constant"), ("foh", "linear")])
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_a_hold_is_exact_for_its_own_input(system, method, hold):
    x = np.random.default_rng(2).normal(size=40)
    x[0] = 0  # foh: the line before the first token starts at 0
    tokens = d.discretise(system, 0.25, method).run(x)
    # token t lasts from t Delta to (t + 1) Delta; a straight line ends in it
    held = response(system, np.append(x, 0) if hold == "constant" else np.append(0, x), 0.25, hold=hold)
    np.testing.assert_allclose(tokens.h, held.h[1:], atol=1e-12)
    np.testing.assert_allclose(tokens.t, held.t[1:], atol=1e-12)


@pytest.mark.parametrize(
    ("method", "order"),
    [("euler", 1), ("backward", 1), ("released", 1), ("zoh", 1), ("bilinear", 1), ("foh", 2)],
)
def test_error_shrinks_with_the_order_of_the_method_when_the_input_moves(method, order):
    assert measured_order(method, driven=True) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("backward", 1), ("bilinear", 2)])
def test_error_of_a_bar_shrinks_with_the_order_of_the_method(method, order):
    assert measured_order(method, driven=False) == pytest.approx(order, abs=0.15)


def measured_order(method, *, driven):
    """Log2 of how much the error at t = 4 s shrinks when Delta is halved."""
    errors = []
    for L in (400, 800):
        delta = 4 / L
        t = delta * np.arange(L + 1)
        x = np.sin(2 * t[1:]) * driven
        h0 = np.array([1.0, 0.0])
        got = d.discretise(SPRING, delta, method).run(x, h0).h[-1]
        fine = 4 / 16_000 * np.arange(16_001)
        exact = response(SPRING, np.sin(2 * fine) * driven, fine[1], hold="linear", h0=h0).h[-1]
        errors.append(np.abs(got - exact).max())
    return np.log2(errors[0] / errors[1])


@every_method
@pytest.mark.parametrize("delta", [0.0, 0.1, 2.0])
def test_poles_fall_where_the_eigenvalues_of_a_bar_are(method, delta):
    system = random_system()
    A_bar = d.discretise(system, delta, method).A_bar
    z = d.pole_map(poles(system), delta, method)
    assert max(np.abs(z - w).min() for w in np.linalg.eigvals(A_bar)) < 1e-10


def test_the_inside_of_the_unit_circle_is_where_a_run_dies_out():
    for re, im in [(-0.5, 0.3), (-1.9, 0.0), (-2.1, 0.0), (-0.5, 1.5), (-3, 4), (0.5, 0.1), (2.5, 0.0)]:
        system = Diagonal([complex(re, im)], [1.0], [1.0])
        for method in d.METHODS:
            left = np.abs(d.discretise(system, 1.0, method).run(np.zeros(400), h0=[1.0]).h[-1, 0])
            inside = d.stability_region([re], [im], method)[0, 0]
            assert (left < 1) == inside, (re, im, method)


def test_stability_regions_are_disc_complement_and_half_plane():
    re, im = np.linspace(-3.05, 3.05, 40), np.linspace(-3.05, 3.05, 40)
    v = re[None, :] + 1j * im[:, None]
    np.testing.assert_array_equal(d.stability_region(re, im, "euler"), np.abs(v + 1) < 1)
    np.testing.assert_array_equal(d.stability_region(re, im, "backward"), np.abs(v - 1) > 1)
    for method in ("bilinear", "zoh", "foh", "released", 0.5):
        np.testing.assert_array_equal(d.stability_region(re, im, method), v.real < 0)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 0.4])
def test_the_largest_stable_delta_is_where_the_first_pole_leaves_the_disc(alpha):
    rates = [-1 + 2j, -5, -0.1 + 3j]
    edge = d.largest_stable_delta(rates, alpha)
    assert (
        np.abs(d.pole_map(rates, 0.999 * edge, alpha)).max() < 1 < np.abs(d.pole_map(rates, 1.001 * edge, alpha)).max()
    )


def test_only_methods_below_one_half_have_a_largest_delta():
    limited = {m for m in d.METHODS if np.isfinite(d.largest_stable_delta([-1.0], m))}
    assert limited == {"euler"}


def test_euler_leaves_the_unit_disc_past_two_over_lambda_031_for_legs_64():
    system = legs(64)
    edge = d.largest_stable_delta(poles(system), "euler")
    assert edge == pytest.approx(2 / 64)
    assert f"{edge:.3f}" == "0.031"


def test_legs_64_with_euler_ends_in_nan_and_with_the_others_does_not():
    x = np.sin(np.arange(1000) / 9)
    for method in d.METHODS:
        h = d.discretise(legs(64), 0.1, method).run(x).h
        assert np.isnan(h[-1]).any() == (method == "euler"), method


def test_resampling_twice_as_fine_needs_half_the_delta():
    x = np.random.default_rng(3).normal(size=60)
    coarse, twice = d.discretise(SPRING, 0.2, "zoh").run(x).y, np.repeat(x, 2)
    np.testing.assert_allclose(d.discretise(SPRING, 0.1, "zoh").run(twice).y[1::2], coarse, atol=1e-13)
    same_delta = d.discretise(SPRING, 0.2, "zoh").run(twice).y[1::2]
    assert np.linalg.norm(same_delta - coarse) > np.linalg.norm(coarse) / 2


@every_method
def test_a_token_of_no_time_keeps_the_state(method):
    h0 = np.array([0.3, -0.7])
    h = d.discretise(SPRING, 0.0, method).run([5.0, -2.0], h0).h
    np.testing.assert_array_equal(h, [h0, h0])


def test_state_kept_by_one_token_against_its_delta():
    kept = [abs(d.pole_map(-1.0, delta, "zoh")) for delta in (0.01, 0.1, 1, 3, 5)]
    assert [f"{k:.2f}" for k in kept[:4]] + [f"{kept[4]:.3f}"] == ["0.99", "0.90", "0.37", "0.05", "0.007"]


def test_theorem_1_is_exact_with_zero_order_hold():
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=500), rng.normal(scale=4, size=500)
    np.testing.assert_allclose(d.selective(x, z), d.gated(x, z), atol=1e-14, rtol=0)


def test_theorem_1_is_false_with_euler():
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=500), rng.normal(size=500)
    assert np.abs(d.selective(x, z, "euler") - d.gated(x, z)).max() > 0.5


def test_theorem_1_quotes_693_for_5_and_4_018_for_982():
    z = np.array([0.0, 4.0])
    assert [f"{v:.3f}" for v in d.write_gate(z, "zoh")] == ["0.500", "0.982"]
    assert [f"{v:.3f}" for v in d.write_gate(z, "euler")] == ["0.693", "4.018"]


@pytest.mark.parametrize("rule", ["zoh", "euler"])
def test_the_selective_system_is_the_discretised_one_token_by_token(rule):
    rng, system = np.random.default_rng(5), StateSpace([[-1.0]], [1.0], [1.0])
    x, z = rng.normal(size=20), rng.normal(size=20)
    h, state = [], np.zeros(1)
    for x_t, z_t in zip(x, z, strict=True):
        one = d.discretise(system, float(np.log1p(np.exp(z_t))), "zoh" if rule == "zoh" else "released")
        state = one.run([x_t], state).h[-1]
        h.append(state[0])
    np.testing.assert_allclose(d.selective(x, z, rule), h, atol=1e-14)


def test_theorem_1_survives_extreme_gates():
    z = np.array([-800.0, 800.0, -800.0])
    np.testing.assert_allclose(d.selective([3.0, 5.0, 7.0], z), [0, 5, 5], atol=1e-12)
    np.testing.assert_allclose(d.gated([3.0, 5.0, 7.0], z), [0, 5, 5], atol=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: d.discretise(SPRING, 0.1, "tustin"), "method must be one of euler, .*got 'tustin'"),
        (lambda: d.discretise(SPRING, -0.1, "zoh"), "delta must be finite and at least 0"),
        (lambda: d.gbt(SPRING, np.nan, alpha=0.5), "delta must be finite"),
        (lambda: d.gbt(SPRING, 0.1, alpha=1.5), r"alpha must lie in \[0, 1\]"),
        (lambda: d.gbt(StateSpace([[10.0]], [1.0], [1.0]), 0.1, alpha=1), "must be invertible.*smaller delta"),
        (lambda: d.gbt(Diagonal([10.0], [1.0], [1.0]), 0.1, alpha=1), "must be invertible.*smaller delta"),
        (lambda: d.discretise(SPRING, 0.1, "zoh").run([[1.0]]), "x must be a list"),
        (lambda: d.discretise(SPRING, 0.1, "zoh").run([1.0], [1.0]), r"h0 must be \(N,\)"),
        (lambda: d.discretise(SPRING, 0.1, "zoh").run([1.0], [1j, 0]), "h0 must be real"),
        (lambda: d.pole_map([-1.0], 0.1, "none"), "method must be"),
        (lambda: d.pole_map([-1.0], 0.1, None), "alpha must lie in"),
        (lambda: d.pole_map([np.nan], 0.1, "zoh"), "poles must be finite"),
        (lambda: d.write_gate(np.inf), "z must be finite"),
        (lambda: d.largest_stable_delta([0.5], "euler"), "left of the imaginary axis"),
        (lambda: d.largest_stable_delta([], "euler"), "left of the imaginary axis"),
        (lambda: d.selective([1.0], [1.0, 2.0]), "x and z must have one length"),
        (lambda: d.write_gate(0.0, "foh"), "rule must be"),
    ],
)
def test_bad_input_is_refused_with_what_to_do(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_pole_of_the_transform_maps_to_infinity():
    assert np.isinf(d.pole_map([10.0], 0.1, "backward")[0])


def test_the_mass_spring_rings_on_for_ever_with_no_damper_only_under_the_exact_and_bilinear_rules():
    rates = poles(mass_spring_damper(damper=0.0))
    size = {m: np.abs(d.pole_map(rates, 0.3, m)).max() for m in d.METHODS}
    assert size["euler"] > 1 > size["backward"]
    assert [size[m] for m in ("zoh", "foh", "released", "bilinear")] == pytest.approx([1, 1, 1, 1])
