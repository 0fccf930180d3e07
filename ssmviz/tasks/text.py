"""A text of one's own: L characters are read, and at each of the last n_data the one that follows is asked.

What language models learn, with characters for tokens. The first seven eighths of the text are trained on, the last
eighth is for testing; no window crosses the border. Without an upload it is a text that comes with the app: sentences
from its own pages and documentation.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssmviz import data
from ssmviz.settings import TaskSettings
from ssmviz.tasks.streams import HELD_OUT, split_of
from ssmviz.tasks.task import IGNORED, SHORTEST, Batch, Kind, Sizes, Task, Upload, checked

EXAMPLE = Path(__file__).parents[2] / "assets/texts/example.txt"
LEAST = 1000  # characters of an upload
NAMES = {" ": "␣", "\n": "↵", "\t": "⇥"}
OTHER = "□"


class Encoded(NamedTuple):
    """A text as tokens."""

    characters: str  # of tokens 0, 1, ..., most frequent first; the token vocab - 1 stands for all others
    train: bytes
    test: bytes


class Text(Task):
    """vocab = the most frequent characters of the part that is trained on + one token for all others."""

    sizes = Sizes(vocab="Characters", n_data="Asked at the end")
    upload = Upload(f"a text of your own, at least {LEAST:,} characters", ("txt",))
    editable = ("data",)

    def check(self, settings: TaskSettings) -> None:
        """What is asked must be read before."""
        if settings.n_data > settings.L:
            raise ValueError(f"n_data must be at most L={settings.L}, got {settings.n_data}; lower n_data or raise L")

    def accept(self, text: str) -> str:
        """The text without blanks around it.

        Raises:
            ValueError: too short, or always the same.
        """
        text = text.strip() + "\n"
        if len(text) < LEAST:
            raise ValueError(f"a text must have at least {LEAST:,} characters, got {len(text):,}; upload a longer one")
        if len(set(text)) < SHORTEST:
            raise ValueError(f"a text must have at least {SHORTEST} different characters, got {len(set(text))}")
        return text

    def classes(self, settings: TaskSettings) -> int:
        """All characters that have a token."""
        return settings.vocab

    def chance(self, settings: TaskSettings) -> float:
        """Of saying the most frequent character, always."""
        try:
            test = _encoded(settings.data, settings.vocab).test
        except ValueError:  # the text is on another machine
            return 1 / settings.vocab
        return test.count(0) / len(test)

    def answers(self, settings: TaskSettings) -> int:
        """The last n_data positions are asked."""
        return settings.n_data

    def shortest(self, settings: TaskSettings) -> int:
        """What is asked must be read before."""
        return max(SHORTEST, settings.n_data)

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2 to 8 L: does a longer past help? As far as the test text reaches."""
        room = len(_encoded(settings.data, settings.vocab).test)
        lengths = (settings.L // 2, *(settings.L * 2**k for k in range(4)))
        return [L for L in lengths if self.shortest(settings) <= L < room]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """Each next character; after the last one what follows there in the text, IGNORED where it is not of the text.

        Raises:
            ValueError: not a sequence of this task.
        """
        rows = checked(settings, tokens, extra=0)
        parts = _encoded(settings.data, settings.vocab)[1:]
        targets = np.full(rows.shape, IGNORED, dtype=np.int64)
        targets[:, :-1] = rows[:, 1:]
        for row, target in zip(rows.astype(np.uint8), targets, strict=True):
            target[-1] = next((said for part in parts if (said := _after(part, row.tobytes())) is not None), IGNORED)
        targets[:, : -settings.n_data] = IGNORED
        return targets.reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Draw n windows of the side of the text that `rng` belongs to, every one equally likely.

        Raises:
            ValueError: the data are not here, or too short for L.
        """
        encoded = _encoded(settings.data, settings.vocab)
        side = np.frombuffer(encoded.train if split_of(rng) == "train" else encoded.test, dtype=np.uint8)
        L = settings.L
        room = len(encoded.test)  # the shorter side: what cannot be tested is not trained either
        if room <= L:
            raise ValueError(f"L must be less than the {room} characters kept for testing, got {L}; lower L")
        starts = rng.integers(0, len(side) - L, n)
        windows = side[starts[:, None] + np.arange(L + 1)].astype(np.int64)
        targets = windows[:, 1:].copy()
        targets[:, : -settings.n_data] = IGNORED
        return Batch(windows[:, :-1].copy(), targets)

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """The characters; tokens that this text has no use for are numbered."""
        try:
            names = [NAMES.get(c, c) for c in _encoded(settings.data, settings.vocab).characters]
        except ValueError:  # the text is on another machine
            names = []
        names += [f"{OTHER}{token}" for token in range(len(names), settings.vocab - 1)]
        return {token: (name, "data") for token, name in enumerate([*names, OTHER])}


@lru_cache(maxsize=4)
def _encoded(digest: str, vocab: int) -> Encoded:
    text = data.read(digest) if digest else EXAMPLE.read_text(encoding="utf-8")
    border = len(text) - len(text) // HELD_OUT
    counts = Counter(text[:border])
    characters = "".join(sorted(counts, key=lambda c: (-counts[c], c))[: vocab - 1])
    tokens = {c: token for token, c in enumerate(characters)}
    encoded = bytes(tokens.get(c, vocab - 1) for c in text)
    return Encoded(characters, encoded[:border], encoded[border:])


def _after(part: bytes, row: bytes) -> int | None:
    """The token after the first place where a row stands in a part of the text."""
    end = part.find(row) + len(row)
    return part[end] if len(row) <= end < len(part) else None
