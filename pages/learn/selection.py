"""Lesson 6: selection. The reader sets Delta, token by token, and sees what one fixed read-out recalls."""

from contextlib import suppress

import streamlit as st

from ssmviz.lessons import selection
from ssmviz.lessons.selection import CONSTANT, PLAIN, kept, learned, means, painting
from ssmviz.runs.records import Refused
from ssmviz.widgets import services
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x, h, C, delta, delta_t = tex("x", "t"), tex("h", "t"), tex("C"), tex("delta"), tex("delta", "t")
A_bar, B_bar, before = tex("A", "t"), tex("B", "t"), tex("h", "t-1")
gated = PLAIN | {"delta": painting("letters")}

gate = learned()
with suppress(Refused, KeyError):  # a gate that was trained on this page takes the recorded one's place
    gate = selection.gate_in(services.access().view(st.query_params.get("run", ""))) or gate

lesson = Lesson("selection", selection.CONTROLS, extra=lambda _: selection.for_pictures(gate))
lesson.question(
    "Who decides what a state keeps?",
    "Four coloured letters must be recalled in order; the hatched tokens are noise, and the gaps differ every time. "
    f"Everything is fixed but ${delta}$, **how long each token lasts**. You are the gate: **drag a hatched bar down to "
    "0** and watch the score.",
)
lesson.symbols("delta", "h", "A", "B", "C")
lesson.predict(
    "Which Δ should a noise token have?",
    options=("a large one", "the same as a letter", "zero"),
    right="zero",
    because="A token of Δ = 0 lasts no time: nothing is written and nothing fades. For the state it never happened.",
)
now = lesson.play()
lesson.try_these(
    (
        "“Um …” Let the fillers last no time, and see the sentence on the model's own clock.",
        PLAIN | {"story": "um", "delta": painting("um"), "clock": True},
    ),
    (
        "Junk that is written like any letter (faint): one Δ drowns in it. Drag a faint bar down to 0.",
        PLAIN | {"story": "junk", "delta": CONSTANT, "clock": False},
    ),
    (
        "Two documents, and only four states a channel: raise the boundary | until the first is forgotten.",
        PLAIN | {"story": "documents", "N": 4, "delta": painting("documents", boundary=0), "clock": False},
    ),
)

(letters, rest), result = means(now), selection.score(now)
lesson.maths(
    rf"{h} = {A_bar}\,{before} + {B_bar}\,{x}, \qquad A = -1, \dots, -{now['N']}",
    rf"{A_bar} = e^{{{delta_t} A}}, \qquad {B_bar} = A^{{-1}}({A_bar} - 1)",
    rf"\text{{letter: }} e^{{-{letters:.3g}}} = {kept(letters):.3g}, \quad "
    rf"\text{{rest: }} e^{{-{rest:.3g}}} = {kept(rest):.3g}",
    rf"{h} = (1 - g)\,{before} + g\,{x} \quad \text{{(Theorem 1)}}",
    rf"g = \sigma(z), \qquad {delta_t} = \log(1 + e^z)",
    rf"{delta} = {letters:.3g}: \quad {selection.gate_in_tex(letters)}",
    note=(
        f"Kept at Δ = .01, .1, 1, 3, 5: {', '.join(f'{kept(d):.2g}' for d in (0.01, 0.1, 1, 3, 5))}. **Zero Δ freezes "
        "time, large Δ resets the state.** In S6, z is a linear function of the token: the network paints by itself. "
        "Theorem 1 (N = 1, A = −1) needs the zero-order hold; the released code writes Δ instead of g. A is the same "
        "for every token. "
        f"${C}$ is fitted in closed form on 512 strips and scored on 512 others: now {result.token:.1%} of the letters "
        f"and {result.sequence:.1%} of whole strips."
    ),
)
lesson.code()
lesson.train(
    "switches",
    "selective_copying",
    intro=(
        "Now gradient descent is the gate: Δ, B and C may each depend on the token, or not. The network has more than "
        "you had: two layers, many channels, a short convolution. Which switch can it do without? In the gate drawn "
        f"above ({gate.where}, {gate.accuracy:.0%} of letters right) a letter lasts {gate.ratio:.3g} times as long as "
        "noise, and nobody told it to. While yours trains, its Δ takes that place (switch *Learned Δ* on)."
    ),
)
lesson.check(
    "A new document begins. What should its first token's Δ be?",
    options=("zero", "as a letter's", "large"),
    right="large",
    because=f"Large Δ forgets: at Δ = 5 the slowest state keeps {kept(5):.1%}. Δ = 0 would keep all of it.",
    see=PLAIN | {"story": "documents", "N": 4, "delta": painting("documents")},
)
lesson.check(
    "B may be 0 on junk, but all tokens share one Δ. Is the junk harmless?",
    options=("yes", "no"),
    right="no",
    because="It is not written, but its time passes: the letters' ages still depend on how much junk lies between.",
    see=PLAIN | {"story": "junk", "B": True, "delta": CONSTANT, "brush": "all"},
)
lesson.check(
    "The first letter is swapped for another. What changes at the last letter?",
    options=("its Δ and B", "the state h alone", "nothing"),
    right="the state h alone",
    because="Δ, B and C are functions of their own token (in Mamba also of the three before, by the convolution).",
    see=PLAIN | {"delta": CONSTANT, "swap": 2},
)
lesson.myth(
    said="Selective copying shuffles the order of the tokens.",
    true="The order is kept; the spacing is random.",
    see=gated,
    shown=selection.order_in_words,
)
lesson.myth(
    said="A comes from the input too.",
    true="A is learned and the same for every token; only Δ makes exp(ΔA) vary.",
    see=gated,
    shown=selection.poles_in_words,
)
lesson.sources(
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752): selection, section 3.2 and Algorithm 2; zero-order "
    "hold, equation 4; Theorem 1 and variable spacing, filtering context, boundary resetting, section 3.5; selective "
    "copying, section 4.1.",
    "The stories are ours. Scores, curves and the table are computed here; the recorded Δ is a run of this app.",
)
