import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks import lesson_weights
from ssmviz.lessons.networks import tokens_of, trained
from ssmviz.systems import attention, block

TEXT = "CFA>DBEGCADBFE>"
MAMBA, TRANSFORMER = trained("mamba"), trained("transformer")


@pytest.fixture
def qkv():
    return np.random.default_rng(1).normal(size=(3, 9, 4))


def test_softmax_attention_equals_the_sums_in_loops_and_torch(qkv):
    q, k, v = qkv
    slow = np.zeros_like(v)
    for i in range(9):
        weights = [np.exp(sum(q[i] * k[j]) / 2) for j in range(i + 1)]
        slow[i] = sum(w * v[j] for j, w in enumerate(weights)) / sum(weights)
    ours = attention.softmax_weights(q, k) @ v
    np.testing.assert_allclose(ours, slow, atol=1e-12)
    theirs = F.scaled_dot_product_attention(*torch.tensor(qkv)[:, None], is_causal=True)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_token_at_a_time_with_a_cache_equals_the_whole_sequence(qkv):
    q, k, v = qkv
    cache = attention.Cache()
    steps = np.stack([cache.step(*token) for token in zip(q, k, v, strict=True)])
    np.testing.assert_allclose(steps, attention.softmax_weights(q, k) @ v, atol=1e-12)
    assert cache.numbers == 2 * 4 * 9


def test_turned_keys_see_only_distances(qkv):
    q, k, _ = qkv
    here = attention.rotate(q) @ attention.rotate(k).T
    later = attention.rotate(q, 100) @ attention.rotate(k, 100).T
    np.testing.assert_allclose(here, later, atol=1e-12)
    with pytest.raises(ValueError, match="must be even"):
        attention.rotate(np.zeros((2, 3)))


def test_transformer_equals_the_torch_network_that_was_trained():
    network = lesson_weights.Transformer(8, 16)
    network.load_state_dict({name: torch.tensor(value) for name, value in TRANSFORMER.parameters.items()})
    with torch.no_grad():
        theirs = network(torch.tensor(tokens_of(TEXT))[None])[0].numpy()
    ours = attention.transformer(TRANSFORMER.parameters, tokens_of(TEXT))[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * abs(theirs).max())


def hidden():
    traced = block.network(MAMBA.parameters, tokens_of(TEXT))[1][0]
    return traced, attention.hidden_attention(traced.delta, traced.A_bar, traced.B, traced.C)


def test_hidden_attention_times_x_is_what_the_scan_computes():
    traced, alpha = hidden()
    y = np.einsum("dij,jd->id", alpha, traced.silu) + MAMBA.mixer["D"] * traced.silu
    np.testing.assert_allclose(y, traced.y, rtol=1e-12, atol=1e-12 * abs(traced.y).max())
    assert (np.triu(alpha, 1) == 0).all()


def test_hidden_attention_equals_its_definition_in_loops():
    traced, alpha = hidden()
    for d in (0, 17):
        for i in (0, 5, 14):
            for j in range(i + 1):
                product = np.prod(traced.A_bar[j + 1 : i + 1, d], axis=0)
                slow = sum(traced.C[i] * product * traced.delta[j, d] * traced.B[j])
                np.testing.assert_allclose(alpha[d, i, j], slow, rtol=1e-10, atol=1e-14)


def test_hidden_attention_of_constant_delta_b_c_is_one_kernel_along_its_diagonals():
    delta, B, C = np.full((6, 1), 0.3), np.ones((6, 2)), np.ones((6, 2))
    A_bar = np.exp(-delta[..., None] * np.array([[1.0, 2.0]]))
    alpha = attention.hidden_attention(delta, A_bar, B, C)[0]
    for lag in range(6):
        assert np.ptp(np.diag(alpha, -lag)) < 1e-15


def test_cache_and_state_of_a_model_of_2_8_billion_parameters():
    sizes = {"layers": 32, "width": 2560}
    gigabytes = [round(attention.cache_bytes(L, **sizes) / 1e9, 2) for L in (2**11, 2**17, 2**20)]
    assert gigabytes == [0.67, 42.95, 343.6]
    assert attention.state_bytes(layers=64, width=2560) == 64 * 5120 * 19 * 4


def test_operations_grow_with_slopes_one_and_two():
    L = np.array([2**10, 2**20])
    slope = [np.diff(np.log([f(int(n)) for n in L]))[0] / np.diff(np.log(L))[0] for f in COSTS]
    np.testing.assert_allclose(slope, [1, 2], atol=1e-3)


COSTS = (lambda L: attention.scan_operations(L, 5120, 16), lambda L: attention.attention_operations(L, 2560))
