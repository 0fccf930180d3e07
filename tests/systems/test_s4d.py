import numpy as np
import pytest
from scipy import linalg, signal

from ssmviz.systems import nplr, s4d
from ssmviz.systems.convolution import kernel_by_powers

every_init = pytest.mark.parametrize("init", s4d.INITS)


def legs(N):
    """HiPPO-LegS from the definition (HiPPO, theorem 2)."""
    n = np.arange(N)
    root = np.sqrt(2 * n + 1)
    return -np.tril(np.outer(root, root), -1) - np.diag(n + 1.0)


def relative(found, truth):
    return np.abs(found - truth).max() / np.abs(truth).max()


def test_initial_poles_are_those_of_the_paper():
    np.testing.assert_allclose(s4d.initial_poles("lin", 3), [-0.5, -0.5 + 1j * np.pi, -0.5 + 2j * np.pi])
    top = (8 / np.pi) * np.array([8 - 1, 8 / 3 - 1, 8 / 5 - 1, 8 / 7 - 1])
    np.testing.assert_allclose(s4d.initial_poles("inv", 4), -0.5 + 1j * top)
    upper = [z for z in linalg.eigvals(nplr.normal_plus_low_rank(16).normal) if z.imag > 0]
    np.testing.assert_allclose(np.sort(s4d.initial_poles("legs", 8).imag), np.sort(np.imag(upper)), rtol=1e-12)


def test_s4d_real_has_the_eigenvalues_of_hippo_itself():
    np.testing.assert_array_equal(np.sort(s4d.initial_poles("real", 8).real), np.sort(linalg.eigvals(legs(8)).real))


def test_s4d_inv_follows_the_spectrum_of_legs_above_its_lowest_quarter():
    legs, inv = (np.sort(s4d.initial_poles(init, 32).imag) for init in ("legs", "inv"))
    assert inv[-1] == pytest.approx(legs[-1], rel=0.02)
    np.testing.assert_allclose(inv[8:], legs[8:], rtol=0.25)


def real_form(Lambda, B, C, init):
    """The same system in real numbers: every pole is a 2 x 2 block of rotation and decay."""
    if init == "real":
        return np.diag(Lambda.real), B.real, C.real
    blocks = [np.array([[z.real, -z.imag], [z.imag, z.real]]) for z in Lambda]
    inputs = np.stack([B.real, B.imag], axis=1).ravel()
    return linalg.block_diag(*blocks), inputs, 2 * np.stack([C.real, -C.imag], axis=1).ravel()


@every_init
@pytest.mark.parametrize("rule", s4d.RULES)
def test_the_vandermonde_kernel_equals_recurrence_and_the_dense_real_system(init, rule):
    rng = np.random.default_rng(5)
    N, L, delta = 8, 90, 0.05
    Lambda = s4d.initial_poles(init, N)
    B, C = rng.normal(size=(2, N)) + (0 if init == "real" else 1j * rng.normal(size=(2, N)))
    bars, twice = s4d.discretise(Lambda, B, delta, rule), init != "real"
    K, x = s4d.kernel(*bars, C, L, conjugates=twice), rng.normal(size=L)
    y, states = s4d.recur(*bars, C, x, conjugates=twice)
    assert states.shape == (L, N)
    assert relative(y, np.convolve(K, x)[:L]) < 1e-12

    A_real, B_real, C_real = real_form(Lambda, B, C, init)
    A_bar, B_bar, *_ = signal.cont2discrete(
        (A_real, B_real[:, None], np.eye(len(A_real)), 0 * B_real[:, None]), delta, rule
    )
    assert relative(K, kernel_by_powers(A_bar, B_bar[:, 0], C_real, L)) < 1e-12


def test_s4d_legs_is_the_diagonal_part_of_dplr():
    N = 8
    system = nplr.diagonalise(nplr.normal_plus_low_rank(2 * N))
    Lambda, B, V = s4d.legs_diagonal(N)
    np.testing.assert_array_equal(Lambda, s4d.initial_poles("legs", N))
    np.testing.assert_allclose(
        np.sort_complex(np.concatenate([Lambda, Lambda.conj()])), np.sort_complex(system.Lambda), atol=1e-10
    )
    full = nplr.normal_plus_low_rank(2 * N)
    np.testing.assert_allclose(2 * (V * Lambda @ V.conj().T).real, full.normal, rtol=0, atol=1e-11)
    np.testing.assert_allclose(2 * (V @ B).real, full.B / 2, rtol=0, atol=1e-12)


def test_dropping_the_low_rank_approaches_legs_as_the_state_grows_in_its_step_response_alone():
    t, steps, impulses = np.linspace(0.02, 3, 100), {}, {}
    for N in (16, 64, 256):
        Lambda, B, V = s4d.legs_diagonal(N // 2)
        A, B_legs = legs(3), nplr.normal_plus_low_rank(3).B  # triangular: the first states stand alone
        powers = [linalg.expm(s * A) for s in t]
        impulse = np.array([2 * (V[:3] @ (np.exp(s * Lambda) * B)).real for s in t])
        step = np.array([2 * (V[:3] @ (np.expm1(s * Lambda) / Lambda * B)).real for s in t])
        impulses[N] = np.abs(impulse - [power @ B_legs for power in powers]).mean(0)[0]
        steps[N] = np.abs(step - [np.linalg.solve(A, (power - np.eye(3)) @ B_legs) for power in powers]).max(0)[0]
    assert steps[16] == pytest.approx(0.024, rel=0.05)
    assert steps[64] == pytest.approx(0.0028, rel=0.1)
    assert steps[256] == pytest.approx(0.0004, rel=0.15)
    assert impulses[256] == pytest.approx(impulses[16], rel=0.1)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: s4d.initial_poles("legt", 4), "init must be"),
        (lambda: s4d.initial_poles("lin", 0), "N must be"),
        (lambda: s4d.discretise(np.ones(2), np.ones(2), 0.1), "negative real"),
        (lambda: s4d.discretise(-np.ones(2), np.ones(3), 0.1), "Lambda and B"),
        (lambda: s4d.discretise(-np.ones(2), np.ones(2), -0.1), "delta must be"),
        (lambda: s4d.discretise(-np.ones(2), np.ones(2), 0.1, "euler"), "rule must be"),
        (lambda: s4d.vandermonde(np.ones(2), 0), "L must be"),
        (lambda: s4d.kernel(np.ones(2), np.ones(2), np.ones(3), 4), "all be"),
        (lambda: s4d.recur(np.ones(2), np.ones(2), np.ones(2), np.ones((4, 1))), "x must be"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()
