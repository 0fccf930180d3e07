import numpy as np
import pytest
from scipy import linalg, signal
from scipy.special import comb

from ssmviz.systems import nplr, s4
from ssmviz.systems.convolution import convolve_fft, kernel_by_diagonalisation, kernel_by_powers

MEASURES = ["legs", "legt"]
LEGS = nplr.diagonalise(nplr.normal_plus_low_rank(4))
every_measure = pytest.mark.parametrize("measure", MEASURES)


def hippo(N, measure):
    """HiPPO entry by entry, as printed (HiPPO, theorems 1 and 2; S4, eq. 2)."""
    A = np.zeros((N, N))
    for n in range(N):
        for k in range(N):
            root = ((2 * n + 1) * (2 * k + 1)) ** 0.5
            if measure == "legs":
                A[n, k] = -root if n > k else -(n + 1) if n == k else 0
            else:
                A[n, k] = -root * ((-1) ** (n - k) if n < k else 1)
    return A


def dense(A, B, delta):
    """A_bar, B_bar of the bilinear rule, by scipy."""
    A_bar, B_bar, *_ = signal.cont2discrete((A, B[:, None], np.eye(len(A)), 0 * B[:, None]), delta, "bilinear")
    return A_bar, B_bar[:, 0]


def relative(found, truth):
    return np.abs(found - truth).max() / np.abs(truth).max()


# normal plus low rank


@every_measure
@pytest.mark.parametrize("N", [1, 2, 7, 64, 256])
def test_hippo_is_normal_plus_low_rank_and_its_diagonal_form_gives_it_back(measure, N):
    system, A = nplr.normal_plus_low_rank(N, measure), hippo(N, measure)
    assert relative(system.A, A) < 1e-12
    S = system.normal
    assert np.abs(S @ S.T - S.T @ S).max() <= 1e-12 * np.abs(S @ S.T).max()
    assert (
        np.linalg.matrix_rank(system.normal - A) == min(N, system.P.shape[1]) == min(N, {"legs": 1, "legt": 2}[measure])
    )
    Lambda, P, B, V = nplr.diagonalise(system)
    back = V.conj().T
    assert relative(V @ (np.diag(Lambda) - P @ P.conj().T) @ back, A) < 1e-12
    assert relative(V @ B, system.B) < 1e-12
    np.testing.assert_allclose(back @ V, np.eye(N), rtol=0, atol=1e-12)


@pytest.mark.parametrize("N", [8, 64])
def test_the_eigenvalues_of_the_normal_part_are_those_scipy_finds(N):
    system = nplr.normal_plus_low_rank(N)
    expected = linalg.eigvals(system.normal)
    Lambda = nplr.diagonalise(system).Lambda
    np.testing.assert_allclose(np.sort(Lambda.imag), np.sort(expected.imag), rtol=0, atol=1e-10 * N)
    np.testing.assert_allclose(Lambda.real, -0.5, rtol=0, atol=1e-12)


def test_legt_is_the_delay_operator_of_lmu_up_to_signs_and_scale():
    N = 9
    n = np.arange(N)
    lmu = np.where(n[:, None] < n, -1.0, (-1.0) ** (n[:, None] - n + 1)) * (2 * n[:, None] + 1)
    change = (-1.0) ** n / np.sqrt(2 * n + 1)
    np.testing.assert_allclose(
        change[:, None] * lmu / change, nplr.normal_plus_low_rank(N, "legt").A, rtol=0, atol=1e-12
    )


# why not simply diagonalise


def test_eigenvectors_of_legs_are_as_ill_conditioned_as_quoted():
    found = {N: nplr.condition(N) for N in (8, 16, 32)}
    assert found[8][0] == pytest.approx(7.7e4, rel=0.01)
    assert found[16][0] == pytest.approx(8.3e10, rel=0.05)
    assert found[32][0] > 1e18  # beyond 1e16 only rounding decides the digits (1.3e19 where it was quoted)
    assert [found[N][1] for N in found] == pytest.approx([1.0] * 3, abs=1e-12)


@pytest.mark.parametrize("N", [1, 4, 8, 16])
def test_the_closed_form_eigenvectors_are_those_of_legs(N):
    V, A = nplr.legs_eigenvectors(N), hippo(N, "legs")
    assert np.abs(A @ V + V * (np.arange(N) + 1)).max() < 1e-12 * np.abs(A).max()
    np.testing.assert_allclose(np.linalg.norm(V, axis=0), 1, atol=1e-14)


