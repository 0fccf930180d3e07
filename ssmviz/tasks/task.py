"""What every task offers: sequences to learn from, the right answers, and what its tokens are called.

Shapes: n sequences of T tokens, or of T real numbers. All answers of all tasks stand at the last positions of a
sequence.
"""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from typing import Any, Literal, NamedTuple

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.streams import HELD_OUT, held_out, split_of

IGNORED = -100  # cross_entropy's default ignore_index
SHORTEST = 4  # context slots of the shortest sequence that can be asked about
BLOCK = 1 << 21  # tokens drawn at once, so that memory stays bounded at any length
MIN_SEQUENCES = 64  # one sequence in eight is kept for testing
FEWEST_TOKENS = 4  # in all, special tokens included
MAX_DRAWS = 10_000  # blocks without success before a task is called too small to split

Kind = Literal["data", "noise", "marker", "trigger", "open", "close"]
Curriculum = Literal["climb", "evenly"]  # from short to long, or all lengths all the time


class Batch(NamedTuple):
    """n sequences and what is asked about them."""

    tokens: np.ndarray  # (n, T) int64; float32 where a signal is read
    targets: np.ndarray  # (n, T) int64, IGNORED where nothing is asked; float32 where a signal is asked


class Trial(NamedTuple):
    """One test after training."""

    L: int
    pace: float = 1.0  # every Delta times this
    label: str = ""  # which way of testing it belongs to, where there is more than one


class Sizes(NamedTuple):
    """What people read beside the sizes of a task; nothing where a size means nothing to it."""

    L: str = "Length $L$"
    vocab: str = ""
    n_data: str = ""


class Upload(NamedTuple):
    """What a person may bring to train on."""

    words: str  # "a text (.txt), at least ... characters"
    types: tuple[str, ...]  # how the names of such files end


