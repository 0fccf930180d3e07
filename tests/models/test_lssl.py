"""LSSL and the dense arithmetic under it, against scipy's transform and powers taken one by one."""

import numpy as np
import pytest
import torch
from scipy import signal

from ssmviz.models.dense import free_answer, krylov, last_state, times_power
from ssmviz.settings import ModelSettings
from tests.models.variants import network


def layer(N=6, **fields):
    fields = {"d_model": 3, "dt_min": 0.01, "dt_max": 0.5} | fields
    return network(ModelSettings(layer="lssl", block="plain", N=N, **fields)).layers[0].mixer


def legs(N):
    """HiPPO-LegS from the definition (HiPPO, theorem 2)."""
    root = np.sqrt(2 * np.arange(N) + 1)
    return -np.tril(np.outer(root, root), -1) - np.diag(np.arange(N) + 1.0), root


@pytest.mark.parametrize("N", [1, 2, 16])
def test_the_system_is_hippo_discretised_as_scipy_does(N):
    mixer = layer(N)
    mixer.scale_delta(0.5)
    A, B = legs(N)
    A_bar, B_bar = (part.detach().numpy() for part in mixer.discretise())
    for d, delta in enumerate(mixer.log_dt.exp().tolist()):
        wanted = signal.cont2discrete((A, B[:, None], np.eye(N), np.zeros((N, 1))), delta, "gbt", alpha=0.5)
        np.testing.assert_allclose(A_bar[d], wanted[0], atol=1e-13)
        np.testing.assert_allclose(B_bar[d], wanted[1][:, 0], atol=1e-13)


@pytest.mark.parametrize("L", [1, 2, 3, 20, 64])
def test_the_krylov_kernel_is_the_powers_one_by_one(L):
    mixer = layer()
    A_bar, B_bar = mixer.discretise()
    h, K = B_bar, []
    for _ in range(L):
        K.append((mixer.C * h).sum(-1))
        h = (A_bar @ h[..., None])[..., 0]
    torch.testing.assert_close(mixer.kernel(L), torch.stack(K, 1), atol=1e-12, rtol=0)


@pytest.mark.parametrize("L", [1, 5, 8, 21])
def test_dense_arithmetic_is_what_its_names_say(L):
    rng = np.random.default_rng(L)
    A, B, C = rng.standard_normal((2, 3, 3)) / 3, rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    x, h0 = rng.standard_normal((4, L, 2)), rng.standard_normal((4, 2, 3))
    h, answers, columns = h0, [], []
    power = np.broadcast_to(np.eye(3), A.shape)
    for t in range(L):
        columns.append((power @ B[..., None])[..., 0])
        power = A @ power
        answers.append((C * (power @ h0[..., None])[..., 0]).sum(-1))
        h = (A @ h[..., None])[..., 0] + B * x[:, t, :, None]
    A_t, B_t, C_t, x_t, h_t = map(torch.as_tensor, (A, B, C, x, h0))
    found = krylov(A_t, B_t, L)
    np.testing.assert_allclose(found, np.stack(columns, -1), atol=1e-12)
    np.testing.assert_allclose(times_power(C_t, A_t, L), (C[:, None] @ power)[:, 0], atol=1e-12)
    np.testing.assert_allclose(last_state(found, A_t, x_t, h_t), h, atol=1e-12)
    np.testing.assert_allclose(free_answer(A_t, C_t, h_t, L), np.stack(answers, 1), atol=1e-12)


def test_recurrence_equals_convolution():
    mixer = layer(16)
    x = torch.randn(2, 80, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h, ys = mixer.initial_h(2), []
    for x_t in x.unbind(1):
        y, h = mixer.recur(x_t, h)
        ys.append(y)
    fast, last = mixer.mix(x, None, carry=True)
    torch.testing.assert_close(fast, torch.stack(ys, 1), atol=1e-11, rtol=0)
    torch.testing.assert_close(last, h, atol=1e-11, rtol=0)


def test_hippo_is_not_learned_and_delta_need_not_be():
    names = {name: p.requires_grad for name, p in layer(learn_dt=False).named_parameters() if "proj" not in name}
    assert names == {"log_dt": False, "C": True, "D": True}