def test_lemma_3_2_as_printed_needs_legs_without_norms_and_signs_by_row():
    N = 8
    n, sign = np.arange(N), (-1.0) ** np.arange(N)
    V = np.array([[comb(i + j, i - j, exact=True) if i >= j else 0 for j in n] for i in n], dtype=float)
    root = np.sqrt(2 * n + 1)
    plain = hippo(N, "legs") / root[:, None] * root  # -(2k+1) below the diagonal
    eigenvalues = -(n + 1.0)
    assert np.abs(plain @ (sign[:, None] * V) - sign[:, None] * V * eigenvalues).max() < 1e-9
    assert np.abs(hippo(N, "legs") @ V - V * eigenvalues).max() > 1


def test_the_naive_kernel_loses_all_digits_where_s4_keeps_them():
    errors = {}
    for N in (8, 16, 32):
        system, L, delta = nplr.normal_plus_low_rank(N), 128, 1 / 128
        C = np.random.default_rng(N).normal(size=N)
        A_bar, B_bar = dense(system.A, system.B, delta)
        truth = kernel_by_powers(A_bar, B_bar, C, L)
        s4_kernel = s4.stages(nplr.diagonalise(system), C, delta, L).K
        errors[N] = relative(kernel_by_diagonalisation(A_bar, B_bar, C, L), truth), relative(s4_kernel, truth)
    assert all(error < 1e-10 for _, error in errors.values())
    assert errors[8][0] < 1e-8
    assert errors[32][0] > 1e-2


# the four stages


@pytest.mark.parametrize("L", [1, 2, 9])
def test_one_state_is_enough_for_all_four_stages(L):
    system = nplr.normal_plus_low_rank(1)
    found = s4.stages(nplr.diagonalise(system), np.array([3.0]), 0.1, L).K
    np.testing.assert_allclose(found, 3 * 0.1 / 1.05 * (0.95 / 1.05) ** np.arange(L), rtol=1e-12)


def setting(measure, N, L, delta):
    system = nplr.normal_plus_low_rank(N, measure)
    C = np.random.default_rng([N, L]).normal(size=N)
    return system, nplr.diagonalise(system), C, *dense(system.A, system.B, delta)


cases = pytest.mark.parametrize(
    ("N", "L", "delta"), [(2, 1, 0.1), (2, 7, 0.5), (4, 16, 0.1), (16, 100, 0.01), (64, 256, 1 / 256)]
)


@every_measure
@cases
def test_the_kernel_of_s4_is_the_krylov_kernel_of_the_dense_bilinear_system(measure, N, L, delta):
    _, diagonal, C, A_bar, B_bar = setting(measure, N, L, delta)
    assert relative(s4.stages(diagonal, C, delta, L).K, kernel_by_powers(A_bar, B_bar, C, L)) < 1e-10


@every_measure
@cases
def test_every_stage_equals_its_dense_answer(measure, N, L, delta):
    system, diagonal, C, A_bar, B_bar = setting(measure, N, L, delta)
    found = s4.stages(diagonal, C, delta, L)
    z, V, one = found.z, diagonal.V, np.eye(N)
    np.testing.assert_allclose(z**L, 1, rtol=0, atol=1e-11)

    # C_tilde, and the generating function: the sum itself, and one solve per root
    C_tilde = C @ (one - np.linalg.matrix_power(A_bar, L))
    np.testing.assert_allclose(found.C_tilde @ V.conj().T, C_tilde, rtol=0, atol=1e-10 * np.abs(C).max())
    K = kernel_by_powers(A_bar, B_bar, C, L)
    series = np.array([np.polyval(K[::-1], root) for root in z])
    assert relative(s4.generating_function(A_bar, B_bar, C_tilde, z), series) < 1e-10
    assert relative(found.K_hat, series) < 1e-10

    # Cauchy: the resolvent of the normal part alone
    S, P, B = system
    matrices = np.array([2 / delta * (1 - root) * one - (1 + root) * S for root in z])
    R = np.linalg.inv(matrices)
    assert relative(found.k00, np.einsum("n,lnm,m->l", C_tilde, R, B)) < 1e-10
    assert relative(found.k01, np.einsum("n,lnm,mr->lr", C_tilde, R, P)) < 1e-10
    assert relative(found.k11, np.einsum("ns,lnm,mr->lsr", P, R, P)) < 1e-10
    assert relative(found.k10, np.einsum("ns,lnm,m->ls", P, R, B)) < 1e-10

    # Woodbury: the resolvent of A itself, less that of its normal part
    full = np.linalg.inv(matrices + (1 + z)[:, None, None] * (P @ P.T))
    scale = np.abs(found.k00).max()
    correction = np.einsum("n,lnm,m->l", C_tilde, R - full, B)
    np.testing.assert_allclose(found.correction, correction, rtol=0, atol=1e-10 * scale)

    # inverse FFT, by the sum that defines it
    inverse = np.exp(2j * np.pi / L * np.outer(np.arange(L), np.arange(L))) @ found.K_hat / L
    assert relative(found.K, inverse.real) < 1e-10
    assert np.abs(inverse.imag).max() < 1e-10 * np.abs(found.K).max()


