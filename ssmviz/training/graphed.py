"""The whole training step as one CUDA graph: forward, loss, backward, clipping and both optimisers.

The lab's networks are small: launching a step's few hundred kernels one by one takes several times longer than
running them. A graph is launched as one. It replays what was captured on the very same memory, so inputs are copied
into fixed buffers, learning rates are tensors, and everything that a look at the training reads (parameters, optimiser
state, loss) stays where it is: between two replays one can pause, probe, save and restore as between two eager steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from ssmviz.models import Network
from ssmviz.training import flat
from ssmviz.training.optimiser import Optimiser
from ssmviz.training.stepper import LOSS_LIMIT, EagerStepper

WARM_STEPS = 2  # eager steps of a shape before its capture: what compiles or makes plans cannot be captured


class Captured(NamedTuple):
    """One step on tensors of one shape."""

    graph: torch.cuda.CUDAGraph
    tokens: Tensor
    targets: Tensor


class GraphedStepper(EagerStepper):
    """As `EagerStepper`, but from the third step of every shape on it replays a graph.

    Sequences of every length get a graph of their own; they share memory, since one runs after the other. Where a
    capture fails, it goes on without graphs, and `news` says so. Where the scan is Triton's, so is the optimiser.
    """

    def __init__(self, network: Network, optimiser: Optimiser, clip: float) -> None:
        super().__init__(network, optimiser, clip)
        self._captured: dict[torch.Size, Captured] = {}
        self._warm: dict[torch.Size, int] = defaultdict(int)
        self._stream = torch.cuda.Stream(self.parameters[0].device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._captures = True
        fused = network.backend == "triton" and flat.fits(optimiser)
        self._flat = flat.FlatUpdate(optimiser, clip, limit=LOSS_LIMIT) if fused else None

    def step(self, tokens: Tensor, targets: Tensor, factor: float) -> Tensor:
        """One update; see `Stepper.step`."""
        self.optimiser.set_rate(factor)
        if not self._captures or self._warm[tokens.shape] < WARM_STEPS:
            self._warm[tokens.shape] += 1
            self._aside(tokens, targets)
            return self.loss
        if tokens.shape not in self._captured and not self._try_to_capture(tokens, targets):
            self._aside(tokens, targets)
            return self.loss
        step = self._captured[tokens.shape]
        step.tokens.copy_(tokens, non_blocking=True)
        step.targets.copy_(targets, non_blocking=True)
        step.graph.replay()
        return self.loss

    def update(self, tokens: Tensor, targets: Tensor) -> None:
        """See `EagerStepper.update`."""
        if self._flat is None:
            super().update(tokens, targets)
            return
        loss = self.network.loss(tokens, targets)
        gradients = torch.autograd.grad(loss, self._flat.parameters)
        notes = (self.loss, self.grad_norm, self.loss_sum, self.good, self._steps)
        self._flat.step(loss.detach(), gradients, notes)

    def _aside(self, tokens: Tensor, targets: Tensor) -> None:
        """An eager step on the stream of the captures, as PyTorch asks of what warms them up."""
        now = torch.cuda.current_stream()
        self._stream.wait_stream(now)
        with torch.cuda.stream(self._stream):
            self.update(tokens, targets)
        now.wait_stream(self._stream)

    def _try_to_capture(self, tokens: Tensor, targets: Tensor) -> bool:
        try:
            self._captured[tokens.shape] = self._capture(tokens, targets)
        except torch.cuda.OutOfMemoryError:
            raise
        except RuntimeError as error:  # a capture executes nothing: the step has not begun
            self._captures = False
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            self.news.append(f"The step could not be captured ({reason}): it runs without a CUDA graph, more slowly.")
        return self._captures

    def _capture(self, tokens: Tensor, targets: Tensor) -> Captured:
        step = Captured(torch.cuda.CUDAGraph(), tokens.clone(), targets.clone())
        # thread_local: another thread may prepare batches meanwhile
        capture = torch.cuda.graph(step.graph, self._pool, self._stream, capture_error_mode="thread_local")
        with _capturable(self.optimiser.adamw), capture:
            self.update(step.tokens, step.targets)
        return step


@contextmanager
def _capturable(optimiser: torch.optim.Optimizer) -> Iterator[None]:
    """PyTorch refuses to capture an optimiser without this mark, and warns of one that has it when it steps eagerly."""
    for group in optimiser.param_groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group in optimiser.param_groups:
            group["capturable"] = False
