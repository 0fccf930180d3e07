import numpy as np
import pytest
import torch

from ssmviz.lessons.networks import tokens_of, trained
from ssmviz.models import build
from ssmviz.settings import ModelSettings, TaskSettings
from ssmviz.systems import block
from ssmviz.systems.block import Parts

TEXT = "CFA>DBEGC>"
MAMBA = trained("mamba")


@pytest.fixture(scope="module")
def traced():
    return block.network(MAMBA.parameters, tokens_of(TEXT))[1][0]


def test_convolution_is_the_sum_of_four_taps_in_a_loop():
    rng = np.random.default_rng(0)
    x, taps, bias = rng.normal(size=(7, 3)), rng.normal(size=(3, 4)), rng.normal(size=3)
    slow = [
        [bias[d] + sum(taps[d, k] * x[t - 3 + k, d] for k in range(4) if t - 3 + k >= 0) for d in range(3)]
        for t in range(7)
    ]
    np.testing.assert_allclose(block.causal_conv(x, taps, bias), slow, atol=1e-12)


def test_state_and_output_equal_the_recurrence_in_loops(traced):
    A, D_skip = -np.exp(MAMBA.mixer["A_log"]), MAMBA.mixer["D"]
    h = np.zeros(A.shape)
    for t in range(len(TEXT)):
        for d in range(len(A)):
            for n in range(A.shape[1]):
                delta, x = traced.delta[t, d], traced.silu[t, d]
                h[d, n] = np.exp(delta * A[d, n]) * h[d, n] + delta * traced.B[t, n] * x
            y = sum(traced.C[t, n] * h[d, n] for n in range(A.shape[1])) + D_skip[d] * traced.silu[t, d]
            np.testing.assert_allclose(y, traced.y[t, d], rtol=1e-12, atol=1e-12 * abs(traced.y).max())
        np.testing.assert_allclose(h, traced.h[t], rtol=1e-12, atol=1e-12)


def test_every_tensor_equals_the_torch_network_that_was_trained(traced):
    settings = ModelSettings.model_validate(MAMBA.provenance["model"])
    network = build(TaskSettings.model_validate(MAMBA.provenance["task"]), settings, seed=0)
    network.load_state_dict({name: torch.tensor(value) for name, value in MAMBA.parameters.items()})
    network.double()
    theirs = network.trace(tokens_of(TEXT))
    layer = theirs.layers[0]
    pairs = {
        "x": (traced.silu, layer.x),
        "delta": (traced.delta, layer.delta),
        "A_bar": (traced.A_bar, layer.A_bar),
        "C": (traced.C, layer.C),
        "h": (traced.h, layer.h),
        "y": (traced.y, layer.y),
        "logits": (block.network(MAMBA.parameters, tokens_of(TEXT))[0], theirs.logits),
    }
    for name, (ours, other) in pairs.items():
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-5 * abs(other).max(), err_msg=name)


def test_delta_and_b_of_a_token_ignore_all_but_the_last_four_tokens_while_the_state_remembers(traced):
    edited = block.network(MAMBA.parameters, tokens_of("CFA>EBEGC>"))[1][0]
    for ours, other in ((traced.delta, edited.delta), (traced.B, edited.B), (traced.C, edited.C)):
        np.testing.assert_array_equal(ours[8:], other[8:])
    assert abs(traced.h[-1] - edited.h[-1]).max() > 0.1 * abs(traced.h[-1]).max()


def test_rank_zero_makes_delta_the_same_for_every_token(traced):
    delta = block.network(MAMBA.parameters, tokens_of(TEXT), Parts(rank=0))[1][0].delta
    np.testing.assert_array_equal(delta, np.broadcast_to(delta[0], delta.shape))
    np.testing.assert_allclose(delta[0], np.log1p(np.exp(MAMBA.mixer["dt_proj.bias"])), atol=1e-12)
    assert np.ptp(traced.delta, axis=0).max() > 0.1


def test_silu_and_softplus_stay_finite_far_out():
    far = np.array([-1e4, 0.0, 1e4])
    np.testing.assert_allclose(block.silu(far), [0, 0, 1e4], atol=1e-9)
    np.testing.assert_allclose(block.softplus(far), [0, np.log(2), 1e4], atol=1e-12)


def test_parameter_counts_are_those_of_the_torch_block():
    for d_model, N, dt_rank in ((16, 8, 2), (64, 16, 0), (20, 4, 0)):
        settings = ModelSettings(d_model=d_model, N=N, dt_rank=dt_rank, n_layers=1)
        layer = build(TaskSettings(), settings, seed=0).layers[0]
        counts = block.parameter_counts(d_model, N, dt_rank=dt_rank)
        assert sum(counts.values()) == sum(p.numel() for p in layer.parameters())
        for name, part in (
            ("in_proj", layer.mixer.in_proj),
            ("conv1d", layer.mixer.conv1d),
            ("dt_proj", layer.mixer.dt_proj),
        ):
            assert counts[name] == sum(p.numel() for p in part.parameters())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: block.network(MAMBA.parameters, np.array([0, 8])), "tokens must lie in 0..7"),
        (lambda: block.mamba_block(MAMBA.mixer, np.zeros((3, 4)), np.ones(4)), "u must be"),
        (lambda: block.parameter_counts(0, 16), "sizes must be at least 1"),
    ],
)
def test_errors_say_what_was_given(call, words):
    with pytest.raises(ValueError, match=words):
        call()
