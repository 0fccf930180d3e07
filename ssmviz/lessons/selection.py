"""Selection: whoever sets Delta is the gate. The recall is that of `systems.gate`; `assets/maths/gate.js` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ssmviz import frames
from ssmviz.lessons.controls import Choice, Control, Number, Numbers, Switch
from ssmviz.lessons.gate import START, STRIP
from ssmviz.runs.experiment import ExperimentView
from ssmviz.runs.recording import read_recording
from ssmviz.systems.arrays import Real
from ssmviz.systems.discretise import sigmoid
from ssmviz.systems.gate import CLASSES, JUNK, LETTERS, Gate, Outcome, by_kind, outcome, shuffled

RECORDING = Path(__file__).parents[2] / "assets" / "recordings" / "selective_copying.ssmviz"
SKIPPED, RESET = 0.0, 5.0  # Delta of a token that passes unseen, and of one that clears the state
CONSTANTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # that are tried for the best one


@dataclass(frozen=True)
class Story:
    """A strip, and what its tokens are called: a word for each class, and what noise tokens say one after another."""

    title: str
    strip: str
    words: tuple[str, ...] = tuple(LETTERS)
    fillers: tuple[str, ...] = ("",)


STORIES = {
    "letters": Story("Letters among noise", STRIP),
    "um": Story(
        "“Um …”",
        "..E..B.....A...C........",
        ("Rome", "two", "May", "bus", "fly", "six", "Oslo", "one"),
        ("um", "er", "well", "um", "like", "so", "uh"),
    ),
    "junk": Story("Junk context", "dCbhaf.gBc.eadhFb.gcHfa."),
    "documents": Story("Two documents", "ABDHC.GEBFA|.F.A...G..C."),
}
L = len(STRIP)

CONTROLS: tuple[Control, ...] = (
    Choice(
        "brush",
        "A stroke paints",
        default="kind",
        options=(("kind", "tokens like it"), ("place", "this token"), ("all", "all tokens")),
    ),
    Switch("clock", "Mamba clock", default=False, symbol="delta"),
    Switch("learned", "Learned Δ", default=False, symbol="delta"),
    Choice("story", "Story", default="letters", options=tuple((n, s.title) for n, s in STORIES.items()), more=True),
    Number("N", "States a channel, N", default=8, low=1, high=8, step=1, more=True, symbol="h"),
    Switch("B", "B chooses: only letters are written", default=False, more=True, symbol="B"),
    Switch("C", "C chooses: questions can be told apart", default=False, more=True, symbol="C"),
    Numbers("delta", "Delta", default=(START,) * L, low=0.0, high=RESET, places=3, symbol="delta"),
    Number("swap", "Swapped token", default=-1, low=-1, high=L - 1, step=1, hidden=True),
)

Values = Mapping[str, Any]
PLAIN: dict[str, Any] = {"story": "letters", "N": 8, "B": False, "C": False, "swap": -1, "brush": "kind"}  # for links
CONSTANT = (START,) * L


def gate_of(values: Values) -> Gate:
    """What is painted and switched on."""
    strip = STORIES[values["story"]].strip
    write = np.array([float(c in LETTERS) for c in strip]) if values["B"] else None
    return Gate(np.array(values["delta"]), write, values["C"])


def score(values: Values) -> Outcome:
    """What is recalled on other strips of the story."""
    return outcome(STORIES[values["story"]].strip, gate_of(values), values["N"])


def painting(story: str, *, rest: float = SKIPPED, boundary: float = RESET) -> tuple[float, ...]:
    """Delta for links: letters last `START`."""
    return tuple(by_kind(STORIES[story].strip, letters=START, rest=rest, boundary=boundary).tolist())


def strip_of(values: Values) -> str:
    """The story's strip, with one letter swapped for another of its case."""
    strip, at = STORIES[values["story"]].strip, values["swap"]
    for letters in (LETTERS, JUNK):
        if at >= 0 and strip[at] in letters:
            return strip[:at] + letters[(letters.index(strip[at]) + 1) % CLASSES] + strip[at + 1 :]
    return strip


def means(values: Values) -> tuple[float, float]:
    """Delta of the letters to recall and of all other tokens, on average."""
    strip, delta = STORIES[values["story"]].strip, np.array(values["delta"])
    asked = np.array([c in LETTERS and t > strip.rfind("|") for t, c in enumerate(strip)])
    return float(delta[asked].mean()), float(delta[~asked].mean())


def kept(delta: float, n: int = 1) -> float:
    """Share of a state with pole -n that a token of this Delta leaves."""
    return float(np.exp(-n * delta))


def gate_value(delta: float) -> tuple[float, float]:
    """Theorem 1: the z with softplus(z) = delta, and its gate g = sigmoid(z); -inf and 0 for a delta of 0."""
    with np.errstate(divide="ignore"):
        z = float(np.log(np.expm1(delta)))
    return z, float(sigmoid(np.array(z)))


def gate_in_tex(delta: float) -> str:
    """`gate_value` in LaTeX."""
    z, g = gate_value(delta)
    return rf"z = {z:.3f}, \quad g = {g:.4f}".replace("inf", r"\infty")


