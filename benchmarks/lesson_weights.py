"""Train the two small networks that the lessons on the Mamba block and on attention look into, and write them down.

    python -m benchmarks.lesson_weights

Both learn induction heads at lengths 8 to 64, from the same batches: S6 in one Mamba block, and an attention-only
Transformer of two layers (one head each, rotary positions, about as many parameters). Weights are rounded to four
significant digits; accuracies are measured after that, on sequences that training never saw.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.presets import INDUCTION_HEADS
from ssmviz.settings import TaskSettings, TrainSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.training.batches import batch
from ssmviz.training.loop import Training

FOLDER = Path(__file__).parent.parent / "assets" / "lessons" / "weights"
LENGTHS = (16, 32, 64, 128, 256, 512, 1024)
TESTED = 512  # sequences a length
ROTARY_BASE = 10_000.0

SETTINGS = TrainSettings(
    task=TaskSettings(name="induction_heads", L=64, vocab=8),
    model=INDUCTION_HEADS.model.model_copy(update={"n_layers": 1, "d_model": 16, "N": 8, "dt_rank": 2}),
    optim=INDUCTION_HEADS.optim.model_copy(update={"optimiser": "adamw", "lr": 5e-3, "steps": 1000}),
    eval_every=1000,
    device="cpu",
)
ATTENTION_STEPS = 3000
ATTENTION_RATE = 3e-3


class Attention(nn.Module):
    """Pre-norm causal self-attention with one head, on the residual stream."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d, eps=1e-5)
        self.mixer = nn.ModuleDict({"qkv": nn.Linear(d, 3 * d, bias=False), "out_proj": nn.Linear(d, d, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        """For x (batch, L, d)."""
        q, k, v = self.mixer["qkv"](self.norm(x)).chunk(3, dim=-1)
        return x + self.mixer["out_proj"](F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True))


def rotate(v: Tensor) -> Tensor:
    """Rotary positions on (batch, L, d)."""
    L, d = v.shape[1:]
    angle = torch.arange(L)[:, None] * ROTARY_BASE ** (-torch.arange(0, d, 2) / d)
    a, b = v.chunk(2, dim=-1)
    return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], dim=-1)


class Transformer(nn.Module):
    """Attention only: embedding, two layers, norm, head."""

    def __init__(self, vocab: int, d: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, d)
        self.layers = nn.ModuleList(Attention(d) for _ in range(2))
        self.norm_f, self.lm_head = nn.RMSNorm(d, eps=1e-5), nn.Linear(d, vocab, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, L) -> logits (batch, L, vocab)."""
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.lm_head(self.norm_f(x))


def trained_mamba() -> nn.Module:
    """The network at the end of the run that `SETTINGS` describe."""
    training = Training(SETTINGS)
    for _ in training.events():
        pass
    return training.network


def trained_transformer() -> nn.Module:
    """Adam with a linear schedule, on the batches of the same stream."""
    torch.manual_seed(SETTINGS.seed)
    network = Transformer(SETTINGS.task.vocab, SETTINGS.model.d_model)
    optimiser = torch.optim.Adam(network.parameters(), lr=ATTENTION_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, ATTENTION_STEPS)
    for step in range(ATTENTION_STEPS):
        tokens, targets = batch(SETTINGS, step, torch.device("cpu"))
        loss = F.cross_entropy(network(tokens)[:, -1], targets[:, -1])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return network


@torch.no_grad()
def accuracies(network: nn.Module) -> dict[int, float]:
    """Share of right answers on held-out sequences, by length."""
    task, found = TASKS[SETTINGS.task.name], {}
    for L in LENGTHS:
        drawn = task.sample(task.at_length(SETTINGS.task, L), rng_for(SETTINGS.seed, "test", L), TESTED)
        said = np.concatenate([network(torch.from_numpy(part))[:, -1].argmax(-1) for part in np.split(drawn.tokens, 8)])
        found[L] = round(float((said == drawn.targets[:, -1]).mean()), 4)
    return found


@torch.no_grad()
def rounded(network: nn.Module) -> dict[str, object]:
    """Every parameter with four significant digits, in the network too."""
    for tensor in network.parameters():
        tensor.copy_(torch.tensor([float(f"{v:.4g}") for v in tensor.flatten().tolist()]).view_as(tensor))
    return {name: [float(f"{v:.4g}") for v in t.flatten().tolist()] for name, t in network.state_dict().items()}


def write(name: str, network: nn.Module, seconds: float, about: dict[str, object]) -> None:
    """One JSON file: where the weights come from, their shapes, and the weights."""
    flat = rounded(network)
    provenance = {
        "command": "python -m benchmarks.lesson_weights",
        "task": SETTINGS.task.model_dump(),
        "seed": SETTINGS.seed,
        "seconds": round(seconds, 1),
        "parameters": sum(p.numel() for p in network.parameters()),
        "tested_sequences": TESTED,
        "accuracy": accuracies(network),
    } | about
    shapes = {key: list(t.shape) for key, t in network.state_dict().items()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"provenance": provenance, "shapes": shapes, "weights": flat}, separators=(",", ":"))
    (FOLDER / f"{name}.json").write_text(text + "\n")
    print(name, f"{len(text) / 1e3:.0f} kB", provenance)


def main() -> None:
    """Train both, one after the other."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    network = trained_mamba()
    about = {"model": SETTINGS.model.model_dump(), "optim": SETTINGS.optim.model_dump(), "steps": SETTINGS.optim.steps}
    write("mamba", network, time.perf_counter() - start, about)
    start = time.perf_counter()
    attention = {"layers": 2, "heads": 1, "width": SETTINGS.model.d_model, "positions": "rotary", "feed_forward": False}
    optim = {"optimiser": "adam", "lr": ATTENTION_RATE, "schedule": "linear", "batch": SETTINGS.optim.batch}
    write(
        "transformer",
        trained_transformer(),
        time.perf_counter() - start,
        {"model": attention, "optim": optim, "steps": ATTENTION_STEPS},
    )


if __name__ == "__main__":
    main()
