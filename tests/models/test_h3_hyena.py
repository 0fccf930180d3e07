"""The H3 block around a diagonal system, and Hyena's long convolution."""

import numpy as np
import pytest
import torch

from ssmviz.models import build
from ssmviz.settings import ModelSettings
from tests.models.variants import TASK


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def mixer(**fields):
    return build(TASK, ModelSettings(d_model=6, **fields), seed=0).double().layers[0].mixer


def test_h3_is_a_shift_ssm_and_a_diagonal_ssm_between_two_products():
    block, u = mixer(layer="s4d", block="h3", N=3, d_conv=4, skip=False), random(15, 6)
    q, k, v = (part.detach().numpy() for part in block.in_proj(u).chunk(3, -1))
    shift = np.eye(4, k=-1)  # A of the shift SSM moves its state on by one place
    B, C = np.eye(4)[0], block.conv1d.weight.detach().numpy()[:, 0, ::-1]  # C: the newest input first
    kernel = np.stack([[C[d] @ np.linalg.matrix_power(shift, j) @ B for j in range(15)] for d in range(6)])
    shifted = (
        np.stack([np.convolve(kernel[d], k[:, d])[:15] for d in range(6)], -1) + block.conv1d.bias.detach().numpy()
    )
    K = block.kernel(15).detach().numpy()
    inner = np.stack([np.convolve(K[d], (shifted * v)[:, d])[:15] for d in range(6)], -1)
    wanted = (q * inner) @ block.out_proj.weight.detach().numpy().T
    np.testing.assert_allclose(block.trace(u)[0].detach(), wanted, atol=1e-12)


def test_hyena_of_order_2_is_the_h3_block_around_a_long_convolution():
    block, u = mixer(layer="hyena", block="h3", d_conv=0), random(15, 6)
    q, k, v = (part.detach().numpy() for part in block.in_proj(u).chunk(3, -1))
    K, D = block.kernel(15).detach().numpy(), block.D.detach().numpy()
    y = np.stack([np.convolve(K[d], (k * v)[:, d])[:15] for d in range(6)], -1) + D * k * v
    wanted = (q * y) @ block.out_proj.weight.detach().numpy().T
    np.testing.assert_allclose(block.trace(u)[0].detach(), wanted, atol=1e-12)


def test_a_filter_does_not_change_with_the_length_of_the_sequence():
    layer = mixer(layer="hyena", block="plain")
    torch.testing.assert_close(layer.kernel(50)[:, :20], layer.kernel(20), atol=0, rtol=0)


def test_the_filter_is_the_network_of_the_position_times_its_window():
    layer = mixer(layer="hyena", block="plain", N=2)
    t = 37 / 1024
    z = np.array([t, *np.sin(2 * np.pi * t * 2.0 ** np.arange(4)), *np.cos(2 * np.pi * t * 2.0 ** np.arange(4))])
    for linear in (layer.filter_in, layer.filter_hidden):
        z = np.sin(10 * (linear.weight.detach().numpy() @ z + linear.bias.detach().numpy()))
    decay = np.exp(np.linspace(np.log(8), np.log(400), 6))
    wanted = layer.filter_out.weight.detach().numpy() @ z * (np.exp(-decay * t) + 0.01)
    np.testing.assert_allclose(layer.kernel(38)[:, 37].detach(), wanted, atol=1e-6)  # its decays are kept in float32


@pytest.mark.parametrize("channel", [0, 3])
def test_the_toeplitz_matrix_that_is_shown_is_the_convolution(channel):
    layer, x = mixer(layer="hyena", block="plain", skip=False), random(13, 6)
    at = [0, 2, 3, 5].index(channel)
    shown = layer.weights(x)[at] @ x[:, channel]
    torch.testing.assert_close(shown, layer.mix(x[None], None, carry=False)[0][0, :, channel], atol=1e-12, rtol=1e-12)
