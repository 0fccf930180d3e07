"""What stands around the scan: plain here, and the Triton kernels in Triton's interpreter."""

import torch
import torch.nn.functional as F

from kernels import layers
from tests.kernels import interpreter


@interpreter.needed
def test_fused_parts_equal_their_composition_in_the_interpreter():
    interpreter.run("tests/kernels/triton_layers_interpreted.py")


def test_the_loss_is_the_cross_entropy_of_the_last_positions():
    x, gain, head = torch.randn(2, 5, 8), torch.rand(8), torch.randn(7, 8)
    targets = torch.tensor([[1, 2], [3, 4]])
    logits = F.rms_norm(x, (8,), gain, 1e-5) @ head.mT
    wanted = F.cross_entropy(logits[:, -2:].reshape(-1, 7), targets.flatten())
    torch.testing.assert_close(layers.answer_loss(x, gain, head, targets, eps=1e-5), wanted)


def test_a_norm_and_projection_hand_on_the_residual_stream_itself():
    x = torch.randn(2, 5, 8)
    first, second, same = layers.norm_linear(x, torch.ones(8), torch.randn(6, 8), parts=2, eps=1e-5)
    assert same is x
    assert first.shape == second.shape == (2, 5, 3)
