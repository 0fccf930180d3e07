"""One optimiser step. The loop knows only `Stepper`, so another way to step can take this one's place."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from ssmviz.models import Network
from ssmviz.training.optimiser import Optimiser

LOSS_LIMIT = 1e4  # chance is log(vocab) < 6: a loss beyond this has left every scale


class Stepper(Protocol):
    """What the loop needs of a step; nothing in it waits for the device."""

    loss: Tensor  # () of the newest step
    grad_norm: Tensor  # () of the newest step, before clipping
    loss_sum: Tensor  # () since the loop last set it to zero
    good: Tensor  # () int, steps in a row, from the first, whose loss and gradient were numbers
    news: list[str]  # what people should know of the steps so far; the loop takes it away

    def step(self, tokens: Tensor, targets: Tensor, factor: float) -> Tensor:
        """One update from tokens (batch, T) and targets (batch, k); learning rates times `factor`. The loss."""
        ...


class EagerStepper:
    """Forward, backward, clip, update: one after the other."""

    def __init__(self, network: Network, optimiser: Optimiser, clip: float) -> None:
        self.network = network
        self.optimiser = optimiser
        self.clip = clip
        self.parameters = list(network.parameters())
        device = self.parameters[0].device
        self.loss = torch.zeros((), device=device)
        self.grad_norm = torch.zeros((), device=device)
        self.loss_sum = torch.zeros((), device=device, dtype=torch.float64)
        self.good = torch.zeros((), device=device, dtype=torch.int64)
        self.news: list[str] = []
        self._steps = torch.zeros((), device=device, dtype=torch.int64)

    def step(self, tokens: Tensor, targets: Tensor, factor: float) -> Tensor:
        """One update; see `Stepper.step`."""
        self.optimiser.set_rate(factor)
        self.update(tokens, targets)
        return self.loss

    def update(self, tokens: Tensor, targets: Tensor) -> None:
        """All of a step that happens on the device."""
        for p in self.parameters:
            p.grad = None
        loss = self.network.loss(tokens, targets)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.parameters, self.clip, foreach=True)
        self.optimiser.step()
        self._note(loss.detach(), norm)

    def _note(self, loss: Tensor, norm: Tensor) -> None:
        # in place, so that the tensors stay where a captured step and the loop look for them
        self.loss.copy_(loss)
        self.grad_norm.copy_(norm)
        self.loss_sum += loss
        fine = torch.isfinite(norm) & (loss < LOSS_LIMIT)  # a NaN loss is not < LOSS_LIMIT
        self.good += fine & (self.good == self._steps)
        self._steps += 1
