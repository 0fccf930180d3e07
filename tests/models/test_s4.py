"""S4's four stages, for any parameters and any length, against the dense system and against the numpy stages."""

import numpy as np
import pytest
import torch
from scipy import signal

from ssmviz.models.s4 import cauchy, woodbury
from ssmviz.settings import ModelSettings
from ssmviz.systems import nplr, s4
from tests.models.variants import network


def layer(N, *, shaken=0.3, **fields):
    """One layer of two channels in float64, its parameters anywhere near the initial ones."""
    fields = {"d_model": 2, "dt_min": 0.01, "dt_max": 0.5} | fields
    mixer = network(ModelSettings(layer="s4", block="plain", N=N, **fields)).layers[0].mixer
    generator = torch.Generator().manual_seed(N)
    with torch.no_grad():
        for p in mixer.parameters():
            p += shaken * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return mixer


def numbers(part):
    return part.detach().resolve_conj().numpy()


def paired(half):
    """With its conjugates, (..., 2N)."""
    half = numbers(torch.view_as_complex(half) if half.shape[-1] == 2 and not half.is_complex() else half)
    return np.concatenate([half, half.conj()], axis=-1)


def dense(mixer, d):
    """A (2N, 2N), B, C, Delta of channel d, with all conjugates."""
    Lambda, P, B, C = (paired(part)[d] for part in (mixer.Lambda(), mixer.P, mixer.B, mixer.C))
    return np.diag(Lambda) - np.outer(P, P.conj()), B, C, mixer.log_dt[d].exp().item()


def kernel_by_powers(mixer, d, L):
    """C A_bar^l B_bar with dense matrices, discretised by scipy."""
    A, B, C, delta = dense(mixer, d)
    n = len(B)
    A_bar, B_bar, *_ = signal.cont2discrete((A, B[:, None], np.eye(n), np.zeros((n, 1))), delta, "bilinear")
    h, K = B_bar[:, 0], []
    for _ in range(L):
        K.append(C @ h)
        h = A_bar @ h
    assert np.abs(np.imag(K)).max() < 1e-9 * np.abs(K).max()
    return np.real(K)


@pytest.mark.parametrize(("N", "L"), [(1, 1), (1, 2), (3, 7), (4, 64), (16, 101), (16, 256)])
def test_the_four_stages_are_the_powers_of_the_dense_matrix(N, L):
    mixer = layer(N)
    K = numbers(mixer.kernel(L))
    for d in range(2):
        wanted = kernel_by_powers(mixer, d, L)
        np.testing.assert_allclose(K[d], wanted, atol=1e-11 * np.abs(wanted).max())


def test_the_kernel_of_a_shorter_length_is_the_beginning_of_a_longer_one():
    mixer = layer(8)
    long = mixer.kernel(200)
    for L in (1, 2, 63, 128):
        torch.testing.assert_close(mixer.kernel(L), long[:, :L], atol=1e-11, rtol=0)


