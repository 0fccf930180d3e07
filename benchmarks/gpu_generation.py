"""Tokens per second of generation, one CUDA graph a token, beside a Transformer of as many parameters with a KV cache.

    python -m benchmarks.gpu_generation

Mamba carries a state of fixed size; attention reads all keys and values so far, so its time grows with the context.
Both are float32, with greedy sampling inside the graph; the Transformer is pre-norm with RMSNorm, SwiGLU and rotary
positions, and two Mamba blocks stand against one of its layers, as in the Mamba paper (section 4.2).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.models import build
from ssmviz.settings import ModelSettings, TaskSettings

VOCAB = 256
D_MODEL = 512
LAYERS = 8  # of Mamba; half as many of the Transformer
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
CONTEXTS = (256, 2048, 8192)
HEADS = 8
TOKENS = 200  # timed


class Attention(nn.Module):
    """Causal self-attention of the newest token with a cache of `context` earlier ones."""

    def __init__(self, batch: int, context: int) -> None:
        super().__init__()
        width = D_MODEL // HEADS
        self.qkv = nn.Linear(D_MODEL, 3 * D_MODEL, bias=False)
        self.out = nn.Linear(D_MODEL, D_MODEL, bias=False)
        angle = context * 10_000.0 ** (-torch.arange(0, width, 2) / width)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        for name in ("keys", "values"):
            self.register_buffer(name, torch.randn(batch, HEADS, context + 1, width))

    def forward(self, x: Tensor) -> Tensor:
        """For x (batch, d_model): writes its key and value at the end of the cache."""
        q, k, v = self.qkv(x).view(len(x), 3, HEADS, 1, -1).unbind(1)
        self.keys[:, :, -1:] = self._rotated(k)
        self.values[:, :, -1:] = v
        y = F.scaled_dot_product_attention(self._rotated(q), self.keys, self.values)
        return self.out(y.reshape(len(x), D_MODEL))

    def _rotated(self, v: Tensor) -> Tensor:
        first, second = v.chunk(2, dim=-1)
        return torch.cat([first * self.cos - second * self.sin, second * self.cos + first * self.sin], dim=-1)


class Feedforward(nn.Module):
    """SwiGLU with eight thirds of the width inside, so that it has 8 d_model^2 parameters."""

    def __init__(self) -> None:
        super().__init__()
        inner = 8 * D_MODEL // 3
        self.up = nn.Linear(D_MODEL, 2 * inner, bias=False)
        self.down = nn.Linear(inner, D_MODEL, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """For x (batch, d_model)."""
        gate, value = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class Transformer(nn.Module):
    """One token after `context` others, all of whose keys and values are there."""

    def __init__(self, batch: int, context: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, D_MODEL)
        parts = [part for _ in range(LAYERS // 2) for part in (Attention(batch, context), Feedforward())]
        self.parts = nn.ModuleList(parts)
        self.norms = nn.ModuleList(nn.RMSNorm(D_MODEL) for _ in parts)
        self.norm_f, self.lm_head = nn.RMSNorm(D_MODEL), nn.Linear(D_MODEL, VOCAB, bias=False)

    def forward(self, token: Tensor) -> Tensor:
        """Token (batch,) -> logits (batch, vocab)."""
        x = self.embedding(token)
        for norm, part in zip(self.norms, self.parts, strict=True):
            x = x + part(norm(x))
        return self.lm_head(self.norm_f(x))


def mamba(batch: int) -> tuple[Callable[[], None], int]:
    """One token of the app's own network: the state is written back where it was read."""
    task = TaskSettings(vocab=VOCAB, n_data=8)
    network = build(task, ModelSettings(d_model=D_MODEL, n_layers=LAYERS, N=16, dt_rank=0), seed=0).cuda()
    token = torch.zeros(batch, dtype=torch.int64, device="cuda")
    state = network.initial_state(batch)

    def step() -> None:
        logits, new = network.step(token, state)
        token.copy_(logits.argmax(-1))
        torch._foreach_copy_([t for layer in state for t in layer], [t for layer in new for t in layer])

    return step, sum(p.numel() for p in network.parameters())


def transformer(batch: int, context: int) -> tuple[Callable[[], None], int]:
    """One token of the Transformer at a fixed context."""
    network = Transformer(batch, context).cuda()
    token = torch.zeros(batch, dtype=torch.int64, device="cuda")

    def step() -> None:
        token.copy_(network(token).argmax(-1))

    return step, sum(p.numel() for p in network.parameters())


@torch.no_grad()
def milliseconds(step: Callable[[], None]) -> float:
    """Median of five samples of a captured step."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        step()

    def sample() -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(TOKENS // 5):
            graph.replay()
        end.record()
        torch.cuda.synchronize()
        return start.elapsed_time(end) / (TOKENS // 5)

    sample()
    return statistics.median(sample() for _ in range(5))


def table() -> Iterator[str]:
    """Lines, each as soon as it is known; tokens per second of all sequences of a batch together."""
    ours, theirs = mamba(1)[1], transformer(1, 1)[1]
    head = " | ".join(f"Transformer, context {c}" for c in CONTEXTS)
    yield f"Mamba {ours / 1e6:.1f} M parameters, Transformer {theirs / 1e6:.1f} M; tokens per second (ms a step)."
    yield ""
    yield f"| batch | Mamba, any context | {head} |"
    yield "|--" * (len(CONTEXTS) + 2) + "|"
    for batch in BATCHES:
        times = [milliseconds(mamba(batch)[0])]
        times += [milliseconds(transformer(batch, context)[0]) for context in CONTEXTS]
        yield f"| {batch} | " + " | ".join(f"{1e3 * batch / t:,.0f} ({t:.3f})" for t in times) + " |"


if __name__ == "__main__":
    print(torch.cuda.get_device_name(), torch.__version__, "", sep="\n")
    for line in table():
        print(line, flush=True)
