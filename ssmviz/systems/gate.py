"""You are the gate: selective copying with nothing learned but one read-out, in closed form.

Each class of letters has a channel of its own, x[k, t] = 1 where token t is a letter of class k, and each channel the
same N real states: A = -(1..N) (S4D-Real, Gu et al. 2022), B = 1, zero-order hold (Mamba, Gu & Dao 2023, equation 4),

    h_t = exp(Delta_t A) h_{t-1} + (exp(Delta_t A) - 1) / A x_t,    y_t = C h_t.

After the strip come as many questions as there are letters to recall; the answer to question j is the class whose y
is largest, and right when it is that of letter j. A question writes nothing and lasts as long as the letters do on
average. C is one row for all classes and all questions: least squares on strips with the same tokens at other places.
What is not fitted is Delta. Whoever sets it is the gate.

A strip is a text: "A".."H" letters to recall; "a".."h" junk, which enters the channels as letters do and is not asked
for; "." noise, which enters none; "|" a boundary: letters before the last one belong to another document and are not
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmviz.systems.arrays import Real, vector

CLASSES = 8
LETTERS, JUNK, NOISE, BOUNDARY = "ABCDEFGH", "abcdefgh", ".", "|"
STRIPS = 512  # to fit C on, and as many others to score it on
RIDGE = 1e-12  # keeps C finite where states cannot be told apart (Delta near 0)
SILENT = 1e-9  # below this largest y nothing was written, and nothing is answered
NOTHING = -1

Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Strips:
    """Some strips of L tokens that are the same but for places and classes. `m` letters are asked for.

    source: (n, L) which token of the first strip stands there, and so whose Delta.
    channel: (n, L) the class that it writes to, `NOTHING` where it is noise or a boundary.
    asked: (n, m) places of the letters to recall, in order.
    """

    source: Whole
    channel: Whole
    asked: Whole

    @property
    def targets(self) -> Whole:
        """(n, m) classes to recall."""
        return np.take_along_axis(self.channel, self.asked, axis=1)

    def __getitem__(self, rows: slice) -> Strips:
        return Strips(self.source[rows], self.channel[rows], self.asked[rows])


@dataclass(frozen=True)
class Gate:
    """How tokens are read in.

    Args:
        delta: (L,) how long each token of the strip lasts, at least 0.
        write: (L,) B of each token; None is 1 for all. 0 keeps a token out, but its time passes.
        numbered: whether question j may have a C of its own (a selective C, were the questions different tokens).
    """

    delta: Real
    write: Real | None = None
    numbered: bool = False


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a gate is worth: C (m, N), its rows equal unless numbered; accuracy of tokens and of whole strips."""

    C: Real
    token: float
    sequence: float


def parse(strip: str) -> Strips:
    """One strip.

    Raises:
        ValueError: other characters, or nothing to recall.
    """
    if not strip or set(strip) - set(LETTERS + JUNK + NOISE + BOUNDARY):
        raise ValueError(f'a strip holds {LETTERS}, {JUNK}, "{NOISE}" and "{BOUNDARY}", got {strip!r}')
    channel = np.array([(LETTERS + JUNK).find(token) for token in strip])
    asked = [t for t in range(strip.rfind(BOUNDARY) + 1, len(strip)) if strip[t] in LETTERS]
    if not asked:
        raise ValueError(f"a strip needs a letter to recall after its last boundary, got {strip!r}")
    return Strips(
        np.arange(len(strip))[None], np.where(channel < 0, NOTHING, channel % CLASSES)[None], np.array([asked])
    )


@lru_cache(maxsize=16)
def shuffled(strip: str, n: int = 2 * STRIPS, seed: int = 1) -> Strips:
    """The same tokens at random places inside their documents, the letters of random classes.

    Tokens of a kind keep their order, and each takes its Delta along. The generator is Lehmer's "minimal standard"
    (Park & Miller 1988), so that a browser draws the same strips.

    Raises:
        ValueError: no strip, see `parse`.
    """
    parse(strip)
    draws = _lehmer(seed)
    kinds = [("A" if c in LETTERS else "a" if c in JUNK else c) for c in strip]
    found = [_shuffle(kinds, draws) for _ in range(n)]
    source = np.array(found)
    channel = np.array([[next(draws) % CLASSES if kinds[s] in "Aa" else NOTHING for s in row] for row in found])
    last = strip.rfind(BOUNDARY)
    asked = np.array([[t for t, s in enumerate(row) if s > last and kinds[s] == "A"] for row in found])
    return Strips(source, channel, asked)


def states(strips: Strips, gate: Gate, N: int) -> Real:
    """(n, L + m, CLASSES, N): h after every token and every question, by the recurrence.

    Raises:
        ValueError: delta or write does not fit the strips.
    """
    delta, write = _per_token(strips, gate)
    n, L = strips.channel.shape
    m = strips.asked.shape[1]
    delta = np.concatenate([delta[strips.source], np.full((n, m), _question(strips, delta))], axis=1)
    one_hot = (strips.channel[..., None] == np.arange(CLASSES)) * write[strips.source][..., None]
    x = np.concatenate([one_hot, np.zeros((n, m, CLASSES))], axis=1)
    A = -np.arange(1.0, N + 1)
    h = np.zeros((n, L + m, CLASSES, N))
    before = np.zeros((n, CLASSES, N))
    for t in range(L + m):
        A_bar = np.exp(delta[:, t, None, None] * A)
        h[:, t] = before = A_bar * before + (A_bar - 1) / A * x[:, t, :, None]
    return h


