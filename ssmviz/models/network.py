"""The whole network: what reads, pre-RMSNorm residual layers, norm, head.

`forward` is fast, `trace` explains, `step` generates, and tests hold the three equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kernels.layers import answer_loss
from ssmviz.models.blocks import Block, MixerState
from ssmviz.models.ends import Embedding, Fan, Sensor, Sum
from ssmviz.models.swiglu import SwiGLU
from ssmviz.settings import TaskSettings
from ssmviz.traces import LayerTrace, NetworkTrace

EPS = 1e-5
IGNORED = -100  # cross_entropy's default ignore_index

Mixer = Block | SwiGLU
Memory = MixerState | tuple[()]  # of one residual layer
State = tuple[Memory, ...]
Tokens = np.ndarray | Sequence[int] | Sequence[float]


class ResidualLayer(nn.Module):
    """x + mixer(norm(x)); mixer(x) where the block is no part of a residual stream."""

    def __init__(self, mixer: Mixer) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(mixer.settings.d_model, eps=EPS) if mixer.residual else nn.Identity()
        self.mixer = mixer

    def forward(
        self, x: Tensor, state: Memory | None = None, *, carry: bool = False, backend: str = "auto"
    ) -> tuple[Tensor, Memory | None]:
        """For x (batch, L, d_model); state and carry as in `Block.forward`."""
        out: tuple[Tensor, Memory | None] = self.mixer(x, self.norm, state, carry=carry, backend=backend)
        return out

    def step(self, x: Tensor, state: Any, *, backend: str = "auto") -> tuple[Tensor, Memory]:
        """For x (batch, d_model)."""
        y, state = self.mixer.step(self.norm(x), state, backend=backend)
        return (x + y if self.mixer.residual else y), state

    def trace(self, x: Tensor) -> tuple[Tensor, LayerTrace | None]:
        """For x (L, d_model): with what happens in the layer, where there is one."""
        y, record = self.mixer.trace(self.norm(x))
        return (x + y if self.mixer.residual else y), record


class Network(nn.Module):
    """Tokens (batch, T) -> logits (batch, T, vocab).

    Tasks on signals give real numbers (batch, T) in place of tokens; where they ask for real numbers, too, the logits
    are what is said, (batch, T, 1), and the loss is the mean square. Blocks without residual stream get no last norm.

    `lm_head` is its own matrix: the tokens that may be said and those that must be told apart when read are
    different sets here (noise, marker and trigger are never said), so tying would only couple unlike things.

    Attributes:
        backend: which scan runs, see `kernels.available()`; may be changed at any time.
    """

    def __init__(self, task: TaskSettings, mixers: Sequence[Mixer], *, backend: str = "auto") -> None:
        super().__init__()
        d_model, residual = mixers[0].settings.d_model, mixers[0].residual
        self.backend = backend
        self.says_signal = task.says_signal
        self.embedding = (Sensor if residual else Fan)(d_model) if task.reads_signal else Embedding(task.vocab, d_model)
        self.layers = nn.ModuleList(ResidualLayer(mixer) for mixer in mixers)
        self.norm_f = nn.RMSNorm(d_model, eps=EPS) if residual else nn.Identity()
        outputs = 1 if task.says_signal else task.vocab
        self.lm_head = Sum() if outputs == 1 and not residual else nn.Linear(d_model, outputs, bias=False)

    def forward(self, tokens: Tensor, last: int | None = None) -> Tensor:
        """Logits (batch, T, vocab), or of the last `last` positions only, which is all that the tasks ask."""
        x = self._residual_stream(tokens)
        return self._head(x if last is None else x[:, -last:])

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of what should be said at the last k positions: tokens (batch, T), targets (batch, k).

        Of real targets the mean squared error.
        """
        x = self._residual_stream(tokens)
        if isinstance(self.norm_f, nn.RMSNorm) and not targets.is_floating_point():
            gain, head = self.norm_f.weight, cast(Tensor, self.lm_head.weight)
            return answer_loss(x, gain, head, targets, eps=EPS, backend=self.backend)
        return loss_of(self._head(x[:, -targets.shape[1] :]), targets)

    @torch.no_grad()
    def forward_chunks(self, tokens: Tensor, chunk: int = 2048, *, last: int = 1) -> Tensor:
        """Logits (batch, last, vocab) of the last positions, in memory that depends on `chunk` and not on T.

        Convolution and state are carried from chunk to chunk, so the result is that of `forward`.
        """
        if not 1 <= last <= tokens.shape[1] or chunk < 1:
            raise ValueError(f"last must be in 1..{tokens.shape[1]} and chunk positive, got {last} and {chunk}")
        state: list[Memory | None] = list(self.initial_state(len(tokens)))
        kept = self.embedding(tokens[:, :0])
        for start in range(0, tokens.shape[1], chunk):
            x = self.embedding(tokens[:, start : start + chunk])
            for i, layer in enumerate(self._each()):
                x, state[i] = layer(x, state[i], carry=True, backend=self.backend)
            kept = torch.cat([kept, x], dim=1)[:, -last:]
        return self._head(kept)

    @contextmanager
    def paced(self, factor: float) -> Iterator[None]:
        """Every Delta times `factor`, for inputs whose positions last `factor` times as long as in training."""
        if factor == 1:
            yield
            return
        layers = [layer.mixer for layer in self._each()]
        before = [{name: p.clone() for name, p in mixer.state_dict().items()} for mixer in layers]
        try:
            for mixer in layers:
                mixer.scale_delta(factor)
            yield
        finally:  # a copy gives back every bit, the inverse factor would not
            for mixer, state in zip(layers, before, strict=True):
                mixer.load_state_dict(state)

    def set_delta_penalty(self, penalty: float) -> None:
        """Let training add `penalty` times the mean Delta of every selective layer to the loss; see `S6`."""
        for layer in self._each():
            layer.mixer.delta_penalty = penalty

    def initial_state(self, batch: int) -> State:
        """What the network remembers before the first token."""
        return tuple(layer.mixer.initial_state(batch) for layer in self._each())

    @torch.no_grad()
    def step(self, token: Tensor, state: State) -> tuple[Tensor, State]:
        """One token (batch,) by recurrence -> logits (batch, vocab), the new state. Constant time and memory."""
        x = self.embedding(token)
        new = []
        for layer, before in zip(self._each(), state, strict=True):
            x, after = layer.step(x, before, backend=self.backend)
            new.append(after)
        return self._head(x), tuple(new)

    @torch.no_grad()
    def trace(self, tokens: Tokens, targets: Tokens | None = None) -> NetworkTrace:
        """One sequence (T,) with the inside of every layer, recurrence written out.

        Args:
            tokens: (T,) whole numbers in 0..vocab-1, or real ones where the task reads a signal.
            targets: (T,), IGNORED (NaN for real ones) where nothing is asked; None: nothing is asked anywhere.

        Raises:
            ValueError: tokens or targets of the wrong shape.
        """
        asked = np.asarray(tokens, dtype=self.embedding.reads)
        nothing, kind = (np.nan, np.float32) if self.says_signal else (IGNORED, np.int64)
        wanted = np.full(asked.shape, nothing, kind) if targets is None else np.asarray(targets, dtype=kind)
        if asked.ndim != 1 or asked.shape != wanted.shape or not len(asked):
            raise ValueError(f"tokens and targets must be (T,), T > 0, got {asked.shape} and {wanted.shape}")
        x = self.embedding(torch.from_numpy(asked).to(next(self.parameters()).device))
        records = []
        for layer in self._each():
            x, record = layer.trace(x)
            if record is not None:
                records.append(record)
        return NetworkTrace(asked, wanted, self._head(x).cpu().numpy(), tuple(records))

    @torch.no_grad()
    def A(self) -> tuple[np.ndarray | None, ...]:  # noqa: N802 - the field's own letter
        """The continuous system of every layer, (D, N), complex for S4D; None of layers without poles to show."""
        poles = (layer.mixer.A() for layer in self._each() if isinstance(layer.mixer, Block))
        return tuple(None if A is None else A.cpu().numpy() for A in poles)

    def _residual_stream(self, tokens: Tensor) -> Tensor:
        """(batch, T, d_model) before the last norm."""
        x: Tensor = self.embedding(tokens, backend=self.backend)
        for layer in self._each():
            x, _ = layer(x, backend=self.backend)
        return x

    def _head(self, x: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.norm_f(x))
        return logits

    def _each(self) -> Iterator[ResidualLayer]:
        return iter(cast(Iterable[ResidualLayer], self.layers))


def loss_of(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over the asked positions, logits (batch, k, vocab): cross-entropy, or squared error of real targets."""
    if targets.is_floating_point():
        return F.mse_loss(logits[..., 0], targets)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())
