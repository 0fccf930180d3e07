import numpy as np
import pytest
import torch

from ssmviz.models import build
from ssmviz.models.convolution import causal_convolution, expm1
from ssmviz.settings import ModelSettings
from ssmviz.systems.s4d import initial_poles, random_poles
from tests.models.variants import TASK, network

INITS = ["lin", "inv", "legs", "real"]
every_init = pytest.mark.parametrize("init", INITS)


def mixer_of(dtype=torch.float64, **fields):
    return network(ModelSettings(layer="s4d", **fields), dtype).layers[0].mixer


def vandermonde(mixer, L):
    """The kernel by its definition, in numpy: Re sum_n C_n B_bar_n A_bar_n^l."""
    A, delta = mixer.A().detach().numpy(), mixer.log_dt.exp().detach().numpy()[:, None]
    C = mixer.C.detach().numpy() if mixer.is_real else 2 * torch.view_as_complex(mixer.C.detach()).numpy()
    weights = C * (np.exp(delta * A) - 1) / A
    return np.einsum("dn,dnl->dl", weights, np.exp((delta * A)[..., None] * np.arange(L))).real


def test_parameters_have_the_published_names_and_shapes():
    inside = build(TASK, ModelSettings(layer="s4d", N=16), seed=0).layers[0].mixer.state_dict()
    own = {name: tuple(value.shape) for name, value in inside.items() if "proj" not in name and "conv" not in name}
    assert own == {"log_dt": (64,), "log_A_real": (64, 16), "A_imag": (64, 16), "C": (64, 16, 2), "D": (64,)}


@every_init
@pytest.mark.parametrize(("N", "L"), [(1, 1), (4, 2), (8, 72), (64, 300)])
def test_the_kernel_is_the_vandermonde_product(init, N, L):
    mixer = mixer_of(s4d_init=init, N=N, dt_max=0.5)
    wanted = vandermonde(mixer, L)
    np.testing.assert_allclose(mixer.kernel(L).detach().numpy(), wanted, atol=1e-10 * np.abs(wanted).max())


def test_the_kernel_in_float32_stays_near_that_in_float64():
    single, double = (mixer_of(dtype, N=64).kernel(1024).detach().double() for dtype in (torch.float32, torch.float64))
    assert (single - double).abs().max() < 2e-4 * double.abs().max()


@every_init
def test_convolution_equals_recurrence(init):
    mixer = mixer_of(s4d_init=init, N=16, d_model=8)
    x = torch.randn(2, 150, 16, dtype=torch.float64)
    h, ys = mixer.initial_h(2), []
    for x_t in x.unbind(1):
        y, h = mixer.recur(x_t, h)
        ys.append(y)
    fast, last = mixer.scan(x, None, None, carry=True, backend="auto")
    torch.testing.assert_close(fast, torch.stack(ys, 1), atol=1e-10, rtol=0)
    torch.testing.assert_close(last, h, atol=1e-10, rtol=0)


@pytest.mark.parametrize("L", [1, 2, 3, 17, 64])
def test_fft_convolution_and_its_gradients_equal_the_direct_sum(L):
    x = torch.randn(2, L, 3, dtype=torch.float64, requires_grad=True)
    K = torch.randn(3, L, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, L, 3, dtype=torch.float64)
    direct = torch.stack([sum(K[:, s] * x[:, t - s] for s in range(t + 1)) for t in range(L)], 1)
    wanted = torch.autograd.grad((direct * weight).sum(), (x, K))
    fast = causal_convolution(x, K)
    torch.testing.assert_close(fast, direct, atol=1e-10, rtol=0)
    for got, want in zip(torch.autograd.grad((fast * weight).sum(), (x, K)), wanted, strict=True):
        torch.testing.assert_close(got, want, atol=1e-10, rtol=0)


def test_the_layer_is_time_invariant():
    mixer = mixer_of(d_model=8)
    x = torch.zeros(1, 40, 16, dtype=torch.float64)
    x[:, 5:20] = torch.randn(15, 16, dtype=torch.float64)
    y, later = (mixer.scan(v, None, None, carry=False, backend="auto")[0] for v in (x, x.roll(9, 1)))
    torch.testing.assert_close(later[:, 9:], y[:, :-9], atol=1e-12, rtol=0)


@pytest.mark.parametrize("init", INITS)
def test_all_poles_start_stable_and_different(init):
    poles = initial_poles(init, 16)
    assert (poles.real < 0).all()
    assert len(np.unique(poles.round(9))) == 16


def test_complex_expm1_does_not_cancel():
    x = torch.tensor([1e-6 + 1e-6j, 1e-3 - 2e-3j, -0.5 + 3j], dtype=torch.complex128)
    torch.testing.assert_close(expm1(x.to(torch.complex64)).to(torch.complex128), expm1(x), rtol=1e-6, atol=0)
    torch.testing.assert_close(expm1(x), torch.exp(x) - 1, rtol=1e-9, atol=0)


def test_delta_starts_log_uniform_and_c_with_variance_one():
    mixer = build(TASK, ModelSettings(layer="s4d", d_model=512, N=4), seed=0).layers[0].mixer
    delta = mixer.log_dt.exp()
    assert delta.min() >= 1e-3 * (1 - 1e-5)
    assert delta.max() <= 1e-1 * (1 + 1e-5)
    assert torch.view_as_complex(mixer.C.detach()).abs().square().mean() == pytest.approx(1, abs=0.05)


def test_no_part_of_the_system_sees_the_input():
    net = network(ModelSettings(layer="s4d", d_model=8, N=4))
    first, second = (net.trace([token] * 5).layers[1] for token in (1, 2))
    for name in ("delta", "A_bar", "B_bar", "C"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert np.iscomplexobj(first.h)


def test_random_poles_are_those_of_a_matrix_as_large_as_hippo_and_as_slow():
    N, n = 6, np.arange(12)
    G = np.random.default_rng(0).standard_normal((3, 2 * N, 2 * N))
    hippo = np.sqrt(np.outer(2 * n + 1, 2 * n + 1)) * (n[:, None] > n) + np.diag(n + 1)
    for dense, kept in zip(G * np.linalg.norm(hippo) / (2 * N), random_poles(G), strict=True):
        poles = np.linalg.eigvals(dense)
        poles -= poles.real.max() + 0.5
        upper = poles[poles.imag > 1e-9]
        assert kept.shape == (N,)
        assert all(np.abs(kept - pole).min() < 1e-9 for pole in upper)
        assert all(np.abs(poles - pole).min() < 1e-9 for pole in kept)
        assert kept.real.max() <= -0.5 + 1e-12
        assert kept.imag.min() >= 0
