"""Selective copying (Gu & Dao 2023, section 4.1.1): say the data tokens in order, wherever they stood.

L context slots hold n_data data tokens at random positions, the rest is noise; then n_data marker tokens,
at the i-th of which the i-th data token must be said. The gaps are random, so that only a system that
decides from the input what to keep can solve it.
"""

from __future__ import annotations

import math

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.streams import slots
from ssmviz.tasks.task import SHORTEST, Kind, Sizes, TokenTask, as_targets, checked


class SelectiveCopying(TokenTask):
    """vocab = data classes + noise + marker: vocab 16 has 14 classes, chance 7.1 %."""

    sizes = Sizes(vocab="Tokens in all", n_data="Tokens to remember")
    editable = ("data", "noise")
    curriculum = "climb"

    def check(self, settings: TaskSettings) -> None:
        """The data must fit into the context, and there must be enough sequences."""
        if settings.n_data > settings.L:
            raise ValueError(f"n_data must be at most L={settings.L}, got {settings.n_data}; lower n_data or raise L")
        super().check(settings)

    def length(self, settings: TaskSettings) -> int:
        """One answer slot for each data token follows the context."""
        return settings.L + settings.n_data

    def shortest(self, settings: TaskSettings) -> int:
        """L must hold all data."""
        return max(SHORTEST, settings.n_data)

    def sequences(self, settings: TaskSettings) -> int:
        """Choices of the data tokens and of their places."""
        return math.comb(settings.L, settings.n_data) * int(self.classes(settings) ** settings.n_data)

    def classes(self, settings: TaskSettings) -> int:
        """All tokens but noise and marker."""
        return settings.vocab - 2

    def answers(self, settings: TaskSettings) -> int:
        """One for each data token."""
        return settings.n_data

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2, L, 2L, 4L where the data fit: the same on every device."""
        lengths = (settings.L // 2, settings.L, 2 * settings.L, 4 * settings.L)
        return [L for L in lengths if self.shortest(settings) <= L]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """Read the data off the context in order.

        Raises:
            ValueError: not n_data data tokens in a context of noise, followed by n_data markers.
        """
        n_data = settings.n_data
        rows = checked(settings, tokens, extra=n_data)
        marker = settings.vocab - 1
        context, slots = rows[:, :-n_data], rows[:, -n_data:]
        if (slots != marker).any() or (context == marker).any():
            raise ValueError(f"the last {n_data} tokens must be markers (token {marker}), and no others; put them back")
        is_data = context < self.classes(settings)
        count = is_data.sum(axis=1)
        if (count != n_data).any():
            got = int(count[count != n_data][0])
            raise ValueError(
                f"the context must hold exactly {n_data} data tokens, got {got}; "
                f"{'turn some into noise' if got > n_data else 'place more'}"
            )
        return as_targets(tokens, context[is_data].reshape(-1, n_data))

    def _draw(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        data = rng.integers(0, self.classes(settings), (n, settings.n_data), dtype=np.uint8)
        tokens = np.full((n, self.length(settings)), settings.vocab - 2, dtype=np.uint8)
        tokens[:, settings.L :] = settings.vocab - 1
        np.put_along_axis(tokens, self._positions(settings, rng, n), data, axis=1)
        return tokens, data

    def _positions(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> np.ndarray:
        """n_data different slots of L in ascending order, every choice equally likely: (n, n_data)."""
        return slots(rng, n, settings.L, settings.n_data)

    def _special(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        return {settings.vocab - 2: ("·", "noise"), settings.vocab - 1: ("?", "marker")}
