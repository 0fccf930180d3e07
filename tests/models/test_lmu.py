"""The Legendre memory unit: its memory against the delay line, its loop against the equations as printed."""

import numpy as np
import pytest
import torch
from scipy import linalg

from ssmviz.models import build
from ssmviz.settings import ModelSettings
from ssmviz.systems.hippo import relative_error
from ssmviz.systems.hippo_online import online
from ssmviz.systems.legendre import delay_decoder, lmu, lmu_matrices, pade_delay
from tests.models.variants import TASK, network

D, N, WINDOW = 3, 6, 20


def layer(**fields):
    fields = {"d_model": D, "N": N, "window": WINDOW} | fields
    return network(ModelSettings(layer="lmu", block="plain", **fields)).layers[0].mixer


def delay_line(**fields):
    """A layer whose memory is written with its first input and with nothing else."""
    mixer = layer(**fields)
    with torch.no_grad():
        mixer.e_x.copy_(torch.eye(mixer.d_inner)[0])
        mixer.e_h.zero_()
        mixer.e_m.zero_()
    return mixer


def shaken(mixer, seed=0):
    """Every parameter somewhere else, so that no term is zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in mixer.parameters():
            p += 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return mixer


def by_definition(mixer, x):
    """The paper's equations in numpy, A_bar and B_bar by scipy's matrix exponential."""
    w = {name: p.detach().numpy() for name, p in mixer.named_parameters()}
    A, B = lmu_matrices(N, theta=WINDOW)
    A_bar = linalg.expm(A)
    B_bar = np.linalg.solve(A, (A_bar - np.eye(N)) @ B)
    h, m, hs, ms = np.zeros(D), np.zeros(N), [], []
    for x_t in x:
        u = w["e_x"] @ x_t + w["e_h"] @ h + w["e_m"] @ m
        m = A_bar @ m + B_bar * u
        h = np.tanh(w["W_x.weight"] @ x_t + w["W_h.weight"] @ h + w["W_m.weight"] @ m)
        hs.append(h)
        ms.append(m)
    return np.array(hs), np.array(ms)


def test_loop_and_recurrence_equal_the_printed_equations():
    mixer, x = shaken(layer()), np.random.default_rng(0).standard_normal((50, D))
    hs, ms = by_definition(mixer, x)
    y, unit = mixer.mix(torch.as_tensor(x)[None], None, carry=True)
    np.testing.assert_allclose(y[0].detach(), hs, atol=1e-12)
    np.testing.assert_allclose(unit.m[0].detach(), ms[-1], atol=1e-12)
    y, record = mixer.explain(torch.as_tensor(x))
    np.testing.assert_allclose(y.detach(), hs, atol=1e-12)
    np.testing.assert_allclose(record.h[:, 0], ms, atol=1e-12)


def test_the_memory_is_the_delay_line_of_the_systems():
    mixer, window = delay_line(N=16, window=200), 200

    def signal(t):
        return np.sin(2 * np.pi * t / 170) + 0.5 * np.cos(2 * np.pi * t / 95)

    t = np.arange(800)
    x = torch.zeros(len(t), D, dtype=torch.float64)
    x[:, 0] = torch.as_tensor(signal(t))
    m = mixer.explain(x)[1].h[:, 0]
    np.testing.assert_allclose(m, online(lmu(16, theta=window), signal(t)), atol=1e-11)
    for r in (0.0, 0.25, 0.5, 1.0):
        # at the end of token t, of an input that stands still during a token: half a token later than it was read
        delayed = signal(t + 0.5 - r * window)
        assert relative_error(delayed[400:], m[400:] @ delay_decoder(16, r)) < 0.01


@pytest.mark.parametrize("N", [1, 2, 6])
def test_read_at_its_full_delay_it_is_the_pade_approximant(N):
    mixer = delay_line(N=N)
    A_bar, B_bar = mixer.A_bar.numpy(), mixer.B_bar.numpy()
    A = linalg.logm(A_bar)
    B = np.linalg.solve(A_bar - np.eye(N), A @ B_bar)
    top, bottom = pade_delay(N)
    for s in np.array([0.3, 2j, 0.5 + 4j, 9j]):  # times the window
        transfer = delay_decoder(N, 1.0) @ np.linalg.solve(s / WINDOW * np.eye(N) - A, B)
        assert transfer == pytest.approx(np.polyval(top, s) / np.polyval(bottom, s), abs=1e-9)


def test_two_half_tokens_are_one_token():
    whole, half = layer(), layer()
    half.scale_delta(0.5)
    torch.testing.assert_close(half.A_bar @ half.A_bar, whole.A_bar, atol=1e-12, rtol=0)
    torch.testing.assert_close(half.A_bar @ half.B_bar + half.B_bar, whole.B_bar, atol=1e-12, rtol=0)


def test_another_pace_is_forgotten_afterwards():
    net = build(TASK, ModelSettings(layer="lmu", d_model=8, N=4), seed=0)
    before = net.layers[0].mixer.A_bar.clone()
    with net.paced(0.5):
        assert not torch.equal(net.layers[0].mixer.A_bar, before)
        with net.paced(2.0):
            torch.testing.assert_close(net.layers[0].mixer.A_bar, before, atol=1e-14, rtol=0)
    assert torch.equal(net.layers[0].mixer.A_bar, before)
    assert net.layers[0].mixer.dt == 1


def test_what_is_not_learned_is_the_window():
    names = {name for name, _ in layer().named_parameters() if "out_proj" not in name}
    assert names == {"e_x", "e_h", "e_m", "W_x.weight", "W_h.weight", "W_m.weight"}
