"""Random streams that can be entered anywhere, and the rule that keeps test sequences out of training.

Every sequence belongs to one side for ever: `held_out` hashes its tokens, and one sequence in eight is
held out. The train stream gives only sequences that are not held out, the test and probe streams only
held-out ones. So no test sequence is ever trained on, whatever the seed, the number of steps or the
curriculum; within its side every stream keeps the task's own distribution exactly (rejection sampling).
The hash mixes all tokens, so membership is nothing a network could learn and profit from.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Split = Literal["train", "test", "probe"]
SPLITS: dict[Split, int] = {"train": 0, "test": 1, "probe": 2}
HELD_OUT = 8  # one sequence in HELD_OUT is kept for testing


class Stream(np.random.Generator):
    """A generator that knows which side of the split it may draw from."""

    def __init__(self, bit_generator: np.random.BitGenerator, split: Split) -> None:
        super().__init__(bit_generator)
        self.split: Split = split


def rng_for(seed: int, split: Split, step: int | None = None) -> Stream:
    """The stream of one split, or its batch number `step` without making the earlier ones.

    Philox is counter-based: (seed, split) is its key and the step the upper word of its counter, so
    different arguments give blocks of 2^192 draws that never overlap.

    Args:
        seed: the run's seed, >= 0.
        split: "train" draws sequences to learn from, "test" and "probe" held-out ones.
        step: number of the batch, >= 0; None for the stream as a whole (equal to no step's).
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {sorted(SPLITS)}, got {split!r}")
    if seed < 0 or (step is not None and step < 0):
        raise ValueError(f"seed and step must not be negative, got seed={seed}, step={step}")
    counter = [0, 0, 0, 0 if step is None else step + 1]
    return Stream(np.random.Philox(key=[seed, SPLITS[split]], counter=counter), split)


def split_of(rng: np.random.Generator) -> Split:
    """The side a generator draws from; a plain generator may only draw what training may see."""
    return rng.split if isinstance(rng, Stream) else "train"


def held_out(tokens: np.ndarray) -> np.ndarray:
    """Whether each sequence is kept for testing: (n, T) tokens -> (n,) bool, the same on every machine."""
    weights = _mix(np.arange(1, tokens.shape[1] + 1, dtype=np.uint64))
    keys = _mix((tokens.astype(np.uint64) + np.uint64(1)) @ weights)
    return np.asarray(keys % np.uint64(HELD_OUT) == 0)


def slots(rng: np.random.Generator, n: int, L: int, k: int) -> np.ndarray:
    """Sets of k different slots of L in ascending order, every choice equally likely: (n, k) int64."""
    bits = np.uint64(max(L - 1, 1).bit_length())
    # The slot's number sits in the low bits of its random key: keys never tie, and the k smallest keys are the choice.
    # A partition finds them several times faster than argpartition.
    keys = rng.integers(0, 2**64, (n, L), dtype=np.uint64) << bits | np.arange(L, dtype=np.uint64)
    keys.partition(k - 1, axis=1)
    chosen = keys[:, :k] & ((np.uint64(1) << bits) - np.uint64(1))
    chosen.sort(axis=1)
    return chosen.astype(np.int64)


def _mix(x: np.ndarray) -> np.ndarray:
    """The splitmix64 finaliser (Steele, Lea & Flood 2014), modulo 2^64."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