class Task(ABC):
    """A sequence task: stateless, everything follows from its settings."""

    sizes: Sizes
    upload: Upload | None = None  # None: everything is made or built in, and `data` is empty
    editable: tuple[Kind, ...] = ()  # what a person may place in the context; the answer slots are fixed
    curriculum: Curriculum | None = None  # None: always trained at full length
    reads_signal = False  # real numbers instead of tokens
    says_signal = False  # real numbers are asked for (regression) instead of one of `classes`

    def check(self, settings: TaskSettings) -> None:
        """Refuse settings, each within its own bounds, that make no task together; reads no file.

        Raises:
            ValueError: the message says what is wrong and what to do.
        """
        if settings.data and self.upload is None:
            raise ValueError(f"{settings.name} takes no data, got {settings.data[:8]}; leave data empty")

    def accept(self, text: str) -> str:
        """What of an uploaded text (see `ssmviz.data.decoded`) is kept, for tasks with an `upload`.

        Raises:
            ValueError: nothing to learn from; the message says what is wrong, what was got and what to do.
        """
        raise ValueError("this task takes no data; choose one that does")

    def length(self, settings: TaskSettings) -> int:
        """Positions T of one sequence, answer slots included."""
        return settings.L

    def shortest(self, settings: TaskSettings) -> int:
        """The smallest L that the rest of the settings leaves room for."""
        return SHORTEST

    @abstractmethod
    def classes(self, settings: TaskSettings) -> int:
        """Number of classes to choose from when answering; 0 where real numbers are asked."""

    @abstractmethod
    def answers(self, settings: TaskSettings) -> int:
        """Number of positions that are asked, the last ones of every sequence."""

    def at_length(self, settings: TaskSettings, L: int) -> TaskSettings:
        """The same task with another L; not bounded above, since testing is cheaper than training.

        Raises:
            ValueError: shorter than `shortest`.
        """
        least = self.shortest(settings)
        if least > L:
            raise ValueError(f"L must be at least {least} for {settings.name}, got {L}; ask for a longer sequence")
        return settings.model_copy(update={"L": L})

    @abstractmethod
    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """Values of L worth testing after training on `device` ("cpu" or "cuda"), ascending."""

    def trials(self, settings: TaskSettings, device: str) -> list[Trial]:
        """The tests after training, shortest first."""
        return [Trial(L) for L in self.ladder(settings, device)]

    @abstractmethod
    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The targets of any valid sequence(s), (T,) or (n, T), straight from the task's definition.

        Raises:
            ValueError: not a sequence of this task; the message says what is wrong and what to do.
        """

    @abstractmethod
    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Draw n sequences from the side of the split that `rng` (see `rng_for`) belongs to.

        Raises:
            ValueError: the task has so few sequences that this side of the split is empty.
        """

    def chance(self, settings: TaskSettings) -> float | None:
        """Token accuracy of guessing among the classes; None where real numbers are asked."""
        return 1.0 / self.classes(settings)

    @abstractmethod
    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Token id, or class -> (label, kind); nothing where real numbers are read and asked."""

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """What pictures need to know beyond the tokens, in words that JSON has; see `SignalTask.about`."""
        return {}


class TokenTask(Task):
    """A synthetic task on tokens.

    Data classes are the tokens 0, 1, ..., special tokens come last in the vocabulary.
    """

    def sequences(self, settings: TaskSettings) -> int | None:
        """How many different ones there are; None where they are more than anyone could draw."""
        return None

    def check(self, settings: TaskSettings) -> None:
        """Refuse a task with too few tokens, or with too few sequences to keep some for testing.

        Raises:
            ValueError: the message says how many there are.
        """
        if settings.vocab < FEWEST_TOKENS:
            raise ValueError(f"vocab must be at least {FEWEST_TOKENS} tokens, got {settings.vocab}; raise vocab")
        super().check(settings)
        count = self.sequences(settings)
        if count is not None and count < MIN_SEQUENCES:
            raise ValueError(
                f"there are only {count} different sequences, too few to keep some for testing; "
                f"raise n_data or vocab until there are {MIN_SEQUENCES}"
            )

    @abstractmethod
    def _draw(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (n, T) uint8 and answers (n, `answers`) from the task's distribution, on either side of the split."""

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Draw n sequences from the side of the split that `rng` (see `rng_for`) belongs to.

        Raises:
            ValueError: the task has so few sequences that this side of the split is empty.
        """
        tokens, answers = self._draw_side(settings, rng, n)
        targets = np.full(tokens.shape, IGNORED, dtype=np.int64)
        targets[:, -answers.shape[1] :] = answers
        return Batch(tokens.astype(np.int64), targets)

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Token id -> (label, kind). Data are letters where the alphabet is long enough, else numbers."""
        count = self.classes(settings)
        names = string.ascii_uppercase if count <= 26 else [str(c) for c in range(count)]
        return {c: (names[c], "data") for c in range(count)} | self._special(settings)

    @abstractmethod
    def _special(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """The special tokens' labels."""

    def _draw_side(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Rejection sampling: exact, and one draw in eight (train) or seven in eight (test) is thrown away."""
        test = split_of(rng) != "train"
        waste = HELD_OUT if test else HELD_OUT / (HELD_OUT - 1)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        missing = n
        for _ in range(MAX_DRAWS):
            size = min(int(1.1 * waste * missing) + 8, max(1, BLOCK // self.length(settings)))
            tokens, answers = self._draw(settings, rng, size)
            right = np.flatnonzero(held_out(tokens) == test)[:missing]
            found.append((tokens[right], answers[right]))
            missing -= len(right)
            if missing <= 0:
                return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])
        raise ValueError(
            f"{settings.name} with L={settings.L}, vocab={settings.vocab}, n_data={settings.n_data} has too few "
            f"sequences to keep some for testing; raise vocab or n_data"
        )


def checked(settings: TaskSettings, tokens: np.ndarray, *, extra: int) -> np.ndarray:
    """Tokens as (n, T), T = context + `extra`, after the checks that all tasks share.

    Raises:
        ValueError: wrong shape or type, context too short or too long, token outside the vocabulary.
    """
    rows = np.atleast_2d(np.asarray(tokens))
    if rows.ndim != 2 or rows.dtype.kind not in "iu":
        raise ValueError(f"tokens must be whole numbers (T,) or (n, T), got {rows.dtype} {rows.shape}")
    low, high = SHORTEST, 2 * settings.L + 64
    context = rows.shape[1] - extra
    if not low <= context <= high:
        raise ValueError(f"the context must have {low} to {high} tokens, got {context}; insert or remove some")
    outside = (rows < 0) | (rows >= settings.vocab)
    if outside.any():
        raise ValueError(f"tokens must lie in 0..{settings.vocab - 1}, got {rows[outside][0]}; choose one of those")
    return rows


def as_targets(tokens: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Targets of the shape of `tokens`: (n, k) answers at the last k positions, IGNORED before."""
    targets = np.full((len(answers), np.shape(tokens)[-1]), IGNORED, dtype=np.int64)
    targets[:, -answers.shape[1] :] = answers
    return targets.reshape(np.shape(tokens))
