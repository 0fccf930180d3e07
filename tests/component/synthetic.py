"""Made-up twins in the wire format, with known numbers: what the component's tests look at.

Nothing here was trained: the "S6" opens its gate on data tokens a little more at every step, the "S4D" never
chooses, and both states follow the recurrence of those gates exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.family import LAYERS
from ssmviz.frames import pack
from ssmviz.settings import TaskSettings
from ssmviz.traces import Frame, LayerTrace, NetworkTrace
from tests.component.made_up import Experiment

LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Twins(Experiment):
    """S6 and S4D on selective copying."""

    title = "selective copying"
    names = ("s6", "s4d")

    def __init__(
        self,
        *,
        L: int = 64,
        n_data: int = 8,
        vocab: int = 10,
        D: int = 16,
        N: int = 8,
        layers: int = 2,
        steps: int = 400,
        frames: int = 41,
        state: str = "done",
        recorded: bool = True,
        rungs: bool = False,
    ) -> None:
        super().__init__(steps=steps, frames=frames, state=state, recorded=recorded)
        self.task = TaskSettings(name="selective_copying", L=L, vocab=vocab, n_data=n_data)
        self.L, self.n_data, self.vocab, self.D, self.N, self.layers = L, n_data, vocab, D, N, layers
        self.noise, self.marker = vocab - 2, vocab - 1
        self.chance = 1 / (vocab - 2)
        rng = np.random.default_rng(0)
        self.tokens = np.full(L + n_data, self.noise)
        self.tokens[np.sort(rng.choice(L, n_data, replace=False))] = rng.integers(0, vocab - 2, n_data)
        self.tokens[L:] = self.marker
        if rungs:
            self.rungs = {name: self.ladder(name) for name in self.names}

    def vocabulary(self) -> list[dict[str, str]]:
        """Letters, noise, marker."""
        data = [{"label": LABELS[c], "kind": "data"} for c in range(self.vocab - 2)]
        return [*data, {"label": "·", "kind": "noise"}, {"label": "?", "kind": "marker"}]

    def model(self, name: str) -> dict[str, Any]:
        """See `Experiment`."""
        return {"layer": name, "s4d_init": "lin"}

    def more_of(self, name: str) -> dict[str, Any]:
        """The card of its layer."""
        return {"card": LAYERS[name].in_short()}

    def ladder(self, name: str) -> list[dict[str, Any]]:
        """Tests on other lengths."""
        return [
            {
                "length": L,
                "token_accuracy": self.skill(name, self.steps) ** (1 + i / 8),
                "sequence_accuracy": 0.9 if name == "s6" else 0.0,
                "sequences": 64,
            }
            for i, L in enumerate([self.L // 2, self.L, 2 * self.L, 4 * self.L])
        ]

    def skill(self, name: str, step: int) -> float:
        """Token accuracy after `step` steps: a logistic curve for S6, a low plateau for S4D."""
        chance = 1 / (self.vocab - 2)
        share = 1 / (1 + np.exp(-12 * (step / self.steps - 0.45)))
        return float(chance + (0.995 - chance) * share) if name == "s6" else float(chance + 0.4 * step / self.steps)

    def loss(self, name: str, step: int) -> float:
        """Falls with the skill, with a ripple."""
        return float(max(0.004, 2.2 * (1 - self.skill(name, step)) * (1 + 0.15 * np.sin(step))))

    def scores(self, name: str, steps: list[int]) -> dict[str, list[Any]]:
        """Accuracies that follow the skill."""
        skill = [self.skill(name, s) for s in steps]
        first = np.linspace(1.1, 0.9, self.n_data)
        return {
            "token_accuracy": skill,
            "sequence_accuracy": [a**self.n_data for a in skill],
            "position_accuracy": [np.clip(a * first, 0, 1).tolist() for a in skill],
        }

    def frame(self, name: str, step: int, tokens: np.ndarray | None = None) -> bytes:
        """The packed frame of one run after `step` steps."""
        tokens = self.tokens if tokens is None else np.asarray(tokens)
        rng = np.random.default_rng([step, name == "s6", 7])
        data = np.flatnonzero(tokens < self.noise)
        targets = np.full(len(tokens), -100)
        targets[-self.n_data :] = tokens[data][: self.n_data]
        logits = 0.5 * rng.standard_normal((len(tokens), self.vocab))
        for t in np.flatnonzero(targets >= 0):
            right = np.random.default_rng(int(t)).random() < self.skill(name, step)
            logits[t, targets[t] if right else (targets[t] + 1) % (self.vocab - 2)] += 3
        layers = tuple(self.layer(name, step, tokens, i) for i in range(self.layers))
        A = tuple(np.tile(-np.arange(1.0, self.N + 1), (self.D, 1)) for _ in layers)
        return pack(Frame(step, NetworkTrace(tokens, targets, logits, layers), A), "selective_copying")

    def layer(self, name: str, step: int, tokens: np.ndarray, i: int) -> LayerTrace:
        """The recurrence of made-up gates."""
        L, D, N = len(tokens), self.D, self.N
        rng = np.random.default_rng(100 + i)
        base = 10 ** rng.uniform(-2.5, -1, D)
        opening = self.skill(name, step) * rng.uniform(0.6, 1.4, D) if name == "s6" else np.zeros(D)
        is_data = (tokens < self.noise)[:, None]
        delta = base * np.where(is_data, 10 ** (1.6 * opening), 10 ** (-0.7 * opening))
        A_bar = np.exp(-delta[:, :, None] * np.arange(1, N + 1))
        embedding = rng.standard_normal((self.vocab, D))
        B, C = rng.standard_normal((self.vocab, N)), rng.standard_normal((self.vocab, N))
        x = embedding[tokens]
        B_bar = delta[:, :, None] * B[tokens][:, None, :]
        h = np.zeros((L, D, N))
        state = np.zeros((D, N))
        for t in range(L):
            state = A_bar[t] * state + B_bar[t] * x[t][:, None]
            h[t] = state
        y = (h * C[tokens][:, None, :]).sum(-1)
        return LayerTrace(x=x, delta=delta, A_bar=A_bar, B_bar=B_bar, C=C[tokens], h=h, y=y)
