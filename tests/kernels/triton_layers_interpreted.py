"""The fused parts of a layer in Triton's interpreter, at tiny sizes. Run by test_layers.py in a process of its own."""

import pytest
import torch

from kernels import layers, triton_conv_project, triton_ends, triton_linear, triton_s4d, triton_step
from kernels.triton_tiles import INTERPRETED
from tests.kernels.scan_cases import TOLERANCE, assert_close

assert INTERPRETED, "set TRITON_INTERPRET=1 before triton is imported"


def results(function, inputs, dtype, **options):
    """Outputs, and gradients of a random weighting of them."""
    leaves = {k: v.to(dtype, copy=True).requires_grad_() if v.is_floating_point() else v for k, v in inputs.items()}
    outputs = function(**leaves, **options)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    rng = torch.Generator().manual_seed(7)
    total = sum((y * torch.randn(y.shape, generator=rng, dtype=torch.float64).to(dtype)).sum() for y in outputs)
    total.backward()
    gradients = {f"d{k}": v.grad for k, v in leaves.items() if v.is_floating_point()}
    return {f"y{i}": y.detach() for i, y in enumerate(outputs)} | gradients


def agree(fused, plain, inputs, **options):
    true = results(plain, inputs, torch.float64, **options, backend="torch")
    assert_close(results(fused, inputs, torch.float32, **options), true, TOLERANCE[torch.float32])


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("rows", "K", "D", "parts"), [((2, 3), 8, 12, 2), ((1, 1), 5, 3, 1), ((3, 50), 20, 40, 2)])
def test_norm_and_projection_equal_their_composition(rows, K, D, parts):
    inputs = {"x": randn(*rows, K), "gain": randn(K, seed=1), "weight": randn(parts * D, K, seed=2)}
    agree(triton_linear.norm_linear, layers.norm_linear, inputs, parts=parts, eps=1e-5)


@pytest.mark.parametrize(("rows", "D", "K"), [((2, 3), 12, 8), ((1, 1), 3, 5), ((3, 50), 40, 20)])
def test_projection_and_residual_equal_their_sum(rows, D, K):
    inputs = {"y": randn(*rows, D), "weight": randn(K, D, seed=1), "residual": randn(*rows, K, seed=2)}
    agree(triton_linear.linear_add, layers.linear_add, inputs)


def test_an_unused_output_has_no_gradient_to_give():
    x, gain, weight = (t.float().requires_grad_() for t in (randn(2, 3, 8), randn(8), randn(12, 8)))
    first, _, _ = triton_linear.norm_linear(x, gain, weight, parts=2, eps=1e-5)
    first.sum().backward()
    assert x.grad is not None
    assert not weight.grad[6:].any()


@pytest.mark.parametrize(
    ("batch", "L", "D", "N", "R", "taps"),
    [(2, 5, 3, 2, 2, 4), (1, 1, 1, 1, 1, 1), (2, 70, 20, 5, 3, 4), (1, 20, 16, 4, 8, 8)],
)
def test_convolution_and_what_s6_makes_of_it_equal_their_composition(batch, L, D, N, R, taps):
    inputs = {
        "x": randn(batch, L, D), "taps": randn(D, taps, seed=1), "bias": randn(D, seed=2),
        "x_proj": randn(R + 2 * N, D, seed=3), "dt_proj": randn(D, R, seed=4),
    }  # fmt: skip
    agree(triton_conv_project.conv_project, layers.conv_project, inputs)


def test_a_half_of_a_wider_matrix_is_convolved_in_place():
    wide = randn(2, 9, 24).float()
    rest = [t.float() for t in (randn(12, 4), randn(12), randn(6, 12), randn(12, 2))]
    half = wide[..., 12:]
    for found, wanted in zip(
        triton_conv_project.conv_project(half, *rest),
        triton_conv_project.conv_project(half.contiguous(), *rest),
        strict=True,
    ):
        assert torch.equal(found, wanted)


