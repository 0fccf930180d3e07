import numpy as np
import pytest
from scipy import signal

from ssmviz.systems import convolution as views

KERNELS = [views.kernel_by_powers, views.kernel_by_squaring, views.kernel_by_diagonalisation]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda f: f.__name__)


def continuous(rng, N):
    """A random stable system with well separated dynamics: continuous A, B, C."""
    A = rng.normal(size=(N, N)) / np.sqrt(N) - 1.5 * np.eye(N)
    return A, rng.normal(size=N), rng.normal(size=N)


def discretised(A, B, delta=0.1, alpha=0.5):
    A_bar, B_bar, *_ = signal.cont2discrete((A, B[:, None], np.eye(len(A)), 0 * B[:, None]), delta, "gbt", alpha)
    return A_bar, B_bar[:, 0]


def lti(seed=0, N=6, **fields):
    rng = np.random.default_rng(seed)
    A, B, C = continuous(rng, N)
    return *discretised(A, B, **fields), C, rng


@every_kernel
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("L", [1, 2, 37, 64])
def test_every_kernel_is_the_impulse_response_of_scipy_under_every_gbt(kernel, alpha, L):
    A_bar, B_bar, C, _ = lti(alpha=alpha)
    _, (response,) = signal.dimpulse((A_bar, B_bar[:, None], C[None], [[0.0]], 1.0), n=L + 1)
    # scipy's y_t reads the state before the input: one step later than ours
    np.testing.assert_allclose(kernel(A_bar, B_bar, C, L), response[1:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("L", [1, 2, 63, 400])
def test_recurrence_equals_direct_convolution_equals_fft(L):
    A_bar, B_bar, C, rng = lti()
    x = rng.normal(size=L)
    K = views.kernel_by_powers(A_bar, B_bar, C, L)
    y, states = views.recur(A_bar, B_bar, C, x)
    assert states.shape == (L, 6)
    for other in (
        views.convolve_direct(K, x),
        views.convolve_fft(K, x),
        np.convolve(K, x)[:L],
        signal.fftconvolve(K, x)[:L],
        signal.lfilter(K, [1.0], x),
    ):
        np.testing.assert_allclose(y, other, rtol=0, atol=1e-10)


def test_complex_systems_have_the_same_two_views():
    A_bar, B_bar, C, rng = lti()
    A_bar, C = A_bar * np.exp(0.7j), C + 1j
    x = rng.normal(size=50)
    y, _ = views.recur(A_bar, B_bar, C, x)
    for kernel in KERNELS:
        K = kernel(A_bar, B_bar, C, 50)
        np.testing.assert_allclose(views.convolve_fft(K, x), y, rtol=0, atol=1e-10)
        np.testing.assert_allclose(views.convolve_direct(K, x), y, rtol=0, atol=1e-10)


def test_without_zeros_the_end_wraps_around_onto_the_beginning():
    K, x = np.array([1.0, 2.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0])
    np.testing.assert_allclose(views.convolve_fft(K, x), [0, 0, 0, 1], atol=1e-15)
    np.testing.assert_allclose(views.convolve_circular(K, x), [2, 0, 0, 1], atol=1e-15)


def test_an_output_is_the_sum_of_its_terms():
    rng = np.random.default_rng(1)
    K, x = rng.normal(size=(2, 9))
    y = views.convolve_direct(K, x)
    assert [views.terms(K, x, t).sum() for t in range(9)] == pytest.approx(list(y), abs=1e-14)
    assert views.terms(K, x, 3) == pytest.approx([K[k] * x[3 - k] for k in range(4)])


def test_shifting_the_input_shifts_the_output_of_an_lti_system():
    A_bar, B_bar, C, rng = lti()
    x = rng.normal(size=60)
    y, y_late = (views.recur(A_bar, B_bar, C, u)[0] for u in (x, shifted(x)))
    np.testing.assert_allclose(y_late, shifted(y), rtol=0, atol=1e-12)


def test_a_selective_system_follows_a_shift_of_all_its_channels_but_not_of_one_alone():
    # Every token sets its own Delta, B and C, and an empty state stays empty: moving everything moves the output.
    # What fails is moving one channel under gates that another channel sets.
    x, other = np.random.default_rng(0).normal(size=(2, 60))
    other[-5:] = 0
    y = selective(x, other)
    np.testing.assert_allclose(selective(shifted(x), shifted(other)), shifted(y), rtol=0, atol=1e-12)
    assert np.abs(selective(shifted(x), other) - shifted(y)).max() > 1e-2


def shifted(x, by=5):
    return np.concatenate([np.zeros(by), x[:-by]])


def selective(x, other):
    """One channel of S6 (zero-order hold) whose Delta, B and C see a second channel too."""
    A = -np.arange(1.0, 5)
    delta = np.log1p(np.exp(x + other))[:, None]
    B, C = np.cos(other)[:, None], np.outer(np.cos(x - other), np.ones(4))
    return views.operator_matrix(np.exp(delta * A), np.expm1(delta * A) / A * B, C) @ x


def test_the_operator_of_a_constant_system_is_toeplitz_and_carries_its_kernel():
    rng = np.random.default_rng(2)
    L, N = 20, 3
    a, b, c = rng.uniform(0.5, 0.9, N), rng.normal(size=N), rng.normal(size=N)
    M = views.operator_matrix(*(np.broadcast_to(v, (L, N)) for v in (a, b, c)))
    K = views.kernel_by_powers(np.diag(a), b, c, L)
    for k in range(L):
        np.testing.assert_allclose(np.diag(M, -k), K[k], rtol=0, atol=1e-13)
    assert not np.triu(M, 1).any()


def test_a_selective_operator_equals_its_recurrence_and_has_a_kernel_per_row():
    rng = np.random.default_rng(3)
    L, N = 20, 3
    a, b, c = rng.uniform(0.1, 0.9, (L, N)), rng.normal(size=(L, N)), rng.normal(size=(L, N))
    x, h, y = rng.normal(size=L), np.zeros(N), []
    for t in range(L):
        h = a[t] * h + b[t] * x[t]
        y.append(c[t] @ h)
    M = views.operator_matrix(a, b, c)
    np.testing.assert_allclose(M @ x, y, rtol=0, atol=1e-12)
    assert np.ptp(np.diag(M, -1)) > 1e-2


class Counted(float):
    """A number that counts its products."""

    products = 0

    def __mul__(self, other):
        Counted.products += 1
        return Counted(float(self) * float(other))

    __rmul__ = __mul__

    def __add__(self, other):
        return Counted(float(self) + float(other))

    __radd__ = __add__


@pytest.fixture
def counted():
    Counted.products = 0
    return np.vectorize(Counted, otypes=[object])


def test_costs_are_what_the_definitions_multiply(counted):
    L, N = 7, 3
    rng = np.random.default_rng(4)
    A, B, C, x = (counted(rng.normal(size=shape)) for shape in [(N, N), N, N, L])
    costs = views.costs(L, N)

    h = counted(np.zeros(N))
    for x_t in x:
        h = A.dot(h) + B * x_t
        C.dot(h)
    assert Counted.products == costs["recurrence"].multiplications

    Counted.products, v = 0, B
    for _ in range(L):
        C.dot(v)
        v = A.dot(v)
    assert Counted.products == costs["kernel by powers"].multiplications

    Counted.products, krylov, power = 0, B[:, None], A
    while krylov.shape[1] < L:
        krylov = np.concatenate([krylov, power.dot(krylov)], axis=1)
        power = power.dot(power)
    C.dot(krylov[:, :L])
    assert Counted.products == costs["kernel by squaring"].multiplications

    Counted.products = 0
    for t in range(L):
        x[: t + 1].dot(x[t::-1])
    assert Counted.products == costs["direct convolution"].multiplications


def test_the_cost_of_an_fft_convolution_is_that_of_three_radix_2_transforms_and_one_product():
    products = 0

    def transform(values, turn):
        nonlocal products
        n = len(values)
        if n == 1:
            return values
        even, odd = transform(values[::2], turn), transform(values[1::2], turn)
        odd = np.exp(turn * 2j * np.pi * np.arange(n // 2) / n) * odd
        products += n // 2
        return np.concatenate([even + odd, even - odd])

    K, x = np.random.default_rng(0).normal(size=(2, 7))
    spectra = [transform(np.pad(u, (0, 9)), -1) for u in (K, x)]
    y = transform(spectra[0] * spectra[1], 1)[:7].real / 16
    np.testing.assert_allclose(y, np.convolve(K, x)[:7], rtol=0, atol=1e-14)
    assert views.costs(7, 1)["FFT convolution"].multiplications == 4 * (products + 16)


def test_costs_grow_as_the_table_says():
    def slope(view, N=4):
        counts = [views.costs(L, N)[view].multiplications for L in (1024, 16384)]
        return np.log(counts[1] / counts[0]) / np.log(16)

    assert slope("recurrence") == slope("diagonal") == pytest.approx(1)
    assert slope("direct convolution") == pytest.approx(2, abs=1e-3)
    assert slope("FFT convolution") == pytest.approx(1.11, abs=0.02)  # L log L


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: views.recur(np.eye(2), np.ones(3), np.ones(3), np.ones(4)), "A_bar must be"),
        (lambda: views.recur(np.eye(2), np.ones(2), np.ones(2), np.ones((4, 1))), "x must be"),
        (lambda: views.kernel_by_powers(np.eye(2), np.ones(2), np.ones(2), 0), "L must be at least 1"),
        (lambda: views.kernel_by_squaring(np.eye(2) * np.nan, np.ones(2), np.ones(2), 4), "A_bar must be finite"),
        (lambda: views.convolve_fft(np.ones(3), np.ones(4)), "one length"),
        (lambda: views.convolve_direct(np.ones(0), np.ones(0)), "K must be"),
        (lambda: views.terms(np.ones(3), np.ones(3), 3), "t must be"),
        (lambda: views.operator_matrix(np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 1))), "all be"),
        (lambda: views.costs(4, 0), "N must be at least 1"),
    ],
)
def test_bad_input_is_told(call, told):
    with pytest.raises(ValueError, match=told):
        call()
