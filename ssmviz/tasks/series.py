"""A series of numbers of your own, from a CSV file: say the value `n_data` rows later, at every row.

The first four fifths of the rows are for training, the rest for testing, so that what is tested lies in the future of
all that was learned. Without a file, a made-up temperature by the hour stands in: a day, slower weather, noise.
"""

from __future__ import annotations

import csv
import io
from functools import lru_cache

import numpy as np

from ssmviz import data
from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Regression, checked_signal
from ssmviz.tasks.streams import split_of
from ssmviz.tasks.task import Batch, Sizes, Upload

FEWEST, MOST = 100, 200_000  # rows
TEST = 5  # one row in TEST is kept for testing, the last ones
DELIMITERS = ",;\t"
MADE_UP = 4096  # hours of the example


class Series(Regression):
    """Values are normalised by the mean and standard deviation of the training rows. Every position is asked."""

    sizes = Sizes(n_data="Rows ahead")
    upload = Upload(f"a table of numbers (.csv), {FEWEST:,} to {MOST:,} rows", ("csv", "tsv", "txt"))
    reads, says, span = "value (standardised)", "value, later", 3.0

    def accept(self, text: str) -> str:
        """One column, a number a line.

        Raises:
            ValueError: not a series; see `read`.
        """
        return "".join(f"{value!r}\n" for value in read(text).tolist())

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L, and twice as long where the test rows allow it."""
        rows = len(sides(settings.data)[1])
        return [L for L in (settings.L, 2 * settings.L) if L + settings.n_data <= rows]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """What stands later in the signal(s); beyond their end nobody knows: NaN.

        Raises:
            ValueError: not a signal of this task.
        """
        rows = checked_signal(settings, tokens)
        k = settings.n_data
        later = np.pad(rows, ((0, 0), (0, k)), constant_values=np.nan)[:, k:]
        return later.astype(np.float32).reshape(np.shape(tokens))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Stretches of L rows, from anywhere on their side of the split.

        Raises:
            ValueError: the file has too few rows, or is not on this machine.
        """
        side = sides(settings.data)[split_of(rng) != "train"]
        span = settings.L + settings.n_data
        if span > len(side):
            raise ValueError(
                f"L + n_data must be at most {len(side)}, the rows kept for it, got {span}; lower L or bring more rows"
            )
        windows = np.lib.stride_tricks.sliding_window_view(side, span)[rng.integers(0, len(side) - span + 1, n)]
        return Batch(windows[:, : settings.L].copy(), windows[:, settings.n_data :].copy())


def read(text: str, column: str | None = None) -> np.ndarray:
    """The numbers of one column of a table: (rows,) float64.

    Args:
        text: lines of cells with , ; or tab between them; names of the columns in the first line, or none.
        column: its name; None: the first column of numbers that does more than count.

    Raises:
        ValueError: no such column, too few or too many rows, a cell that is no finite number; the message says which.
    """
    rows = [
        row for row in csv.reader(io.StringIO(text), delimiter=_delimiter(text)) if any(cell.strip() for cell in row)
    ]
    if not rows:
        raise ValueError("the file is empty; bring one with a number in each row")
    named = not any(_is_number(cell) for cell in rows[0])
    names = [name.strip() for name in rows[0]] if named else [str(k + 1) for k in range(len(rows[0]))]
    body = rows[1:] if named else rows
    if not FEWEST <= len(body) <= MOST:
        raise ValueError(f"a series must have {FEWEST:,} to {MOST:,} rows, got {len(body):,}; bring more or fewer")
    if column is not None:
        if column not in names:
            raise ValueError(f"there is no column {column[:40]!r}, only {', '.join(names)[:200]}; choose one of them")
        return _numbers(body, names.index(column), names, first=1 + named)
    numeric = [k for k in range(len(names)) if k < len(body[0]) and _is_number(body[0][k])]
    if not numeric:
        raise ValueError(f"no column of numbers, got {', '.join(map(repr, body[0]))[:200]}; write numbers as 1234.5")
    for k in numeric:
        numbers = _numbers(body, k, names, first=1 + named)
        if not _counts(numbers):
            return numbers
    raise ValueError(f"column {names[numeric[0]]!r} is constant or only counts; bring one with something to learn")


@lru_cache(maxsize=8)
def sides(digest: str) -> tuple[np.ndarray, np.ndarray]:
    """Training and test rows, standardised by the former: float32 (rows,) each; of the example without a digest."""
    values = np.array(data.read(digest).split(), dtype=np.float64) if digest else example()
    train, test = np.split(values, [len(values) - len(values) // TEST])
    mean, deviation = train.mean(), train.std()
    return tuple(((side - mean) / (deviation or 1.0)).astype(np.float32) for side in (train, test))


def example() -> np.ndarray:
    """A made-up temperature by the hour, in degrees Celsius: (MADE_UP,)."""
    rng = np.random.default_rng(0)
    hour = np.arange(MADE_UP)
    weather = np.convolve(rng.standard_normal(MADE_UP + 240), np.exp(-np.arange(241) / 60), "valid") / 5.5
    return np.asarray(12 + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + 4 * weather + 0.3 * rng.standard_normal(MADE_UP))


def _numbers(body: list[list[str]], k: int, names: list[str], *, first: int) -> np.ndarray:
    for line, row in enumerate(body, start=first):
        if k >= len(row) or not _is_number(row[k]):
            got = repr(row[k][:40]) if k < len(row) else f"{len(row)} cells"
            raise ValueError(f"row {line:,}, column {names[k]!r} must be a finite number, got {got}; mend that row")
    return np.array([float(row[k]) for row in body])


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _counts(numbers: np.ndarray) -> bool:
    """Whether every step is the same: a number of the row, or nothing that changes."""
    steps = np.diff(numbers)
    return bool(np.allclose(steps, steps[0], rtol=1e-6, atol=0))


def _delimiter(text: str) -> str:
    """The one that the first line has most of."""
    line = text.lstrip().split("\n", 1)[0]
    return max(DELIMITERS, key=line.count)
