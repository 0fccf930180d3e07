"""Retention and linear attention: three ways to compute each, and their definitions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssmviz.models import build
from ssmviz.models.retention import CHUNK, EPS, chunked, parallel, recurrent
from ssmviz.settings import ModelSettings
from tests.models.variants import TASK

SIZES = {"d_model": 12, "heads": 2, "block": "plain"}


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def layer(name):
    return build(TASK, ModelSettings(layer=name, **SIZES), seed=0).double().layers[0].mixer


@pytest.mark.parametrize("L", [1, CHUNK - 1, CHUNK, 2 * CHUNK + 5])
@pytest.mark.parametrize("gamma", [(0.5, 0.97), (1.0, 1.0)], ids=["decaying", "keeping"])
def test_parallel_recurrent_and_chunked_retention_agree(L, gamma):
    q, k, v = random(2, 2, L, 4), random(2, 2, L, 4, seed=1), random(2, 2, L, 3, seed=2)
    gamma = torch.tensor(gamma, dtype=torch.float64)
    S, ys = torch.zeros(2, 2, 4, 3, dtype=torch.float64), []
    for t in range(L):
        y, S = recurrent(q[:, :, t], k[:, :, t], v[:, :, t], gamma, S)
        ys.append(y)
    whole, end = chunked(q, k, v, gamma, torch.zeros_like(S))
    torch.testing.assert_close(whole, torch.stack(ys, 2), atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(end, S, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(parallel(q, k, v, gamma), whole, atol=1e-11, rtol=1e-11)


def test_retention_is_the_sum_over_the_past_that_its_definition_says():
    mixer, x = layer("retnet"), random(9, 12)
    K, angle = 6, 10_000.0 ** (-np.arange(0, 6, 2) / 6)
    q, k, v = (part.detach().numpy().reshape(9, 2, K) for part in mixer.qkv_proj(x).chunk(3, -1))
    turn = np.exp(1j * np.arange(9)[:, None] * angle)  # xPos in complex numbers, without its sizes
    q, k = ((part[..., :3] + 1j * part[..., 3:]) * turn[:, None] for part in (q, k))
    y = np.zeros((9, 2, K))
    for head, gamma in enumerate((1 - 2.0**-5, 1 - 2.0**-6)):
        for n in range(9):
            for m in range(n + 1):
                score = (q[n, head] * k[m, head].conj()).real.sum() / np.sqrt(K)
                y[n, head] += gamma ** (n - m) * score * v[m, head]
    y /= np.sqrt((y**2).mean(-1, keepdims=True) + EPS)
    wanted = y.reshape(9, 12) * F.silu(mixer.g_proj(x)).detach().numpy()
    np.testing.assert_allclose(mixer.mix(x[None], None, carry=False)[0][0].detach(), wanted, atol=1e-12)


def test_linear_attention_is_attention_with_another_similarity():
    mixer, x = layer("linear_attention"), random(9, 12)
    q, k, v = (part.detach().numpy().reshape(9, 2, 6) for part in mixer.qkv_proj(x).chunk(3, -1))
    phi = lambda u: np.where(u > 0, u + 1, np.exp(np.minimum(u, 0)))  # noqa: E731
    y = np.zeros((9, 2, 6))
    for head in range(2):
        for i in range(9):
            similar = phi(k[: i + 1, head]) @ phi(q[i, head])
            y[i, head] = similar @ v[: i + 1, head] / similar.sum()
    got = mixer.mix(x[None], None, carry=False)[0][0].detach()
    np.testing.assert_allclose(got, y.reshape(9, 12), atol=20 * EPS)  # the denominator has EPS added


@pytest.mark.parametrize("name", ["retnet", "linear_attention"])
def test_the_weights_that_are_shown_make_the_output(name):
    mixer, x = layer(name), random(11, 12)
    _, _, v = (part.reshape(11, 2, 6).transpose(0, 1) for part in mixer.qkv_proj(x).chunk(3, -1))
    y = (mixer.weights(x) @ v).transpose(0, 1)
    if name == "retnet":
        y = F.rms_norm(y, (6,), eps=EPS) * F.silu(mixer.g_proj(x)).view(11, 2, 6)
    wanted = mixer.mix(x[None], None, carry=False)[0][0]
    torch.testing.assert_close(y.flatten(1), wanted, atol=1e-12, rtol=1e-12)


def test_a_retained_state_has_one_size_however_long_the_sequence():
    mixer = layer("retnet")
    for L in (1, 200):
        h = mixer.mix(random(1, L, 12), None, carry=True)[1]
        assert h.S.shape == (1, 2, 6, 6)
        assert mixer.table(h).shape == (1, 12, 6)