def test_the_gradient_of_a_lookup_sums_the_rows_of_each_token():
    tokens = torch.randint(0, 7, (3, 50), generator=torch.Generator().manual_seed(0))
    agree(triton_ends.embed, layers.embed, {"tokens": tokens, "weight": randn(9, 12)})


@pytest.mark.parametrize(("batch", "L", "K", "vocab", "k"), [(2, 5, 8, 7, 3), (1, 1, 4, 2, 1), (9, 6, 20, 33, 6)])
def test_norm_head_and_cross_entropy_equal_their_composition(batch, L, K, vocab, k):
    targets = torch.randint(0, vocab, (batch, k), generator=torch.Generator().manual_seed(0))
    inputs = {"x": randn(batch, L, K), "gain": randn(K, seed=1), "head": randn(vocab, K, seed=2), "targets": targets}
    agree(triton_ends.answer_loss, layers.answer_loss, inputs, eps=1e-5)


@pytest.mark.parametrize("init", ["lin", "real"])
@pytest.mark.parametrize(("D", "N", "L"), [(3, 4, 150), (1, 1, 1), (2, 5, 40)])
def test_the_kernel_of_s4d_and_its_gradients_equal_their_definition(D, N, L, init):
    names = ("log_dt", "log_A_real", "A_imag", "C", "D_skip")
    values = (
        randn(D) - 3,
        randn(D, N, seed=1) * 0.3,
        3 * randn(D, N, seed=2),
        randn(D, N, 2, seed=3),
        randn(D, seed=4),
    )
    inputs = dict(zip(names, values, strict=True))
    if init == "real":
        inputs |= {"C": inputs["C"][..., 0].contiguous()}
        del inputs["A_imag"]

    def fused(log_dt, log_A_real, C, D_skip, A_imag=None):
        return triton_s4d.impulse_response(log_dt, log_A_real, A_imag, C, D_skip, L)

    def plain(log_dt, log_A_real, C, D_skip, A_imag=None, backend="torch"):
        A = -log_A_real.exp() if A_imag is None else torch.complex(-log_A_real.exp(), A_imag)
        weights = C if A_imag is None else 2 * torch.view_as_complex(C)
        r = log_dt.exp()[:, None] * A
        powers = (r[..., None] * torch.arange(L, dtype=log_dt.dtype)).exp()
        K = ((weights * (r.exp() - 1) / A)[..., None] * powers).sum(1)
        K = K.real if K.is_complex() else K
        return K + torch.cat([D_skip[:, None], torch.zeros(D, L - 1, dtype=K.dtype)], 1)

    agree(fused, plain, inputs)


@pytest.mark.parametrize(("batch", "D", "taps"), [(2, 5, 4), (1, 1, 1), (3, 130, 2)])
def test_one_step_of_the_convolution_equals_the_definition(batch, D, taps):
    inputs = [randn(batch, taps - 1, D), randn(batch, 2 * D)[:, D:], randn(D, taps), randn(D)]
    true = layers.conv_step(*inputs, backend="torch")
    with torch.no_grad():
        found = triton_step.conv_step(*(t.float() for t in inputs))
    for a, b in zip(found, true, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", ["zoh", "euler"])
@pytest.mark.parametrize(("batch", "D", "N"), [(2, 5, 3), (1, 1, 1), (2, 70, 16)])
def test_one_step_of_the_scan_equals_the_definition(batch, D, N, how):
    h, wide, both = randn(batch, D, N), randn(batch, 2 * D), randn(batch, 2 * N, seed=1)
    inputs = [h, randn(batch, D, seed=2), randn(batch, D, seed=3), randn(D, N, seed=4) * 0.3, *both.chunk(2, -1)]
    inputs += [randn(D, seed=5), wide[:, D:], randn(D, seed=6)]
    true = layers.scan_step(*inputs, b_discretisation=how, backend="torch")
    with torch.no_grad():
        found = triton_step.scan_step(*(t.float() for t in inputs), zoh=how == "zoh")
    for a, b in zip(found, true, strict=True):
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-5)
