"""Sequential digits: a real handwritten digit, read pixel by pixel, row by row; say at the end which it was.

The 1797 digits of 8 x 8 pixels that scikit-learn ships (UCI, Optical Recognition of Handwritten Digits), never
MNIST. L = 64 reads them as they are, L = 256 and L = 784 enlarged to 16 x 16 and 28 x 28 (bilinear).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Picture, checked_signal, class_at_end
from ssmviz.tasks.streams import split_of
from ssmviz.tasks.task import Batch, Kind, Sizes

WIDTH = 8
PICTURES = (64, 256, 784)  # pixels, read one by one
WHITE = 16  # the largest value of a pixel
TEST = 450  # digits kept for testing, of 1797
SHUFFLE = 0  # seed of the split


class Side(NamedTuple):
    """The digits of one side of the split."""

    pixels: np.ndarray  # (n, L) float32 in [-1, 1]
    classes: np.ndarray  # (n,) int64


class Digits(Picture):
    """vocab is 10. The split is drawn once, at random over all writers, and is the same for every seed."""

    sizes = Sizes(L="Pixels $L$")
    reads, says, span = "ink", "digit", 1.0

    def check(self, settings: TaskSettings) -> None:
        """There are ten digits, in pictures of these sizes."""
        if settings.L not in PICTURES or settings.vocab != 10:
            got = f"L={settings.L} and vocab={settings.vocab}"
            raise ValueError(f"digits have L of {PICTURES} and vocab=10, got {got}")
        super().check(settings)

    def classes(self, settings: TaskSettings) -> int:
        """Ten digits."""
        return 10

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The class of digits that are in the set.

        Raises:
            ValueError: no digit of the set: only its writer knows what it is.
        """
        rows = checked_signal(settings, tokens, length=settings.L).astype(np.float32)
        known = _known(settings.L)
        if any(row.tobytes() not in known for row in rows):
            raise ValueError("this is no digit of the set, so nobody knows its class; choose one of the set")
        return class_at_end(tokens, np.array([known[row.tobytes()] for row in rows]))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Training: n digits at random. Testing: no digit twice before all were drawn."""
        train = split_of(rng) == "train"
        side = split(settings.L)[0 if train else 1]
        count = len(side.classes)
        if train:
            rows = rng.integers(0, count, n)
        else:
            rows = np.concatenate([rng.permutation(count) for _ in range(-(-n // count))])[:n]
        pixels = side.pixels[rows]
        return Batch(pixels, class_at_end(pixels, side.classes[rows]))

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """The digits themselves."""
        return {c: (str(c), "data") for c in range(10)}


@cache
def split(L: int) -> tuple[Side, Side]:
    """What may be trained on, and the TEST digits that may not."""
    pixels, classes = _all(L)
    order = np.random.default_rng(SHUFFLE).permutation(len(classes))
    train, test = order[:-TEST], order[-TEST:]
    return Side(pixels[train], classes[train]), Side(pixels[test], classes[test])


@cache
def _all(L: int) -> tuple[np.ndarray, np.ndarray]:
    images, classes = _read()
    pictures = 2 * images / WHITE - 1
    if L != WIDTH**2:
        W = enlargement(WIDTH, round(L**0.5))
        pictures = W @ pictures @ W.T
    return pictures.reshape(len(pictures), -1).astype(np.float32), classes.astype(np.int64)


def _read() -> tuple[np.ndarray, np.ndarray]:
    """The package's images (1797, 8, 8) and classes."""
    # takes a second: only who trains or tests waits for it
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]

    data = load_digits()
    return data.images, data.target


@cache
def _known(L: int) -> dict[bytes, int]:
    pixels, classes = _all(L)
    return {row.tobytes(): int(c) for row, c in zip(pixels, classes, strict=True)}


def enlargement(old: int, new: int) -> np.ndarray:
    """Bilinear interpolation between the middles of pixels, as a matrix (new, old); the border is continued."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), old - 2)
    W = np.zeros((new, old))
    W[np.arange(new), low] = 1 - (at - low)
    W[np.arange(new), low + 1] = at - low
    return W
