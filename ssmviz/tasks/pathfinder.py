"""A small Pathfinder: two dots in a picture of dashed paths, read pixel by pixel; does a path join them?

After Linsley et al. 2018 and the task of the Long Range Arena (Tay et al. 2020), much smaller. Every picture has
`n_data` + 1 paths alike. Either the two dots are the ends of one path, or they are ends of two, chosen so that they are
as far apart as ends of one path are: neither the number of paths nor the distance of the dots gives the answer away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmviz.settings import TaskSettings
from ssmviz.tasks.signal import Picture, checked_signal, class_at_end
from ssmviz.tasks.streams import HELD_OUT, held_out, split_of
from ssmviz.tasks.task import Batch, Kind, Sizes

PICTURES = {64: 2, 256: 3, 1024: 5}  # pixels: most paths that find room
PAPER, DASH, DOT = -1.0, 0.0, 1.0  # how much ink
PERIOD = 3  # pixels of a path: two of ink, one of paper
REACH = 2  # pixels over which the next dash of a path is found, in both directions
APART = 3  # pixels at least between two paths
BEND, WOBBLE = 0.12, 0.12  # standard deviation of a path's turning per pixel: of all of it, of each step
TRIES = 16  # places at which a path is tried at once
ALIKE = 1.0  # pixels by which dots of both answers may be differently far apart


class Pathfinder(Picture):
    """L = 64, 256 or 1024 pixels; vocab is 2, `n_data` paths lie beside."""

    sizes = Sizes(L="Pixels $L$", n_data="Other paths")
    reads, says, span = "ink", "answer", 1.0

    def check(self, settings: TaskSettings) -> None:
        """Two answers, three sizes of pictures, and paths that fit into them."""
        if settings.L not in PICTURES or settings.vocab != 2:
            got = f"L={settings.L} and vocab={settings.vocab}"
            raise ValueError(f"pathfinder has L of {tuple(PICTURES)} and vocab=2, got {got}")
        if settings.n_data >= PICTURES[settings.L]:
            raise ValueError(
                f"n_data must be below {PICTURES[settings.L]} for L={settings.L}, got {settings.n_data}; lower n_data"
            )
        super().check(settings)

    def classes(self, settings: TaskSettings) -> int:
        """Apart or joined."""
        return 2

    def answer(self, settings: TaskSettings, tokens: np.ndarray) -> np.ndarray:
        """Fill from one dot over ink that is at most REACH away, and see whether the other is met.

        Raises:
            ValueError: not a picture with two dots.
        """
        rows = checked_signal(settings, tokens, length=settings.L)
        side = round(settings.L**0.5)
        pictures = rows.reshape(-1, side, side)
        dots = np.argwhere((pictures > (DASH + DOT) / 2).reshape(len(rows), -1))
        if len(dots) != 2 * len(rows) or (np.bincount(dots[:, 0], minlength=len(rows)) != 2).any():
            raise ValueError(f"a picture must have two dots, got {len(dots)} in {len(rows)} pictures; draw two")
        first, second = dots[::2, 1], dots[1::2, 1]
        met = filled(pictures > (PAPER + DASH) / 2, first).reshape(len(rows), -1)
        return class_at_end(tokens, met[np.arange(len(rows)), second].astype(np.int64))

    def sample(self, settings: TaskSettings, rng: np.random.Generator, n: int) -> Batch:
        """Pictures of one side of the split (see `ssmviz.tasks.streams`), half of them joined on average."""
        test = split_of(rng) != "train"
        signals, classes = np.empty((0, settings.L), np.float32), np.empty(0, np.int64)
        while len(classes) < n:
            size = int(1.2 * (n - len(classes)) * (HELD_OUT if test else 1)) + 8
            more, joined = draw(rng, size, side=round(settings.L**0.5), paths=settings.n_data + 1)
            right = held_out((more - PAPER).astype(np.int64)) == test
            signals, classes = np.concatenate([signals, more[right]]), np.concatenate([classes, joined[right]])
        return Batch(signals[:n], class_at_end(signals[:n], classes[:n]))

    def describe(self, settings: TaskSettings) -> dict[int, tuple[str, Kind]]:
        """No and yes."""
        return {0: ("no", "data"), 1: ("yes", "data")}

    def about(self, settings: TaskSettings) -> dict[str, Any]:
        """With what a person may draw with."""
        return super().about(settings) | {"inks": [PAPER, DASH, DOT]}


def draw(rng: np.random.Generator, n: int, *, side: int, paths: int) -> tuple[np.ndarray, np.ndarray]:
    """Up to n pictures (., side^2) float32, and whether their dots are joined, (.,) int64."""
    where = lay(rng, n, side=side, paths=paths)  # (n, paths, K)
    joined = rng.integers(0, 2, n)
    ends, fair = dots(rng, where, joined, side=side)
    inked = np.arange(where.shape[-1]) % PERIOD != PERIOD - 1
    signal = np.full((n, side**2), PAPER, np.float32)
    np.put_along_axis(signal, where[..., inked].reshape(n, -1), DASH, axis=1)
    np.put_along_axis(signal, ends, DOT, axis=1)
    return signal[fair], joined[fair]


def lay(rng: np.random.Generator, n: int, *, side: int, paths: int) -> np.ndarray:
    """Curved paths that keep APART, as K pixels each, counted row by row: (n, paths, K)."""
    K = PERIOD * (side // 5) + 2  # ends are ink
    laid = np.zeros((n, paths, K), dtype=np.int64)
    taken = np.zeros((n, side, side), dtype=bool)  # within APART of a path that lies
    done, tries = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    while (todo := np.flatnonzero(done < paths)).size:
        new = walk(rng, len(todo) * TRIES, side=side, K=K).reshape(len(todo), TRIES, K)
        fits = ~taken.reshape(n, -1)[todo[:, None, None], new].any(2)
        found = fits.any(1)
        rows = todo[found]
        chosen = new[found, fits[found].argmax(1)]
        laid[rows, done[rows]] = chosen
        path = np.zeros((len(rows), side**2), dtype=bool)
        np.put_along_axis(path, chosen, True, axis=1)
        taken[rows] |= widened(path.reshape(-1, side, side), APART - 1)
        done[rows] += 1
        tries[todo] += 1
        stuck = todo[~found & (tries[todo] > 2 * paths)]  # begin this picture again
        taken[stuck], done[stuck], tries[stuck] = False, 0, 0
    return laid


def walk(rng: np.random.Generator, n: int, *, side: int, K: int) -> np.ndarray:
    """Curves of K pixels, one pixel a step, anywhere in the picture: (n, K)."""
    turning = BEND * rng.standard_normal((n, 1)) + WOBBLE * rng.standard_normal((n, K))
    heading = rng.uniform(0, 2 * np.pi, (n, 1)) + turning.cumsum(1)
    curve = np.stack([np.sin(heading), np.cos(heading)], axis=-1).cumsum(1)
    low, high = curve.min(1), curve.max(1)
    shift = rng.uniform(0, 1, (n, 2)) * (side - 1 - (high - low)) - low
    return np.asarray(np.rint(curve + shift[:, None]).astype(np.int64) @ np.array([side, 1]))


def dots(
    rng: np.random.Generator, where: np.ndarray, joined: np.ndarray, *, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both dots (n, 2), ends of one path or of two, and whether both could be had equally far apart, (n,) bool."""
    n, paths = where.shape[:2]
    ends = where[:, :, [0, -1]].reshape(n, 2 * paths)
    row, column = np.divmod(ends, side)
    i, j = np.triu_indices(2 * paths, k=1)
    far = np.hypot(row[:, i] - row[:, j], column[:, i] - column[:, j])
    same = i // 2 == j // 2
    own, rows = rng.choice(np.flatnonzero(same), n), np.arange(n)  # a path
    missing = np.abs(far - far[rows, own][:, None]) + np.where(same, np.inf, 0)
    pair = np.where(joined == 1, own, missing.argmin(1))
    return np.stack([ends[rows, i[pair]], ends[rows, j[pair]]], axis=1), missing.min(1) <= ALIKE


def filled(ink: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Ink that is met from pixel `start` (n,) in steps of up to REACH: (n, side, side) bool."""
    n, side, _ = ink.shape
    met = np.zeros((n, side**2), bool)
    met[np.arange(n), start] = True
    met, before = met.reshape(ink.shape), 0
    while (now := int(met.sum())) > before:
        before = now
        met = widened(met, REACH) & ink
    return met


def widened(marks: np.ndarray, by: int) -> np.ndarray:
    """What is at most `by` away from a mark in both directions: (n, side, side) bool."""
    side = marks.shape[-1]
    padded = np.pad(marks, ((0, 0), (by, by), (0, 0)))
    rows = np.logical_or.reduce([padded[:, k : k + side] for k in range(2 * by + 1)])
    padded = np.pad(rows, ((0, 0), (0, 0), (by, by)))
    return np.asarray(np.logical_or.reduce([padded[:, :, k : k + side] for k in range(2 * by + 1)]))
