"""ListOps (Nangia & Bowman 2018; Long Range Arena, Tay et al. 2020): what does a nested list of operations come to?

Prefix notation with brackets: "[MAX 2 9 [MIN 4 7] 0]" is 9. Operators as in both released generators: MIN, MAX, MED
(the median, cut to a whole number) and SM (the sum modulo 10). The Long Range Arena paper names MAX, MEAN, MEDIAN and
SUM_MOD instead; its code, by which its data can be made again, has these four.

The tree grows as in those generators: an operator with probability 1/4 wherever one may still stand, else a digit; 2 to
10 arguments. Two departures: the root is always an operator (the Long Range Arena gets there by refusing short lists),
and lists have more than L/4 and at most L tokens, padded in front, so that the answer is asked at the last bracket.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.task import Kind, Sizes, TokenTask, as_targets, checked

DIGITS = 10
OPERATORS: dict[str, tuple[str, Callable[[Sequence[int]], int]]] = {  # label -> name, what it says of its arguments
    "↓": ("MIN", min),
    "↑": ("MAX", max),
    "↕": ("MED", lambda values: int(statistics.median(values))),
    "+": ("SM", lambda values: sum(values) % DIGITS),
}
FUNCTIONS = [function for _, function in OPERATORS.values()]
CLOSE, PAD = DIGITS + len(OPERATORS), DIGITS + len(OPERATORS) + 1
VOCAB = PAD + 1
NESTED = 0.25  # probability that an argument is a list itself
MOST = 10  # arguments
ROOM = 16  # L up to ROOM * 2^depth: so many lists are that long that drawing one takes a few tries


class ListOps(TokenTask):
    """Tokens are the digits, four operators (each with its opening bracket), "]" and padding; `n_data` bounds depth."""

    sizes = Sizes(n_data="Depth")
    editable = ("data",)
    curriculum = "climb"

    def check(self, settings: TaskSettings) -> None:
        """The vocabulary is what it is, and lists of L tokens must not be rare."""
        if settings.vocab != VOCAB:
            raise ValueError(f"listops has vocab={VOCAB}, got {settings.vocab}")
        if self._longest(settings) < settings.L:
            raise ValueError(
                f"L must be at most {self._longest(settings)} for lists {settings.n_data} deep, got {settings.L}; "
                f"lower L or raise n_data"
            )
        super().check(settings)

    def classes(self, settings: TaskSettings) -> int:
        """Digits."""
        return DIGITS

    def answers(self, settings: TaskSettings) -> int:
        """Only the last position is asked."""
        return 1

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2, L, 2L, 4L, as far as lists of this depth reach."""
        lengths = (settings.L // 2, settings.L, 2 * settings.L, 4 * settings.L)
        return [L for L in lengths if self.shortest(settings) <= L <= self._longest(settings)]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """What the list comes to.

        Raises:
            ValueError: brackets that do not close, lists without arguments, or something beside the one list.
        """
        rows = checked(settings, tokens, extra=0)
        return as_targets(tokens, np.array([[value(row)] for row in rows.tolist()]))

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """Digits are digits here, not letters."""
        return {digit: (str(digit), "data") for digit in range(DIGITS)} | self._special(settings)

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """For a picture of the tree: the operators' names by their labels."""
        return {"operators": {label: name for label, (name, _) in OPERATORS.items()}}

    def _longest(self, settings: TaskSettings) -> int:
        return int(ROOM * 2 ** min(settings.n_data, 16))

    def _draw(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        tokens = np.full((n, settings.L), PAD, dtype=np.uint8)
        answers = np.empty((n, 1), dtype=np.uint8)
        numbers = _numbers(rng)
        for row, said in zip(tokens, answers, strict=True):
            drawn: list[int] = []
            while not settings.L // 4 < len(drawn) <= settings.L:
                drawn = _list(numbers, settings.n_data, settings.L)
            row[-len(drawn) :] = drawn
            said[0] = value(drawn)
        return tokens, answers

    def _special(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        operators: dict[int, tuple[str, Kind]] = {DIGITS + i: (label, "open") for i, label in enumerate(OPERATORS)}
        return operators | {CLOSE: ("]", "close"), PAD: ("·", "noise")}


def value(tokens: Sequence[int]) -> int:
    """What one list comes to, padding in front allowed.

    Raises:
        ValueError: no list, or more than one.
    """
    start = next((t for t, token in enumerate(tokens) if token != PAD), len(tokens))
    open_lists: list[tuple[int, list[int]]] = []  # operator and the arguments so far
    for t in range(start, len(tokens)):
        token = tokens[t]
        if token == PAD:
            raise ValueError(f"padding may only stand before the list, got some at position {t}; move it to the front")
        if DIGITS <= token < CLOSE:
            open_lists.append((token, []))
            continue
        if not open_lists:
            raise ValueError(f"position {t} is outside any list; begin with an operator")
        if token < DIGITS:
            open_lists[-1][1].append(token)
            continue
        operator, arguments = open_lists.pop()
        if not arguments:
            raise ValueError(f"the list that ends at position {t} has no arguments; place a digit in it")
        said = FUNCTIONS[operator - DIGITS](arguments)
        if open_lists:
            open_lists[-1][1].append(said)
        elif t < len(tokens) - 1:
            raise ValueError(f"the list ends at position {t}, before the last token; leave nothing after it")
        else:
            return said
    raise ValueError(f"{len(open_lists)} lists are not closed; end each with ]" if open_lists else "there is no list")


def _list(numbers: Iterator[float], depth: int, L: int) -> list[int]:
    """The tokens of one random list; given up soon after it has outgrown L."""
    tokens: list[int] = []
    missing: list[int] = []  # arguments that each open list still waits for

    def begin() -> None:
        tokens.append(DIGITS + int(len(OPERATORS) * next(numbers)))
        missing.append(2 + int((MOST - 1) * next(numbers)))

    begin()
    while missing and len(tokens) <= L:
        if not missing[-1]:
            missing.pop()
            tokens.append(CLOSE)
            continue
        missing[-1] -= 1
        if len(missing) < depth and next(numbers) < NESTED:
            begin()
        else:
            tokens.append(int(DIGITS * next(numbers)))
    return tokens


def _numbers(rng: np.random.Generator) -> Iterator[float]:
    """Uniform in [0, 1), drawn a thousand at a time."""
    while True:
        yield from rng.random(1024).tolist()
