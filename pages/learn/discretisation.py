"""Lesson 3: discretisation, from seconds to tokens."""

from ssmviz.lessons.discretisation import (
    CONTROLS,
    NAMES,
    euler_limit,
    gate_errors,
    kept,
    released_difference,
    resample,
    theorem,
)
from ssmviz.widgets.lesson import Lesson
from ssmviz.widgets.symbols import tex

x_t, h_t, h_before = tex("x", "t"), tex("h", "t"), tex("h", "t-1")
A_bar, B_bar, delta = tex("A"), tex("B"), tex("delta")
A, B = A_bar.replace(r"\bar ", ""), B_bar.replace(r"\bar ", "")

lesson = Lesson("discretisation", CONTROLS)
lesson.question(
    "How long does a token last?",
    f"The spring lived in seconds; text comes in tokens. A **step rule** turns one into the other: each token lasts "
    f"${delta}$ seconds, ${A}$ becomes ${A_bar}$, ${B}$ becomes ${B_bar}$. Six rules are in use. Make ${delta}$ larger "
    f"and see which of them still follow the curve, and which leave it.",
)
lesson.symbols("x", "h", "y", "A", "B", "delta")
lesson.predict(
    "The same sound, recorded with **twice as many samples**. What must a trained model do with its Δ?",
    options=("keep it", "halve it", "double it"),
    right="halve it",
    because="A sample now lasts half as long. A model that keeps Δ believes that everything happens twice as slowly.",
)
now = lesson.play()
lesson.try_these(
    ("Euler with long tokens: the pole leaves the unit disc.", {"scene": "curve", "method": "euler", "delta": 0.35}),
    ("Twice as many samples: halve Δ, or be wrong.", {"scene": "resample", "method": "zoh", "delta": 0.25}),
    ("Theorem 1: a selective SSM is a gated RNN. Under which rule?", {"scene": "gate", "method": "released", "z": 4.0}),
)

rule, at = NAMES[now["method"]], theorem(now["z"])
limit, again = euler_limit(now), resample(now)
lesson.maths(
    rf"{h_t} = {A_bar}\,{h_before} + {B_bar}\,{x_t}, \qquad \text{{{rule}, }} {delta} = {now['delta']:g}: \quad "
    rf"|{A_bar}| = {kept(now):.3g}",
    rf"\text{{ZOH: }} {A_bar} = e^{{{delta} {A}}}, \quad {B_bar} = ({delta} {A})^{{-1}}({A_bar} - I)\,{delta} {B}"
    rf"\qquad \text{{released code: }} {A_bar} = e^{{{delta} {A}}}, \quad {B_bar} = {delta} {B}",
    rf"\text{{Euler: }} {A_bar} = I + {delta} {A}, \quad {B_bar} = {delta} {B}: \quad |1 + {delta}\lambda| < 1"
    rf"\iff {delta} < -2\,\mathrm{{Re}}\,\lambda / |\lambda|^2 = {limit:.3g}\,\mathrm{{s}}",
    rf"\text{{Theorem 1: }} A = -1,\ B = 1,\ {delta} = \mathrm{{softplus}}(z): \quad"
    rf"\sigma({now['z']:g}) = {at.gate:.3f}, \quad \text{{ZOH writes }} {at.zoh:.3f}, "
    rf"\quad \text{{released code }} {at.released:.3f}",
    note=(
        "Bilinear: $(I - \\frac{\\Delta}{2} A)^{-1}(I + \\frac{\\Delta}{2} A)$; backward: $(I - \\Delta A)^{-1}$; "
        "FOH: ZOH for a straight line between two tokens. A token's number is the signal at its end. ZOH holds it for "
        "the whole token, so it is exact on a step; FOH is second order on a signal that moves. Twice as many tokens: "
        f"{again.halved:.2g} off the curve with Δ halved, {again.kept:.2g} with Δ kept."
    ),
)
lesson.code()
lesson.train(
    "resampled",
    intro=(
        "A network learns to tell tones apart at 64 samples a second. Then it hears them at 32 to 256: once with its "
        f"${delta}$ following the sampling, once with the ${delta}$ it was trained with. *Predict both scores.*"
    ),
)
lesson.check(
    "64 real poles from −1 to −64, those of HiPPO-LegS. Up to which Δ does Euler's rule hold?",
    options=("2 s", "0.5 s", "0.031 s"),
    right="0.031 s",
    because="The fastest pole decides: |1 − 64 Δ| < 1 until Δ = 2/64. The slowest would bear 2 s.",
    see={"scene": "curve", "system": "legs", "method": "euler", "delta": 0.032},
)
lesson.check(
    "Which rule follows a **step** without any error, however long a token lasts?",
    options=("bilinear", "ZOH", "released code"),
    right="ZOH",
    because="The input is constant during a token, and that is just what a zero-order hold assumes.",
    see={"scene": "curve", "method": "zoh", "delta": 0.8, "input": "step", "system": "pair"},
)
lesson.check(
    "And which is best on a smooth **sine**?",
    options=("FOH", "ZOH", "Euler"),
    right="FOH",
    because="It draws a line from token to token: halve Δ and its error falls to a quarter, all others' to a half.",
    see={"scene": "curve", "method": "foh", "delta": 0.25, "input": "sine", "system": "pair"},
)
lesson.myth(
    said="Mamba discretises A and B with a zero-order hold.",
    true="The paper does (equation 4). The released code does so for A only: its B̄ is Euler's, Δ B.",
    see={"scene": "curve", "method": "released", "delta": 0.5, "system": "mamba", "input": "step"},
    shown=lambda _: (
        f"On a random S6 layer with Mamba's first values the outputs differ by {100 * released_difference():.0f} %. "
        "The weights were trained with it, so a copy must do the same; at a small Δ the two agree."
    ),
)
lesson.myth(
    said="Selective SSMs are gated RNNs (Theorem 1), whatever the code does with B.",
    true="Only with the zero-order hold.",
    see={"scene": "gate", "method": "zoh"},
    shown=lambda values: (
        "On the painted gates the state differs from the gated RNN's by {:.0e} with ZOH, by {:.1f} "
        "with the released B̄: it writes softplus(z), which has no upper end, instead of σ(z).".format(
            *gate_errors(values)
        )
    ),
)
lesson.sources(
    "Gu & Dao 2023, [Mamba](https://arxiv.org/abs/2312.00752): zero-order hold, equation 4; Theorem 1, section 3.5.1.",
    "Mamba's released code, [selective_scan_interface.py](https://github.com/state-spaces/mamba): B̄ = Δ B.",
    "Gu et al. 2021, [LSSL](https://arxiv.org/abs/2110.13985): the generalised bilinear transform.",
    "Gu et al. 2020, [HiPPO](https://arxiv.org/abs/2008.07669): LegS, whose poles are −1 … −N.",
    "Every number and curve on this page is computed here.",
)
