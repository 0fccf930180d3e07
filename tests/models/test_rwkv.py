"""RWKV-4: the stable recurrence and the scan against the definition, a ratio of two sums."""

import numpy as np
import pytest
import torch

from ssmviz.models import build
from ssmviz.models.scans import associative_scan, constant_scan
from ssmviz.settings import ModelSettings
from tests.models.variants import TASK


def layer(scale=1.0):
    mixer = build(TASK, ModelSettings(layer="rwkv", d_model=6, block="plain"), seed=0).double().layers[0].mixer
    mixer.key.weight.data *= scale
    return mixer


def inputs(L=12):
    return torch.randn(L, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_definition(mixer, x):
    """y (L, D), numerator and denominator of the past at every position, in extended precision."""
    before = np.concatenate([np.zeros((1, 6)), x[:-1]])
    mixed = {n: before + getattr(mixer, f"time_mix_{n}").detach().numpy() * (x - before) for n in "rkv"}
    r, k, v = (
        (mixed[n] @ getattr(mixer, name).weight.detach().numpy().T).astype(np.longdouble)
        for n, name in (("r", "receptance"), ("k", "key"), ("v", "value"))
    )
    w = np.exp(mixer.time_decay.detach().numpy().astype(np.longdouble))
    u = mixer.time_first.detach().numpy().astype(np.longdouble)
    ys, sums = [], []
    for t in range(len(x)):
        past = np.exp(-(t - 1 - np.arange(t))[:, None] * w + k[:t])
        now = np.exp(u + k[t])
        ys.append(((past * v[:t]).sum(0) + now * v[t]) / (past.sum(0) + now) / (1 + np.exp(-r[t])))
        kept = np.exp(-(t - np.arange(t + 1))[:, None] * w + k[: t + 1])
        sums.append(np.stack([(kept * v[: t + 1]).sum(0), kept.sum(0)], -1))
    return np.array(ys, float), np.array(sums, float)


@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["usual keys", "keys whose exponential overflows"])
def test_scan_and_recurrence_equal_the_definition(scale):
    mixer, x = layer(scale), inputs()
    wanted, _ = by_definition(mixer, x.numpy())
    h, ys = mixer.initial_h(1), []
    for x_t in x[:, None]:
        y, h = mixer.recur(x_t, h)
        ys.append(y[0])
    assert np.isfinite(wanted).all()
    np.testing.assert_allclose(torch.stack(ys).detach(), wanted, atol=1e-12)
    np.testing.assert_allclose(mixer.mix(x[None], None, carry=False)[0][0].detach(), wanted, atol=1e-12)


def test_the_numerator_and_the_denominator_are_shown():
    mixer, x = layer(), inputs()
    _, record = mixer.explain(x)
    np.testing.assert_allclose(record.h, by_definition(mixer, x.numpy())[1], rtol=1e-12)


def test_the_weights_that_are_shown_are_a_mean_over_the_past():
    mixer, x = layer(), inputs()
    weights = mixer.weights(x).detach()
    torch.testing.assert_close(weights.sum(-1), torch.ones(4, 12, dtype=torch.float64))
    assert not weights.triu(1).any()
    v = mixer._project(x, torch.cat([torch.zeros_like(x[:1]), x[:-1]]))[2]
    r = mixer._project(x, torch.cat([torch.zeros_like(x[:1]), x[:-1]]))[0]
    last = (weights[-1] @ v[:, -1]) * torch.sigmoid(r[:, -1])
    torch.testing.assert_close(last, mixer.mix(x[None], None, carry=False)[0][0, :, -1], atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("L", [1, 2, 3, 8, 13])
def test_the_tree_of_pairs_equals_the_loop(L):
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(2, L, 3, dtype=torch.float64, generator=rng) for _ in range(2))
    h = hc = torch.zeros(2, 3, dtype=torch.float64)
    for t, (got, constant) in enumerate(
        zip(associative_scan(a, b).unbind(1), constant_scan(a[0, 0], b).unbind(1), strict=True)
    ):
        h, hc = a[:, t] * h + b[:, t], a[0, 0] * hc + b[:, t]
        torch.testing.assert_close(got, h, atol=1e-12, rtol=1e-12)
        torch.testing.assert_close(constant, hc, atol=1e-12, rtol=1e-12)
