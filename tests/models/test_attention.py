"""Attention: what the contract asks of every layer, and what is its own."""

import math

import numpy as np
import pytest
import torch

from ssmviz.models import build
from ssmviz.models.positions import BASE, scaled, turned
from ssmviz.settings import ModelSettings, TaskSettings
from tests.models.variants import TASK, TOLERANCE, some_tokens

every_kind = pytest.mark.parametrize("positions", ["rope", "xpos", "absolute", "none"])


def network(dtype=torch.float64, **fields):
    settings = ModelSettings(
        **{"layer": "attention", "block": "transformer", "d_model": 16, "heads": 2, "N": 4, **fields}
    )
    return build(TASK, settings, seed=0).to(dtype)


def assert_near(got, wanted):
    torch.testing.assert_close(got, wanted, atol=TOLERANCE[wanted.dtype], rtol=TOLERANCE[wanted.dtype])


@every_kind
def test_trace_by_definition_equals_forward_and_its_weights_are_means_over_the_past(positions):
    net, tokens = network(positions=positions), some_tokens(batch=1)
    trace = net.trace(tokens[0].numpy())
    assert_near(torch.from_numpy(trace.logits), net(tokens)[0].detach())
    assert [(layer.h, layer.weights.shape) for layer in trace.layers] == [(None, (2, 19, 19))] * 2
    for weights in (layer.weights for layer in trace.layers):
        np.testing.assert_allclose(weights.sum(-1), 1)
        assert not np.triu(weights, 1).any()


def test_what_is_kept_grows_by_keys_and_values_a_token():
    net = network(torch.float32)
    state = net.initial_state(1)
    for length in range(1, 4):
        _, state = net.step(torch.tensor([1]), state)
        assert (
            sum(part.numel() for memory in state if memory for part in memory.h) == 2 * 2 * 16 * length
        )  # layers, K and V, d


@pytest.mark.parametrize(
    "sizes", [(16, 4, 2), (32, 8, 2), (32, 16, 2), (64, 16, 2), (64, 16, 4), (128, 64, 2)], ids=str
)
def test_a_transformer_has_the_parameters_of_the_mamba_network_of_its_settings(sizes):
    d, N, expand = sizes
    task = TaskSettings(name="induction_heads", vocab=16)
    fields = {"d_model": d, "N": N, "expand": expand, "heads": 2}
    mamba, transformer = (
        sum(p.numel() for p in build(task, ModelSettings(layer=layer, block=block, **fields), seed=0).parameters())
        for layer, block in (("s6", "mamba"), ("attention", "transformer"))
    )
    assert transformer == pytest.approx(mamba, rel=0.02)


def test_rotary_scores_depend_on_distances_alone():
    mixer = network(positions="rope").layers[0].mixer
    u = torch.randn(1, 6, 16, dtype=torch.float64)
    near, far = (mixer._project(u, before) for before in (0, 1000))
    torch.testing.assert_close(near[0] @ near[1].mT, far[0] @ far[1].mT)
    absolute = network(positions="absolute").layers[0].mixer
    near, far = (absolute._project(u, before) for before in (0, 1000))
    assert (near[0] @ near[1].mT - far[0] @ far[1].mT).abs().max() > 1e-3


def test_the_first_rotary_pair_turns_by_one_radian_a_token_and_the_last_hardly():
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    x[..., 0] = x[..., 3] = 1  # with feature 4 and feature 7
    y = turned(x, 0)[0, 0, 1]
    assert y[0] == pytest.approx(math.cos(1))
    assert y[4] == pytest.approx(math.sin(1))
    assert y[7] == pytest.approx(math.sin(BASE ** (-6 / 8)))


def test_without_positions_the_order_of_what_came_before_is_invisible_to_one_layer():
    net, tokens = network(positions="none", n_layers=1), some_tokens(batch=1)
    shuffled = torch.cat([tokens[:, :-1].flip(1), tokens[:, -1:]], 1)
    torch.testing.assert_close(net(tokens)[:, -1], net(shuffled)[:, -1])


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="multiple of 2 x heads = 10, got 32"):
        ModelSettings(layer="attention", block="transformer", heads=5)


def test_xpos_weakens_rotary_scores_with_distance_alone():
    q, k = (torch.ones(1, 1, 600, 8, dtype=torch.float64) for _ in range(2))
    q, k = scaled(turned(q, 0), turned(k, 0), 0)
    scores = (q @ k.mT)[0, 0]
    zeta = (torch.arange(4, dtype=torch.float64) / 4 + 0.4) / 1.4
    angle = BASE ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    for distance in (0, 1, 512):
        wanted = (2 * (distance * angle).cos() * zeta ** (distance / 512)).sum()
        torch.testing.assert_close(scores[590, 590 - distance], wanted)
        torch.testing.assert_close(scores[550, 550 - distance], wanted)