def test_every_stage_is_the_one_of_the_numpy_reference():
    N, L, delta = 6, 40, 0.07
    system = nplr.diagonalise(nplr.normal_plus_low_rank(2 * N))
    C = np.random.default_rng(0).standard_normal(2 * N)
    wanted = s4.stages(system, C, delta, L)
    mixer, half = layer(N), slice(N, None)
    with torch.no_grad():
        mixer.log_dt.fill_(np.log(delta))
        mixer.log_A_real.copy_(torch.as_tensor(np.log(-system.Lambda[half].real)))
        mixer.A_imag.copy_(torch.as_tensor(system.Lambda[half].imag))
        for name, part in (("P", system.P[half, 0]), ("B", system.B[half]), ("C", (C @ system.V)[half])):
            getattr(mixer, name).copy_(torch.view_as_real(torch.as_tensor(part)))
    C_tilde, P, B = mixer.truncated_C(L), torch.view_as_complex(mixer.P), torch.view_as_complex(mixer.B)
    np.testing.assert_allclose(numbers(C_tilde)[0], wanted.C_tilde[half], atol=1e-11)

    angle = torch.pi / L * torch.arange(L // 2 + 1, dtype=torch.float64)
    s, c = 2 / delta * angle.sin().expand(2, -1), angle.cos()
    terms = torch.stack([C_tilde * B, C_tilde * P, P.conj() * B, P.conj() * P], -1)
    sums = cauchy(terms, mixer.Lambda(), s, c)
    turn, roots = np.exp(1j * angle.numpy()), slice(L // 2 + 1)
    for i, k in enumerate((wanted.k00, wanted.k01[:, 0], wanted.k10[:, 0], wanted.k11[:, 0, 0])):
        np.testing.assert_allclose(turn / 2 * numbers(sums[0, :, i]), k[roots], atol=1e-11 * np.abs(k).max())
    generating = turn * numbers(woodbury(sums, c)[0])
    np.testing.assert_allclose(generating, wanted.K_hat[roots], atol=1e-11)
    np.testing.assert_allclose(numbers(mixer.kernel(L))[0], wanted.K, atol=1e-11)


def test_it_starts_as_hippo_legs():
    N = 8
    mixer = layer(N, shaken=0)
    A, B, _, _ = dense(mixer, 0)
    V = nplr.diagonalise(nplr.normal_plus_low_rank(2 * N)).V[:, N:]
    V = np.concatenate([V, V.conj()], axis=1)
    n = np.arange(2 * N)
    root = np.sqrt(2 * n + 1)
    legs = -np.tril(np.outer(root, root), -1) - np.diag(n + 1.0)
    np.testing.assert_allclose(V @ A @ V.conj().T, legs, atol=1e-5)  # parameters start in float32
    np.testing.assert_allclose(V @ B, root, atol=1e-5)


def test_without_the_low_rank_it_is_s4d_discretised_by_the_bilinear_rule():
    mixer = layer(5)
    mixer.P.data.zero_()
    Lambda, delta = numbers(mixer.Lambda()), numbers(mixer.log_dt.exp())[:, None]
    ahead = 1 - delta / 2 * Lambda
    weights = 2 * numbers(torch.view_as_complex(mixer.C) * torch.view_as_complex(mixer.B)) * delta / ahead
    wanted = np.einsum("dn,dnl->dl", weights, ((2 - ahead) / ahead)[..., None] ** np.arange(50)).real
    np.testing.assert_allclose(numbers(mixer.kernel(50)), wanted, atol=1e-12 * np.abs(wanted).max())


def test_convolution_equals_recurrence_and_leaves_the_same_state():
    mixer = layer(6)
    x = torch.randn(2, 90, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h, ys = mixer.initial_h(2), []
    for x_t in x.unbind(1):
        y, h = mixer.recur(x_t, h)
        ys.append(y)
    fast, last = mixer.mix(x, None, carry=True)
    torch.testing.assert_close(fast, torch.stack(ys, 1), atol=1e-11, rtol=0)
    torch.testing.assert_close(last, h, atol=1e-11, rtol=0)
    _, half_way = mixer.mix(x[:, :37], None, carry=True)
    rest, end = mixer.mix(x[:, 37:], half_way, carry=True)
    torch.testing.assert_close(rest, fast[:, 37:], atol=1e-11, rtol=0)
    torch.testing.assert_close(end, h, atol=1e-11, rtol=0)


def test_no_low_rank_makes_it_unstable():
    for seed in range(5):
        mixer = layer(8, shaken=2.0 + seed)
        A, _, _, _ = dense(mixer, 0)
        assert np.linalg.eigvals(A).real.max() < 0
        A_bar = numbers(mixer.A_bar())
        assert np.abs(np.linalg.eigvals(A_bar)).max() <= 1 + 1e-9


def test_the_kernel_in_float32_stays_near_that_in_float64():
    def kernel(dtype):
        net = network(ModelSettings(layer="s4", block="plain", N=64, d_model=4), dtype)
        return net.layers[0].mixer.kernel(1024).detach().double()

    single, double = kernel(torch.float32), kernel(torch.float64)
    assert (single - double).abs().max() < 1e-4 * double.abs().max()


def gradients_off(mixer, L):
    """The largest error of the gradients in float32, for each parameter beside its largest gradient."""
    weight, found = torch.randn(2, L, generator=torch.Generator().manual_seed(0)), {}
    for dtype in (torch.float64, torch.float32):
        mixer.to(dtype).zero_grad()
        (mixer.kernel(L) * weight.to(dtype)).sum().backward()
        found[dtype] = {name: p.grad.double().clone() for name, p in mixer.named_parameters() if p.grad is not None}
    exact, single = found.values()
    return max((single[name] - exact[name]).abs().max() / exact[name].abs().max() for name in exact)


@pytest.mark.parametrize("dt", [1e-3, 1e-2, 1e-1])
@pytest.mark.parametrize("L", [64, 256])
def test_the_gradients_stay_right_where_a_pole_falls_on_a_root_of_unity(L, dt):
    mixer = layer(8, shaken=0)
    with torch.no_grad():
        mixer.log_dt.fill_(np.log(dt))
        mixer.log_A_real[:, 3] = -30
        mixer.A_imag[:, 3] = 2 / dt * np.tan(np.pi * (L // 8) / L)  # i s - c Lambda is 0 but for the real part
    assert gradients_off(mixer, L) < 0.1  # 90,000 without a bound


@pytest.mark.parametrize("dt", [1e-7, 1e-5, 1e-3, 1e2])
def test_no_delta_that_training_may_reach_makes_the_gradients_infinite(dt):
    mixer = layer(8, shaken=0)
    with torch.no_grad():
        mixer.log_dt.fill_(np.log(dt))
        mixer.log_A_real[:, 0], mixer.A_imag[:, 0] = np.log(0.02), 0.01
    mixer.float()
    mixer.kernel(64).sum().backward()
    for name, p in mixer.named_parameters():  # NaN at 1e-5, where the poles were multiplied by Delta
        assert p.grad is None or p.grad.isfinite().all(), name


def test_poles_and_delta_can_be_left_as_they_are():
    mixer = layer(2, shaken=0, learn_poles=False, learn_dt=False)
    frozen = {name for name, p in mixer.named_parameters() if not p.requires_grad}
    assert frozen == {"log_dt", "log_A_real", "A_imag", "P"}
