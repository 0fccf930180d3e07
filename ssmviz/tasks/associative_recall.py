"""Multi-query associative recall, MQAR (Arora et al. 2023, "Zoology", arXiv 2312.04927): what belonged to each key?

L context slots hold n_data pairs, a key and right after it its value, at random places among noise; then all keys come
again in another order, and at each of them its value must be said. A state of fixed size must hold all pairs at once:
the task tells apart how much layers can hold.

Departures: the paper's pairs stand at the beginning and its queries are scattered by a power law; here the pairs are
scattered and the queries stand in one block at the end. The paper's values differ from each other; here each is drawn
by itself, so that no answer follows from the others.
"""

from __future__ import annotations

import math
import string

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.streams import slots
from ssmviz.tasks.task import SHORTEST, Kind, Sizes, TokenTask, as_targets, checked


class AssociativeRecall(TokenTask):
    """vocab = values (the first half) + keys + noise: vocab 17 has 8 values and 8 keys, chance 12.5 %."""

    sizes = Sizes(vocab="Tokens in all", n_data="Pairs")
    editable = ("data", "trigger", "noise")
    curriculum = "climb"

    def check(self, settings: TaskSettings) -> None:
        """The pairs must fit into the context, and every pair needs a key of its own."""
        keys = self._keys(settings)
        if settings.n_data > keys:
            raise ValueError(
                f"n_data must be at most the {keys} keys of vocab={settings.vocab}, got {settings.n_data}; "
                f"lower n_data or raise vocab"
            )
        if 2 * settings.n_data > settings.L:
            raise ValueError(
                f"n_data must be at most L/2={settings.L // 2}, got {settings.n_data}; lower n_data or raise L"
            )
        super().check(settings)

    def classes(self, settings: TaskSettings) -> int:
        """Values."""
        return (settings.vocab - 1) // 2

    def answers(self, settings: TaskSettings) -> int:
        """One for each key."""
        return settings.n_data

    def length(self, settings: TaskSettings) -> int:
        """One query for each pair follows the context."""
        return settings.L + settings.n_data

    def shortest(self, settings: TaskSettings) -> int:
        """L must hold all pairs."""
        return max(SHORTEST, 2 * settings.n_data)

    def sequences(self, settings: TaskSettings) -> int:
        """Choices of keys, values, places and orders of the queries."""
        n, L = settings.n_data, settings.L
        keys_and_values = math.perm(self._keys(settings), n) * int(self.classes(settings) ** n)
        return keys_and_values * math.comb(L - n, n) * math.factorial(n)

    def ladder(self, settings: TaskSettings, device: str) -> list[int]:
        """L/2, L, 2L, 4L where the pairs fit."""
        lengths = (settings.L // 2, settings.L, 2 * settings.L, 4 * settings.L)
        return [L for L in lengths if self.shortest(settings) <= L]

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """For each of the last n_data tokens, what follows the same key in the context.

        Raises:
            ValueError: a query is no key; its key is not in the context, or twice; no value follows it.
        """
        n_data, values, noise = settings.n_data, self.classes(settings), settings.vocab - 1
        rows = checked(settings, tokens, extra=n_data)
        context, queries = rows[:, :-n_data], rows[:, -n_data:]
        if ((queries < values) | (queries == noise)).any():
            raise ValueError(f"the last {n_data} tokens must be keys ({values} to {noise - 1}); put them back")
        same = context[:, None, :] == queries[:, :, None]  # (n, n_data, L)
        count = same.sum(-1)
        if (count != 1).any():
            row, query = np.argwhere(count != 1)[0]
            name = self.describe(settings)[int(queries[row, query])][0]
            got = f"{count[row, query]} times"
            raise ValueError(f"key {name} is asked for, so it must stand once in the context, got {got}; move it there")
        after = np.concatenate([context, np.full((len(rows), 1), noise)], axis=1)[:, 1:]
        said = np.take_along_axis(after, same.argmax(-1), axis=1)
        if (said >= values).any():
            row, query = np.argwhere(said >= values)[0]
            name = self.describe(settings)[int(queries[row, query])][0]
            raise ValueError(f"no value follows key {name} in the context; place one right after it")
        return as_targets(tokens, said)

    def _keys(self, settings: TaskSettings) -> int:
        return settings.vocab - 1 - self.classes(settings)

    def _draw(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        L, n_data, first = settings.L, settings.n_data, self.classes(settings)
        keys = np.broadcast_to(np.arange(first, settings.vocab - 1, dtype=np.uint8), (n, self._keys(settings)))
        keys = rng.permuted(keys, axis=1)[:, :n_data]
        values = rng.integers(0, first, (n, n_data), dtype=np.uint8)
        order = rng.permuted(np.broadcast_to(np.arange(n_data), (n, n_data)), axis=1)
        at = slots(rng, n, L - n_data, n_data) + np.arange(n_data)  # where pairs begin: each takes a slot more
        tokens = np.full((n, self.length(settings)), settings.vocab - 1, dtype=np.uint8)
        np.put_along_axis(tokens, at, keys, axis=1)
        np.put_along_axis(tokens, at + 1, values, axis=1)
        tokens[:, L:] = np.take_along_axis(keys, order, axis=1)
        return tokens, np.take_along_axis(values, order, axis=1)

    def _special(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        first, count = self.classes(settings), self._keys(settings)
        names = string.ascii_lowercase if count <= 26 else [f"k{i}" for i in range(count)]
        keys: dict[int, tuple[str, Kind]] = {first + i: (names[i], "trigger") for i in range(count)}
        return keys | {settings.vocab - 1: ("·", "noise")}
