"""The whole network: embedding, pre-RMSNorm residual layers, norm, head.

`forward` is fast, `trace` explains, `step` generates, and tests hold the three equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kernels.layers import answer_loss, embed
from ssmviz.models.attention import KeysValues, Sublayer
from ssmviz.models.blocks import Block, MixerState
from ssmviz.traces import LayerTrace, NetworkTrace

EPS = 1e-5
IGNORED = -100  # cross_entropy's default ignore_index

# Departure from Mamba's 0.02 (and from its out_proj / sqrt(n_layers), see blocks.py), for these shallow networks and
# short trainings. Selective copying, default sizes, 1000 steps, curriculum: 99 % for 5 seeds of 5 with 2 and
# gain 2, for 3 of 5 with 1 and 1; without curriculum 4 and 2 of 5; with Mamba's rescaling 1 of 3, with 0.02 none of 2.
EMBEDDING_STD = 2.0

Memory = MixerState | KeysValues | tuple[()]  # of one residual layer
State = tuple[Memory, ...]
Tokens = np.ndarray | Sequence[int]


class ResidualLayer(nn.Module):
    """x + mixer(norm(x))."""

    def __init__(self, mixer: Block | Sublayer) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(mixer.settings.d_model, eps=EPS)
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
        return x + y, state

    def trace(self, x: Tensor) -> tuple[Tensor, LayerTrace | np.ndarray | None]:
        """For x (L, d_model): with what happens in a state space layer, or the weights of attention."""
        y, record = self.mixer.trace(self.norm(x))
        return x + y, record


class Network(nn.Module):
    """Tokens (batch, T) -> logits (batch, T, vocab).

    `lm_head` is its own matrix: the tokens that may be said and those that must be told apart when read are
    different sets here (noise, marker and trigger are never said), so tying would only couple unlike things.

    Attributes:
        backend: which scan runs, see `kernels.available()`; may be changed at any time.
    """

    def __init__(self, vocab: int, mixers: Sequence[Block | Sublayer], *, backend: str = "auto") -> None:
        super().__init__()
        d_model = mixers[0].settings.d_model
        self.backend = backend
        self.embedding = nn.Embedding(vocab, d_model)
        self.layers = nn.ModuleList(ResidualLayer(mixer) for mixer in mixers)
        self.norm_f = nn.RMSNorm(d_model, eps=EPS)
        self.lm_head = nn.Linear(d_model, vocab, bias=False)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Scale the embedding (children have drawn their weights before)."""
        self.embedding.weight *= EMBEDDING_STD

    def forward(self, tokens: Tensor, last: int | None = None) -> Tensor:
        """Logits (batch, T, vocab), or of the last `last` positions only, which is all that the tasks ask."""
        x = self._residual_stream(tokens)
        return self._head(x if last is None else x[:, -last:])

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of what should be said at the last k positions: tokens (batch, T), targets (batch, k)."""
        x = self._residual_stream(tokens)
        gain, head = self.norm_f.weight, self.lm_head.weight
        return answer_loss(x, gain, head, targets, eps=EPS, backend=self.backend)

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
            tokens: (T,) whole numbers in 0..vocab-1.
            targets: (T,), IGNORED where nothing is asked; None: nothing is asked anywhere.

        Raises:
            ValueError: tokens or targets of the wrong shape.
        """
        asked = np.asarray(tokens, dtype=np.int64)
        wanted = np.full_like(asked, IGNORED) if targets is None else np.asarray(targets, dtype=np.int64)
        if asked.ndim != 1 or asked.shape != wanted.shape or not len(asked):
            raise ValueError(f"tokens and targets must be (T,), T > 0, got {asked.shape} and {wanted.shape}")
        x = self.embedding(torch.from_numpy(asked).to(self.lm_head.weight.device))
        records = []
        for layer in self._each():
            x, record = layer.trace(x)
            records.append(record)
        recurrent = tuple(record for record in records if isinstance(record, LayerTrace))
        attention = tuple(record for record in records if isinstance(record, np.ndarray))
        return NetworkTrace(asked, wanted, self._head(x).cpu().numpy(), recurrent, attention)

    @torch.no_grad()
    def A(self) -> tuple[np.ndarray, ...]:  # noqa: N802 - the field's own letter
        """The continuous system of every state space layer, (D, N), complex for S4D."""
        mixers = (layer.mixer for layer in self._each())
        return tuple(mixer.A().cpu().numpy() for mixer in mixers if isinstance(mixer, Block))

    def _residual_stream(self, tokens: Tensor) -> Tensor:
        """(batch, T, d_model) before the last norm."""
        x = embed(tokens, self.embedding.weight, backend=self.backend)
        for layer in self._each():
            x, _ = layer(x, backend=self.backend)
        return x

    def _head(self, x: Tensor) -> Tensor:
        logits: Tensor = self.lm_head(self.norm_f(x))
        return logits

    def _each(self) -> Iterator[ResidualLayer]:
        return iter(cast(Iterable[ResidualLayer], self.layers))