def best_constant(story: str, N: int, *, B: bool = False, C: bool = False) -> tuple[float, float]:
    """The one Delta for all tokens that recalls most, and the share that it recalls."""
    given = {"story": story, "B": B, "C": C, "N": N}
    tried = {d: score(given | {"delta": (d,) * L}).token for d in CONSTANTS}
    best = max(tried, key=lambda d: tried[d])
    return best, tried[best]


WHO = ("nothing", "B", "C", "B and C", "Δ")  # what may choose
CHOOSERS: dict[str, tuple[float, ...]] = {  # share recalled with N = 8, as `choosers` computes it
    "letters": (0.44, 0.44, 0.77, 0.77, 1.00),
    "junk": (0.24, 0.45, 0.30, 0.77, 1.00),
    "documents": (0.49, 0.49, 0.70, 0.70, 1.00),
}


def choosers(story: str) -> tuple[float, ...]:
    """What is recalled at best when only these may depend on the token; takes a second."""
    fixed = [
        best_constant(story, 8, B=B, C=C)[1] for B, C in ((False, False), (True, False), (False, True), (True, True))
    ]
    return (*fixed, score({"story": story, "B": False, "C": False, "N": 8, "delta": painting(story)}).token)


@dataclass(frozen=True, eq=False)
class Learned:
    """What a trained S6 paints on its probe: geometric mean of Delta over the channels of one layer."""

    where: str  # "recorded run", "trained here"
    step: int
    layer: int  # from 0: the one that tells letters from noise best
    accuracy: float  # share of letters recalled
    kinds: tuple[str, ...]  # letter, noise, question
    delta: tuple[float, ...]
    sharpest: float  # how many times longer a letter lasts in the channel that tells most

    def typical(self, kind: str) -> float:
        """Median over the tokens of a kind."""
        return float(np.median([d for d, k in zip(self.delta, self.kinds, strict=True) if k == kind]))

    @property
    def ratio(self) -> float:
        """How many times longer a letter lasts than noise."""
        return self.typical("letter") / max(self.typical("noise"), 1e-30)


def gate_in(view: ExperimentView) -> Learned | None:
    """The newest gate of the first run of an experiment; None where it is no S6, or its task another one."""
    summary = view.summary()
    run, where = summary.runs[0], "recorded run" if summary.experiment.read_only else "trained here"
    newest = view.newest_frame(run.id)
    if newest is None or (run.settings.task.name, run.settings.model.layer) != ("selective_copying", "s6"):
        return None
    frame = frames.unpack(view.frame(run.id, newest.step) or b"")
    classes = run.settings.task.vocab - 2
    tokens = frame["tokens"]
    kinds = tuple({classes: "noise", classes + 1: "question"}.get(t, "letter") for t in tokens.tolist())

    def of(layer: int) -> Learned:
        channels, mean = frame[f"{layer}.delta"], tuple(frame[f"{layer}.delta_mean"].tolist())
        letters, noise = (np.median(channels[:, chosen], axis=1) for chosen in (tokens < classes, tokens == classes))
        sharpest = float((letters / np.maximum(noise, 1e-30)).max())
        return Learned(where, newest.step, layer, run.token_accuracy or 0.0, kinds, mean, sharpest)

    return max(map(of, range(int(frame["__metadata__"]["layers"]))), key=lambda gate: gate.ratio)


@lru_cache(maxsize=1)
def learned() -> Learned:
    """The learned gate of the recording that ships with the app.

    Raises:
        ValueError: the recording holds none.
    """
    gate = gate_in(read_recording(RECORDING))
    if gate is None:
        raise ValueError(f"{RECORDING.name} must hold an S6 on selective copying; record it again")
    return gate


def learned_delta(story: str) -> Real | None:
    """The learned gate on a strip, stretched so that a letter lasts `START`; None where no run has seen the like."""
    if story not in ("letters", "um"):
        return None
    return by_kind(STORIES[story].strip, letters=START, rest=START / learned().ratio)


def spacings(story: str) -> tuple[int, int, bool]:
    """Of the strips that are drawn: how many, with how many different spacings, and whether all keep the order."""
    strips = shuffled(STORIES[story].strip)
    order = np.take_along_axis(strips.source, strips.asked, axis=1)
    return len(order), len(np.unique(np.diff(strips.asked, axis=1), axis=0)), bool((np.diff(order, axis=1) > 0).all())


def order_in_words(_: Values) -> str:
    """What `spacings` finds."""
    count, different, ordered = spacings("letters")
    return f"Of the {count} strips behind this page {'all' if ordered else 'not all'} keep it, in {different} spacings."


def poles_in_words(values: Values) -> str:
    """A, which is the same for all tokens, against exp(Delta A)."""
    letters, rest = means(values)
    return (
        f"Here A = −1 … −{values['N']} for every token. exp(ΔA) of the slowest state is {kept(letters):.2f} on a "
        f"letter and {kept(rest):.2f} on noise, through Δ alone."
    )


def for_pictures(gate: Learned) -> dict[str, Any]:
    """What the browser cannot compute: the stories' words, a learned gate, and the table of choosers."""
    return {
        "stories": {name: vars(story) for name, story in STORIES.items()},
        "learned": vars(gate) | {"ratio": gate.ratio, "delta": [float(f"{d:.3g}") for d in gate.delta]},
        "who": WHO,
        "choosers": CHOOSERS,
    }