def test_the_four_stages_hold_at_n_256():
    _, diagonal, C, A_bar, B_bar = setting("legs", 256, 512, 1 / 512)
    assert relative(s4.stages(diagonal, C, 1 / 512, 512).K, kernel_by_powers(A_bar, B_bar, C, 512)) < 1e-10


@every_measure
@cases
def test_the_bilinear_rule_on_diagonal_plus_low_rank_is_scipys(measure, N, L, delta):
    _, diagonal, _, A_bar, B_bar = setting(measure, N, L, delta)
    A_found, B_found = s4.bilinear(diagonal, delta)
    V = diagonal.V
    assert relative(V @ A_found @ V.conj().T, A_bar) < 1e-12
    assert relative(V @ B_found, B_bar) < 1e-12


@every_measure
def test_step_mode_equals_convolution_mode_and_scipys_filter(measure):
    L, delta = 200, 1 / 200
    _, diagonal, C, A_bar, B_bar = setting(measure, 32, L, delta)
    x = np.random.default_rng(0).normal(size=L)
    y = s4.recur_dplr(diagonal, C, delta, x)
    assert relative(y, convolve_fft(s4.stages(diagonal, C, delta, L).K, x)) < 1e-10
    _, expected, _ = signal.dlsim((A_bar, B_bar[:, None], (C @ A_bar)[None], [[C @ B_bar]], 1.0), x)
    assert relative(y, expected[:, 0]) < 1e-10


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: nplr.normal_plus_low_rank(0), "N must be"),
        (lambda: nplr.normal_plus_low_rank(4, "lagt"), "measure must be"),
        (lambda: nplr.diagonalise(nplr.NPLR(hippo(4, "legs"), np.ones((4, 1)), np.ones(4))), "skew"),
        (lambda: nplr.diagonalise(nplr.NPLR(np.eye(3), np.ones((4, 1)), np.ones(4))), "normal must be"),
        (lambda: s4.bilinear(LEGS, 0.0), "delta must be"),
        (lambda: s4.stages(LEGS, np.ones(3), 0.1, 8), "C must be"),
        (
            lambda: s4.stages(nplr.diagonalise(nplr.normal_plus_low_rank(5, "legt")), np.ones(5), 0.1, 8),
            "root of unity",
        ),
        (lambda: s4.recur_dplr(LEGS, np.ones(4), 0.1, np.ones((2, 2))), "x must be"),
        (lambda: s4.truncated_output(np.eye(3), np.ones(4), 8), "A_bar must be"),
        (lambda: s4.generating_function(np.eye(3), np.ones(3), np.ones(4), np.ones(2)), "C_tilde must be"),
        (lambda: s4.cauchy(np.ones(3), np.ones(4), -np.ones(4), 0.1, np.ones(2)), "v and w must be"),
        (lambda: s4.cauchy(np.ones(4), np.ones(4), -np.ones(4), -0.1, np.ones(2)), "delta must be"),
        (lambda: s4.woodbury(np.ones((8, 1)), np.ones((8, 1)), np.ones((8, 1)), np.ones(8)), "k11, k10, z must be"),
        (lambda: s4.roots_of_unity(0), "L must be"),
        (lambda: nplr.legs_eigenvectors(0), "N must be"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()
