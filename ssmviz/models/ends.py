"""What reads the inputs into the residual stream, and the head of a network that is one linear system."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from kernels.layers import embed

# Departure from Mamba's 0.02 (and from its out_proj / sqrt(n_layers), see blocks.py), for these shallow networks and
# short trainings. Selective copying, default sizes, 1000 steps, curriculum: 99 % for 5 seeds of 5 with 2 and
# gain 2, for 3 of 5 with 1 and 1; without curriculum 4 and 2 of 5; with Mamba's rescaling 1 of 3, with 0.02 none of 2.
EMBEDDING_STD = 2.0


class Embedding(nn.Embedding):
    """Tokens (...) -> (..., d_model): a row of the weight for each."""

    reads = np.dtype(np.int64)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Normal, `EMBEDDING_STD` wide."""
        super().reset_parameters()
        self.weight *= EMBEDDING_STD

    def forward(self, tokens: Tensor, *, backend: str = "reference") -> Tensor:
        """The rows; fused on a GPU."""
        return embed(tokens, self.weight, backend=backend)


class Sensor(nn.Linear):
    """A real number (...) -> (..., d_model): w u + b for every channel."""

    reads = np.dtype(np.float32)

    def __init__(self, d_model: int) -> None:
        super().__init__(1, d_model)

    def forward(self, signal: Tensor, *, backend: str = "") -> Tensor:
        """See the class."""
        return super().forward(signal[..., None].to(self.weight.dtype))


class Fan(nn.Module):
    """A real number (...) -> (..., d_model): the number itself for every channel."""

    reads = np.dtype(np.float32)

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    def forward(self, signal: Tensor, *, backend: str = "") -> Tensor:
        """See the class."""
        return signal[..., None].expand(*signal.shape, self.d_model)


class Sum(nn.Module):
    """(..., d_model) -> (..., 1): the sum of all channels."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return x.sum(-1, keepdim=True)