def asked_states(strips: Strips, gate: Gate, N: int) -> Real:
    """(n, m, CLASSES, N): h at the questions alone, without the recurrence: a letter's trace depends on its age.

    What was written at t is exp(A age) of itself when the clock, the sum of Delta, has gone on by `age`.

    Raises:
        ValueError: as `states`.
    """
    delta, write = _per_token(strips, gate)
    clock = delta[strips.source].cumsum(axis=1)
    m = strips.asked.shape[1]
    waited = _question(strips, delta) * np.arange(1, m + 1)
    age = clock[:, -1:] - clock
    A = -np.arange(1.0, N + 1)
    written = np.expm1(delta[strips.source][..., None] * A) / A * write[strips.source][..., None]
    left = np.exp(age[..., None] * A) * written
    one_hot = (strips.channel[..., None] == np.arange(CLASSES)).astype(float)
    at_end = np.einsum("nlk,nls->nks", one_hot, left)
    return np.asarray(at_end[:, None] * np.exp(waited[:, None, None] * A))


def read_out(h: Real, targets: Whole, *, numbered: bool = False) -> Real:
    """C (m, N): least squares to y = 1 for the class that is asked for and 0 for the others.

    Args:
        h: (n, m, CLASSES, N) at the questions.
        targets: (n, m).
        numbered: every question has a C of its own; otherwise all rows are the same.
    """
    m, N = h.shape[1], h.shape[3]
    wanted = (targets[..., None] == np.arange(CLASSES)).astype(float)
    if not numbered:
        return np.tile(_least_squares(h.reshape(-1, N), wanted.ravel()), (m, 1))
    return np.stack([_least_squares(h[:, j].reshape(-1, N), wanted[:, j].ravel()) for j in range(m)])


def answers(h: Real, C: Real) -> Whole:
    """(n, m) the class that each question finds loudest, `NOTHING` where all are silent; arguments as `read_out`."""
    y = (h * C[:, None, :]).sum(-1)
    return np.where(np.abs(y).max(-1) < SILENT, NOTHING, y.argmax(-1))


def outcome(strip: str, gate: Gate, N: int) -> Outcome:
    """Fit C on shuffled strips, score it on others.

    Raises:
        ValueError: no strip, or delta or write does not fit it.
    """
    strips = shuffled(strip)
    h = asked_states(strips, gate, N)
    C = read_out(h[:STRIPS], strips[:STRIPS].targets, numbered=gate.numbered)
    right = answers(h[STRIPS:], C) == strips[STRIPS:].targets
    return Outcome(C, float(right.mean()), float(right.all(axis=1).mean()))


def by_kind(strip: str, *, letters: float, rest: float, boundary: float | None = None) -> Real:
    """(L,) Delta that depends on the token alone, as S6's does: junk is treated as noise is, `rest`."""
    last = rest if boundary is None else boundary
    return np.array([letters if c in LETTERS else last if c == BOUNDARY else rest for c in strip])


def _per_token(strips: Strips, gate: Gate) -> tuple[Real, Real]:
    L = strips.channel.shape[1]
    delta = vector("delta", gate.delta)
    write = np.ones(L) if gate.write is None else vector("write", gate.write)
    if delta.shape != (L,) or write.shape != (L,):
        raise ValueError(f"delta and write must have one number a token, ({L},), got {delta.shape} and {write.shape}")
    if (delta < 0).any():
        raise ValueError(f"delta is how long a token lasts, at least 0, got {delta.min():g}")
    return delta, write


def _question(strips: Strips, delta: Real) -> float:
    """Delta of a question: the mean of the letters that are asked for."""
    return float(delta[strips.source[0, strips.asked[0]]].mean())


def _least_squares(X: ArrayLike, wanted: Real) -> Real:
    """(N,) ridge regression by modified Gram & Schmidt; the ridge as further rows keeps the digits of small states.

    LAPACK's QR would do, but of a matrix this tall OpenBLAS makes a hundred milliseconds where the cores are shared.
    """
    X = np.asarray(X)
    N = X.shape[1]
    columns = np.zeros((N + 1, len(X) + N))
    columns[:N, : len(X)], columns[:N, len(X) :] = X.T, np.sqrt(RIDGE) * np.eye(N)
    columns[N, : len(X)] = wanted
    R = np.zeros((N, N + 1))
    for i in range(N):
        q, others = columns[i], columns[i + 1 :]
        R[i, i] = np.sqrt((q * q).sum())
        q /= R[i, i]
        R[i, i + 1 :] = (others * q).sum(axis=1)
        others -= R[i, i + 1 :, None] * q
    return np.asarray(np.linalg.solve(R[:, :N], R[:, N]))


def _lehmer(seed: int) -> Iterator[int]:
    while True:
        seed = seed * 48271 % (2**31 - 1)
        yield seed


def _shuffle(kinds: list[str], draws: Iterator[int]) -> list[int]:
    """Which token stands at each place: documents shuffled each in itself, tokens of a kind in their old order."""
    drawn = list(kinds)
    begin = 0
    for end in [*(t for t, kind in enumerate(kinds) if kind == BOUNDARY), len(kinds)]:
        for i in range(end - 1, begin, -1):  # Fisher & Yates
            j = begin + next(draws) % (i - begin + 1)
            drawn[i], drawn[j] = drawn[j], drawn[i]
        begin = end + 1
    left = {kind: iter([t for t, k in enumerate(kinds) if k == kind]) for kind in set(kinds)}
    return [next(left[kind]) for kind in drawn]
