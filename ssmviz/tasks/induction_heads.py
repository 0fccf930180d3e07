"""Induction heads (Gu & Dao 2023, section 4.1.2): say what followed the trigger when it was last seen.

L tokens: the special trigger at a random position, followed by the token to remember; the trigger again as
the last token, and nowhere else. Only the last position is asked.
"""

from __future__ import annotations

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.task import Kind, Sizes, TokenTask, as_targets, checked

LONGEST = {"cpu": 2**16, "cuda": 2**20}  # where a ladder ends, unless training itself was longer


class InductionHeads(TokenTask):
    """vocab = data classes + trigger. `n_data` is not used."""

    sizes = Sizes(vocab="Tokens in all")
    editable = ("data", "trigger")
    curriculum = "evenly"

    def classes(self, settings: TaskSettings) -> int:
        """All tokens but the trigger."""
        return settings.vocab - 1

    def answers(self, settings: TaskSettings) -> int:
        """Only the last position is asked."""
        return 1

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2, L, 2L, ... up to 64 L on a CPU (at most 2^16), up to 2^20 on a GPU."""
        end = 64 * settings.L if device == "cpu" else LONGEST["cuda"]
        end = max(settings.L, min(end, LONGEST["cpu" if device == "cpu" else "cuda"]))
        lengths = [settings.L // 2]
        while lengths[-1] < settings.L or 2 * lengths[-1] <= end:
            lengths.append(settings.L if len(lengths) == 1 else 2 * lengths[-1])
        return lengths

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The token after the first trigger.

        Raises:
            ValueError: not exactly two triggers, the second last of all and not right after the first.
        """
        rows = checked(settings, tokens, extra=0)
        trigger = settings.vocab - 1
        is_trigger = rows == trigger
        count = is_trigger.sum(axis=1)
        if (count != 2).any():
            got = int(count[count != 2][0])
            raise ValueError(f"there must be exactly two triggers (token {trigger}), got {got}; place or remove some")
        first = is_trigger.argmax(axis=1)
        if not is_trigger[:, -1].all():
            raise ValueError(f"the last token must be the trigger (token {trigger}), got {rows[0, -1]}; put it back")
        if (first == rows.shape[1] - 2).any():
            raise ValueError("a token to remember must stand between the two triggers, got none; move the first one")
        return as_targets(tokens, rows[np.arange(len(rows)), first + 1][:, None])

    def _draw(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        trigger = settings.vocab - 1
        tokens = rng.integers(0, trigger, (n, settings.L), dtype=np.uint8)
        row, first = np.arange(n), rng.integers(0, settings.L - 2, n)
        tokens[row, first] = trigger
        tokens[:, -1] = trigger
        return tokens, tokens[row, first + 1][:, None]

    def _special(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        return {settings.vocab - 1: ("▶", "trigger")}
