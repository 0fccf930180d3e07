"""S5: one state that all channels share, against the recurrence written out in numpy."""

import numpy as np
import pytest
import torch

from ssmviz.settings import ModelSettings
from ssmviz.systems.nplr import diagonalise, normal_plus_low_rank
from tests.models.variants import network

N, D = 5, 3


def layer(**fields):
    fields = {"d_model": D, "N": N, "dt_min": 0.01, "dt_max": 0.5} | fields
    return network(ModelSettings(layer="s5", block="plain", **fields)).layers[0].mixer


def system(mixer):
    """Lambda_bar (N), B_bar (N, D), C (D, N) by definition."""
    part = {name: p.detach().numpy() for name, p in mixer.named_parameters()}
    Lambda, delta = -np.exp(part["log_A_real"]) + 1j * part["A_imag"], np.exp(part["log_dt"])
    B, C = (part[name][..., 0] + 1j * part[name][..., 1] for name in "BC")
    Lambda_bar = np.exp(Lambda * delta)
    return Lambda_bar, ((Lambda_bar - 1) / Lambda)[:, None] * B, C


def looped(mixer, x):
    Lambda_bar, B_bar, C = system(mixer)
    h, ys = np.zeros(Lambda_bar.shape, complex), []
    for x_t in x:
        h = Lambda_bar * h + B_bar @ x_t
        ys.append(2 * (C @ h).real + mixer.D.detach().numpy() * x_t)
    return np.array(ys), h


@pytest.mark.parametrize("L", [1, 2, 7, 64, 101])
def test_the_scan_equals_the_loop(L):
    mixer = layer()
    x = np.random.default_rng(L).standard_normal((L, D))
    wanted, h = looped(mixer, x)
    y, last = mixer.mix(torch.as_tensor(x)[None], None, carry=True)
    np.testing.assert_allclose(y[0].detach(), wanted, atol=1e-12)
    np.testing.assert_allclose(last[0].detach(), h, atol=1e-12)
    y, end = mixer.mix(torch.as_tensor(x)[None], last, carry=True)  # and goes on from a state
    wanted, h = looped(mixer, np.concatenate([x, x]))
    np.testing.assert_allclose(y[0].detach(), wanted[L:], atol=1e-12)
    np.testing.assert_allclose(end[0].detach(), h, atol=1e-12)


def test_an_impulse_in_one_channel_comes_out_of_all():
    mixer = layer()
    Lambda_bar, B_bar, C = system(mixer)
    for i in range(D):
        x = torch.zeros(1, 30, D, dtype=torch.float64)
        x[0, 0, i] = 1
        y = mixer.mix(x, None, carry=False)[0][0].detach().numpy()
        y[0, i] -= mixer.D[i].item()
        wanted = 2 * np.einsum("jn,nl,n->lj", C, Lambda_bar[:, None] ** np.arange(30), B_bar[:, i]).real
        np.testing.assert_allclose(y, wanted, atol=1e-12)
        assert (np.abs(wanted).max(0) > 1e-3).all()


def test_the_state_belongs_to_the_layer_and_not_to_a_channel():
    mixer = layer()
    assert mixer.initial_h(2).shape == (2, N)
    _, record = mixer.explain(torch.randn(11, D, dtype=torch.float64))
    assert record.h.shape == (11, 1, N)
    assert mixer.A().shape == (1, N)


def test_poles_start_as_those_of_the_normal_part_of_hippo():
    wanted = diagonalise(normal_plus_low_rank(2 * N)).Lambda[N:]
    np.testing.assert_allclose(layer().A()[0].detach(), wanted, rtol=1e-6)


def test_b_and_c_start_as_normal_real_matrices_in_the_basis_of_the_states():
    mixer = layer(d_model=64, N=64)
    B, C = (torch.view_as_complex(part.detach()) for part in (mixer.B, mixer.C))
    assert (B.abs().square().mean() * 64).item() == pytest.approx(1, abs=0.06)
    assert C.abs().square().mean().item() == pytest.approx(1, abs=0.06)
    assert B.square().mean().abs().item() * 64 < 0.06  # circular, as a unitary matrix makes them
