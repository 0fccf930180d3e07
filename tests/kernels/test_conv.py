"""The fused convolution against the definition in float64."""

import pytest
import torch
import torch.nn.functional as F

from kernels import causal_conv1d
from tests.kernels.scan_cases import TOLERANCE, assert_close


def definition(x, weight, bias, silu):
    taps = weight.shape[1]
    padded = torch.cat([torch.zeros_like(x[:, :1]).expand(-1, taps - 1, -1), x], 1)
    y = sum(weight[:, k] * padded[:, k : k + x.shape[1]] for k in range(taps))
    y = y if bias is None else y + bias
    return F.silu(y) if silu else y


def results(function, inputs, dtype):
    leaves = {k: v.to(dtype, copy=True).requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    (y * torch.cos(torch.arange(y.numel(), dtype=dtype).view(y.shape))).sum().backward()
    return {"y": y.detach(), **{f"d{k}": v.grad for k, v in leaves.items()}}


@pytest.mark.parametrize(
    ("backend", "dtype"), [("numba", torch.float32), ("torch", torch.float32), ("torch", torch.float64)]
)
@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize(("L", "D", "taps"), [(1, 1, 1), (1, 3, 4), (2, 16, 8), (65, 20, 4), (30, 64, 2), (20, 5, 11)])
def test_convolution_and_gradients_equal_the_definition(L, D, taps, with_bias, silu, backend, dtype):
    rng = torch.Generator().manual_seed(0)
    inputs = {"x": torch.randn(3, L, D, generator=rng), "weight": torch.randn(D, taps, generator=rng)}
    if with_bias:
        inputs["bias"] = torch.randn(D, generator=rng)
    activation = "silu" if silu else None
    found = results(lambda **i: causal_conv1d(**i, activation=activation, backend=backend), inputs, dtype)
    true = results(lambda x, weight, bias=None: definition(x, weight, bias, silu), inputs, torch.float64)
    assert_close(found, true, TOLERANCE[dtype])


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_weights_are_those_of_torch_conv1d(backend):
    conv = torch.nn.Conv1d(6, 6, 4, groups=6, padding=3)
    x = torch.randn(2, 10, 6)
    y = causal_conv1d(x, conv.weight, conv.bias, activation=None, backend=backend)
    torch.testing.assert_close(y, conv(x.mT)[..., :10].mT)


def test_no_output_depends_on_later_inputs():
    x, weight = torch.randn(1, 30, 20), torch.randn(20, 4)
    before = causal_conv1d(x, weight)
    x[:, 17:] += 1
    assert torch.equal(before[:, :17], causal_conv1d(x, weight)[:, :17])


def test_a_half_of_a_projection_is_read_in_place():
    xz, weight = torch.randn(2, 10, 40), torch.randn(20, 4)
    half = xz.chunk(2, -1)[0]
    assert torch.equal(causal_conv1d(half, weight), causal_conv1d(half.contiguous(), weight))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": torch.ones(5, 4)}, r"weight must be \(D=6, taps\)"),
        ({"bias": torch.ones(5)}, r"bias must be \(6,\)"),
        ({"activation": "relu"}, "activation must be one of"),
        ({"x": torch.ones(3, 6)}, r"x must be \(batch, L, D\)"),
        ({"backend": "gpu"}, "backend must be"),
    ],
)
def test_wrong_arguments_are_refused(change, message):
    inputs = {"x": torch.ones(1, 3, 6), "weight": torch.ones(6, 4), "bias": torch.ones(6)}
    with pytest.raises(ValueError, match=message):
        causal_conv1d(**inputs | change)
