"""Made-up runs on signals in the wire format, with known numbers. Nothing here was trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.frames import pack
from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.traces import Frame, LayerTrace, NetworkTrace
from tests.component.made_up import Experiment

TRUE = -0.5 + 2j  # where the first pole goes
STEP = 0.1


class Signals(Experiment):
    """An experiment of one or two runs that read a signal, and all its frames.

    The first pole of "s4d" goes straight from -0.5 to `TRUE`, its second stays where it is and adds nothing. What is
    said is what is wanted, less the part of the way that is left.
    """

    title = "signals"
    L, D, N = 40, 1, 2
    names = ("s4d",)

    def __init__(self, *, state: str = "done", recorded: bool = True, frames: int = 11) -> None:
        super().__init__(steps=100, frames=frames, state=state, recorded=recorded)
        self.task = TaskSettings(name="mass_spring", L=self.L, n_data=1)
        self.signal = TASKS["mass_spring"].sample(self.task, rng_for(0, "probe"), 1).tokens[0]

    def about(self) -> dict[str, Any]:
        """What the task says of its signal."""
        return TASKS["mass_spring"].about(self.task) | {"poles": [[TRUE.real, TRUE.imag]]}

    def vocabulary(self) -> list[dict[str, str]]:
        """Names of the classes."""
        return []

    def more(self) -> dict[str, Any]:
        """The signal."""
        return {"signal": self.about()}

    def model(self, name: str) -> dict[str, Any]:
        """See `Experiment`."""
        return {"layer": "s4d", "s4d_init": "lin", "d_model": self.D}

    def loss(self, name: str, step: int) -> float:
        """Falls."""
        return 1 / step

    def scores(self, name: str, steps: list[int]) -> dict[str, list[Any]]:
        """The error falls to nothing."""
        return {"error": [1 - s / self.steps for s in steps]}

    def pole(self, step: int) -> complex:
        """Of the first state after `step` steps."""
        return -0.5 + 1j * (TRUE.imag * step / self.steps)

    def frame(self, name: str, step: int, signal: np.ndarray | None = None) -> bytes:
        """The packed frame of one run after `step` steps."""
        signal = self.signal if signal is None else np.asarray(signal, np.float32)
        A = np.array([[self.pole(step), -3.0]] * self.D)
        delta = np.full((len(signal), self.D), STEP, np.float32)
        A_bar = np.exp(delta[..., None] * A)
        h = np.zeros((len(signal), self.D, self.N), complex)
        state = np.zeros((self.D, self.N), complex)
        for t, u in enumerate(signal):
            state = A_bar[t] * state + STEP * u
            h[t] = state
        C = np.broadcast_to(np.array([[1.0, 0.0]] * self.D, complex), h.shape)
        x = np.repeat(signal[:, None], self.D, 1)
        layer = LayerTrace(x, delta, A_bar, np.full_like(h, STEP), C, h, x)
        targets, logits = self.answers(signal, step)
        return pack(Frame(step, NetworkTrace(signal, targets, logits, (layer,)), (A,)), self.task.name)

    def answers(self, signal: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Targets and logits."""
        wanted = TASKS["mass_spring"].answer(self.task, signal)
        return wanted, (wanted * step / self.steps)[:, None]


class Pictures(Signals):
    """Two runs that read a picture of 8 x 8, and say 1 until they know that it is a 7."""

    L, D = 64, 4
    names = ("s4d", "other")
    chance = 0.1

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.task = TaskSettings(name="digits", L=64)
        rng = np.random.default_rng(0)
        self.signal = rng.choice([-1.0, 1.0], 64).astype(np.float32)

    def about(self) -> dict[str, Any]:
        """See `Signals`."""
        return {"reads": "ink", "says": "digit", "span": 1.0, "width": 8}

    def vocabulary(self) -> list[dict[str, str]]:
        """Ten digits."""
        return [{"label": str(c), "kind": "data"} for c in range(10)]

    def scores(self, name: str, steps: list[int]) -> dict[str, list[Any]]:
        """Accuracies."""
        right = [0.1 + 0.9 * s / self.steps for s in steps]
        return {"token_accuracy": right, "sequence_accuracy": right}

    def answers(self, signal: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
        """A 7 it is."""
        targets = np.full(len(signal), -100)
        targets[-1] = 7
        logits = np.zeros((len(signal), 10), np.float32)
        logits[:, 1] = 1
        logits[-1, 7] = 5 * step / self.steps
        return targets, logits


class Fading(Signals):
    """A run whose poles are all real."""

    def pole(self, step: int) -> complex:
        """See `Signals`."""
        return -0.5 - step / self.steps + 0j

    def about(self) -> dict[str, Any]:
        """Without true poles."""
        return super().about() | {"poles": []}
