"""Permuted digits: the digits of `digits`, their pixels read in one fixed order that was drawn at random.

Neighbours in the picture are far apart in the sequence, so nothing local is left to go by: a memory must hold all of
it (Le, Jaitly & Hinton 2015 introduced the test, on MNIST).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.digits import Digits
from ssmviz.tasks.task import Batch

ORDER = 0  # seed of the order


class PermutedDigits(Digits):
    """Pixel `order(L)[t]` of the picture, row by row, is read at position t."""

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """The class of digits that are in the set.

        Raises:
            ValueError: no digit of the set: only its writer knows what it is.
        """
        if np.shape(tokens)[-1] != settings.L:
            return super().answer(settings, tokens)  # which says what is wrong
        return super().answer(settings, np.asarray(tokens)[..., np.argsort(order(settings.L))])

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """The same draw as of `Digits`, in another order."""
        pixels, targets = super().sample(settings, rng, n)
        return Batch(np.ascontiguousarray(pixels[:, order(settings.L)]), targets)

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With the order, so that the picture can be shown as it was written."""
        return super().about(settings) | {"order": order(settings.L).tolist()}


@cache
def order(L: int) -> np.ndarray:
    """Where the pixel of each position stands in the picture: (L,), the same for every seed."""
    return np.random.default_rng(ORDER).permutation(L)
